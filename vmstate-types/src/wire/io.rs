//! `std::io` as a source.

use std::io::{ErrorKind, Read};

use super::{Reader, Source};
use crate::error::LoadError;

/// Any `std::io::Read` as a [`Source`]. Interrupted reads are tried again, other errors reported.
#[derive(Debug)]
pub struct IoSource<R>(pub R);

impl<R: Read> Source for IoSource<R> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, LoadError> {
        loop {
            match self.0.read(into) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                result => return result.map_err(LoadError::source_failed),
            }
        }
    }
}

impl<'a> Reader<'a> {
    /// Reads from anything that is `std::io::Read`, through a bounded buffer of its own.
    ///
    /// It may take more bytes from `read` than the stream has, if they are there: what follows a stream on the same
    /// connection is lost with the reader.
    pub fn from_read(read: impl Read + 'a) -> Self {
        Self::from_source(IoSource(read))
    }
}
