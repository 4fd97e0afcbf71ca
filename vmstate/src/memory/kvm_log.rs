//! KVM's dirty log.

use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kvm_ioctls::VmFd;
use rustix::io::Errno;

use super::sys::kvm::{KvmSlot, protect_manually};
use super::{DirtyBitmap, DirtyLog, DirtyWord, Layout, MemoryError};

/// The [`DirtyLog`] of KVM: the pages that vCPUs write.
///
/// Devices write memory without KVM, so combine it with the log of their writes as [`CombinedLog`](super::CombinedLog).
/// [`WriteProtect`](super::WriteProtect) reports both kinds of writes, but a vCPU's first write to a page takes longer.
///
/// `start` enables manual protection (`KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2`) of the VM if the kernel supports it: a
/// collection then protects only the pages that it takes, and not the whole slot. Nothing else may read the VM's logs.
///
/// ```
/// use std::sync::Arc;
/// use kvm_bindings::kvm_userspace_memory_region;
/// use kvm_ioctls::Kvm;
/// use vmstate::memory::{DirtyLog, KvmLog, KvmSlot, Layout, MappingOptions, PageSize};
///
/// # if std::fs::File::options().read(true).write(true).open("/dev/kvm").is_err() { return Ok(()) }
/// let vm = Arc::new(Kvm::new()?.create_vm()?);
/// let ram = Arc::new(MappingOptions::anonymous().map("ram", 1 << 20)?);
/// let region = kvm_userspace_memory_region {
///     memory_size: 1 << 20,
///     userspace_addr: ram.memory().as_ptr().addr() as u64,
///     ..Default::default()
/// };
/// // SAFETY: the memory is mapped for as long as vCPUs run.
/// unsafe { vm.set_user_memory_region(region)? };
/// // SAFETY: the VM has the region from now on.
/// let slot = unsafe { KvmSlot::new(0, 0, region) };
///
/// let layout = Layout::new(PageSize::DEFAULT, [&ram])?;
/// let log = KvmLog::new(&layout, vm, vec![slot])?;
/// log.start()?;
/// let dirty = layout.bitmaps();
/// log.collect(0, 0..layout.pages(0), &dirty[0])?;
/// assert!(dirty[0].is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct KvmLog {
    vm: Arc<VmFd>,
    slots: Vec<KvmSlot>,
    page_size: u64,
    /// The names of the blocks, for messages.
    names: Vec<String>,
    /// The pages that KVM has reported and that were not collected.
    pending: Vec<DirtyBitmap>,
    /// Unset if the log is not running. Reading and clearing the log of a slot are one step for other collectors.
    protection: Mutex<Option<Protection>>,
}

/// The time at which KVM protects reported pages again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Protection {
    /// With the report.
    Automatic,
    /// When they are cleared.
    Manual,
}

impl KvmLog {
    /// Creates a stopped log of `slots`, which belong to `vm` and to the blocks of `layout`.
    ///
    /// # Errors
    /// Returns an error if a slot is outside of its block.
    pub fn new(layout: &Layout, vm: Arc<VmFd>, slots: Vec<KvmSlot>) -> Result<Self, MemoryError> {
        slots.iter().try_for_each(|slot| check(layout, slot))?;
        Ok(Self {
            vm,
            slots,
            page_size: layout.page_size().bytes(),
            names: layout.blocks().iter().map(|block| block.idstr.clone()).collect(),
            pending: layout.bitmaps(),
            protection: Mutex::new(None),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Option<Protection>> {
        self.protection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the log.
    pub(super) fn start_with(&self, protection: impl FnOnce(&VmFd) -> Protection) -> Result<(), MemoryError> {
        let mut running = self.lock();
        if running.is_some() {
            return Err(MemoryError::AlreadyStarted);
        }
        let protection = protection(&self.vm);
        // The error of the start is the one to report.
        self.enable(protection).inspect_err(|_| drop(self.disable()))?;
        *running = Some(protection);
        Ok(())
    }

    /// Enables the log of all slots. Pages that were reported before, because a log was already enabled, are forgotten.
    fn enable(&self, protection: Protection) -> Result<(), MemoryError> {
        for slot in &self.slots {
            let enabled = slot.set_logging(&self.vm, true);
            enabled.map_err(|error| self.failed("starting KVM's dirty log", slot, error))?;
            self.take(slot, protection, &slot.bytes())?;
        }
        self.pending.iter().for_each(DirtyBitmap::clear);
        Ok(())
    }

    /// Disables the log of all slots. Returns the first error.
    fn disable(&self) -> Result<(), MemoryError> {
        let disabled = self.slots.iter().map(|slot| {
            let disabled = slot.set_logging(&self.vm, false);
            disabled.map_err(|error| self.failed("stopping KVM's dirty log", slot, error))
        });
        disabled.fold(Ok(()), Result::and)
    }

    /// Moves the written pages of `bytes` of a block from a slot to the pending pages.
    fn take(&self, slot: &KvmSlot, protection: Protection, bytes: &Range<u64>) -> Result<(), MemoryError> {
        let failed = |error| self.failed("collecting dirty pages of KVM", slot, error);
        let bitmap = slot.dirty_pages(&self.vm).map_err(failed)?;
        let words = match protection {
            // The other pages are cleared, too.
            Protection::Automatic => 0..bitmap.len(),
            Protection::Manual => words(slot, bytes, bitmap.len()),
        };
        let (first, found) = (words.start, bitmap.get(words).unwrap_or_default());
        self.add(slot, first, found);
        if protection == Protection::Manual && found.iter().any(|word| *word != 0) {
            slot.clear(&self.vm, first, found).map_err(failed)?;
        }
        Ok(())
    }

    /// Adds the pages of `words`, the words of a slot's bitmap from the word `first` on, to the pending ones.
    fn add(&self, slot: &KvmSlot, first: usize, words: &[u64]) {
        let Some(pending) = self.pending.get(slot.block()) else { return };
        for (number, bits) in (first as u64..).zip(words) {
            for run in DirtyWord::new(number * 64, *bits).runs() {
                let [start, end] = [run.start, run.end].map(|page| slot.bytes().start + page * host_page_size());
                pending.insert_range(start / self.page_size..end.div_ceil(self.page_size));
            }
        }
    }

    fn failed(&self, operation: &'static str, slot: &KvmSlot, source: io::Error) -> MemoryError {
        let remedy = match Errno::from_io_error(&source) {
            Some(Errno::NOENT) => "its memory slot or its log was removed; start the log again and send all pages",
            Some(Errno::IO) => "use the log in the process that has created the VM",
            Some(Errno::NOMEM) => "free memory",
            _ => "its memory slot has changed; create a log of the new slot and send all pages",
        };
        MemoryError::system(operation, self.names.get(slot.block()).map_or("", String::as_str), remedy, source)
    }
}

impl DirtyLog for KvmLog {
    fn start(&self) -> Result<(), MemoryError> {
        self.start_with(Protection::select)
    }

    fn collect(&self, block: usize, pages: Range<u64>, dirty: &DirtyBitmap) -> Result<(), MemoryError> {
        let running = self.lock();
        let protection = running.ok_or(MemoryError::NotStarted)?;
        let blocks = self.pending.len();
        let pending = self.pending.get(block).ok_or(MemoryError::UnknownBlock { block, blocks })?;
        let bytes = pages.start.saturating_mul(self.page_size)..pages.end.saturating_mul(self.page_size);
        for slot in self.slots.iter().filter(|slot| slot.block() == block && overlap(&slot.bytes(), &bytes)) {
            self.take(slot, protection, &bytes)?;
        }
        pending.move_range(pages, dirty);
        Ok(())
    }

    fn put_back(&self, block: usize, pages: &DirtyBitmap) -> Result<(), MemoryError> {
        self.lock().ok_or(MemoryError::NotStarted)?;
        let blocks = self.pending.len();
        self.pending.get(block).ok_or(MemoryError::UnknownBlock { block, blocks })?.insert_all(pages);
        Ok(())
    }

    fn stop(&self) -> Result<(), MemoryError> {
        self.lock().take().map_or(Ok(()), |_| self.disable())
    }
}

impl Drop for KvmLog {
    fn drop(&mut self) {
        // The VM may be gone, or its slots.
        let _ = self.stop();
    }
}

impl std::fmt::Debug for KvmLog {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KvmLog").field("slots", &self.slots).field("protection", &self.lock()).finish_non_exhaustive()
    }
}

impl Protection {
    /// Selects manual protection if the kernel supports it.
    fn select(vm: &VmFd) -> Self {
        if protect_manually(vm) { Self::Manual } else { Self::Automatic }
    }
}

fn check(layout: &Layout, slot: &KvmSlot) -> Result<(), MemoryError> {
    let (block, blocks) = (slot.block(), layout.blocks().len());
    let block = layout.blocks().get(block).ok_or(MemoryError::UnknownBlock { block, blocks })?;
    let (bytes, size) = (slot.bytes(), block.size);
    if bytes.end <= size {
        return Ok(());
    }
    let (idstr, offset, length) = (block.idstr.clone(), bytes.start, bytes.end - bytes.start);
    Err(MemoryError::OutOfRange { idstr, size, offset, length })
}

/// Returns the words of a slot's bitmap that have pages of `bytes` of its block.
fn words(slot: &KvmSlot, bytes: &Range<u64>, count: usize) -> Range<usize> {
    let word = |bytes: u64| usize::try_from(bytes).unwrap_or(usize::MAX).min(count);
    let (start, size) = (slot.bytes().start, 64 * host_page_size());
    word(bytes.start.saturating_sub(start) / size)..word(bytes.end.saturating_sub(start).div_ceil(size))
}

fn overlap(left: &Range<u64>, right: &Range<u64>) -> bool {
    left.start < right.end && right.start < left.end
}

fn host_page_size() -> u64 {
    rustix::param::page_size() as u64
}
