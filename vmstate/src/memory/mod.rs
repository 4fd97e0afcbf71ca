//! Guest memory that several threads access: blocks, mappings, dirty logs and page faults.
//!
//! A [`RamBlock`] is a block of guest memory that vCPUs, devices, the RAM section and migration share. [`VecBlock`] and
//! [`Mapping`] implement it. A [`DirtyLog`] records the pages that a running guest writes, and a [`DirtyBitmap`] holds
//! such pages.
//!
//! ```
//! use vmstate::memory::{DirtyLog, Layout, Marked, PageSize, RamBlock, VecBlock};
//!
//! let ram = VecBlock::new("ram", vec![0; 64 * 1024]);
//! let layout = Layout::new(PageSize::DEFAULT, [&ram])?;
//! let log = Marked::new(&layout);
//! log.start()?;
//!
//! // The guest writes; an emulator marks each of its stores.
//! ram.write(0x2345, &[1, 2, 3])?;
//! log.mark(0, 0x2345, 3);
//!
//! let dirty = layout.bitmaps();
//! log.collect(0, 0..layout.pages(0), &dirty[0])?;
//! assert_eq!(dirty[0].runs().collect::<Vec<_>>(), [2..3]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Races
//!
//! The guest may write a page while it is read. The library reads and writes such memory only with relaxed atomic
//! operations, or lets the kernel do it, and never creates a reference to it, so the result is a mixture of old and new
//! bytes and not undefined behavior. A migration sends the page again, because the dirty log reports it.
//!
//! All unsafe code of the module is in `memory/sys`.

mod block;
mod changes;
mod combined_log;
mod dirty_bitmap;
mod dirty_log;
#[cfg(all(target_os = "linux", feature = "mapping", any(feature = "migration", feature = "snapshot")))]
mod discard;
mod error;
#[cfg(all(target_os = "linux", feature = "mapping"))]
mod faults;
#[cfg(all(target_os = "linux", feature = "mapping"))]
mod first_writes;
mod invalid_blocks;
#[cfg(all(target_os = "linux", feature = "mapping", feature = "snapshot"))]
mod kept_faults;
#[cfg(all(target_os = "linux", target_arch = "x86_64", feature = "kvm-ioctls"))]
mod kvm_log;
mod layout;
#[cfg(all(target_os = "linux", feature = "mapping"))]
mod mapping;
mod marked;
#[cfg(all(target_os = "linux", feature = "mapping"))]
mod minor;
#[cfg(all(target_os = "linux", feature = "mapping"))]
mod missing;
mod page_size;
#[cfg(all(target_os = "linux", feature = "mapping", feature = "snapshot"))]
mod private_memory;
mod running;
mod sharing;
#[expect(unsafe_code, reason = "memory that other threads, guests and the kernel change has no safe interface")]
mod sys;
#[cfg(all(target_os = "linux", feature = "mapping"))]
mod tracked;
mod vec_block;
#[cfg(all(target_os = "linux", feature = "mapping"))]
mod write_protect;

pub use block::RamBlock;
pub use changes::Changes;
pub use combined_log::CombinedLog;
pub use dirty_bitmap::{DirtyBitmap, DirtyWord};
pub use dirty_log::DirtyLog;
#[cfg(all(target_os = "linux", feature = "mapping", any(feature = "migration", feature = "snapshot")))]
pub(crate) use discard::discard;
pub use error::MemoryError;
#[cfg(all(target_os = "linux", feature = "mapping"))]
pub use faults::{Fault, Placed};
#[cfg(all(target_os = "linux", feature = "mapping"))]
pub use first_writes::{FirstWrites, ProtectedPages};
pub use invalid_blocks::InvalidBlocks;
#[cfg(all(target_os = "linux", feature = "mapping", feature = "snapshot"))]
pub(crate) use kept_faults::KeptFaults;
#[cfg(all(target_os = "linux", target_arch = "x86_64", feature = "kvm-ioctls"))]
pub use kvm_log::KvmLog;
pub use layout::{BlockLayout, Layout};
#[cfg(all(target_os = "linux", feature = "mapping"))]
pub use mapping::{HugePages, Mapping, MappingOptions};
pub use marked::Marked;
#[cfg(all(target_os = "linux", feature = "mapping"))]
pub use minor::{MinorFaults, MinorPages};
#[cfg(all(target_os = "linux", feature = "mapping", feature = "snapshot"))]
pub(crate) use missing::BegunPages;
#[cfg(all(target_os = "linux", feature = "mapping"))]
pub use missing::{MissingFaults, MissingPages};
pub use page_size::{InvalidPageSize, PageSize};
#[cfg(all(target_os = "linux", feature = "mapping", feature = "snapshot"))]
pub use private_memory::PrivateMemory;
#[cfg(feature = "vm-memory")]
pub(crate) use running::Running;
pub use sharing::Sharing;
pub use sys::HostRange;
#[cfg(all(target_os = "linux", target_arch = "x86_64", feature = "kvm-ioctls"))]
pub use sys::kvm::KvmSlot;
pub(crate) use sys::prefetch_pages;
#[cfg(all(target_os = "linux", feature = "mapping"))]
pub(crate) use sys::read_memory_at;
#[cfg(all(target_os = "linux", feature = "mapping"))]
pub(crate) use sys::write_memory_at;
#[cfg(all(target_os = "linux", feature = "mapping"))]
pub use sys::{Gather, Scatter, read_scattered, write_gathered};
#[cfg(all(target_os = "linux", feature = "mapping"))]
pub use tracked::SharedBlock;
pub use vec_block::VecBlock;
#[cfg(all(target_os = "linux", feature = "mapping"))]
pub use write_protect::WriteProtect;
