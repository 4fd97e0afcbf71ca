//! The reading cursor.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use crate::error::LoadError;

/// Bytes that a [`Reader`] over a [`Source`] asks for at a time. Its buffer is larger only while a single claim is.
pub const BUFFER: usize = 64 * 1024;

/// Where a [`Reader`] gets more bytes from: a file, a socket, a decompressor.
///
/// With the feature `std`, [`Reader::from_read`] makes one of any `std::io::Read`.
pub trait Source {
    /// Puts up to `into.len()` bytes into the front of `into` and says how many; 0 is the end of the stream.
    ///
    /// # Errors
    /// Whatever keeps the source from delivering.
    fn read(&mut self, into: &mut [u8]) -> Result<usize, LoadError>;

    /// Passes over up to `count` bytes without delivering them and says how many were passed over.
    ///
    /// A source that cannot do better than reading says 0, which is the default: the reader then reads and drops.
    ///
    /// # Errors
    /// Whatever keeps the source from going on.
    fn skip(&mut self, count: u64) -> Result<u64, LoadError> {
        let _ = count;
        Ok(0)
    }

    /// The last `count` bytes of all that this source will ever deliver, or all of it if that is less; `None` if they
    /// cannot be had before their time, which is the default. Where the source goes on does not change.
    ///
    /// # Errors
    /// Whatever keeps the source from delivering.
    fn tail(&mut self, count: usize) -> Result<Option<Vec<u8>>, LoadError> {
        let _ = count;
        Ok(None)
    }
}

/// A big-endian cursor over the bytes of a stream.
///
/// ```
/// use vmstate_types::Reader;
///
/// let mut reader = Reader::from_slice(&[0x51, 0x45, 0x56, 0x4d, 0, 0, 0, 3]);
/// assert_eq!(reader.u32()?, 0x5145_564d);
/// assert_eq!(reader.peek(2)?, [0, 0]);
/// assert_eq!(reader.u32()?, 3);
/// assert_eq!(reader.offset(), 8);
/// assert!(reader.u8().is_err());
/// # Ok::<(), vmstate_types::LoadError>(())
/// ```
pub struct Reader<'a> {
    /// The slice, or the buffer that the source fills.
    window: Cow<'a, [u8]>,
    /// The bytes of the window before this have been consumed.
    position: usize,
    /// The bytes of the window before this are the stream's.
    filled: usize,
    /// The offset in the stream of the window's first byte.
    base: u64,
    source: Option<Box<dyn Source + 'a>>,
    /// Whether the bytes are a checkpoint, not a stream.
    checkpoint: bool,
}

impl<'a> Reader<'a> {
    /// Reads `bytes` and nothing more. Nothing is copied.
    #[must_use]
    pub fn from_slice(bytes: &'a [u8]) -> Self {
        Self::from_slice_at(bytes, 0)
    }

    /// Reads `bytes`, which stand at `offset` of some larger stream: offsets in errors count from there.
    #[must_use]
    pub fn from_slice_at(bytes: &'a [u8], offset: u64) -> Self {
        Self {
            window: Cow::Borrowed(bytes),
            position: 0,
            filled: bytes.len(),
            base: offset,
            source: None,
            checkpoint: false,
        }
    }

    /// Reads from `source` through a buffer of [`BUFFER`] bytes.
    ///
    /// The reader takes from the source what one [`Source::read`] gives and asks again only when that does not
    /// suffice: it never waits for bytes that nobody needs yet.
    #[must_use]
    pub fn from_source(source: impl Source + 'a) -> Self {
        let source: Box<dyn Source + 'a> = Box::new(source);
        Self { source: Some(source), ..Self::from_slice(&[]) }
    }

    /// Reads what [`walk::checkpoint`](crate::walk::checkpoint) wrote.
    pub(crate) fn of_checkpoint(bytes: &'a [u8]) -> Self {
        Self { checkpoint: true, ..Self::from_slice(bytes) }
    }

    /// Whether the bytes are no stream but a [checkpoint](crate::walk::checkpoint) of the same device: nothing in it is
    /// refused then.
    #[must_use]
    #[inline]
    pub fn is_checkpoint(&self) -> bool {
        self.checkpoint
    }

    /// The offset in the stream of the next byte.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.base.saturating_add(self.position as u64)
    }

    /// Consumes `count` bytes and lends them.
    ///
    /// # Errors
    /// When the stream ends before them. Nothing is consumed then, and no more memory was taken than bytes came.
    #[inline]
    pub fn claim(&mut self, count: usize) -> Result<&[u8], LoadError> {
        if self.available() < count {
            self.require(count)?;
        }
        let start = self.position;
        self.position += count;
        Ok(&self.window[start..self.position])
    }

    /// Consumes `N` bytes.
    ///
    /// # Errors
    /// When the stream ends before them.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], LoadError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.claim(N)?);
        Ok(bytes)
    }

    /// Fills `into`, without a detour through the buffer for the part that is not in it yet.
    ///
    /// # Errors
    /// When the stream ends before `into` is full; its contents are then unspecified.
    pub fn fill(&mut self, into: &mut [u8]) -> Result<(), LoadError> {
        let at_hand = self.available().min(into.len());
        let (front, mut rest) = into.split_at_mut(at_hand);
        let wanted = rest.len();
        front.copy_from_slice(self.claim(at_hand)?);
        while !rest.is_empty() {
            let got = self.pull_into(rest)?;
            if got == 0 {
                return Err(LoadError::truncated(self.offset(), wanted, wanted - rest.len()));
            }
            rest = rest.split_at_mut(got).1;
        }
        Ok(())
    }

    /// The next `count` bytes without consuming them; fewer when the stream ends before.
    ///
    /// # Errors
    /// When the source fails; the end of the stream is no error here.
    pub fn peek(&mut self, count: usize) -> Result<&[u8], LoadError> {
        while self.available() < count && self.pull(count)? {}
        let end = self.filled.min(self.position.saturating_add(count));
        Ok(&self.window[self.position..end])
    }

    /// Consumes `count` bytes unseen. A source that can seek does.
    ///
    /// # Errors
    /// When the stream ends before them.
    pub fn skip(&mut self, count: u64) -> Result<(), LoadError> {
        let start = self.offset();
        let mut left = count;
        while left > 0 {
            let at_hand = left.min(self.available() as u64);
            self.position += usize::try_from(at_hand).unwrap_or(usize::MAX);
            left -= at_hand;
            if left > 0 && !self.skip_source(&mut left)? && !self.pull(1)? {
                return Err(LoadError::truncated_u64(start, count, count - left));
            }
        }
        Ok(())
    }

    /// The bytes that have come and are not consumed. When a stream has ended, this is what its source delivered beyond
    /// the end.
    #[must_use]
    pub fn at_hand(&self) -> &[u8] {
        &self.window[self.position..self.filled]
    }

    /// The last `count` bytes of the stream, or all of it if that is less; `None` if they cannot be had yet. Nothing is
    /// consumed.
    ///
    /// # Errors
    /// When the source fails.
    pub fn tail(&mut self, count: usize) -> Result<Option<Cow<'_, [u8]>>, LoadError> {
        match &mut self.source {
            Some(source) => Ok(source.tail(count)?.map(Cow::Owned)),
            None => Ok(Some(Cow::Borrowed(&self.window[self.filled.saturating_sub(count)..self.filled]))),
        }
    }

    /// The bytes that can be had without asking the source.
    #[inline]
    fn available(&self) -> usize {
        self.filled - self.position
    }

    /// Whether `count` bytes lie ahead; `Err` says how many there are.
    #[cold]
    fn require(&mut self, count: usize) -> Result<(), LoadError> {
        while self.available() < count {
            if !self.pull(count)? {
                return Err(LoadError::truncated(self.offset(), count, self.available()));
            }
        }
        Ok(())
    }

    /// Asks the source once for more, for a caller that needs `goal` bytes ahead. `false` at the end of the stream.
    fn pull(&mut self, goal: usize) -> Result<bool, LoadError> {
        if self.source.is_none() {
            return Ok(false);
        }
        self.make_room(goal);
        let (Some(source), buffer) = (&mut self.source, self.window.to_mut()) else { return Ok(false) };
        let room = &mut buffer[self.filled..];
        let got = source.read(room)?.min(room.len());
        self.filled += got;
        Ok(got > 0)
    }

    /// Makes room behind the bytes at hand, on the way to `goal` bytes in all.
    ///
    /// The buffer grows to twice what has come at most, however large `goal` is: a length in the stream buys no memory.
    /// Bytes move, and memory is cleared, once for each claim or doubling and not for each read: a peer that sends
    /// byte by byte costs no more than another.
    fn make_room(&mut self, goal: usize) {
        let kept = self.available();
        let buffer = self.window.to_mut();
        if kept == 0 || self.filled == buffer.len() || buffer.len() - self.position < goal.min(BUFFER) {
            buffer.copy_within(self.position..self.filled, 0);
            self.base += self.position as u64;
            (self.position, self.filled) = (0, kept);
        }
        if self.filled == buffer.len() {
            buffer.resize(goal.min(2 * kept).max(BUFFER), 0);
        } else if kept == 0 && goal <= BUFFER && buffer.len() > BUFFER {
            buffer.truncate(BUFFER);
            buffer.shrink_to_fit();
        }
    }

    /// Reads from the source right into `into`, when nothing is at hand.
    fn pull_into(&mut self, into: &mut [u8]) -> Result<usize, LoadError> {
        let Some(source) = &mut self.source else { return Ok(0) };
        let got = source.read(into)?.min(into.len());
        self.base += got as u64;
        Ok(got)
    }

    /// Lets the source skip, when nothing is at hand. `false` if it could not.
    fn skip_source(&mut self, left: &mut u64) -> Result<bool, LoadError> {
        let Some(source) = &mut self.source else { return Ok(false) };
        let skipped = source.skip(*left)?.min(*left);
        self.base += skipped;
        *left -= skipped;
        Ok(skipped > 0)
    }
}

macro_rules! integers {
    ($($int:ident)*) => {$(
        #[doc = concat!("Consumes a big-endian `", stringify!($int), "`.")]
        ///
        /// # Errors
        /// When the stream ends before its last byte.
        #[inline]
        pub fn $int(&mut self) -> Result<$int, LoadError> {
            Ok($int::from_be_bytes(self.array()?))
        }
    )*};
}

impl Reader<'_> {
    integers!(u8 u16 u32 u64);

    /// Consumes a length byte and that many bytes of text, as QEMU writes names (`qemu_get_counted_string`).
    ///
    /// # Errors
    /// When the stream ends before, or the text is not UTF-8. QEMU's own names are ASCII.
    pub fn counted_str(&mut self) -> Result<String, LoadError> {
        let mut text = String::new();
        self.counted_str_into(&mut text)?;
        Ok(text)
    }

    /// Consumes the same as [`counted_str`](Self::counted_str) does, in place of what `into` was, whose memory is used
    /// again.
    ///
    /// # Errors
    /// As [`counted_str`](Self::counted_str); `into` is then what it was.
    pub fn counted_str_into(&mut self, into: &mut String) -> Result<(), LoadError> {
        let start = self.offset();
        let length = self.u8()?;
        let bytes = self.claim(usize::from(length))?;
        match core::str::from_utf8(bytes) {
            Ok(text) => {
                into.clear();
                into.push_str(text);
                Ok(())
            }
            Err(_) => {
                let found = format!("\"{}\"", bytes.escape_ascii());
                Err(LoadError::malformed("a name in UTF-8", found).at(start))
            }
        }
    }

    /// Whether the stream has no byte left.
    ///
    /// # Errors
    /// When the source fails. This waits for a byte where the source does.
    pub fn at_end(&mut self) -> Result<bool, LoadError> {
        Ok(self.peek(1)?.is_empty())
    }
}

impl core::fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Reader").field("offset", &self.offset()).field("available", &self.available()).finish()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    /// Delivers a byte pattern in bites of a given size, and can be told to skip.
    struct Bites {
        next: u64,
        end: u64,
        bite: usize,
        skips: bool,
    }

    impl Source for Bites {
        fn read(&mut self, into: &mut [u8]) -> Result<usize, LoadError> {
            let count = into.len().min(self.bite).min(usize::try_from(self.end - self.next).unwrap());
            for byte in &mut into[..count] {
                *byte = pattern(self.next);
                self.next += 1;
            }
            Ok(count)
        }

        fn skip(&mut self, count: u64) -> Result<u64, LoadError> {
            let count = if self.skips { count.min(self.end - self.next) } else { 0 };
            self.next += count;
            Ok(count)
        }
    }

    fn pattern(offset: u64) -> u8 {
        (offset % 251) as u8
    }

    fn bites(end: u64, bite: usize, skips: bool) -> Reader<'static> {
        Reader::from_source(Bites { next: 0, end, bite, skips })
    }

    #[test]
    fn every_way_of_reading_sees_the_same_bytes() {
        for (bite, skips) in [(1, false), (7, true), (1 << 20, false), (1 << 20, true)] {
            let mut reader = bites(300_000, bite, skips);
            assert_eq!(reader.peek(257).unwrap(), (0..257).map(pattern).collect::<Vec<_>>());
            assert_eq!(reader.u8().unwrap(), 0);
            assert_eq!(reader.u16().unwrap(), 0x0102);
            let mut filled = vec![0; 1000];
            reader.fill(&mut filled).unwrap();
            assert_eq!(filled, (3..1003).map(pattern).collect::<Vec<_>>());
            reader.skip(100_000).unwrap();
            assert_eq!(reader.offset(), 101_003);
            assert_eq!(reader.claim(150_000).unwrap(), (101_003..251_003).map(pattern).collect::<Vec<_>>());
            reader.skip(48_996).unwrap();
            assert_eq!(reader.u8().unwrap(), pattern(299_999));
            assert!(reader.at_end().unwrap());
        }
    }

    #[test]
    fn the_buffer_shrinks_wherever_its_last_byte_was_read() {
        let mut reader = bites(300_000, 8, false);
        reader.peek(150_000).unwrap();
        reader.claim(149_999).unwrap();
        // One byte is left over each time the source is asked, until far behind what the buffer shrinks to.
        while reader.offset() < 220_000 || reader.available() > 1 {
            reader.u16().unwrap();
        }
        reader.u8().unwrap();
        assert_eq!(reader.u8().unwrap(), pattern(reader.offset() - 1));
        let Cow::Owned(buffer) = &reader.window else { panic!("a source is buffered") };
        assert_eq!(buffer.len(), BUFFER);
    }

    #[test]
    fn the_end_is_an_error_that_says_where() {
        let mut reader = bites(10, 3, false);
        reader.skip(4).unwrap();
        let error = reader.u64().unwrap_err();
        assert_eq!((error.offset(), error.is_truncated()), (Some(4), true));
        assert_eq!(reader.claim(6).unwrap().len(), 6, "a failed claim consumes nothing");
        assert_eq!(reader.skip(1).unwrap_err().offset(), Some(10));
        assert!(bites(10, 3, true).skip(11).is_err());
        assert!(bites(10, 3, false).fill(&mut [0; 11]).is_err());
    }

    #[test]
    fn a_claimed_length_buys_no_memory() {
        let mut reader = bites(1000, 100, false);
        assert!(reader.claim(1 << 40).unwrap_err().is_truncated());
        let Cow::Owned(buffer) = &reader.window else { panic!("a source is buffered") };
        assert!(buffer.capacity() <= BUFFER, "{}", buffer.capacity());
    }

    #[test]
    fn names_are_counted_and_checked() {
        assert_eq!(Reader::from_slice(b"\x03ram").counted_str().unwrap(), "ram");
        assert!(Reader::from_slice(b"\x04ram").counted_str().unwrap_err().is_truncated());
        assert!(Reader::from_slice(b"\x01\xff").counted_str().is_err());
    }
}
