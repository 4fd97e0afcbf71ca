//! The dirty log of the kernel: asynchronous write protection of userfaultfd.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use linux_raw_sys::general::{UFFD_FEATURE_WP_ASYNC, UFFD_FEATURE_WP_HUGETLBFS_SHMEM, UFFDIO_REGISTER_MODE_WP};

use rustix::io::Errno;

use super::sys::pagemap::take_written;
use super::sys::userfault::Userfault;
use super::tracked::{SharedBlock, parts, unsupported};
use super::{DirtyBitmap, DirtyLog, HostRange, Layout, MemoryError};

/// A [`DirtyLog`] of any mapped memory, without a privilege: the kernel removes the protection at the first write to a page,
/// and `PAGEMAP_SCAN` collects the unprotected pages and protects them again.
///
/// It reports writes by threads, by system calls and by KVM's vCPUs. Writes by other processes to shared memory are not
/// reported. It requires Linux 6.7 (better 6.9), and seccomp filters must allow `userfaultfd`, which
/// [`probe`](Self::probe) checks.
///
/// ```
/// use std::sync::Arc;
/// use vmstate::memory::{DirtyLog, Layout, MappingOptions, PageSize, RamBlock, WriteProtect};
///
/// # if WriteProtect::probe().is_err() { return Ok(()) }
/// let ram = Arc::new(MappingOptions::anonymous().map("ram", 1 << 20)?);
/// let layout = Layout::new(PageSize::DEFAULT, [&ram])?;
/// let log = WriteProtect::new(&layout, vec![ram.clone()])?;
/// log.start()?;
/// ram.write(0x5678, &[1])?;
/// let dirty = layout.bitmaps();
/// log.collect(0, 0..layout.pages(0), &dirty[0])?;
/// assert_eq!(dirty[0].runs().collect::<Vec<_>>(), [5..6]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct WriteProtect {
    page_size: u64,
    blocks: Vec<SharedBlock>,
    put_back: Vec<DirtyBitmap>,
    tracker: RwLock<Option<Tracker>>,
}

/// A running log.
#[derive(Debug)]
struct Tracker {
    registration: Registration,
    pagemap: File,
    /// The process that has started the log. A child would scan the memory of its parent.
    process: u32,
}

/// The registration of the memory.
#[derive(Debug)]
enum Registration {
    Own(Userfault),
    /// Pages of the memory are missing, and their faults have the registration.
    #[cfg(feature = "snapshot")]
    Missing(std::sync::Arc<super::KeptFaults>, std::sync::Arc<super::BegunPages>),
}

const OPERATION: &str = "dirty tracking by write protection";
const REQUIREMENT: &str = "asynchronous write protection by userfaultfd (Linux 6.7, CONFIG_USERFAULTFD)";
const FEATURES: u32 = UFFD_FEATURE_WP_ASYNC | UFFD_FEATURE_WP_HUGETLBFS_SHMEM;

impl WriteProtect {
    /// Creates a stopped log of `blocks`, which have the order of `layout`.
    ///
    /// # Errors
    /// Returns an error if a block has no address, or is not in whole host pages.
    pub fn new(layout: &Layout, blocks: Vec<SharedBlock>) -> Result<Self, MemoryError> {
        blocks.iter().try_for_each(|block| parts(&**block).map(drop))?;
        Ok(Self {
            page_size: layout.page_size().bytes(),
            blocks,
            put_back: layout.bitmaps(),
            tracker: RwLock::new(None),
        })
    }

    /// Creates a running log of memory whose pages are missing.
    #[cfg(feature = "snapshot")]
    pub(crate) fn of_missing(
        page_size: super::PageSize,
        blocks: Vec<SharedBlock>,
        faults: std::sync::Arc<super::KeptFaults>,
        begun: std::sync::Arc<super::BegunPages>,
    ) -> Result<Self, MemoryError> {
        let tracker = Tracker::new(Registration::Missing(faults, begun))?;
        let page_size = page_size.bytes();
        let put_back = blocks.iter().map(|block| DirtyBitmap::new(block.size().div_ceil(page_size))).collect();
        Ok(Self { page_size, blocks, put_back, tracker: RwLock::new(Some(tracker)) })
    }

    /// Checks that the system supports the log.
    ///
    /// # Errors
    /// Returns an error with the missing feature or permission.
    pub fn probe() -> Result<(), MemoryError> {
        Tracker::open().map(drop)
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<Tracker>> {
        self.tracker.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the written pages of a range of a block.
    fn take(
        &self,
        tracker: &Tracker,
        block: usize,
        bytes: &Range<u64>,
        dirty: &DirtyBitmap,
    ) -> Result<(), MemoryError> {
        let block = self.blocks.get(block).ok_or(MemoryError::UnknownBlock { block, blocks: self.blocks.len() })?;
        for part in parts(&**block)?.iter().filter_map(|part| part.intersect(bytes, block.host_page_size())) {
            let insert = |found: Range<u64>| {
                let found = part.offset + found.start..part.offset + found.end;
                tracker.registration.filter(block.idstr(), found, |found| {
                    dirty.insert_range(found.start / self.page_size..found.end.div_ceil(self.page_size));
                });
            };
            take_written(&tracker.pagemap, part.memory, insert).map_err(|error| lost(block.idstr(), error))?;
        }
        Ok(())
    }

    /// Registers all blocks and protects their pages.
    fn protect(&self, tracker: &Tracker) -> Result<(), MemoryError> {
        for (index, block) in self.blocks.iter().enumerate() {
            for part in parts(&**block)? {
                tracker.registration.register(part.memory).map_err(|error| unregistered(block.idstr(), error))?;
            }
            // All pages count as written now. Taking them protects them, in half the time of UFFDIO_WRITEPROTECT.
            self.take(tracker, index, &(0..block.size()), &DirtyBitmap::new(0))?;
        }
        Ok(())
    }

    /// Removes the protection of all blocks.
    ///
    /// Closing the descriptor would do that too, but only after a child has closed its copy, which another thread's
    /// `fork` has created. Until then, the memory could not be registered again.
    fn unprotect(&self, tracker: &Tracker) {
        if tracker.process != std::process::id() {
            return; // In a child, the descriptor still belongs to the memory of its parent.
        }
        for part in self.blocks.iter().filter_map(|block| parts(&**block).ok()).flatten() {
            tracker.registration.unregister(part.memory);
        }
        #[cfg(feature = "snapshot")]
        if let Registration::Missing(faults, _) = &tracker.registration {
            faults.release();
        }
    }

    /// Removes the protection, and the tracker with it.
    fn end(&self) {
        let stopped = self.tracker.write().unwrap_or_else(PoisonError::into_inner).take();
        stopped.iter().for_each(|tracker| self.unprotect(tracker));
    }
}

impl Registration {
    fn register(&self, memory: HostRange<'_>) -> io::Result<()> {
        match self {
            Self::Own(userfault) => userfault.register(memory, UFFDIO_REGISTER_MODE_WP),
            // All of it is registered.
            #[cfg(feature = "snapshot")]
            Self::Missing(..) => Ok(()),
        }
    }

    fn unregister(&self, memory: HostRange<'_>) {
        match self {
            // The memory is mapped and registered, so the kernel only fails if others have deregistered it.
            Self::Own(userfault) => drop(userfault.unregister(memory)),
            // It is deregistered as a whole.
            #[cfg(feature = "snapshot")]
            Self::Missing(..) => {}
        }
    }

    /// Calls `written` with the parts of a range that can have been written.
    #[cfg_attr(not(feature = "snapshot"), expect(unused_variables, reason = "all parts"))]
    fn filter(&self, idstr: &str, found: Range<u64>, mut written: impl FnMut(Range<u64>)) {
        match self {
            Self::Own(_) => written(found),
            #[cfg(feature = "snapshot")]
            Self::Missing(_, begun) => begun.filter(idstr, &found, written),
        }
    }
}

impl Drop for WriteProtect {
    fn drop(&mut self) {
        self.end();
    }
}

impl Tracker {
    fn open() -> Result<Self, MemoryError> {
        let userfault = Userfault::open(FEATURES, false).map_err(|error| unsupported(OPERATION, REQUIREMENT, error))?;
        Self::new(Registration::Own(userfault))
    }

    fn new(registration: Registration) -> Result<Self, MemoryError> {
        let pagemap = File::open("/proc/self/pagemap").map_err(|error| unsupported(OPERATION, REQUIREMENT, error))?;
        Ok(Self { registration, pagemap, process: std::process::id() })
    }
}

impl DirtyLog for WriteProtect {
    fn start(&self) -> Result<(), MemoryError> {
        let mut slot = self.tracker.write().unwrap_or_else(PoisonError::into_inner);
        if slot.is_some() {
            return Err(MemoryError::AlreadyStarted);
        }
        let tracker = Tracker::open()?;
        self.protect(&tracker)?;
        self.put_back.iter().for_each(DirtyBitmap::clear);
        *slot = Some(tracker);
        Ok(())
    }

    fn collect(&self, block: usize, pages: Range<u64>, dirty: &DirtyBitmap) -> Result<(), MemoryError> {
        let tracker = self.read();
        let tracker = tracker.as_ref().ok_or(MemoryError::NotStarted)?;
        if tracker.process != std::process::id() {
            return Err(MemoryError::OtherProcess);
        }
        let bytes = pages.start.saturating_mul(self.page_size)..pages.end.saturating_mul(self.page_size);
        self.take(tracker, block, &bytes, dirty)?;
        if let Some(put_back) = self.put_back.get(block) {
            put_back.move_range(pages, dirty);
        }
        Ok(())
    }

    fn put_back(&self, block: usize, pages: &DirtyBitmap) -> Result<(), MemoryError> {
        if self.read().is_none() {
            return Err(MemoryError::NotStarted);
        }
        let put_back = self.put_back.get(block);
        put_back.ok_or(MemoryError::UnknownBlock { block, blocks: self.blocks.len() })?.insert_all(pages);
        Ok(())
    }

    fn stop(&self) -> Result<(), MemoryError> {
        self.end();
        Ok(())
    }
}

impl std::fmt::Debug for WriteProtect {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<_> = self.blocks.iter().map(|block| block.idstr()).collect();
        f.debug_struct("WriteProtect").field("blocks", &names).field("tracker", &self.read()).finish()
    }
}

fn lost(idstr: &str, source: io::Error) -> MemoryError {
    let remedy = match Errno::from_io_error(&source) {
        Some(Errno::NOTTY | Errno::NOSYS) => "update the kernel: PAGEMAP_SCAN requires Linux 6.7",
        Some(Errno::ACCESS) => "allow PAGEMAP_SCAN in the seccomp filter or container",
        _ => "its memory was unmapped, remapped or deregistered; start the log again and send all pages",
    };
    MemoryError::system("collecting dirty pages", idstr, remedy, source)
}

fn unregistered(idstr: &str, source: io::Error) -> MemoryError {
    let remedy = match Errno::from_io_error(&source) {
        Some(Errno::BUSY) => "another userfaultfd or dirty log tracks its memory; stop that first",
        Some(Errno::NOMEM) => "free memory",
        _ => "select memory that userfaultfd can protect: anonymous, memfd or huge pages",
    };
    MemoryError::system("registration for dirty tracking", idstr, remedy, source)
}

#[cfg(test)]
pub(super) mod tests;
