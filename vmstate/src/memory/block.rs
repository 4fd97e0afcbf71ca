//! Blocks of guest memory.

#[cfg(unix)]
use std::os::fd::BorrowedFd;
use std::sync::Arc;

use super::{HostRange, MemoryError, Sharing};

/// A block of guest memory (QEMU's `RAMBlock`) that several threads access.
///
/// Reads and writes may run at the same time as writes of the guest; see [the module](super#races).
///
/// ```
/// use std::sync::Mutex;
///
/// use vmstate::memory::{MemoryError, RamBlock};
///
/// /// Memory of a small device.
/// struct Sram(Mutex<[u8; 4096]>);
///
/// impl RamBlock for Sram {
///     fn idstr(&self) -> &str {
///         "sram"
///     }
///
///     fn size(&self) -> u64 {
///         4096
///     }
///
///     fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), MemoryError> {
///         let range = self.range(offset, into.len())?;
///         into.copy_from_slice(&self.0.lock().unwrap()[range]);
///         Ok(())
///     }
///
///     fn write(&self, offset: u64, from: &[u8]) -> Result<(), MemoryError> {
///         let range = self.range(offset, from.len())?;
///         self.0.lock().unwrap()[range].copy_from_slice(from);
///         Ok(())
///     }
/// }
/// ```
pub trait RamBlock {
    /// Returns the name, such as `pc.ram` or `0000:00:02.0/vga.vram`, of at most 255 bytes.
    fn idstr(&self) -> &str;

    /// Returns the size in bytes.
    fn size(&self) -> u64;

    /// Returns the size of the host's pages that back the memory: 4096 bytes unless it is in huge pages.
    ///
    /// The host protects, faults and discards whole host pages.
    fn host_page_size(&self) -> u64 {
        4096
    }

    /// Copies the memory at `offset` into `into`.
    ///
    /// # Errors
    /// Returns an error if the range exceeds the block, or the memory cannot be read.
    fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), MemoryError>;

    /// Copies `from` into the memory at `offset`.
    ///
    /// # Errors
    /// Returns an error if the range exceeds the block, or the memory cannot be written.
    fn write(&self, offset: u64, from: &[u8]) -> Result<(), MemoryError>;

    /// Returns the host's memory at `offset`, up to `length` bytes: fewer if the block is in several pieces. `None` (the
    /// default) if the memory has no address, such as memory of a test or a read-only block that is generated.
    ///
    /// The kernel reads and writes pages at their address: they are sent and loaded without a copy, and dirty logs and page faults
    /// by userfaultfd require the address. A log that [`write`](Self::write) keeps does not record pages that are loaded so: start
    /// it, or a new set of [changes](super::Changes), after the load.
    fn host_range(&self, offset: u64, length: usize) -> Option<HostRange<'_>> {
        let _ = (offset, length);
        None
    }

    /// Returns the memory if it is private to the process and in usual pages, so that pages of a file can replace it. `None` is the
    /// default. [`Mapping`](super::Mapping) implements it for anonymous memory.
    #[cfg(all(target_os = "linux", feature = "mapping", feature = "snapshot"))]
    fn private_memory(&self) -> Option<super::PrivateMemory<'_>> {
        None
    }

    /// Returns the whole memory as a slice, or `None` (the default) if anyone else may access it meanwhile.
    ///
    /// Only a block that owns its memory exclusively implements this, or an `Arc` without other references to one. Such memory is
    /// saved to any writer, and loaded, without a copy.
    fn exclusive(&mut self) -> Option<&mut [u8]> {
        None
    }

    /// Returns whether other processes of the host can get the same memory. By default, they cannot.
    ///
    /// A migration leaves out memory that the destination shares.
    fn sharing(&self) -> Sharing {
        Sharing::Private
    }

    /// Returns the descriptor of the memory, which begins at its first byte, unless it is [private](Sharing::Private).
    #[cfg(unix)]
    fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// Returns the address of the memory in its region of the guest's address space. The default is 0, which QEMU has for memory
    /// that only an alias maps.
    ///
    /// Both sides must have the same one if shared memory is left out of the stream (QEMU: `addr` of the block's
    /// `MemoryRegion`).
    fn guest_address(&self) -> u64 {
        0
    }

    /// Returns the range of `length` bytes at `offset`, for implementations.
    ///
    /// # Errors
    /// Returns an error if the range exceeds the block.
    fn range(&self, offset: u64, length: usize) -> Result<std::ops::Range<usize>, MemoryError> {
        let bytes = || {
            let end = offset.checked_add(u64::try_from(length).ok()?).filter(|end| *end <= self.size())?;
            Some(usize::try_from(offset).ok()?..usize::try_from(end).ok()?)
        };
        bytes().ok_or_else(|| MemoryError::out_of_range(self.idstr(), self.size(), offset, length))
    }
}

/// Forwards all methods but `exclusive`, which is given.
macro_rules! forward {
    ($($type:ty $(, $exclusive:item)?;)*) => {$(
        impl<B: RamBlock + ?Sized> RamBlock for $type {
            $($exclusive)?

            fn idstr(&self) -> &str {
                (**self).idstr()
            }

            fn size(&self) -> u64 {
                (**self).size()
            }

            fn host_page_size(&self) -> u64 {
                (**self).host_page_size()
            }

            fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), MemoryError> {
                (**self).read(offset, into)
            }

            fn write(&self, offset: u64, from: &[u8]) -> Result<(), MemoryError> {
                (**self).write(offset, from)
            }

            fn host_range(&self, offset: u64, length: usize) -> Option<HostRange<'_>> {
                (**self).host_range(offset, length)
            }

            fn sharing(&self) -> Sharing {
                (**self).sharing()
            }

            #[cfg(unix)]
            fn descriptor(&self) -> Option<BorrowedFd<'_>> {
                (**self).descriptor()
            }

            fn guest_address(&self) -> u64 {
                (**self).guest_address()
            }

            #[cfg(all(target_os = "linux", feature = "mapping", feature = "snapshot"))]
            fn private_memory(&self) -> Option<super::PrivateMemory<'_>> {
                (**self).private_memory()
            }
        }
    )*};
}

forward! {
    &B;
    Arc<B>,
    fn exclusive(&mut self) -> Option<&mut [u8]> {
        Self::get_mut(self)?.exclusive()
    };
}
