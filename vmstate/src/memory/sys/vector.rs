//! Vectors whose bytes several threads access.

use std::sync::atomic::AtomicU8;

/// Returns the bytes as atomic ones, without touching them: zeros that the system has not allocated yet stay so.
pub(in crate::memory) fn share(bytes: Vec<u8>) -> Box<[AtomicU8]> {
    let bytes = Box::into_raw(bytes.into_boxed_slice());
    // SAFETY: `AtomicU8` has the size, alignment and bit validity of `u8`, so the box has the same layout.
    unsafe { Box::from_raw(bytes as *mut [AtomicU8]) }
}

/// Returns the bytes to their only owner.
pub(in crate::memory) fn exclusive(bytes: &mut [AtomicU8]) -> &mut [u8] {
    // SAFETY: as in `share`, and the exclusive borrow rules out other accesses.
    unsafe { &mut *(std::ptr::from_mut(bytes) as *mut [u8]) }
}
