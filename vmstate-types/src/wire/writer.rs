//! The writing cursor.

use alloc::vec;
use alloc::vec::Vec;

use byteorder::{BigEndian, ByteOrder};

/// A big-endian cursor that appends to a growable buffer.
///
/// The owner of the writer decides when the buffer goes onward ([`Writer::flush_to`], or [`Writer::take`] where there is
/// no `std::io`), so that writing itself never fails and never waits.
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
    /// What has not gone onward, and behind it room that was cleared once and for all: room is lent without clearing it
    /// again, because whoever asks for it writes all of it.
    buffer: Vec<u8>,
    /// How much of the buffer has been written.
    used: usize,
    /// How much went onward already.
    flushed: u64,
    /// Whether this is a copy to go back to, not a stream.
    checkpoint: bool,
}

/// The least room that is made at a time.
const ROOM: usize = 64;

impl Writer {
    /// Makes an empty writer at offset 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an empty writer that holds `capacity` bytes before it allocates again.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { buffer: vec![0; capacity], ..Self::default() }
    }

    /// Says whether what is written next is a checkpoint, and returns what was said before.
    pub(crate) fn set_checkpoint(&mut self, checkpoint: bool) -> bool {
        core::mem::replace(&mut self.checkpoint, checkpoint)
    }

    /// Whether what is written is no stream but a [checkpoint](crate::walk::checkpoint): everything that a load can
    /// change is saved then, needed or not.
    #[must_use]
    #[inline]
    pub fn is_checkpoint(&self) -> bool {
        self.checkpoint
    }

    /// How many bytes were written in all, those that went onward included.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.flushed + self.used as u64
    }

    /// The bytes that have not gone onward yet.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        &self.buffer[..self.used]
    }

    /// Takes the bytes that have not gone onward yet, as if they were sent.
    pub fn take(&mut self) -> Vec<u8> {
        let mut taken = core::mem::take(&mut self.buffer);
        taken.truncate(self.used);
        self.flushed += self.used as u64;
        self.used = 0;
        taken
    }

    /// Counts what is pending as sent, and `beside` bytes more, which went the same way and never were in here.
    pub fn mark_sent(&mut self, beside: u64) {
        self.flushed += self.used as u64 + beside;
        self.used = 0;
    }

    /// Forgets everything that was written, and keeps the memory for what comes next, which begins at offset 0.
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

    /// Appends `count` bytes and lends them to be written, all of them: what they are before that is not said.
    #[inline]
    pub fn reserve(&mut self, count: usize) -> &mut [u8] {
        if self.buffer.len() - self.used < count {
            self.grow(count);
        }
        let start = self.used;
        self.used += count;
        // The end is said again for the compiler's sake: it then knows the length and checks no index into it.
        &mut self.buffer[start..start + count]
    }

    /// Makes room for `count` bytes, and at least for as many as there are.
    #[cold]
    fn grow(&mut self, count: usize) {
        let room = count.max(self.used).max(ROOM);
        self.buffer.resize(self.used.saturating_add(room), 0);
    }

    /// Appends a length byte and `text`, as QEMU writes names (`qemu_put_counted_string`).
    ///
    /// Names are at most 255 bytes long wherever they can enter the project; a longer one would be cut here, at a
    /// character's border, so that the stream stays well-formed.
    pub fn counted_str(&mut self, text: &str) {
        let mut end = text.len().min(usize::from(u8::MAX));
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let text = &text[..end];
        self.u8(u8::try_from(text.len()).unwrap_or(u8::MAX));
        self.bytes(text.as_bytes());
    }

    /// Sends everything pending to `onward`.
    ///
    /// # Errors
    /// What `onward` reports. What it did not take stays pending.
    #[cfg(feature = "std")]
    pub fn flush_to(&mut self, onward: &mut (impl std::io::Write + ?Sized)) -> std::io::Result<()> {
        let mut sent = 0;
        let result = loop {
            if sent == self.used {
                break Ok(());
            }
            match onward.write(&self.buffer[sent..self.used]) {
                Ok(0) => break Err(std::io::ErrorKind::WriteZero.into()),
                Ok(count) => sent += count.min(self.used - sent),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
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

    #[test]
    fn names_stay_well_formed_whatever_their_length() {
        let mut writer = Writer::new();
        writer.counted_str(&"é".repeat(200));
        assert_eq!(writer.pending()[0], 254);
        assert_eq!(writer.offset(), 255);
    }

    #[test]
    fn memory_is_used_again() {
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
    fn what_was_not_taken_stays_pending() {
        /// Takes three bytes, is interrupted once, then refuses.
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
