//! A slice as the destination of saved state.

use alloc::vec::Vec;

use super::Sink;
use crate::wire::Writer;

/// A sink that writes into a slice, and counts the bytes for which the slice has no room.
///
/// It allocates only for a custom [`Info`](crate::Info), which writes into a [`Writer`], and for bytes without room.
#[derive(Debug)]
pub struct SliceSink<'a> {
    slice: &'a mut [u8],
    /// The number of bytes so far, including those without room.
    used: usize,
    /// The bytes that were written to [`Sink::out`] and are not in the slice yet.
    spill: Writer,
    /// The place of the bytes without room.
    scrap: Vec<u8>,
}

impl<'a> SliceSink<'a> {
    /// Creates a sink that fills `slice` from its start.
    #[must_use]
    pub fn new(slice: &'a mut [u8]) -> Self {
        Self { slice, used: 0, spill: Writer::new(), scrap: Vec::new() }
    }

    /// Returns the number of written bytes, or `Err` with the required size of the slice.
    ///
    /// # Errors
    /// Returns an error if the slice is too small. Its contents are then unspecified.
    pub fn finish(mut self) -> Result<usize, usize> {
        self.flush();
        if self.used <= self.slice.len() { Ok(self.used) } else { Err(self.used) }
    }

    /// Moves the bytes of the writer to the slice.
    #[cold]
    fn flush(&mut self) {
        let mut spill = core::mem::take(&mut self.spill);
        self.claim(spill.pending().len()).copy_from_slice(spill.pending());
        spill.clear();
        self.spill = spill;
    }

    #[inline]
    fn claim(&mut self, count: usize) -> &mut [u8] {
        let start = self.used;
        self.used = start.saturating_add(count);
        if self.used <= self.slice.len() {
            return &mut self.slice[start..self.used];
        }
        self.scrap.resize(count, 0);
        &mut self.scrap
    }
}

impl Sink for SliceSink<'_> {
    fn out(&mut self) -> &mut Writer {
        &mut self.spill
    }

    #[inline]
    fn reserve(&mut self, count: usize) -> &mut [u8] {
        if !self.spill.pending().is_empty() {
            self.flush();
        }
        self.claim(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_keep_their_order() {
        let mut slice = [0; 6];
        let mut sink = SliceSink::new(&mut slice);
        sink.bytes(&[1]);
        sink.out().u16(0x0203);
        sink.bytes(&[4, 5]);
        sink.out().u8(6);
        assert_eq!(sink.finish(), Ok(6));
        assert_eq!(slice, [1, 2, 3, 4, 5, 6]);
    }

    #[test]
    fn bytes_without_room_are_counted() {
        let mut slice = [0; 2];
        let mut sink = SliceSink::new(&mut slice);
        sink.bytes(&[1]);
        sink.out().u32(0);
        sink.reserve(3).fill(9);
        assert_eq!(sink.finish(), Err(8));
        assert_eq!(slice[0], 1);
    }
}
