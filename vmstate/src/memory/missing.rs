//! Missing pages: placed by a copy.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use super::faults::{Fault, FaultKind, Faults, Placed, Placer};
use super::tracked::SharedBlock;
use super::{DirtyBitmap, MemoryError};

/// The zeros that are copied at once.
const ZEROS: usize = 64 * 1024;

/// Memory whose missing pages arrive while the guest runs, of any kind of mapping.
///
/// A thread that accesses a missing page waits until the page is [placed](MissingPages::place). The pages of memory that was
/// written before are present. Dropping this wakes all threads: pages that are still missing become zero, so stop the
/// guest first if some are.
///
/// ```
/// use std::sync::{Arc, mpsc};
/// use vmstate::memory::{MappingOptions, MissingFaults, RamBlock};
///
/// let ram = Arc::new(MappingOptions::anonymous().map("ram", 1 << 20)?);
/// let (sender, faults) = mpsc::channel();
/// let missing = MissingFaults::start(vec![ram.clone()], move |_, batch| {
///     batch.iter().for_each(|fault| sender.send(*fault).unwrap_or(()));
/// });
/// # let Ok(missing) = missing else { return Ok(()) };
/// std::thread::scope(|scope| {
///     // A vCPU.
///     scope.spawn(|| assert_eq!(ram.memory().load(0x3004), Some([7; 4])));
///     let fault = faults.recv()?;
///     assert_eq!((fault.block, fault.offset), (0, 0x3000));
///     missing.pages().place(0, 0x3000, &[7; 4096])?;
///     Ok::<(), Box<dyn std::error::Error>>(())
/// })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct MissingFaults {
    faults: Faults,
    pages: MissingPages,
}

/// Places the missing pages of [`MissingFaults`], from any thread.
#[derive(Clone)]
pub struct MissingPages {
    placer: Placer,
    /// Set if pages are protected when they are placed, so that a log finds their writes.
    begun: Option<Arc<BegunPages>>,
}

/// The host pages whose placement has begun. The kernel reports all other pages as written, and none of them can be.
#[derive(Debug)]
pub(crate) struct BegunPages(Vec<(String, u64, DirtyBitmap)>);

impl BegunPages {
    #[cfg(feature = "snapshot")]
    fn new(blocks: &[SharedBlock]) -> Self {
        let pages = |block: &SharedBlock| {
            let size = block.host_page_size();
            (block.idstr().to_owned(), size, DirtyBitmap::new(block.size().div_ceil(size)))
        };
        Self(blocks.iter().map(pages).collect())
    }

    fn insert(&self, block: usize, bytes: &Range<u64>) {
        if let Some((_, size, pages)) = self.0.get(block) {
            pages.insert_range(bytes.start / size..bytes.end.div_ceil(*size));
        }
    }

    /// Calls `found` with the parts of a range of a block whose placement has begun.
    #[cfg(feature = "snapshot")]
    pub(super) fn filter(&self, idstr: &str, bytes: &Range<u64>, mut found: impl FnMut(Range<u64>)) {
        let Some((_, size, pages)) = self.0.iter().find(|(name, ..)| name == idstr) else { return };
        let (mut next, end) = (bytes.start / size, bytes.end.div_ceil(*size));
        while let Some(run) = pages.run_from(next, end - next).filter(|run| run.start < end) {
            next = run.end.min(end);
            found((run.start * size).max(bytes.start)..(next * size).min(bytes.end));
        }
    }
}

impl MissingFaults {
    /// Registers `blocks`, and starts a thread that passes faults to `handler` in batches.
    ///
    /// The handler can place pages. It must not wait for long, and must not access the memory. If it panics, the memory is
    /// deregistered and threads that wait are woken.
    ///
    /// # Errors
    /// Returns an error if the system does not support userfaultfd, a block has no address or is registered already, or no
    /// thread can be started.
    pub fn start(
        blocks: Vec<SharedBlock>,
        handler: impl FnMut(&MissingPages, &[Fault]) + Send + 'static,
    ) -> Result<Self, MemoryError> {
        Self::run(MissingPages { placer: Placer::open(FaultKind::MISSING, blocks)?, begun: None }, handler)
    }

    /// Registers `blocks` also for a log of writes ([`WriteProtect::of_missing`](super::WriteProtect::of_missing)).
    #[cfg(feature = "snapshot")]
    pub(crate) fn start_logged(
        blocks: Vec<SharedBlock>,
        handler: impl FnMut(&MissingPages, &[Fault]) + Send + 'static,
    ) -> Result<Self, MemoryError> {
        let begun = Some(Arc::new(BegunPages::new(&blocks)));
        Self::run(MissingPages { placer: Placer::open(FaultKind::LOGGED, blocks)?, begun }, handler)
    }

    fn run(
        pages: MissingPages,
        mut handler: impl FnMut(&MissingPages, &[Fault]) + Send + 'static,
    ) -> Result<Self, MemoryError> {
        let place = pages.clone();
        let faults = Faults::run(pages.placer.clone(), Duration::ZERO, move |faults| handler(&place, faults))?;
        Ok(Self { faults, pages })
    }

    /// Returns whether faults of system calls that access the memory are handled. Without a privilege such system calls
    /// fail with EFAULT instead (see `/proc/sys/vm/unprivileged_userfaultfd`).
    #[must_use]
    pub fn handles_kernel_faults(&self) -> bool {
        self.faults.placer().handles_kernel_faults()
    }

    /// Returns the missing pages, to place them.
    #[must_use]
    pub fn pages(&self) -> &MissingPages {
        &self.pages
    }
}

impl MissingPages {
    /// Copies whole host pages into the missing pages at `offset` of a block, and wakes the threads that wait for them.
    ///
    /// Runs of at least 64 KiB cost a tenth of single pages.
    ///
    /// # Errors
    /// Returns an error if the block is unknown, the range is outside of it or not in whole host pages, or the system is
    /// out of memory.
    pub fn place(&self, block: usize, offset: u64, pages: &[u8]) -> Result<Placed, MemoryError> {
        let bytes = offset..offset.saturating_add(pages.len() as u64);
        self.begin(block, &bytes);
        self.placer.place(block, bytes, |userfault, part| {
            let start = usize::try_from(part.offset - offset).unwrap_or(usize::MAX);
            userfault.copy(part.memory, pages.get(start..).unwrap_or_default(), self.begun.is_some())
        })
    }

    /// Maps zeros for the missing pages of `bytes`, and wakes the threads that wait for them.
    ///
    /// # Errors
    /// As for [`place`](Self::place).
    pub fn place_zeros(&self, block: usize, bytes: Range<u64>) -> Result<Placed, MemoryError> {
        self.begin(block, &bytes);
        // The kernel has no shared huge page of zeros (`postcopy_place_page_zero` in QEMU's `migration/postcopy-ram.c`). It neither
        // protects a page of zeros in the same step, nor places one if a log has protected the missing page.
        let size = match (self.placer.huge_page_size(block), &self.begun) {
            (None, None) => return self.placer.place(block, bytes, |userfault, part| userfault.zero(part.memory)),
            (Some(size), _) => size,
            (None, Some(_)) => usize::try_from(bytes.end.saturating_sub(bytes.start)).unwrap_or(ZEROS).min(ZEROS),
        };
        let zeros = vec![0; size];
        self.placer.place(block, bytes, |userfault, part| userfault.copy(part.memory, &zeros, self.begun.is_some()))
    }

    /// Before the guest sees the pages: a write that follows must not be ignored.
    fn begin(&self, block: usize, bytes: &Range<u64>) {
        if let Some(begun) = &self.begun {
            begun.insert(block, bytes);
        }
    }

    /// Returns the pages that a log must not ignore, if there is one.
    #[cfg(feature = "snapshot")]
    pub(crate) fn begun(&self) -> Option<&Arc<BegunPages>> {
        self.begun.as_ref()
    }

    /// Wakes the threads that wait for the pages of `bytes`: they access them again.
    ///
    /// # Errors
    /// Returns an error if the block is unknown or the range is outside of it or not in whole host pages.
    pub fn wake(&self, block: usize, bytes: Range<u64>) -> Result<(), MemoryError> {
        let wake =
            self.placer.place(block, bytes, |userfault, part| userfault.wake(part.memory).map(|()| part.memory.len()));
        wake.map(drop)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::memory::{Mapping, MappingOptions, RamBlock};

    const SIZE: u64 = 64 * 4096;

    fn started(
        ram: &Arc<Mapping>,
        handler: impl FnMut(&MissingPages, &[Fault]) + Send + 'static,
    ) -> Option<MissingFaults> {
        match MissingFaults::start(vec![ram.clone()], handler) {
            Ok(missing) => Some(missing),
            Err(error @ MemoryError::Unsupported { .. }) => {
                assert!(std::env::var_os("VMSTATE_REQUIRE_USERFAULTFD").is_none(), "{error}");
                eprintln!("NOT TESTED: {error}");
                None
            }
            Err(error) => panic!("{error}"),
        }
    }

    fn memories() -> [Arc<Mapping>; 2] {
        [MappingOptions::anonymous(), MappingOptions::memfd()]
            .map(|options| Arc::new(options.map("ram", SIZE).unwrap()))
    }

    #[test]
    fn waiting_threads_get_their_pages() {
        for ram in memories() {
            let (sender, faults) = mpsc::channel();
            let handler = move |_: &MissingPages, batch: &[Fault]| {
                batch.iter().for_each(|fault| sender.send(*fault).unwrap_or(()));
            };
            let Some(missing) = started(&ram, handler) else { return };
            std::thread::scope(|scope| {
                let readers: Vec<_> = (0..4_usize)
                    .map(|reader| {
                        let ram = &ram;
                        scope.spawn(move || {
                            (0..64)
                                .map(|page| ram.memory().load::<1>((page + reader * 16) % 64 * 4096 + 9).unwrap()[0])
                                .fold(0_u32, |sum, byte| sum + u32::from(byte))
                        })
                    })
                    .collect();
                let mut placed = std::collections::BTreeSet::new();
                while placed.len() < 64 {
                    let fault = faults.recv_timeout(Duration::from_secs(20)).expect("a fault");
                    assert!(!fault.is_write && !fault.is_minor && fault.block == 0);
                    let page = (fault.offset / 4096) as u8;
                    let expected = if placed.insert(page) { Placed::Now } else { Placed::Before };
                    assert_eq!(missing.pages().place(0, fault.offset, &[page; 4096]).unwrap(), expected);
                }
                readers.into_iter().for_each(|reader| assert_eq!(reader.join().unwrap(), 63 * 64 / 2));
            });
        }
    }

    #[test]
    fn runs_zeros_and_present_pages() {
        for ram in memories() {
            ram.write(2 * 4096, &[9]).unwrap();
            let Some(missing) = started(&ram, |_, _| ()) else { return };
            assert_eq!(missing.pages().place(0, 0, &[5; 4 * 4096]).unwrap(), Placed::Before);
            let bytes = [0, 4096, 2 * 4096, 3 * 4096].map(|place| ram.memory().load::<1>(place).unwrap()[0]);
            assert_eq!(bytes, [5, 5, 9, 5], "a present page is unchanged");
            assert_eq!(missing.pages().place_zeros(0, 4 * 4096..SIZE).unwrap(), Placed::Now);
            assert!(ram.memory().get(4 * 4096..SIZE as usize).unwrap().is_zero());
            missing.pages().wake(0, 0..SIZE).unwrap();
        }
    }

    #[test]
    fn dropping_and_panicking_handlers_wake_the_guest() {
        for panics in [false, true] {
            let ram = memories()[0].clone();
            let (sender, faults) = mpsc::channel();
            let handler = move |_: &MissingPages, _: &[Fault]| {
                let _ = sender.send(());
                assert!(!panics, "the handler panics");
            };
            let Some(missing) = started(&ram, handler) else { return };
            std::thread::scope(|scope| {
                let reader = scope.spawn(|| ram.memory().load(5 * 4096));
                faults.recv_timeout(Duration::from_secs(20)).expect("a fault");
                if !panics {
                    drop(missing);
                }
                assert_eq!(reader.join().unwrap(), Some([0; 8]));
            });
        }
    }

    #[test]
    fn threads_that_fault_during_the_end_are_woken() {
        // Without a wake-up after the deregistration, a thread waits forever within these rounds on Linux 6.18.
        for _ in 0..1000 {
            let ram = memories()[0].clone();
            let Some(missing) = started(&ram, |_, _| ()) else { return };
            // Placers keep the descriptor open.
            let _pages = missing.pages().clone();
            let (sender, done) = mpsc::channel();
            std::thread::spawn(move || {
                (0..16).for_each(|page| ram.write(page * 4096, &[1]).unwrap());
                sender.send(()).unwrap();
            });
            drop(missing);
            done.recv_timeout(Duration::from_secs(20)).expect("the thread goes on");
        }
    }

    #[test]
    fn the_waiting_thread_is_reported() {
        let ram = memories()[0].clone();
        let reported = Arc::new(Mutex::new(Vec::new()));
        let into = reported.clone();
        let handler = move |pages: &MissingPages, batch: &[Fault]| {
            into.lock().unwrap().extend(batch.iter().filter_map(|fault| fault.thread));
            let offset = batch[0].offset;
            pages.place_zeros(0, offset..offset + 4096).unwrap();
        };
        let Some(_missing) = started(&ram, handler) else { return };
        std::thread::scope(|scope| {
            let writer = scope.spawn(|| {
                ram.write(4096, &[1]).unwrap();
                rustix::thread::gettid().as_raw_nonzero().get()
            });
            let thread = u32::try_from(writer.join().unwrap()).unwrap();
            assert!(reported.lock().unwrap().iter().all(|found| *found == thread));
        });
    }

    #[test]
    fn wrong_ranges_are_errors() {
        let ram = memories()[0].clone();
        let Some(missing) = started(&ram, |_, _| ()) else { return };
        let error = |result: Result<Placed, MemoryError>| result.unwrap_err().to_string();
        assert!(error(missing.pages().place(0, SIZE, &[0; 4096])).contains("expected a range within"));
        assert!(error(missing.pages().place(0, 0, &[0; 100])).contains("expected a multiple of the host page size"));
        assert!(error(missing.pages().place(1, 0, &[0; 4096])).contains("expected a block number below 1, found 1"));
        let again = MissingFaults::start(vec![ram.clone()], |_, _| ()).map(drop).unwrap_err().to_string();
        assert!(again.contains("another userfaultfd or dirty log"), "{again}");
    }
}
