//! The dirty log of the kernel: asynchronous write protection of userfaultfd.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::{RwLock, RwLockReadGuard};

use linux_raw_sys::general::{UFFD_FEATURE_WP_ASYNC, UFFD_FEATURE_WP_HUGETLBFS_SHMEM, UFFDIO_REGISTER_MODE_WP};

use rustix::io::Errno;

use super::sys::pagemap::take_written;
use super::sys::userfault::Userfault;
use super::tracked::{SharedBlock, parts, unsupported};
use super::{DirtyBitmap, DirtyLog, Layout, MemoryError};

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

/// The descriptor of a running log, with which memory is registered.
#[derive(Debug)]
struct Tracker {
    userfault: Userfault,
    pagemap: File,
    /// The process that has started the log. A child would scan the memory of its parent.
    process: u32,
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

    /// Checks that the system supports the log.
    ///
    /// # Errors
    /// Returns an error with the missing feature or permission.
    pub fn probe() -> Result<(), MemoryError> {
        Tracker::open().map(drop)
    }

    fn read(&self) -> RwLockReadGuard<'_, Option<Tracker>> {
        self.tracker.read().unwrap_or_else(std::sync::PoisonError::into_inner)
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
                let (start, end) = (part.offset + found.start, part.offset + found.end);
                dirty.insert_range(start / self.page_size..end.div_ceil(self.page_size));
            };
            take_written(&tracker.pagemap, part.memory, insert).map_err(|error| lost(block.idstr(), error))?;
        }
        Ok(())
    }

    /// Registers all blocks and protects their pages.
    fn protect(&self, tracker: &Tracker) -> Result<(), MemoryError> {
        for (index, block) in self.blocks.iter().enumerate() {
            for part in parts(&**block)? {
                let registered = tracker.userfault.register(part.memory, UFFDIO_REGISTER_MODE_WP);
                registered.map_err(|error| unregistered(block.idstr(), error))?;
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
            // The memory is mapped and registered, so the kernel only fails if others have deregistered it.
            let _ = tracker.userfault.unregister(part.memory);
        }
    }

    /// Removes the protection, and the tracker with it.
    fn end(&self) {
        let stopped = self.tracker.write().unwrap_or_else(std::sync::PoisonError::into_inner).take();
        stopped.iter().for_each(|tracker| self.unprotect(tracker));
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
        let pagemap = File::open("/proc/self/pagemap").map_err(|error| unsupported(OPERATION, REQUIREMENT, error))?;
        Ok(Self { userfault, pagemap, process: std::process::id() })
    }
}

impl DirtyLog for WriteProtect {
    fn start(&self) -> Result<(), MemoryError> {
        let mut slot = self.tracker.write().unwrap_or_else(std::sync::PoisonError::into_inner);
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
mod tests {
    use std::iter::once;
    use std::os::fd::AsFd;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;
    use crate::memory::{HugePages, Mapping, MappingOptions, PageSize, RamBlock, VecBlock};

    const SIZE: u64 = 4 << 20;
    const PAGES: u64 = SIZE / 4096;

    /// Returns whether the kernel supports the log. `VMSTATE_REQUIRE_USERFAULTFD` turns a missing feature into a failure.
    fn is_supported() -> bool {
        let probe = WriteProtect::probe();
        assert!(probe.is_ok() || std::env::var_os("VMSTATE_REQUIRE_USERFAULTFD").is_none(), "{probe:?}");
        if let Err(error) = &probe {
            eprintln!("NOT TESTED: {error}");
        }
        probe.is_ok()
    }

    fn kinds() -> Vec<(&'static str, MappingOptions)> {
        let file = || {
            let file = tempfile::tempfile().unwrap();
            file.set_len(SIZE).unwrap();
            file
        };
        vec![
            ("anonymous", MappingOptions::anonymous()),
            ("populated", MappingOptions::anonymous().prefault(true)),
            ("huge pages", MappingOptions::anonymous().huge_pages(HugePages::Transparent).prefault(true)),
            ("memfd", MappingOptions::memfd()),
            ("populated memfd", MappingOptions::memfd().prefault(true)),
            ("private file", MappingOptions::private_file(file())),
            ("shared file", MappingOptions::shared_file(file())),
        ]
    }

    fn log(options: MappingOptions) -> (Arc<Mapping>, WriteProtect) {
        let ram = Arc::new(options.map("ram", SIZE).unwrap());
        let layout = Layout::new(PageSize::DEFAULT, [&ram]).unwrap();
        let log = WriteProtect::new(&layout, vec![ram.clone()]).unwrap();
        (ram, log)
    }

    fn collected(log: &WriteProtect, pages: Range<u64>) -> Vec<Range<u64>> {
        let dirty = DirtyBitmap::new(PAGES);
        log.collect(0, pages, &dirty).unwrap();
        dirty.runs().collect()
    }

    #[test]
    fn each_written_page_is_reported_once() {
        if !is_supported() {
            return;
        }
        for (name, options) in kinds() {
            let (ram, log) = log(options);
            ram.write(0, &[1]).unwrap();
            log.start().unwrap();
            assert_eq!(collected(&log, 0..PAGES), [], "{name}");
            ram.write(0x1fff, &[1, 2]).unwrap();
            ram.write(SIZE - 1, &[3]).unwrap();
            assert_eq!(collected(&log, 0..2), Vec::from_iter(once(1..2)), "{name}");
            assert_eq!(collected(&log, 0..u64::MAX), [2..3, PAGES - 1..PAGES], "{name}");
            assert_eq!(collected(&log, 0..PAGES), [], "{name}");
            log.stop().unwrap();
            assert!(matches!(log.collect(0, 0..1, &DirtyBitmap::new(1)), Err(MemoryError::NotStarted)));
            log.start().unwrap();
        }
    }

    /// More regions than one call returns.
    #[test]
    fn every_second_page_is_reported() {
        if !is_supported() {
            return;
        }
        let ram = Arc::new(MappingOptions::anonymous().map("ram", 4 * SIZE).unwrap());
        let log = WriteProtect::new(&Layout::new(PageSize::DEFAULT, [&ram]).unwrap(), vec![ram.clone()]).unwrap();
        log.start().unwrap();
        (0..4 * PAGES).step_by(2).for_each(|page| ram.write(page * 4096, &[1]).unwrap());
        let dirty = DirtyBitmap::new(4 * PAGES);
        log.collect(0, 0..4 * PAGES, &dirty).unwrap();
        assert_eq!(dirty.count(), 2 * PAGES);
        assert!(dirty.runs().all(|run| run.start.is_multiple_of(2) && run.end == run.start + 1));
    }

    #[test]
    fn pages_put_back_are_reported_again() {
        if !is_supported() {
            return;
        }
        let (_, log) = log(MappingOptions::anonymous());
        log.start().unwrap();
        let pages = DirtyBitmap::new(PAGES);
        pages.insert_range(7..9);
        log.put_back(0, &pages).unwrap();
        assert_eq!(collected(&log, 0..PAGES), Vec::from_iter(once(7..9)));
        assert!(matches!(log.put_back(1, &pages), Err(MemoryError::UnknownBlock { block: 1, blocks: 1 })));
        assert!(matches!(log.collect(1, 0..1, &pages), Err(MemoryError::UnknownBlock { block: 1, blocks: 1 })));
    }

    /// Small target pages in a host page, and a page that is larger.
    #[test]
    fn pages_of_other_sizes_are_reported() {
        if !is_supported() {
            return;
        }
        for (page_size, expected) in [(1024, 20..24), (0x10000, 0..1)] {
            let ram = Arc::new(MappingOptions::anonymous().map("ram", SIZE).unwrap());
            let layout = Layout::new(PageSize::new(page_size).unwrap(), [&ram]).unwrap();
            let log = WriteProtect::new(&layout, vec![ram.clone()]).unwrap();
            log.start().unwrap();
            ram.write(0x5400, &[1]).unwrap();
            let dirty = layout.bitmaps();
            log.collect(0, 21..22, &dirty[0]).unwrap();
            log.collect(0, 0..layout.pages(0), &dirty[0]).unwrap();
            assert!(dirty[0].runs().eq(once(expected)));
        }
    }

    #[test]
    fn second_registration_names_the_remedy() {
        if !is_supported() {
            return;
        }
        let (ram, first) = log(MappingOptions::anonymous());
        first.start().unwrap();
        assert!(matches!(first.start(), Err(MemoryError::AlreadyStarted)));
        let layout = Layout::new(PageSize::DEFAULT, [&ram]).unwrap();
        let second = WriteProtect::new(&layout, vec![ram.clone()]).unwrap();
        let error = second.start().unwrap_err().to_string();
        assert!(error.contains("another userfaultfd or dirty log tracks its memory"), "{error}");
        // The first one is unharmed.
        ram.write(0x3000, &[1]).unwrap();
        assert_eq!(collected(&first, 0..PAGES), Vec::from_iter(once(3..4)));
        first.stop().unwrap();
        second.start().unwrap();
    }

    /// A thread that starts a process copies all descriptors for a moment.
    #[test]
    fn copies_of_the_descriptor_do_not_keep_memory() {
        if !is_supported() {
            return;
        }
        let (ram, first) = log(MappingOptions::anonymous());
        first.start().unwrap();
        let copy = || first.read().as_ref().unwrap().userfault.as_fd().try_clone_to_owned().unwrap();
        let stopped = copy();
        first.stop().unwrap();
        first.start().unwrap();
        let dropped = copy();
        drop(first);
        let layout = Layout::new(PageSize::DEFAULT, [&ram]).unwrap();
        WriteProtect::new(&layout, vec![ram]).unwrap().start().unwrap();
        drop((stopped, dropped));
    }

    #[test]
    fn memory_without_address_is_rejected() {
        let block: SharedBlock = Arc::new(VecBlock::new("ram", vec![0; 8192 + 1024]));
        let layout = Layout::new(PageSize::new(1024).unwrap(), [&block]).unwrap();
        let error = WriteProtect::new(&layout, vec![block]).unwrap_err().to_string();
        assert_eq!(error, "RAM block `ram` has no address in host memory; use a `Mapping`");
    }

    /// The copy that a collector keeps up to date equals the memory when the writers have stopped.
    #[test]
    fn concurrent_writes_are_not_lost() {
        if !is_supported() {
            return;
        }
        for (name, options) in kinds() {
            let (ram, log) = log(options);
            log.start().unwrap();
            let (stop, mut copy) = (AtomicBool::new(false), vec![0; SIZE as usize]);
            let mut round = |dirty: &DirtyBitmap| {
                log.collect(0, 0..PAGES, dirty).unwrap();
                while let Some(page) = dirty.take_from(0) {
                    let start = page as usize * 4096;
                    ram.read(page * 4096, &mut copy[start..start + 4096]).unwrap();
                }
            };
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    let mut state = 1_u64;
                    while !stop.load(Ordering::Relaxed) {
                        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                        ram.write(state % (SIZE - 8), &state.to_ne_bytes()).unwrap();
                    }
                });
                let dirty = DirtyBitmap::new(PAGES);
                (0..50).for_each(|_| round(&dirty));
                stop.store(true, Ordering::Relaxed);
            });
            round(&DirtyBitmap::new(PAGES));
            assert!(ram.memory().to_vec() == copy, "{name}");
        }
    }
}
