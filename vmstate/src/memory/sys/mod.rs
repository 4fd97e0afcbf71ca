//! The unsafe code: access to memory that others change, and the system calls that map, protect and fill it.
//!
//! Everything outside of this module is safe code. The invariant that all of it maintains: a [`HostRange`] points to memory
//! that is mapped for its lifetime, and that is accessed only through relaxed atomic operations, by assembly, by the kernel,
//! or by another process. A `&mut [u8]` to such memory is only created for the exclusive owner of its block.

mod copy;
mod host_range;
#[cfg(all(test, target_os = "linux", feature = "mapping"))]
mod hostile;
#[cfg(all(target_os = "linux", target_arch = "x86_64", feature = "kvm-ioctls"))]
pub(super) mod kvm;
#[cfg(all(test, target_os = "linux", target_arch = "x86_64", feature = "kvm-ioctls"))]
mod kvm_guest;
#[cfg(all(target_os = "linux", feature = "mapping"))]
pub(super) mod mapped;
#[cfg(all(target_os = "linux", feature = "mapping"))]
pub(super) mod pagemap;
mod prefetch;
#[cfg(all(test, target_os = "linux", feature = "mapping"))]
mod restricted;
#[cfg(all(target_os = "linux", feature = "mapping"))]
pub(super) mod userfault;
pub(super) mod vector;
#[cfg(all(target_os = "linux", feature = "mapping"))]
mod vectored;
#[cfg(feature = "vm-memory")]
mod volatile;
#[cfg(all(target_arch = "x86_64", not(miri)))]
mod wide;
pub(super) mod words;

pub use host_range::HostRange;
pub(crate) use prefetch::prefetch_pages;
#[cfg(all(target_os = "linux", feature = "mapping"))]
pub(crate) use vectored::read_memory_at;
#[cfg(all(target_os = "linux", feature = "mapping"))]
pub(crate) use vectored::write_memory_at;
#[cfg(all(target_os = "linux", feature = "mapping"))]
pub use vectored::{Gather, Scatter, read_scattered, write_gathered};
