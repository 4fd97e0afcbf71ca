//! Memory slots of KVM: the parts of blocks that a VM has, and their dirty logs.

use std::io;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd};

use kvm_bindings::{
    KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE, KVM_MEM_LOG_DIRTY_PAGES,
    kvm_clear_dirty_log, kvm_clear_dirty_log__bindgen_ty_1, kvm_enable_cap, kvm_userspace_memory_region,
};
use kvm_ioctls::VmFd;
use rustix::ioctl::{Opcode, opcode};

use super::userfault::update;

/// The number of the operation, which kvm-ioctls lacks: `_IOWR(KVMIO, 0xc0, struct kvm_clear_dirty_log)`.
const CLEAR_DIRTY_LOG: Opcode = opcode::read_write::<kvm_clear_dirty_log>(0xae, 0xc0);

/// A memory slot of a VM: a part of a block, for a [`KvmLog`](crate::memory::KvmLog).
#[derive(Debug, Clone, Copy)]
pub struct KvmSlot {
    block: usize,
    offset: u64,
    region: kvm_userspace_memory_region,
}

impl KvmSlot {
    /// Describes the slot of `region`, which is the memory at `offset` of the block with the number `block`.
    ///
    /// # Safety
    /// `region` was passed to `set_user_memory_region` of the VM. While the slot is used, the VM has this region, and
    /// nothing changes it except for the flag `KVM_MEM_LOG_DIRTY_PAGES`. The slot may also be deleted.
    #[must_use]
    pub unsafe fn new(block: usize, offset: u64, region: kvm_userspace_memory_region) -> Self {
        Self { block, offset, region }
    }

    pub(in crate::memory) fn block(&self) -> usize {
        self.block
    }

    /// Returns the bytes of the block.
    pub(in crate::memory) fn bytes(&self) -> Range<u64> {
        self.offset..self.offset.saturating_add(self.region.memory_size)
    }

    /// Starts or stops KVM's log. The slot's other flags are the caller's.
    pub(in crate::memory) fn set_logging(&self, vm: &VmFd, enabled: bool) -> io::Result<()> {
        let mut region = self.region;
        if enabled {
            region.flags |= KVM_MEM_LOG_DIRTY_PAGES;
        }
        // SAFETY: the VM has the region, as `new` requires, so only its flag changes.
        Ok(unsafe { vm.set_user_memory_region(region) }?)
    }

    /// Returns a bit for each page of the slot that was written. With automatic protection this clears them.
    pub(in crate::memory) fn dirty_pages(&self, vm: &VmFd) -> io::Result<Vec<u64>> {
        let size = usize::try_from(self.region.memory_size).map_err(|_| io::ErrorKind::InvalidInput)?;
        Ok(vm.get_dirty_log(self.region.slot, size)?)
    }

    /// Clears the bits of `words`, which are the words of the bitmap from the word `first` on, and protects their pages.
    pub(in crate::memory) fn clear(&self, vm: &VmFd, first: usize, words: &[u64]) -> io::Result<()> {
        let first_page = first as u64 * 64;
        let left = (self.region.memory_size / rustix::param::page_size() as u64).saturating_sub(first_page);
        let num_pages = u32::try_from(left.min(words.len() as u64 * 64)).map_err(|_| io::ErrorKind::InvalidInput)?;
        let bitmap = kvm_clear_dirty_log__bindgen_ty_1 { dirty_bitmap: words.as_ptr().cast_mut().cast() };
        let mut argument =
            kvm_clear_dirty_log { slot: self.region.slot, num_pages, first_page, __bindgen_anon_1: bitmap };
        // SAFETY: the operation takes this struct, reads a bit of `words` for each of `num_pages`, and only changes the
        // protection of the guest's pages.
        unsafe { update::<CLEAR_DIRTY_LOG, _>(file(vm), &mut argument) }
    }
}

/// Lets the bits of a VM's logs be cleared only by [`KvmSlot::clear`]. Returns whether the kernel supports it.
pub(in crate::memory) fn protect_manually(vm: &VmFd) -> bool {
    let args = [KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE.into(), 0, 0, 0];
    vm.enable_cap(&kvm_enable_cap { cap: KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2, args, ..Default::default() }).is_ok()
}

fn file(vm: &VmFd) -> BorrowedFd<'_> {
    // SAFETY: `vm` owns the descriptor and is borrowed as long.
    unsafe { BorrowedFd::borrow_raw(vm.as_raw_fd()) }
}
