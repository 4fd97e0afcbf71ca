//! The reading cursor.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use core::ops::Range;

use byteorder::{BigEndian, ByteOrder};

use super::ByteSource;
use super::buffered::{Buffered, Stream};
use crate::description::Field;
use crate::error::LoadError;

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
    /// The rest of the slice; empty if there is a stream.
    slice: &'a [u8],
    /// The whole slice.
    whole: &'a [u8],
    /// The stream offset of the whole slice.
    base: u64,
    /// The version of the struct that is being loaded, for nested structs that inherit it.
    version: u32,
    medium: Medium,
    /// Set if a value of a checkpoint could not be restored.
    incomplete: bool,
    /// The buffered source, if the reader was not created from a slice.
    stream: Option<Box<dyn Stream + Send + 'a>>,
}

/// The kind of the bytes of a [`Reader`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Medium {
    Stream,
    Checkpoint(Hooks),
}

/// The treatment of hooks while a checkpoint is restored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hooks {
    Skip,
    Run,
}

impl<'a> Reader<'a> {
    /// Creates a reader of `bytes`. Nothing is copied.
    #[must_use]
    #[inline]
    pub fn from_slice(bytes: &'a [u8]) -> Self {
        Self::from_slice_at(bytes, 0)
    }

    /// Creates a reader of `bytes` that are at `offset` of a larger stream. Offsets in errors are relative to that
    /// stream.
    #[must_use]
    #[inline]
    pub fn from_slice_at(bytes: &'a [u8], offset: u64) -> Self {
        Self {
            slice: bytes,
            whole: bytes,
            base: offset,
            version: 0,
            medium: Medium::Stream,
            incomplete: false,
            stream: None,
        }
    }

    /// Creates a reader of `source` with a buffer of [`BUFFER`](super::BUFFER) bytes.
    ///
    /// The reader calls [`ByteSource::read`] again only if the buffered bytes do not suffice, so that it never waits
    /// for bytes that are not needed yet.
    #[must_use]
    pub fn from_source(source: impl ByteSource + Send + 'a) -> Self {
        Self::from_source_at(source, 0)
    }

    /// Creates a reader of `source`, whose first byte is at `offset` of a larger stream or file.
    #[must_use]
    pub fn from_source_at(source: impl ByteSource + Send + 'a, offset: u64) -> Self {
        let source: Box<dyn ByteSource + Send + 'a> = Box::new(source);
        Self { stream: Some(Box::new(Buffered::new(source, offset))), ..Self::from_slice(&[]) }
    }

    /// Returns the version of the struct that is being loaded, if structs inside of it inherit the version.
    #[doc(hidden)]
    #[must_use]
    #[inline]
    pub fn version(&self) -> u32 {
        self.version
    }

    /// Sets the version that nested structs inherit, and returns the previous one.
    pub(crate) fn set_version(&mut self, version: u32) -> u32 {
        core::mem::replace(&mut self.version, version)
    }

    /// Creates a reader of the bytes that [`walk::checkpoint`](crate::walk::checkpoint) wrote.
    pub(crate) fn from_checkpoint(bytes: &'a [u8], hooks: Hooks) -> Self {
        Self { medium: Medium::Checkpoint(hooks), ..Self::from_slice(bytes) }
    }

    /// Consumes `length` bytes of a checkpoint and returns a reader of them.
    ///
    /// # Errors
    /// Returns an error if fewer bytes are left.
    pub(crate) fn part(&mut self, length: usize) -> Result<Self, LoadError> {
        let offset = self.offset_in_slice();
        let Some((part, rest)) = self.slice.split_at_checked(length) else {
            return Err(LoadError::truncated(offset, length, self.slice.len()));
        };
        self.slice = rest;
        Ok(Self { medium: self.medium, version: self.version, ..Self::from_slice_at(part, offset) })
    }

    /// Returns whether hooks run: always for a stream.
    #[inline]
    pub(crate) fn runs_hooks(&self) -> bool {
        self.medium != Medium::Checkpoint(Hooks::Skip)
    }

    /// Records that a value of the checkpoint could not be restored.
    pub(crate) fn set_incomplete(&mut self) {
        self.incomplete = true;
    }

    /// Returns whether a value of the checkpoint could not be restored.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.incomplete
    }

    /// Returns whether the bytes are a [checkpoint](crate::walk::checkpoint) of the same device, which must not be
    /// rejected.
    #[must_use]
    #[inline]
    pub fn is_checkpoint(&self) -> bool {
        self.medium != Medium::Stream
    }

    /// Returns the stream offset of the next byte.
    #[must_use]
    #[inline]
    pub fn offset(&self) -> u64 {
        match &self.stream {
            Some(stream) => stream.offset(),
            None => self.offset_in_slice(),
        }
    }

    /// Consumes `count` bytes and returns them.
    ///
    /// # Errors
    /// Returns an error if the stream is truncated. Nothing is consumed then, and only memory for received bytes is
    /// allocated.
    #[inline]
    pub fn take(&mut self, count: usize) -> Result<&[u8], LoadError> {
        self.take_run(count, &[], 0..0)
    }

    /// Consumes the `count` bytes of the fixed-size `fields` of `all` and returns them.
    ///
    /// # Errors
    /// Returns the same errors as [`take`](Self::take), with the field in which the stream ends.
    #[inline]
    pub(crate) fn take_run(
        &mut self,
        count: usize,
        all: &'static [Field],
        fields: Range<usize>,
    ) -> Result<&[u8], LoadError> {
        match self.slice.split_at_checked(count) {
            Some((taken, rest)) => {
                self.slice = rest;
                Ok(taken)
            }
            None => {
                let offset = self.offset_in_slice();
                let available = self.slice.len();
                // The early return tells the compiler that a reader of a slice never reaches the stream.
                let Some(stream) = &mut self.stream else {
                    return Err(truncated(offset, count, available, all, fields));
                };
                // The index repeats the length for the optimizer, which then omits bounds checks in the caller.
                Ok(&take_from(&mut **stream, count, all, fields)?[..count])
            }
        }
    }

    /// Returns a view of the next bytes.
    ///
    /// Cold code borrows the view instead of the reader, so that the compiler can keep a reader of a slice in
    /// registers.
    #[inline]
    pub(crate) fn ahead(&mut self) -> Ahead<'_, 'a> {
        Ahead { slice: self.slice, offset: self.offset_in_slice(), stream: self.stream.as_deref_mut() }
    }

    /// Returns the stream offset of the slice's next byte.
    #[inline]
    fn offset_in_slice(&self) -> u64 {
        // Computed from the lengths instead of counted, so that consuming bytes updates a single field.
        self.base.saturating_add((self.whole.len() - self.slice.len()) as u64)
    }

    /// Consumes `N` bytes.
    ///
    /// # Errors
    /// Returns an error if the stream is truncated.
    #[inline]
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], LoadError> {
        let mut bytes = [0; N];
        bytes.copy_from_slice(self.take(N)?);
        Ok(bytes)
    }

    /// Fills `into`; if it is large, bytes that are not buffered yet bypass the buffer.
    ///
    /// # Errors
    /// Returns an error if the stream is truncated. The contents of `into` are then unspecified.
    #[inline]
    pub fn fill(&mut self, into: &mut [u8]) -> Result<(), LoadError> {
        match &mut self.stream {
            Some(stream) => stream.fill(into),
            None => self.take(into.len()).map(|bytes| into.copy_from_slice(bytes)),
        }
    }

    /// Returns the next `count` bytes without consuming them, or fewer at the end of the stream.
    ///
    /// # Errors
    /// Returns an error if the source fails.
    #[inline]
    pub fn peek(&mut self, count: usize) -> Result<&[u8], LoadError> {
        match &mut self.stream {
            Some(stream) => stream.peek(count),
            None => Ok(self.slice.get(..count).unwrap_or(self.slice)),
        }
    }

    /// Reads once from the source, so that more bytes are [buffered](Self::buffered). Returns `false` at the end of the
    /// stream.
    ///
    /// Unlike [`peek`](Self::peek), it never waits for more bytes than have arrived, unless none have. The buffer at most
    /// doubles.
    ///
    /// # Errors
    /// Returns an error if the source fails.
    pub fn read_ahead(&mut self) -> Result<bool, LoadError> {
        self.stream.as_mut().map_or(Ok(false), |stream| stream.read_ahead())
    }

    /// Returns whether the next byte can be `byte`, without reading from a source.
    #[inline]
    pub(crate) fn may_begin_with(&self, byte: u8) -> bool {
        match self.slice.first() {
            Some(first) => *first == byte,
            None => self.stream.is_some(),
        }
    }

    /// Consumes `count` bytes without returning them. Sources that can seek skip them.
    ///
    /// # Errors
    /// Returns an error if the stream is truncated.
    pub fn skip(&mut self, count: u64) -> Result<(), LoadError> {
        if let Some(stream) = &mut self.stream {
            return stream.skip(count);
        }
        let start = self.offset();
        let available = self.slice.len() as u64;
        let rest = usize::try_from(count).ok().and_then(|count| self.slice.get(count..));
        // A failed skip ends at the end of the slice, as it does for a source that had to read to find the end.
        self.slice = rest.unwrap_or_default();
        rest.map(drop).ok_or_else(|| LoadError::truncated_u64(start, count, available))
    }

    /// Returns the bytes that are buffered and not consumed. After the end of a stream, these are bytes that follow it.
    #[must_use]
    #[inline]
    pub fn buffered(&self) -> &[u8] {
        match &self.stream {
            Some(stream) => stream.buffered(),
            None => self.slice,
        }
    }

    /// Returns the last `count` bytes of the stream, or all of a shorter one, without consuming anything.
    ///
    /// Returns `None` if the source cannot read ahead, such as a socket.
    ///
    /// # Errors
    /// Returns an error if the source fails.
    pub fn peek_last(&mut self, count: usize) -> Result<Option<Cow<'_, [u8]>>, LoadError> {
        match &mut self.stream {
            Some(stream) => Ok(stream.peek_last(count)?.map(Cow::Owned)),
            None => Ok(Some(Cow::Borrowed(&self.whole[self.whole.len().saturating_sub(count)..]))),
        }
    }

    /// Returns a file that has the next byte at [`offset`](Self::offset), if the source [is one](ByteSource::file) and no bytes
    /// are [buffered](Self::buffered).
    #[cfg(all(unix, feature = "std"))]
    #[must_use]
    pub fn file(&self) -> Option<std::os::fd::BorrowedFd<'_>> {
        self.stream.as_ref()?.file()
    }
}

/// Creates the error for a slice that ends within the `fields` of `all`.
#[cold]
#[inline(never)]
fn truncated(offset: u64, count: usize, available: usize, all: &[Field], fields: Range<usize>) -> LoadError {
    LoadError::truncated(offset, count, available).in_run(all.get(fields).unwrap_or_default())
}

/// Takes bytes from a source. Never inlined, so that it is compiled once for all devices.
#[inline(never)]
fn take_from<'r>(
    stream: &'r mut (dyn Stream + '_),
    count: usize,
    all: &[Field],
    fields: Range<usize>,
) -> Result<&'r [u8], LoadError> {
    stream.take(count).map_err(|error| error.in_run(all.get(fields).unwrap_or_default()))
}

/// A view of a reader's next bytes.
pub(crate) struct Ahead<'r, 'a> {
    slice: &'r [u8],
    /// The stream offset of the slice's next byte.
    offset: u64,
    stream: Option<&'r mut (dyn Stream + Send + 'a)>,
}

impl Ahead<'_, '_> {
    /// Returns the stream offset of the next byte.
    pub(crate) fn offset(&self) -> u64 {
        self.stream.as_ref().map_or(self.offset, |stream| stream.offset())
    }

    /// Returns the next bytes as [`Reader::peek`] does.
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
        u128 read_u128;
        i16 read_i16;
        i32 read_i32;
        i64 read_i64;
        i128 read_i128;
        f32 read_f32;
        f64 read_f64;
    }

    /// Consumes one byte as an `i8`.
    ///
    /// # Errors
    /// Returns an error if the stream is at its end.
    #[inline]
    pub fn i8(&mut self) -> Result<i8, LoadError> {
        self.array().map(i8::from_be_bytes)
    }

    /// Consumes one byte as a `bool`. Any byte except 0 is `true`, as in QEMU.
    ///
    /// # Errors
    /// Returns an error if the stream is at its end.
    #[inline]
    pub fn bool(&mut self) -> Result<bool, LoadError> {
        self.u8().map(|byte| byte != 0)
    }

    /// Consumes one byte.
    ///
    /// # Errors
    /// Returns an error if the stream is at its end.
    #[inline]
    pub fn u8(&mut self) -> Result<u8, LoadError> {
        self.array().map(|[byte]| byte)
    }

    /// Consumes a length byte and that many bytes of text (`qemu_get_counted_string` in `migration/qemu-file.c`).
    ///
    /// # Errors
    /// Returns an error if the stream is truncated or the text is not UTF-8. QEMU's own names are ASCII.
    pub fn counted_str(&mut self) -> Result<String, LoadError> {
        let mut text = String::new();
        self.counted_str_into(&mut text)?;
        Ok(text)
    }

    /// Consumes a counted string into `into`, reusing its memory.
    ///
    /// # Errors
    /// Returns the same errors as [`counted_str`](Self::counted_str); `into` is then unchanged.
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
                // Escaped, because the name comes from the stream and the message may go to a terminal.
                let found = format!("\"{}\"", bytes.escape_ascii());
                Err(LoadError::malformed("a name in UTF-8", found).at_offset(start))
            }
        }
    }

    /// Returns whether the stream has no bytes left. Blocks until the source delivers a byte or ends.
    ///
    /// # Errors
    /// Returns an error if the source fails.
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
mod tests;
