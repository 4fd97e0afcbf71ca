//! `std::io` as a source.

use alloc::vec::Vec;
use std::io::{ErrorKind, Read, Seek, SeekFrom};

use super::{ByteSource, Reader};
use crate::error::LoadError;

/// Any `std::io::Read` as a [`ByteSource`]. Interrupted reads are tried again, other errors reported.
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

/// A file as a [`ByteSource`], or anything else that is `std::io::Read` and `Seek`: its end can be had at any time.
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
    /// Reads from a file, or from anything else that is `std::io::Read` and `Seek`.
    ///
    /// The stream begins where `file` stands and ends where it ends.
    pub fn from_file(file: impl Read + Seek + Send + 'a) -> Self {
        Self::from_source(SeekSource(file))
    }

    /// Reads from anything that is `std::io::Read`, through a bounded buffer of its own.
    ///
    /// It may take more bytes from `read` than the stream has, if they are there: what follows a stream on the same
    /// connection is then [at hand](Self::buffered) when the stream has ended.
    pub fn from_read(read: impl Read + Send + 'a) -> Self {
        Self::from_source(IoSource(read))
    }
}
