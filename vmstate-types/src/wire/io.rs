//! Byte sources over `std::io`.

use alloc::vec::Vec;
use std::io::{ErrorKind, Read, Seek, SeekFrom};

use super::{ByteSource, Reader};
use crate::error::LoadError;

/// A [`ByteSource`] over any `std::io::Read`. Interrupted reads are retried.
#[derive(Debug)]
pub struct IoSource<R>(pub R);

impl<R: Read> ByteSource for IoSource<R> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, LoadError> {
        loop {
            match self.0.read(into) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return result.map_err(LoadError::io),
            }
        }
    }
}

/// A [`ByteSource`] over a file or another `std::io::Read` and `Seek`, which can skip and read ahead to its end.
#[derive(Debug)]
pub struct SeekSource<R>(pub R);

impl<R: Read + Seek> ByteSource for SeekSource<R> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, LoadError> {
        IoSource(&mut self.0).read(into)
    }

    fn skip(&mut self, count: u64) -> Result<u64, LoadError> {
        let skip = |file: &mut R| {
            let here = file.stream_position()?;
            let end = file.seek(SeekFrom::End(0))?;
            let skipped = count.min(end.saturating_sub(here));
            file.seek(SeekFrom::Start(here + skipped)).map(|_| skipped)
        };
        skip(&mut self.0).map_err(LoadError::io)
    }

    fn peek_last(&mut self, count: usize) -> Result<Option<Vec<u8>>, LoadError> {
        let tail = |file: &mut R| {
            let here = file.stream_position()?;
            let end = file.seek(SeekFrom::End(0))?;
            file.seek(SeekFrom::Start(end.saturating_sub(count as u64)))?;
            let mut bytes = Vec::new();
            file.take(count as u64).read_to_end(&mut bytes)?;
            file.seek(SeekFrom::Start(here))?;
            Ok::<_, std::io::Error>(Some(bytes))
        };
        tail(&mut self.0).map_err(LoadError::io)
    }
}

impl<'a> Reader<'a> {
    /// Creates a reader of a file, or of anything else that is `std::io::Read` and `Seek`.
    ///
    /// The stream begins at the file's current position and ends at its end.
    pub fn from_file(file: impl Read + Seek + Send + 'a) -> Self {
        Self::from_source(SeekSource(file))
    }

    /// Creates a reader of a file from byte `start` on, with the offsets of the file.
    ///
    /// Files with memory at fixed places (QEMU's capability `mapped-ram`) contain offsets of the file.
    ///
    /// ```
    /// use vmstate_types::Reader;
    ///
    /// let mut reader = Reader::from_file_at(std::io::Cursor::new([9, 9, 0, 3]), 2)?;
    /// assert_eq!((reader.offset(), reader.u16()?), (2, 3));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Returns the error of the file if it cannot seek.
    pub fn from_file_at(mut file: impl Read + Seek + Send + 'a, start: u64) -> std::io::Result<Self> {
        file.seek(SeekFrom::Start(start))?;
        Ok(Self::from_source_at(SeekSource(file), start))
    }

    /// Creates a reader of anything that is `std::io::Read`, with a bounded buffer.
    ///
    /// It may read beyond the end of the stream. Bytes that follow the stream on the same connection are then
    /// [buffered](Self::buffered).
    ///
    /// ```
    /// use vmstate_types::Reader;
    ///
    /// let mut reader = Reader::from_read(std::io::Cursor::new([0, 0, 0, 3, 0xff]));
    /// assert_eq!(reader.u32()?, 3);
    /// assert_eq!(reader.buffered(), [0xff]);
    /// # Ok::<(), vmstate_types::LoadError>(())
    /// ```
    pub fn from_read(read: impl Read + Send + 'a) -> Self {
        Self::from_source(IoSource(read))
    }
}
