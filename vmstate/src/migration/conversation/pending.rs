//! The bytes of one direction that were not decoded yet.

use std::num::NonZeroUsize;

use vmstate_types::LoadError;

use crate::stream::Decoded;

/// The longest item that is decoded. Page contents, descriptions and device states are not held.
const MAX_PENDING: usize = 1 << 20;

/// Buffered bytes, with their place in the direction.
#[derive(Debug, Default)]
pub(in crate::migration) struct Pending {
    bytes: Vec<u8>,
    /// The number of bytes at the front that were consumed.
    used: usize,
    /// The offset of the first byte of `bytes`.
    offset: u64,
    /// The number of bytes to drop when they arrive.
    skip: u64,
}

impl Pending {
    /// Appends bytes that have arrived.
    pub(in crate::migration) fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.used);
        self.offset = self.offset.saturating_add(self.used as u64);
        self.used = 0;
        let dropped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        if dropped > 0 {
            // The buffer is empty while bytes are dropped.
            self.offset = self.offset.saturating_add(dropped as u64);
            self.skip -= dropped as u64;
        }
        self.bytes.extend_from_slice(bytes.get(dropped..).unwrap_or_default());
    }

    /// Returns the bytes that were not consumed.
    pub(in crate::migration) fn rest(&self) -> &[u8] {
        self.bytes.get(self.used..).unwrap_or_default()
    }

    /// Returns the offset of the next byte in the direction.
    pub(in crate::migration) fn offset(&self) -> u64 {
        self.offset.saturating_add(self.used as u64)
    }

    /// Consumes `count` bytes, including bytes that have not arrived yet.
    pub(in crate::migration) fn skip(&mut self, count: u64) {
        let left = self.rest().len();
        let now = usize::try_from(count).unwrap_or(usize::MAX).min(left);
        self.used += now;
        self.skip = self.skip.saturating_add(count - now as u64);
    }

    /// Returns the number of consumed bytes that have not arrived yet.
    pub(in crate::migration) fn skipped(&self) -> u64 {
        self.skip
    }

    /// Returns the consumed bytes from `offset` on. The next [`push`](Self::push) drops them.
    pub(in crate::migration) fn consumed(&self, offset: u64) -> &[u8] {
        let start = usize::try_from(offset.saturating_sub(self.offset)).unwrap_or(usize::MAX);
        self.bytes.get(start..self.used).unwrap_or_default()
    }

    /// Returns whether consumed bytes have not arrived yet.
    pub(in crate::migration) fn is_skipping(&self) -> bool {
        self.skip > 0
    }

    /// Drops all bytes, now and later.
    pub(in crate::migration) fn skip_all(&mut self) {
        self.skip(u64::MAX);
    }

    /// Decodes and consumes an item; `None` if it has not arrived completely.
    ///
    /// # Errors
    /// Returns the error of `decode`, or an error if the item is longer than the buffer may be.
    pub(in crate::migration) fn decode<T>(
        &mut self,
        decode: impl FnOnce(&[u8], u64) -> Result<Decoded<T>, LoadError>,
    ) -> Result<Option<T>, LoadError> {
        match decode(self.rest(), self.offset())? {
            Decoded::Item(item, used) => {
                self.used += used;
                Ok(Some(item))
            }
            Decoded::Need(more) => self.check_length(more).map(|()| None),
        }
    }

    /// Consumes `N` bytes; `None` if they have not arrived.
    pub(in crate::migration) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let bytes = *self.rest().first_chunk()?;
        self.used += N;
        Some(bytes)
    }

    fn check_length(&self, more: NonZeroUsize) -> Result<(), LoadError> {
        if self.rest().len().saturating_add(more.get()) <= MAX_PENDING {
            return Ok(());
        }
        let expected = format!("an item of at most {MAX_PENDING} bytes");
        Err(LoadError::malformed(expected, "a longer one").at_offset(self.offset()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_bytes_need_not_have_arrived() {
        let mut pending = Pending::default();
        pending.push(b"abcdef");
        pending.skip(2);
        assert_eq!((pending.rest(), pending.offset()), (&b"cdef"[..], 2));
        pending.skip(10);
        pending.push(b"ghijk");
        assert_eq!((pending.rest(), pending.offset()), (&b""[..], 11));
        pending.push(b"lmn");
        assert_eq!((pending.array(), pending.offset()), (Some(*b"mn"), 14));
        pending.skip_all();
        pending.push(b"xyz");
        assert_eq!((pending.array::<1>(), pending.offset()), (None, 17));
    }

    #[test]
    fn long_items_are_rejected() {
        let mut pending = Pending::default();
        let need = |count: usize| move |_: &[u8], _| Ok(Decoded::<()>::Need(NonZeroUsize::new(count).unwrap()));
        pending.push(b"abc");
        assert_eq!(pending.decode(need(MAX_PENDING - 3)).unwrap(), None);
        assert!(pending.decode(need(MAX_PENDING - 2)).unwrap_err().expected().contains("1048576 bytes"));
    }
}
