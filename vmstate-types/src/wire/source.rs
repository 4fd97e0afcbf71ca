//! Sources of bytes for readers.

use alloc::vec::Vec;

use crate::error::LoadError;

/// A source of bytes for a [`Reader`](super::Reader): a file, a socket, a decompressor.
///
/// With the feature `std`, [`Reader::from_read`](super::Reader::from_read) accepts any `std::io::Read`.
pub trait ByteSource {
    /// Reads up to `into.len()` bytes into the front of `into` and returns their number; 0 is the end of the stream.
    ///
    /// # Errors
    /// Returns an error of kind [`Io`](crate::error::LoadErrorKind::Io) if the source fails.
    fn read(&mut self, into: &mut [u8]) -> Result<usize, LoadError>;

    /// Skips up to `count` bytes and returns their number.
    ///
    /// The default returns 0; the reader then reads the bytes and discards them.
    ///
    /// # Errors
    /// Returns an error of kind [`Io`](crate::error::LoadErrorKind::Io) if the source fails.
    fn skip(&mut self, count: u64) -> Result<u64, LoadError> {
        let _ = count;
        Ok(0)
    }

    /// Returns the last `count` bytes of the source, or all of a shorter one, without changing its position.
    ///
    /// The default returns `None`: the end cannot be read ahead of time.
    ///
    /// # Errors
    /// Returns an error of kind [`Io`](crate::error::LoadErrorKind::Io) if the source fails.
    fn peek_last(&mut self, count: usize) -> Result<Option<Vec<u8>>, LoadError> {
        let _ = count;
        Ok(None)
    }

    /// Returns a file that has the next byte at the [`offset`](super::Reader::offset) of the reader, if there is one. It can be
    /// read at this offset into memory that no one can borrow; then [`skip`](Self::skip) is called.
    #[cfg(all(unix, feature = "std"))]
    fn file(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        None
    }
}
