//! Ranges of the host's memory.

use std::marker::PhantomData;
use std::ops::Range;
use std::ptr::NonNull;
use std::sync::atomic::AtomicU8;

use super::copy;

/// A range of the host's memory that others may change at any time, such as guest memory.
///
/// It is a pointer with a length and not a slice, because Rust assumes that the content of a slice does not change.
#[derive(Debug, Clone, Copy)]
pub struct HostRange<'m> {
    start: NonNull<u8>,
    length: usize,
    memory: PhantomData<&'m [AtomicU8]>,
}

// SAFETY: it is a `&[AtomicU8]`, which is `Send` and `Sync`; only the kernel gets the address in another way.
unsafe impl Send for HostRange<'_> {}
// SAFETY: as above.
unsafe impl Sync for HostRange<'_> {}

impl<'m> From<&'m [AtomicU8]> for HostRange<'m> {
    fn from(bytes: &'m [AtomicU8]) -> Self {
        // The pointer may be used to write: it comes from interior mutable memory.
        Self { start: NonNull::from(bytes).cast(), length: bytes.len(), memory: PhantomData }
    }
}

impl<'m> HostRange<'m> {
    /// Creates a range, for implementations of [`RamBlock`](crate::memory::RamBlock).
    ///
    /// # Safety
    /// For `'m`, the memory is mapped, readable and writable, and it is accessed only with atomic operations, with
    /// volatile or similar accesses outside of Rust's memory model, by the kernel, or by other processes: no reference to
    /// it exists that is not to atomic types.
    #[must_use]
    pub unsafe fn from_raw_parts(start: NonNull<u8>, length: usize) -> Self {
        Self { start, length, memory: PhantomData }
    }

    /// Returns the address.
    #[must_use]
    pub fn as_ptr(self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// Returns the length in bytes.
    #[must_use]
    pub fn len(self) -> usize {
        self.length
    }

    /// Returns whether the range is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.length == 0
    }

    /// Returns a part of the range, or `None` if it exceeds the range.
    #[must_use]
    pub fn get(self, range: Range<usize>) -> Option<Self> {
        let length = range.end.checked_sub(range.start).filter(|_| range.end <= self.length)?;
        // SAFETY: `range.start` is at most `self.length`, so the address is in the same memory or one past its end.
        let start = unsafe { self.start.add(range.start) };
        Some(Self { start, length, memory: PhantomData })
    }

    /// Copies the bytes from `offset` on into `into`. Returns `None`, and copies nothing, if they exceed the range.
    pub fn read(self, offset: usize, into: &mut [u8]) -> Option<()> {
        let part = self.get(offset..offset.checked_add(into.len())?)?;
        // SAFETY: the part has the length of `into` and is mapped for `'m`.
        unsafe { copy::load(part.as_ptr(), into) };
        Some(())
    }

    /// Returns a copy of the bytes.
    #[must_use]
    pub fn to_vec(self) -> Vec<u8> {
        let mut bytes = vec![0; self.length];
        self.read(0, &mut bytes);
        bytes
    }

    /// Copies `from` to the bytes from `offset` on. Returns `None`, and copies nothing, if they exceed the range.
    pub fn write(self, offset: usize, from: &[u8]) -> Option<()> {
        let part = self.get(offset..offset.checked_add(from.len())?)?;
        // SAFETY: the part has the length of `from` and is mapped for `'m`.
        unsafe { copy::store(part.as_ptr(), from) };
        Some(())
    }

    /// Loads `N` bytes from `offset` on, with a single access if they are aligned and `N` is 1, 2, 4 or 8.
    #[inline]
    #[must_use]
    pub fn load<const N: usize>(self, offset: usize) -> Option<[u8; N]> {
        let part = self.get(offset..offset.checked_add(N)?)?;
        // SAFETY: the part has `N` bytes and is mapped for `'m`.
        Some(unsafe { copy::load_value(part.as_ptr()) })
    }

    /// Stores `N` bytes from `offset` on, with a single access if they are aligned and `N` is 1, 2, 4 or 8.
    #[inline]
    pub fn store<const N: usize>(self, offset: usize, value: [u8; N]) -> Option<()> {
        let part = self.get(offset..offset.checked_add(N)?)?;
        // SAFETY: the part has `N` bytes and is mapped for `'m`.
        unsafe { copy::store_value(part.as_ptr(), value) };
        Some(())
    }

    /// Returns whether all bytes are zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        // SAFETY: the range is mapped for `'m`.
        unsafe { copy::is_zero(self.as_ptr(), self.length) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::vector;
    use super::*;

    #[test]
    fn copies_equal_slices_at_all_alignments() {
        let content: Vec<u8> = (0..=255).collect();
        for start in 0..20 {
            for length in [0, 1, 7, 8, 63, 64, 65, 130, 200] {
                let memory = vector::share(vec![0; 256]);
                let range = HostRange::from(&*memory);
                range.write(start, &content[..length]).unwrap();
                let mut copy = vec![1; length];
                range.read(start, &mut copy).unwrap();
                assert_eq!(copy, content[..length]);
                let zero = range.get(start..start + length).unwrap().is_zero();
                assert_eq!(zero, length < 2, "{start} {length}");
                assert!(range.get(start + length..256).unwrap().is_zero() && range.get(0..start).unwrap().is_zero());
            }
        }
    }

    #[test]
    fn values_keep_their_bytes() {
        let memory = vector::share(vec![0; 64]);
        let range = HostRange::from(&*memory);
        for offset in 0..9 {
            range.store(offset, [1, 2, 3, 4, 5, 6, 7, 8]).unwrap();
            assert_eq!(range.load(offset + 1), Some([2, 3, 4, 5]));
            range.store(offset, [9, 10, 11, 12]).unwrap();
            range.store(offset + 4, [13, 14]).unwrap();
            range.store(offset + 6, [15]).unwrap();
            assert_eq!(range.load(offset), Some([9, 10, 11, 12, 13, 14, 15, 8]));
            assert_eq!((range.load(offset + 2), range.load(offset + 5)), (Some([11, 12]), Some([14])));
            assert_eq!(range.load(offset), Some([9, 10, 11]));
        }
    }

    #[test]
    fn every_nonzero_byte_is_found() {
        // Smaller than a chunk of AVX2, and more than two chunks at an odd address.
        for (start, length) in [(0, 300), (3, 1100)] {
            let memory = vector::share(vec![1; length + 8]);
            let range = HostRange::from(&*memory).get(start..start + length).unwrap();
            range.write(0, &vec![0; length]).unwrap();
            // Miri needs minutes for all places.
            for place in (0..length).step_by(if cfg!(miri) { 97 } else { 1 }) {
                range.store(place, [1]).unwrap();
                assert!(!range.is_zero() && range.get(0..place).unwrap().is_zero());
                range.store(place, [0]).unwrap();
            }
            assert!(range.is_zero());
        }
    }

    #[test]
    fn accesses_outside_of_the_range_are_rejected() {
        let memory = vector::share(vec![0; 16]);
        let range = HostRange::from(&*memory);
        assert!(range.read(15, &mut [0; 2]).is_none() && range.write(usize::MAX, &[1]).is_none());
        assert!(range.load::<4>(13).is_none() && range.store(16, [1]).is_none());
        #[expect(clippy::reversed_empty_ranges, reason = "it must be rejected")]
        let reversed = range.get(5..4);
        assert!(reversed.is_none() && range.get(16..16).is_some());
    }

    #[test]
    fn concurrent_accesses_are_sound() {
        let memory = vector::share(vec![0; 128]);
        let range = HostRange::from(&*memory);
        std::thread::scope(|scope| {
            scope.spawn(|| (0..50).for_each(|number| range.write(1, &[number; 100]).unwrap()));
            scope.spawn(|| (0..50).for_each(|number| range.store(8, [number; 8]).unwrap()));
            for _ in 0..50 {
                let mut copy = [0; 100];
                range.read(3, &mut copy).unwrap();
                assert!(copy.iter().all(|byte| *byte < 50));
            }
        });
    }
}
