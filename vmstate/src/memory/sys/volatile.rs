//! Guest memory of `vm-memory`.

use std::ptr::NonNull;

use vm_memory::bitmap::BitmapSlice;
use vm_memory::volatile_memory::VolatileSlice;

use super::HostRange;

impl<'m, B: BitmapSlice> From<&VolatileSlice<'m, B>> for HostRange<'m> {
    /// Writes to the range are not recorded in the slice's bitmap.
    fn from(slice: &VolatileSlice<'m, B>) -> Self {
        let start = NonNull::new(slice.ptr_guard_mut().as_ptr()).unwrap_or(NonNull::dangling());
        // SAFETY: a `VolatileSlice` is mapped for its lifetime and accessed like a range: with volatile accesses, by guests,
        // and by the kernel. The guard is only needed for memory that Xen maps on demand, and that feature is not enabled.
        unsafe { Self::from_raw_parts(start, slice.len()) }
    }
}
