//! The bounded buffer between a reader and its source.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::ByteSource;
use crate::error::LoadError;

/// The buffer size in bytes of a [`Reader`](super::Reader) over a [`ByteSource`].
///
/// The buffer is larger only while a single [`take`](super::Reader::take) or [`peek`](super::Reader::peek) is.
pub const BUFFER: usize = 64 * 1024;

/// Parts of at least this size bypass the buffer.
const DIRECT: usize = 16 * 1024;

/// A buffered stream that a reader reads from instead of a slice. The methods are documented at the reader.
///
/// There is a single implementation. The vtable hides it, so that readers of slices contain no code that drops a
/// buffer.
pub(super) trait Stream {
    fn offset(&self) -> u64;
    fn take(&mut self, count: usize) -> Result<&[u8], LoadError>;
    fn fill(&mut self, into: &mut [u8]) -> Result<(), LoadError>;
    fn peek(&mut self, count: usize) -> Result<&[u8], LoadError>;
    fn read_ahead(&mut self) -> Result<bool, LoadError>;
    fn skip(&mut self, count: u64) -> Result<(), LoadError>;
    fn buffered(&self) -> &[u8];
    fn peek_last(&mut self, count: usize) -> Result<Option<Vec<u8>>, LoadError>;
    #[cfg(all(unix, feature = "std"))]
    fn file(&self) -> Option<std::os::fd::BorrowedFd<'_>>;
    #[cfg(test)]
    fn buffer(&self) -> &Vec<u8>;
}

/// A source and its bytes that are not consumed yet.
pub(super) struct Buffered<'a> {
    source: Box<dyn ByteSource + Send + 'a>,
    buffer: Vec<u8>,
    /// The buffer index of the next byte.
    position: usize,
    /// The buffer index after the last byte that was read from the source.
    filled: usize,
    /// The stream offset of the buffer's first byte.
    base: u64,
}

impl<'a> Buffered<'a> {
    /// Creates a buffer for a source whose first byte is at `offset` of the stream.
    pub(super) fn new(source: Box<dyn ByteSource + Send + 'a>, offset: u64) -> Self {
        Self { source, buffer: Vec::new(), position: 0, filled: 0, base: offset }
    }
}

impl Stream for Buffered<'_> {
    fn offset(&self) -> u64 {
        self.base.saturating_add(self.position as u64)
    }

    fn take(&mut self, count: usize) -> Result<&[u8], LoadError> {
        if self.available() < count {
            self.require(count)?;
        }
        let start = self.position;
        self.position += count;
        Ok(&self.buffer[start..self.position])
    }

    fn fill(&mut self, into: &mut [u8]) -> Result<(), LoadError> {
        let start = self.offset();
        let wanted = into.len();
        let mut rest = into;
        loop {
            let buffered = self.available().min(rest.len());
            let (front, back) = rest.split_at_mut(buffered);
            front.copy_from_slice(self.take(buffered)?);
            rest = back;
            // A large rest bypasses the buffer to avoid a copy. For a page of guest memory, reading the following pages
            // at the same time saves more.
            let got = match rest.len() {
                0 => return Ok(()),
                length @ ..DIRECT => usize::from(self.pull(length)?),
                _ => {
                    let got = self.pull_into(rest)?;
                    rest = rest.split_at_mut(got).1;
                    got
                }
            };
            if got == 0 {
                return Err(LoadError::truncated(start, wanted, wanted - rest.len()));
            }
        }
    }

    fn peek(&mut self, count: usize) -> Result<&[u8], LoadError> {
        while self.available() < count && self.pull(count)? {}
        let end = self.filled.min(self.position.saturating_add(count));
        Ok(&self.buffer[self.position..end])
    }

    fn read_ahead(&mut self) -> Result<bool, LoadError> {
        self.pull(2 * self.available().max(1))
    }

    fn skip(&mut self, count: u64) -> Result<(), LoadError> {
        let start = self.offset();
        let mut left = count;
        while left > 0 {
            let buffered = left.min(self.available() as u64);
            self.position += usize::try_from(buffered).unwrap_or(usize::MAX);
            left -= buffered;
            // A source that cannot seek is read instead. Only a read can tell that the stream has ended.
            if left > 0 && !self.skip_source(&mut left)? && !self.pull(1)? {
                return Err(LoadError::truncated_u64(start, count, count - left));
            }
        }
        Ok(())
    }

    fn buffered(&self) -> &[u8] {
        &self.buffer[self.position..self.filled]
    }

    fn peek_last(&mut self, count: usize) -> Result<Option<Vec<u8>>, LoadError> {
        self.source.peek_last(count)
    }

    #[cfg(all(unix, feature = "std"))]
    fn file(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        self.source.file().filter(|_| self.available() == 0)
    }

    #[cfg(test)]
    fn buffer(&self) -> &Vec<u8> {
        &self.buffer
    }
}

impl Buffered<'_> {
    /// Returns the number of buffered bytes.
    fn available(&self) -> usize {
        self.filled - self.position
    }

    /// Reads until `count` bytes are buffered.
    #[cold]
    fn require(&mut self, count: usize) -> Result<(), LoadError> {
        while self.available() < count {
            if !self.pull(count)? {
                return Err(LoadError::truncated(self.offset(), count, self.available()));
            }
        }
        Ok(())
    }

    /// Reads once from the source, for a caller that needs `goal` buffered bytes. Returns `false` at the end.
    fn pull(&mut self, goal: usize) -> Result<bool, LoadError> {
        self.make_room(goal);
        let room = &mut self.buffer[self.filled..];
        // Bounded, because a source that reports too many bytes would make stale bytes part of the stream.
        let got = self.source.read(room)?.min(room.len());
        self.filled += got;
        Ok(got > 0)
    }

    /// Makes room after the buffered bytes, of which `goal` are needed in total.
    ///
    /// The buffer at most doubles, however large `goal` is, so that a length in the stream does not allocate. Bytes are
    /// moved and memory is cleared once per request or doubling and not per read, so that a peer that sends single
    /// bytes costs no more than others.
    fn make_room(&mut self, goal: usize) {
        let kept = self.available();
        let buffer = &mut self.buffer;
        if kept == 0 || self.filled == buffer.len() || buffer.len() - self.position < goal.min(BUFFER) {
            buffer.copy_within(self.position..self.filled, 0);
            self.base += self.position as u64;
            (self.position, self.filled) = (0, kept);
        }
        if self.filled == buffer.len() {
            buffer.resize(goal.min(2 * kept).max(BUFFER), 0);
        } else if kept == 0 && goal <= BUFFER && buffer.len() > BUFFER {
            // Return the memory of a large request. Doing it only while the buffer is empty avoids another copy.
            buffer.truncate(BUFFER);
            buffer.shrink_to_fit();
        }
    }

    /// Reads from the source directly into `into`. The buffer must be empty.
    fn pull_into(&mut self, into: &mut [u8]) -> Result<usize, LoadError> {
        let got = self.source.read(into)?.min(into.len());
        self.base += got as u64;
        Ok(got)
    }

    /// Lets the source skip and returns whether it did. The buffer must be empty.
    fn skip_source(&mut self, left: &mut u64) -> Result<bool, LoadError> {
        let skipped = self.source.skip(*left)?.min(*left);
        self.base += skipped;
        *left -= skipped;
        Ok(skipped > 0)
    }
}
