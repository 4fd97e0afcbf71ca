//! The writing cursor.

use alloc::vec;
use alloc::vec::Vec;

use byteorder::{BigEndian, ByteOrder};

/// A big-endian cursor that appends to a growable buffer.
///
/// The owner of the writer decides when to flush the buffer ([`Writer::flush_to`], or [`Writer::take`] without
/// `std::io`), so that writing itself never fails and never blocks.
///
/// ```
/// use vmstate_types::Writer;
///
/// let mut writer = Writer::new();
/// writer.u32(0x5145_564d);
/// writer.counted_str("ram");
/// assert_eq!(writer.pending(), b"QEVM\x03ram");
/// assert_eq!(writer.offset(), 8);
/// ```
#[derive(Default)]
pub struct Writer {
    /// The pending bytes, followed by spare room. The room is cleared once, when it is allocated: `reserve` returns it
    /// without clearing it again, because its callers overwrite all of it.
    buffer: Vec<u8>,
    /// The number of pending bytes.
    used: usize,
    /// The number of flushed bytes.
    flushed: u64,
    /// Set if the bytes are a checkpoint and not a stream.
    checkpoint: bool,
    /// The version of the struct that is being saved, for nested structs that inherit it.
    version: u32,
}

/// The minimum growth of the buffer in bytes.
const ROOM: usize = 64;

impl Writer {
    /// Creates an empty writer at offset 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Creates an empty writer with room for `capacity` bytes.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { buffer: vec![0; capacity], ..Self::default() }
    }

    /// Returns the version of the struct that is being saved, if structs inside of it inherit the version.
    pub(crate) fn version(&self) -> u32 {
        self.version
    }

    /// Sets the version that nested structs inherit, and returns the previous one.
    pub(crate) fn set_version(&mut self, version: u32) -> u32 {
        core::mem::replace(&mut self.version, version)
    }

    /// Switches between a checkpoint and a stream, and returns the previous setting.
    pub(crate) fn set_checkpoint(&mut self, checkpoint: bool) -> bool {
        core::mem::replace(&mut self.checkpoint, checkpoint)
    }

    /// Returns whether the bytes are a [checkpoint](crate::walk::checkpoint), which contains everything that a load can
    /// change, regardless of predicates.
    #[must_use]
    #[inline]
    pub fn is_checkpoint(&self) -> bool {
        self.checkpoint
    }

    /// Returns the number of bytes written so far, including flushed bytes.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.flushed + self.used as u64
    }

    /// Returns the bytes that are not flushed yet.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        &self.buffer[..self.used]
    }

    /// Returns the size of the buffer in bytes.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.buffer.capacity()
    }

    /// Removes the pending bytes and returns them. They count as flushed.
    pub fn take(&mut self) -> Vec<u8> {
        let mut taken = core::mem::take(&mut self.buffer);
        taken.truncate(self.used);
        self.flushed += self.used as u64;
        self.used = 0;
        taken
    }

    /// Marks the pending bytes as sent, and counts `extra` bytes that the caller sent without the writer.
    pub fn mark_sent(&mut self, extra: u64) {
        self.flushed += self.used as u64 + extra;
        self.used = 0;
    }

    /// Resets the writer to offset 0 and keeps its memory.
    pub fn clear(&mut self) {
        (self.used, self.flushed) = (0, 0);
    }

    /// Appends `bytes`.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len()).copy_from_slice(bytes);
    }

    /// Appends `count` zeros.
    pub fn zeros(&mut self, count: usize) {
        self.reserve(count).fill(0);
    }

    /// Appends `count` bytes with unspecified contents and returns them. The caller must overwrite all of them.
    #[inline]
    pub fn reserve(&mut self, count: usize) -> &mut [u8] {
        if self.buffer.len() - self.used < count {
            self.grow(count);
        }
        let start = self.used;
        self.used += count;
        // The end is repeated for the optimizer, which then knows the length and omits bounds checks in the caller.
        &mut self.buffer[start..start + count]
    }

    /// Makes room for `count` bytes, and at least doubles the buffer, so that appending is amortized.
    #[cold]
    fn grow(&mut self, count: usize) {
        let room = count.max(self.used).max(ROOM);
        self.buffer.resize(self.used.saturating_add(room), 0);
    }

    /// Overwrites pending bytes, the first of which is the one at `position`.
    pub(crate) fn overwrite(&mut self, position: usize, bytes: &[u8]) {
        if let Some(pending) = self.buffer[..self.used].get_mut(position..position + bytes.len()) {
            pending.copy_from_slice(bytes);
        }
    }

    /// Appends a length byte and `text` (`qemu_put_counted_string` in `migration/qemu-file.c`).
    ///
    /// Names of more than 255 bytes are rejected where they are registered. Here, a longer text is truncated at a
    /// character boundary, so that the stream remains well-formed.
    pub fn counted_str(&mut self, text: &str) {
        let mut end = text.len().min(usize::from(u8::MAX));
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = &text[..end];
        self.u8(u8::try_from(text.len()).unwrap_or(u8::MAX));
        self.bytes(text.as_bytes());
    }

    /// Writes all pending bytes to `sink`.
    ///
    /// # Errors
    /// Returns the error of `sink`. Bytes that were not written remain pending.
    #[cfg(feature = "std")]
    pub fn flush_to(&mut self, sink: &mut (impl std::io::Write + ?Sized)) -> std::io::Result<()> {
        let mut sent = 0;
        let result = loop {
            if sent == self.used {
                break Ok(());
            }
            match sink.write(&self.buffer[sent..self.used]) {
                // As in `write_all`: a sink that accepts nothing would otherwise loop forever.
                Ok(0) => break Err(std::io::ErrorKind::WriteZero.into()),
                Ok(count) => sent += count.min(self.used - sent),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        // Also after an error, so that a retry continues with the first unwritten byte.
        self.buffer.copy_within(sent..self.used, 0);
        self.used -= sent;
        self.flushed += sent as u64;
        result
    }
}

impl core::fmt::Debug for Writer {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Writer").field("offset", &self.offset()).field("pending", &self.used).finish()
    }
}

macro_rules! integers {
    ($($int:ident $write:ident;)*) => {$(
        #[doc = concat!("Appends a big-endian `", stringify!($int), "`.")]
        #[inline]
        pub fn $int(&mut self, value: $int) {
            BigEndian::$write(self.reserve(size_of::<$int>()), value);
        }
    )*};
}

impl Writer {
    integers! {
        u16 write_u16;
        u32 write_u32;
        u64 write_u64;
        u128 write_u128;
        i16 write_i16;
        i32 write_i32;
        i64 write_i64;
        i128 write_i128;
        f32 write_f32;
        f64 write_f64;
    }

    /// Appends one byte that represents an `i8`.
    #[inline]
    pub fn i8(&mut self, value: i8) {
        self.bytes(&value.to_be_bytes());
    }

    /// Appends 1 for `true` and 0 for `false`.
    #[inline]
    pub fn bool(&mut self, value: bool) {
        self.u8(u8::from(value));
    }

    /// Appends one byte.
    #[inline]
    pub fn u8(&mut self, value: u8) {
        self.bytes(&[value]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Reader;

    #[test]
    fn long_name_is_truncated_at_char_boundary() {
        let mut writer = Writer::new();
        writer.counted_str(&"é".repeat(200));
        assert_eq!(writer.pending()[0], 254);
        assert_eq!(writer.offset(), 255);
    }

    #[test]
    fn numbers_are_read_as_they_were_written() {
        let mut writer = Writer::new();
        writer.bool(true);
        writer.i8(-2);
        writer.i16(-3);
        writer.i32(-4);
        writer.i64(-5);
        writer.i128(-6);
        writer.u128(0x0102 << 112);
        writer.f32(1.5);
        writer.f64(-0.25);
        let bytes = writer.take();
        assert_eq!((&bytes[..4], bytes.len()), (&[1, 0xfe, 0xff, 0xfd][..], 60));
        assert_eq!(bytes[32..34], [1, 2]);

        let mut reader = Reader::from_slice(&bytes);
        assert!(reader.bool().unwrap());
        assert_eq!((reader.i8().unwrap(), reader.i16().unwrap(), reader.i32().unwrap()), (-2, -3, -4));
        assert_eq!((reader.i64().unwrap(), reader.i128().unwrap()), (-5, -6));
        assert_eq!((reader.u128().unwrap(), reader.f32().unwrap(), reader.f64().unwrap()), (0x0102 << 112, 1.5, -0.25));
        assert!(reader.i8().is_err_and(|error| error.is_truncated()));
        assert!(Reader::from_slice(&[5]).bool().unwrap(), "as in QEMU, any byte except 0 is true");
    }

    #[test]
    fn clear_keeps_memory() {
        let mut writer = Writer::with_capacity(16);
        writer.bytes(&[0xff; 16]);
        let memory = writer.pending().as_ptr();
        writer.clear();
        writer.zeros(16);
        assert_eq!((writer.pending(), writer.offset()), (&[0; 16][..], 16));
        assert_eq!(writer.pending().as_ptr(), memory);
        writer.u8(7);
        assert_eq!((writer.offset(), writer.take().last()), (17, Some(&7)));
        assert_eq!((writer.offset(), writer.pending()), (17, &[][..]));
        writer.u8(8);
        writer.mark_sent(100);
        assert_eq!((writer.offset(), writer.pending()), (118, &[][..]));
    }

    #[cfg(feature = "std")]
    #[test]
    fn unwritten_bytes_stay_pending() {
        /// Accepts three bytes, is interrupted once, then fails.
        struct Reluctant(u32);
        impl std::io::Write for Reluctant {
            fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
                self.0 += 1;
                match self.0 {
                    1 => Ok(bytes.len().min(3)),
                    2 => Err(std::io::ErrorKind::Interrupted.into()),
                    _ => Err(std::io::ErrorKind::BrokenPipe.into()),
                }
            }
            fn flush(&mut self) -> std::io::Result<()> {
                Ok(())
            }
        }
        let mut writer = Writer::new();
        writer.u64(0x0102_0304_0506_0708);
        assert!(writer.flush_to(&mut Reluctant(0)).is_err());
        assert_eq!((writer.pending(), writer.offset()), (&[4, 5, 6, 7, 8][..], 8));
        let mut rest = Vec::new();
        writer.flush_to(&mut rest).unwrap();
        assert_eq!((rest.len(), writer.offset()), (5, 8));
    }
}
