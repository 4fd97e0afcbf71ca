//! Restartable decoding: parsers over the bytes that have arrived so far.
//!
//! Each part of a stream has one parser, over a [`Cursor`]. An engine that owns no connection calls it with the bytes that
//! it has, and learns how many more it needs; [`read`] runs the same parser over a blocking [`Reader`].

use std::num::NonZeroUsize;

use vmstate_types::error::{LoadErrorKind, Location};
use vmstate_types::{LoadError, Reader};

/// The parts of a stream, as errors name them.
pub(super) mod part {
    pub(crate) const HEADER: &str = "the header";
    pub(crate) const CONFIGURATION: &str = "the configuration";
    pub(crate) const BETWEEN_SECTIONS: &str = "the stream between sections";
    pub(crate) const RETURN_PATH: &str = "the return path";
    pub(crate) const DESCRIPTION: &str = "the description";
}

/// Returns a function that locates an error in this part of the stream, unless its location is known.
pub(super) fn in_part(part: &'static str) -> impl Fn(LoadError) -> LoadError {
    move |error| error.in_location(|| Location::Part(part.into()))
}

/// The result of decoding bytes that may not all have arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decoded<T> {
    /// A complete item, and the number of bytes that it occupies.
    Item(T, usize),
    /// At least this many more bytes are needed. Nothing was consumed, and the decoder's state is unchanged.
    ///
    /// A length in the stream can make this large: up to 4 GiB for a machine name or a description. Read bytes as they
    /// arrive, instead of allocating this much.
    Need(NonZeroUsize),
}

impl<T> Decoded<T> {
    /// Applies `f` to the item.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Decoded<U> {
        match self {
            Self::Item(item, used) => Decoded::Item(f(item), used),
            Self::Need(more) => Decoded::Need(more),
        }
    }
}

/// The reason why a parser stopped before the end of its item.
pub(crate) enum Stop {
    /// The bytes that have arrived end, at least this many before the item.
    Need(NonZeroUsize),
    /// The bytes are wrong, or the stream ends.
    Failed(LoadError),
}

impl From<LoadError> for Stop {
    fn from(error: LoadError) -> Self {
        Self::Failed(error)
    }
}

/// Adds context to the error of a parser. A lack of bytes is not an error.
pub(crate) trait Context {
    fn context(self, add: impl FnOnce(LoadError) -> LoadError) -> Self;
}

impl<T> Context for Result<T, Stop> {
    #[inline]
    fn context(self, add: impl FnOnce(LoadError) -> LoadError) -> Self {
        self.map_err(|stop| match stop {
            Stop::Failed(error) => Stop::Failed(add(error)),
            need @ Stop::Need(_) => need,
        })
    }
}

/// A big-endian cursor over the bytes that have arrived.
pub(crate) struct Cursor<'b> {
    rest: &'b [u8],
    length: usize,
    /// The offset in the stream of the first byte.
    start: u64,
    /// Set if the stream ends with these bytes, so that missing ones are an error.
    complete: bool,
}

impl<'b> Cursor<'b> {
    fn new(bytes: &'b [u8], start: u64, complete: bool) -> Self {
        Self { rest: bytes, length: bytes.len(), start, complete }
    }

    /// Returns the number of bytes that were consumed.
    fn used(&self) -> usize {
        self.length - self.rest.len()
    }

    /// Returns the offset in the stream of the next byte.
    #[inline]
    pub(crate) fn offset(&self) -> u64 {
        self.start.saturating_add(self.used() as u64)
    }

    /// Consumes `count` bytes.
    #[inline]
    pub(crate) fn take(&mut self, count: usize) -> Result<&'b [u8], Stop> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.missing(count)),
        }
    }

    /// Consumes `N` bytes.
    #[inline]
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Stop> {
        match self.rest.split_first_chunk() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(self.missing(N)),
        }
    }

    /// Consumes a big-endian `u8`.
    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, Stop> {
        self.array().map(u8::from_be_bytes)
    }

    /// Consumes a big-endian `u16`.
    #[inline]
    pub(crate) fn u16(&mut self) -> Result<u16, Stop> {
        self.array().map(u16::from_be_bytes)
    }

    /// Consumes a big-endian `u32`.
    #[inline]
    pub(crate) fn u32(&mut self) -> Result<u32, Stop> {
        self.array().map(u32::from_be_bytes)
    }

    /// Consumes a big-endian `u64`.
    #[inline]
    pub(crate) fn u64(&mut self) -> Result<u64, Stop> {
        self.array().map(u64::from_be_bytes)
    }

    /// Returns the next byte without consuming it; `None` at the end of the stream.
    #[inline]
    pub(crate) fn peek(&self) -> Result<Option<u8>, Stop> {
        match self.rest.first() {
            None if !self.complete => Err(Stop::Need(NonZeroUsize::MIN)),
            next => Ok(next.copied()),
        }
    }

    /// Consumes a length byte and that many bytes of text (`qemu_get_counted_string`).
    #[inline]
    pub(crate) fn counted_str(&mut self) -> Result<&'b str, Stop> {
        let start = self.offset();
        let length = self.u8()?;
        let bytes = self.take(usize::from(length))?;
        std::str::from_utf8(bytes).map_err(|_| not_utf8("a name", bytes).at_offset(start).into())
    }

    /// Reports that fewer than `count` bytes are left.
    #[cold]
    pub(crate) fn missing(&self, count: usize) -> Stop {
        let left = self.rest.len();
        match NonZeroUsize::new(count.saturating_sub(left)) {
            Some(more) if !self.complete => Stop::Need(more),
            _ => Stop::Failed(LoadError::truncated(self.offset(), count, left)),
        }
    }
}

/// Returns the error for text that is not UTF-8. QEMU's own names are ASCII.
#[cold]
pub(crate) fn not_utf8(what: &str, bytes: &[u8]) -> LoadError {
    LoadError::malformed(format!("{what} in UTF-8"), format!("\"{}\"", bytes.escape_ascii()))
}

/// Returns the error for a version of a part of the stream that has only one.
#[cold]
pub(crate) fn unsupported_version(supported: u32, found: u32) -> LoadError {
    let kind = LoadErrorKind::UnsupportedVersion { found, oldest: supported, newest: supported };
    LoadError::new(kind, format!("version {supported}"), format!("version {found}"))
}

/// Decodes an item from the bytes that have arrived, the first of which is at `offset` of the stream.
#[inline]
pub(crate) fn decode<T>(
    bytes: &[u8],
    offset: u64,
    parse: impl FnOnce(&mut Cursor<'_>) -> Result<T, Stop>,
) -> Result<Decoded<T>, LoadError> {
    let mut cursor = Cursor::new(bytes, offset, false);
    match parse(&mut cursor) {
        Ok(item) => Ok(Decoded::Item(item, cursor.used())),
        Err(Stop::Need(more)) => Ok(Decoded::Need(more)),
        Err(Stop::Failed(error)) => Err(error),
    }
}

/// Decodes the next item of a blocking reader. Nothing is consumed if that fails.
///
/// # Errors
/// Returns the parser's error, also for a stream that ends within the item, or the error of the reader's source.
#[inline]
pub(crate) fn read<T>(
    reader: &mut Reader<'_>,
    mut parse: impl FnMut(&mut Cursor<'_>) -> Result<T, Stop>,
) -> Result<T, LoadError> {
    let offset = reader.offset();
    let mut complete = false;
    loop {
        let mut cursor = Cursor::new(reader.buffered(), offset, complete);
        match parse(&mut cursor) {
            Ok(item) => {
                let used = cursor.used();
                reader.take(used)?;
                return Ok(item);
            }
            Err(Stop::Need(more)) => {
                let wanted = cursor.length.saturating_add(more.get());
                complete = reader.peek(wanted)?.len() < wanted;
            }
            Err(Stop::Failed(error)) => return Err(error),
        }
    }
}
