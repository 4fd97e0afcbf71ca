//! The reading cursor.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use byteorder::{BigEndian, ByteOrder};

use super::buffered::{Buffered, Stream};
use crate::description::Field;
use crate::error::LoadError;

/// Where a [`Reader`] gets more bytes from: a file, a socket, a decompressor.
///
/// With the feature `std`, [`Reader::from_read`] makes one of any `std::io::Read`.
pub trait ByteSource {
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
    fn peek_last(&mut self, count: usize) -> Result<Option<Vec<u8>>, LoadError> {
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
    /// What is left of the slice that is read; nothing where a source is.
    slice: &'a [u8],
    /// All of it.
    whole: &'a [u8],
    /// The offset in the stream of the slice's first byte.
    base: u64,
    /// Whether the bytes are a checkpoint, not a stream.
    checkpoint: bool,
    /// Where bytes come from if not from a slice.
    stream: Option<Box<dyn Stream + Send + 'a>>,
}

impl<'a> Reader<'a> {
    /// Reads `bytes` and nothing more. Nothing is copied.
    #[must_use]
    #[inline]
    pub fn from_slice(bytes: &'a [u8]) -> Self {
        Self::from_slice_at(bytes, 0)
    }

    /// Reads `bytes`, which stand at `offset` of some larger stream: offsets in errors count from there.
    #[must_use]
    #[inline]
    pub fn from_slice_at(bytes: &'a [u8], offset: u64) -> Self {
        Self { slice: bytes, whole: bytes, base: offset, checkpoint: false, stream: None }
    }

    /// Reads from `source` through a buffer of [`BUFFER`](super::BUFFER) bytes.
    ///
    /// The reader takes from the source what one [`ByteSource::read`] gives and asks again only when that does not
    /// suffice: it never waits for bytes that nobody needs yet.
    #[must_use]
    pub fn from_source(source: impl ByteSource + Send + 'a) -> Self {
        let source: Box<dyn ByteSource + Send + 'a> = Box::new(source);
        Self { stream: Some(Box::new(Buffered::new(source))), ..Self::from_slice(&[]) }
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
    #[inline]
    pub fn offset(&self) -> u64 {
        match &self.stream {
            Some(stream) => stream.offset(),
            None => self.offset_in_slice(),
        }
    }

    /// Consumes `count` bytes and lends them.
    ///
    /// # Errors
    /// When the stream ends before them. Nothing is consumed then, and no more memory was taken than bytes came.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&[u8], LoadError> {
        self.take_run(count, &[], 0..0)
    }

    /// Consumes `count` bytes, those of the fixed-size `fields` of `all`, and lends them.
    ///
    /// # Errors
    /// As [`claim`](Self::claim); the error names the field in which the stream ends.
    #[inline]
    pub(crate) fn take_run(
        &mut self,
        count: usize,
        all: &'static [Field],
        fields: Range<usize>,
    ) -> Result<&[u8], LoadError> {
        match self.slice.split_at_checked(count) {
            Some((claimed, rest)) => {
                self.slice = rest;
                Ok(claimed)
            }
            None => {
                let (offset, there) = (self.offset_in_slice(), self.slice.len());
                // A reader of a slice ends here, and the compiler sees it.
                let Some(stream) = &mut self.stream else { return Err(truncated(offset, count, there, all, fields)) };
                // The count is said again for the compiler's sake: it then checks no offset into what was claimed.
                Ok(&take_from(&mut **stream, count, all, fields)?[..count])
            }
        }
    }

    /// What is ahead, as a value of its own.
    ///
    /// What seldom happens takes this and not the reader: so the compiler can keep a reader of a slice in registers.
    #[inline]
    pub(crate) fn ahead(&mut self) -> Ahead<'_, 'a> {
        Ahead { slice: self.slice, offset: self.offset_in_slice(), stream: self.stream.as_deref_mut() }
    }

    /// The offset in the stream of the slice's next byte.
    #[inline]
    fn offset_in_slice(&self) -> u64 {
        self.base.saturating_add((self.whole.len() - self.slice.len()) as u64)
    }

    /// Consumes `N` bytes.
    ///
    /// # Errors
    /// When the stream ends before them.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], LoadError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    /// Fills `into`, without a detour through the buffer for the part that is not in it yet.
    ///
    /// # Errors
    /// When the stream ends before `into` is full; its contents are then unspecified.
    #[inline]
    pub fn fill(&mut self, into: &mut [u8]) -> Result<(), LoadError> {
        match &mut self.stream {
            Some(stream) => stream.fill(into),
            None => self.take(into.len()).map(|bytes| into.copy_from_slice(bytes)),
        }
    }

    /// The next `count` bytes without consuming them; fewer when the stream ends before.
    ///
    /// # Errors
    /// When the source fails; the end of the stream is no error here.
    #[inline]
    pub fn peek(&mut self, count: usize) -> Result<&[u8], LoadError> {
        match &mut self.stream {
            Some(stream) => stream.peek(count),
            None => Ok(self.slice.get(..count).unwrap_or(self.slice)),
        }
    }

    /// Whether the next byte can be `byte`, as far as that is known without asking a source.
    #[inline]
    pub(crate) fn may_begin_with(&self, byte: u8) -> bool {
        match self.slice.first() {
            Some(first) => *first == byte,
            None => self.stream.is_some(),
        }
    }

    /// Consumes `count` bytes unseen. A source that can seek does.
    ///
    /// # Errors
    /// When the stream ends before them.
    pub fn skip(&mut self, count: u64) -> Result<(), LoadError> {
        if let Some(stream) = &mut self.stream {
            return stream.skip(count);
        }
        let (start, there) = (self.offset(), self.slice.len());
        let rest = usize::try_from(count).ok().and_then(|count| self.slice.get(count..));
        self.slice = rest.unwrap_or_default();
        rest.map(drop).ok_or_else(|| LoadError::truncated_u64(start, count, there as u64))
    }

    /// The bytes that have come and are not consumed. When a stream has ended, this is what its source delivered beyond
    /// the end.
    #[must_use]
    pub fn buffered(&self) -> &[u8] {
        match &self.stream {
            Some(stream) => stream.buffered(),
            None => self.slice,
        }
    }

    /// The last `count` bytes of the stream, or all of it if that is less; `None` if they cannot be had yet. Nothing is
    /// consumed.
    ///
    /// # Errors
    /// When the source fails.
    pub fn peek_last(&mut self, count: usize) -> Result<Option<Cow<'_, [u8]>>, LoadError> {
        match &mut self.stream {
            Some(stream) => Ok(stream.peek_last(count)?.map(Cow::Owned)),
            None => Ok(Some(Cow::Borrowed(&self.whole[self.whole.len().saturating_sub(count)..]))),
        }
    }
}

/// The error for a slice that ends before the last of the `fields` of `all`.
#[cold]
#[inline(never)]
fn truncated(offset: u64, count: usize, there: usize, all: &[Field], fields: Range<usize>) -> LoadError {
    LoadError::truncated(offset, count, there).in_run(all.get(fields).unwrap_or_default())
}

/// Claims bytes from a source: here, once, for all runs of all devices.
#[inline(never)]
fn take_from<'r>(
    stream: &'r mut (dyn Stream + '_),
    count: usize,
    all: &[Field],
    fields: Range<usize>,
) -> Result<&'r [u8], LoadError> {
    stream.take(count).map_err(|error| error.in_run(all.get(fields).unwrap_or_default()))
}

/// The bytes that come next.
pub(crate) struct Ahead<'r, 'a> {
    slice: &'r [u8],
    /// The offset in the stream of the next byte, if it is the slice's.
    offset: u64,
    stream: Option<&'r mut (dyn Stream + Send + 'a)>,
}

impl Ahead<'_, '_> {
    /// The offset in the stream of the next byte.
    pub(crate) fn offset(&self) -> u64 {
        self.stream.as_ref().map_or(self.offset, |stream| stream.offset())
    }

    /// As [`Reader::peek`].
    pub(crate) fn peek(&mut self, count: usize) -> Result<&[u8], LoadError> {
        match &mut self.stream {
            Some(stream) => stream.peek(count),
            None => Ok(self.slice.get(..count).unwrap_or(self.slice)),
        }
    }
}

macro_rules! integers {
    ($($int:ident $read:ident;)*) => {$(
        #[doc = concat!("Consumes a big-endian `", stringify!($int), "`.")]
        ///
        /// # Errors
        /// Returns an error if the stream is truncated.
        #[inline]
        pub fn $int(&mut self) -> Result<$int, LoadError> {
            self.take(size_of::<$int>()).map(BigEndian::$read)
        }
    )*};
}

impl Reader<'_> {
    integers! {
        u16 read_u16;
        u32 read_u32;
        u64 read_u64;
    }

    /// Consumes one byte.
    ///
    /// # Errors
    /// Returns an error if the stream is at its end.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, LoadError> {
        self.array().map(|[byte]| byte)
    }

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
        let bytes = self.take(usize::from(length))?;
        match core::str::from_utf8(bytes) {
            Ok(text) => {
                into.clear();
                into.push_str(text);
                Ok(())
            }
            Err(_) => {
                let found = format!("\"{}\"", bytes.escape_ascii());
                Err(LoadError::malformed("a name in UTF-8", found).at_offset(start))
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
        f.debug_struct("Reader").field("offset", &self.offset()).field("buffered", &self.buffered().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::wire::BUFFER;

    /// Delivers a byte pattern in bites of a given size, and can be told to skip.
    struct Bites {
        next: u64,
        end: u64,
        bite: usize,
        skips: bool,
    }

    impl ByteSource for Bites {
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
            assert_eq!(reader.take(150_000).unwrap(), (101_003..251_003).map(pattern).collect::<Vec<_>>());
            reader.skip(48_996).unwrap();
            assert_eq!(reader.u8().unwrap(), pattern(299_999));
            assert!(reader.at_end().unwrap());
        }
    }

    #[test]
    fn the_buffer_shrinks_wherever_its_last_byte_was_read() {
        let mut reader = bites(300_000, 8, false);
        reader.peek(150_000).unwrap();
        reader.take(149_999).unwrap();
        // One byte is left over each time the source is asked, until far behind what the buffer shrinks to.
        while reader.offset() < 220_000 || reader.buffered().len() > 1 {
            reader.u16().unwrap();
        }
        reader.u8().unwrap();
        assert_eq!(reader.u8().unwrap(), pattern(reader.offset() - 1));
        assert_eq!(reader.stream.as_ref().map(|stream| stream.buffer().len()), Some(BUFFER));
    }

    #[test]
    fn bytes_that_end_too_early_are_counted_from_where_they_begin() {
        for buffered in [0, 2] {
            let mut reader = bites(10, 3, false);
            reader.skip(4).unwrap();
            reader.peek(buffered).unwrap();
            let error = reader.fill(&mut [0; 8]).unwrap_err();
            assert_eq!((error.offset(), error.expected(), error.is_truncated()), (Some(4), "8 bytes", true));
            assert_eq!(error.found(), "the end of the stream after 6");
        }
    }

    #[test]
    fn the_end_is_an_error_that_says_where() {
        let mut reader = bites(10, 3, false);
        reader.skip(4).unwrap();
        let error = reader.u64().unwrap_err();
        assert_eq!((error.offset(), error.is_truncated()), (Some(4), true));
        assert_eq!(reader.take(6).unwrap().len(), 6, "a failed claim consumes nothing");
        assert_eq!(reader.skip(1).unwrap_err().offset(), Some(10));
        assert!(bites(10, 3, true).skip(11).is_err());
        assert!(bites(10, 3, false).fill(&mut [0; 11]).is_err());
    }

    #[test]
    fn a_claimed_length_buys_no_memory() {
        let mut reader = bites(1000, 100, false);
        assert!(reader.take(usize::MAX).unwrap_err().is_truncated());
        assert!(reader.stream.is_some_and(|stream| stream.buffer().capacity() <= BUFFER));
    }

    #[test]
    fn names_are_counted_and_checked() {
        assert_eq!(Reader::from_slice(b"\x03ram").counted_str().unwrap(), "ram");
        assert!(Reader::from_slice(b"\x04ram").counted_str().unwrap_err().is_truncated());
        assert!(Reader::from_slice(b"\x01\xff").counted_str().is_err());
    }
}
