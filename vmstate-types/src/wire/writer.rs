//! The writing cursor.

use alloc::vec::Vec;

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
#[derive(Debug, Default)]
pub struct Writer {
    buffer: Vec<u8>,
    /// How much went onward already.
    flushed: u64,
    /// Whether this is a copy to go back to, not a stream.
    checkpoint: bool,
}

impl Writer {
    /// Makes an empty writer at offset 0.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes an empty writer that holds `capacity` bytes before it allocates again.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self { buffer: Vec::with_capacity(capacity), ..Self::default() }
    }

    /// Makes an empty writer for [`walk::checkpoint`](crate::walk::checkpoint).
    pub(crate) fn of_checkpoint(buffer: Vec<u8>) -> Self {
        Self { buffer, checkpoint: true, ..Self::default() }
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
        self.flushed + self.buffer.len() as u64
    }

    /// The bytes that have not gone onward yet.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        &self.buffer
    }

    /// Takes the bytes that have not gone onward yet, as if they were sent.
    pub fn take(&mut self) -> Vec<u8> {
        self.flushed = self.offset();
        core::mem::take(&mut self.buffer)
    }

    /// Appends `bytes`.
    #[inline]
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Appends `count` zeros.
    pub fn zeros(&mut self, count: usize) {
        self.buffer.resize(self.buffer.len() + count, 0);
    }

    /// Appends `count` bytes (zero at first) and lends them to be filled in.
    #[inline]
    pub fn claim(&mut self, count: usize) -> &mut [u8] {
        let start = self.buffer.len();
        self.buffer.resize(start + count, 0);
        // The end is said again for the compiler's sake: it then knows the length and checks no index into it.
        &mut self.buffer[start..start + count]
    }

    /// Appends a length byte and `text`, as QEMU writes names (`qemu_put_counted_string`).
    ///
    /// Names are at most 255 bytes long wherever they can enter the project; a longer one would be cut here, at a
    /// character's border, so that the stream stays well-formed.
    pub fn counted_str(&mut self, text: &str) {
        let text = &text[..text.floor_char_boundary(usize::from(u8::MAX))];
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
            if sent == self.buffer.len() {
                break Ok(());
            }
            match onward.write(&self.buffer[sent..]) {
                Ok(0) => break Err(std::io::ErrorKind::WriteZero.into()),
                Ok(count) => sent += count.min(self.buffer.len() - sent),
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => break Err(error),
            }
        };
        self.buffer.drain(..sent);
        self.flushed += sent as u64;
        result
    }
}

macro_rules! integers {
    ($($int:ident)*) => {$(
        #[doc = concat!("Appends a big-endian `", stringify!($int), "`.")]
        #[inline]
        pub fn $int(&mut self, value: $int) {
            self.bytes(&value.to_be_bytes());
        }
    )*};
}

impl Writer {
    integers!(u8 u16 u32 u64);
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
