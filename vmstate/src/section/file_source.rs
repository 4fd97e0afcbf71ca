//! Files that are read at the offsets of the reader.

use std::fs::File;
use std::io;

use vmstate_types::Reader;

/// Creates a reader of a file from byte `start` on, with the offsets of the file, which can also read directly into guest
/// memory ([`ByteSource::file`](vmstate_types::wire::ByteSource::file)). The cursor of the file is not used.
#[cfg(unix)]
pub(crate) fn read_file<'a>(file: impl std::borrow::Borrow<File> + Send + 'a, start: u64) -> io::Result<Reader<'a>> {
    Ok(Reader::from_source_at(unix::FileSource { file, next: start }, start))
}

/// Creates a reader of a file from byte `start` on, with the offsets of the file.
#[cfg(not(unix))]
pub(crate) fn read_file<'a>(file: impl io::Read + io::Seek + Send + 'a, start: u64) -> io::Result<Reader<'a>> {
    Reader::from_file_at(file, start)
}

#[cfg(unix)]
mod unix {
    use std::borrow::Borrow;
    use std::fs::File;
    use std::io::{ErrorKind, Result, Seek, SeekFrom};
    use std::os::fd::{AsFd, BorrowedFd};
    use std::os::unix::fs::FileExt;

    use vmstate_types::LoadError;
    use vmstate_types::wire::ByteSource;

    pub(super) struct FileSource<F> {
        pub(super) file: F,
        /// The offset of the next byte.
        pub(super) next: u64,
    }

    impl<F: Borrow<File>> FileSource<F> {
        fn read_at(&self, into: &mut [u8], offset: u64) -> Result<usize> {
            loop {
                match self.file.borrow().read_at(into, offset) {
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    result => return result,
                }
            }
        }

        /// Returns the size, also of a block device.
        fn end(&self) -> Result<u64> {
            let mut file: &File = self.file.borrow();
            file.seek(SeekFrom::End(0))
        }

        fn last(&self, count: usize) -> Result<Vec<u8>> {
            let end = self.end()?;
            let start = end.saturating_sub(count as u64);
            let mut bytes = vec![0; usize::try_from(end - start).unwrap_or(0)];
            self.file.borrow().read_exact_at(&mut bytes, start)?;
            Ok(bytes)
        }
    }

    impl<F: Borrow<File>> ByteSource for FileSource<F> {
        fn read(&mut self, into: &mut [u8]) -> std::result::Result<usize, LoadError> {
            let count = self.read_at(into, self.next).map_err(LoadError::io)?;
            self.next = self.next.saturating_add(count as u64);
            Ok(count)
        }

        fn skip(&mut self, count: u64) -> std::result::Result<u64, LoadError> {
            let skipped = count.min(self.end().map_err(LoadError::io)?.saturating_sub(self.next));
            self.next += skipped;
            Ok(skipped)
        }

        fn peek_last(&mut self, count: usize) -> std::result::Result<Option<Vec<u8>>, LoadError> {
            self.last(count).map(Some).map_err(LoadError::io)
        }

        fn file(&self) -> Option<BorrowedFd<'_>> {
            Some(self.file.borrow().as_fd())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn file_is_read_skipped_and_peeked_at_its_offsets() {
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
        file.write_all(&bytes).unwrap();
        let mut reader = read_file(&file, 10).unwrap();
        assert_eq!((reader.offset(), reader.u8().unwrap()), (10, 10));
        reader.skip(200_000).unwrap();
        assert_eq!(reader.offset(), 200_011);
        let mut part = vec![0; 70_000];
        reader.fill(&mut part).unwrap();
        assert!(part == bytes[200_011..270_011]);
        assert!(*reader.peek_last(100).unwrap().unwrap() == bytes[299_900..]);
        assert_eq!(reader.peek_last(1 << 20).unwrap().unwrap().len(), 300_000);
        assert!(reader.skip(30_000).is_err(), "after the end");
    }
}
