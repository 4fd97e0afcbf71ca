//! Page faults of a guest whose memory arrives while it runs.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use linux_raw_sys::general::{
    UFFD_FEATURE_PAGEFAULT_FLAG_WP, UFFD_FEATURE_THREAD_ID, UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
    UFFD_FEATURE_WP_UNPOPULATED, UFFDIO_REGISTER_MODE_MINOR, UFFDIO_REGISTER_MODE_MISSING, UFFDIO_REGISTER_MODE_WP,
};
use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::fd::OwnedFd;
use rustix::io::Errno;

use super::sys::userfault::{FaultEvent, MAX_EVENTS, Userfault};
use super::tracked::{Part, SharedBlock, parts, unsupported};
use super::{HostRange, MemoryError};

/// A page that a thread of the guest waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// The number of the block.
    pub block: usize,
    /// The offset of the host page in the block.
    pub offset: u64,
    /// Set if the thread writes.
    pub is_write: bool,
    /// Set if the page is present and only not mapped.
    pub is_minor: bool,
    /// The thread that waits, if the kernel reports it.
    pub thread: Option<u32>,
}

/// The outcome of placing pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placed {
    /// The guest sees the pages now.
    Now,
    /// Some of the pages were present before, and are unchanged.
    Before,
}

/// The thread that reads faults, and the registration of the blocks.
pub(super) struct Faults {
    placer: Placer,
    stop: Arc<OwnedFd>,
    thread: Option<JoinHandle<()>>,
}

/// Places pages, from any thread.
#[derive(Clone)]
pub(super) struct Placer(Arc<Shared>);

struct Shared {
    userfault: Userfault,
    kernel_faults: bool,
    reports_threads: bool,
    blocks: Vec<SharedBlock>,
    /// The process that has the memory and the thread. A child would place pages in the memory of its parent.
    process: u32,
}

const OPERATION: &str = "handling page faults";

/// The kinds of faults to handle.
#[derive(Debug, Clone, Copy)]
pub(super) struct FaultKind {
    features: u32,
    mode: u32,
    requirement: &'static str,
}

impl FaultKind {
    pub(super) const MISSING: Self = Self {
        features: linux_raw_sys::general::UFFD_FEATURE_MISSING_SHMEM
            | linux_raw_sys::general::UFFD_FEATURE_MISSING_HUGETLBFS,
        mode: UFFDIO_REGISTER_MODE_MISSING,
        requirement: "userfaultfd (Linux 5.11, CONFIG_USERFAULTFD)",
    };
    /// The writes to pages that were placed are logged as by [`WriteProtect`](super::WriteProtect).
    #[cfg(feature = "snapshot")]
    pub(super) const LOGGED: Self = Self {
        features: Self::MISSING.features
            | UFFD_FEATURE_WP_HUGETLBFS_SHMEM
            | linux_raw_sys::general::UFFD_FEATURE_WP_ASYNC,
        mode: UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_WP,
        requirement: "userfaultfd with asynchronous write protection (Linux 6.7, CONFIG_USERFAULTFD)",
    };
    /// A page that is not in the file yet is missing even if the memory has a second mapping.
    pub(super) const MINOR: Self = Self {
        features: linux_raw_sys::general::UFFD_FEATURE_MINOR_SHMEM | linux_raw_sys::general::UFFD_FEATURE_MISSING_SHMEM,
        mode: UFFDIO_REGISTER_MODE_MISSING | UFFDIO_REGISTER_MODE_MINOR,
        requirement: "userfaultfd with minor faults of shared memory (Linux 5.14, CONFIG_USERFAULTFD)",
    };
}

impl FaultKind {
    /// Without the second feature, pages that were never accessed could be written in spite of the protection.
    pub(super) const WRITES: Self = Self {
        features: UFFD_FEATURE_PAGEFAULT_FLAG_WP | UFFD_FEATURE_WP_UNPOPULATED | UFFD_FEATURE_WP_HUGETLBFS_SHMEM,
        mode: UFFDIO_REGISTER_MODE_WP,
        requirement: "userfaultfd with write protection of unpopulated pages (Linux 6.4, CONFIG_USERFAULTFD)",
    };
}

impl Faults {
    /// Starts the thread that passes faults to `handler`. After a fault, it looks for others for the time of `attention` before
    /// it sleeps.
    pub(super) fn run(
        placer: Placer,
        attention: Duration,
        handler: impl FnMut(&[Fault]) + Send + 'static,
    ) -> Result<Self, MemoryError> {
        let stop = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK).map_err(no_thread)?;
        let stop = Arc::new(stop);
        let reader = FaultReader { shared: placer.0.clone(), stop: stop.clone(), attention, handler };
        let thread = std::thread::Builder::new().name("page faults".to_owned()).spawn(move || reader.run());
        let thread = Some(thread.map_err(no_thread)?);
        Ok(Self { placer, stop, thread })
    }

    pub(super) fn placer(&self) -> &Placer {
        &self.placer
    }
}

impl Placer {
    /// Registers the blocks.
    pub(super) fn open(kind: FaultKind, blocks: Vec<SharedBlock>) -> Result<Self, MemoryError> {
        Shared::open(kind, blocks).map(|shared| Self(Arc::new(shared)))
    }

    /// Returns whether faults of system calls are handled, too.
    pub(super) fn handles_kernel_faults(&self) -> bool {
        self.0.kernel_faults
    }

    /// Returns the size of the host pages of a block, if they are huge pages.
    pub(super) fn huge_page_size(&self, block: usize) -> Option<usize> {
        let size = self.0.blocks.get(block)?.host_page_size();
        usize::try_from(size).ok().filter(|size| *size > rustix::param::page_size())
    }

    /// Runs `place` for the parts of a block until all of `bytes` are placed.
    pub(super) fn place(
        &self,
        block: usize,
        bytes: Range<u64>,
        mut place: impl FnMut(&Userfault, &Part<'_>) -> io::Result<usize>,
    ) -> Result<Placed, MemoryError> {
        self.0.check_process()?;
        let blocks = self.0.blocks.len();
        let block = self.0.blocks.get(block).ok_or(MemoryError::UnknownBlock { block, blocks })?;
        check(block, &bytes)?;
        let mut placed = Placed::Now;
        for part in parts(&**block)?.iter().filter_map(|part| part.intersect(&bytes, block.host_page_size())) {
            placed = placed.and(self.place_part(block, &part, &mut place)?);
        }
        Ok(placed)
    }

    fn place_part(
        &self,
        block: &SharedBlock,
        part: &Part<'_>,
        place: &mut impl FnMut(&Userfault, &Part<'_>) -> io::Result<usize>,
    ) -> Result<Placed, MemoryError> {
        let (mut done, mut placed) = (0, Placed::Now);
        while let Some(rest) = part.rest(done) {
            match place(&self.0.userfault, &rest) {
                Ok(count) => done += count,
                // The page is present; its waiting threads may have been woken for another reason.
                Err(error) if Errno::from_io_error(&error) == Some(Errno::EXIST) => {
                    let page = usize::try_from(block.host_page_size()).unwrap_or(usize::MAX).min(rest.memory.len());
                    if let Some(page) = rest.memory.get(0..page) {
                        self.0.userfault.wake(page).map_err(|error| unplaced(block, error))?;
                    }
                    (done, placed) = (done + page, Placed::Before);
                }
                // Another thread changes the mappings of the process.
                Err(error) if matches!(Errno::from_io_error(&error), Some(Errno::AGAIN | Errno::INTR)) => {}
                Err(error) => return Err(unplaced(block, error)),
            }
        }
        Ok(placed)
    }
}

impl Placed {
    fn and(self, other: Self) -> Self {
        if self == Self::Now { other } else { self }
    }
}

impl Drop for Faults {
    /// Deregisters the memory and wakes all threads of the guest: they see zeros in pages that are missing.
    fn drop(&mut self) {
        if self.placer.0.check_process().is_err() {
            // The thread exists only in the parent process, which also reads the eventfd.
            std::mem::forget(self.thread.take());
            return;
        }
        // The counter of an eventfd that is never read cannot overflow by adding one.
        let _ = rustix::io::write(&self.stop, &1_u64.to_ne_bytes());
        if let Some(thread) = self.thread.take() {
            // A panic of the handler has been reported, and the guest was woken by `Wake`.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn open(kind: FaultKind, blocks: Vec<SharedBlock>) -> Result<Self, MemoryError> {
        let (userfault, kernel_faults, reports_threads) = open(kind)?;
        for block in &blocks {
            for part in parts(&**block)? {
                let registered = userfault.register(part.memory, kind.mode);
                registered.map_err(|error| unregistered(block, error))?;
            }
        }
        Ok(Self { userfault, kernel_faults, reports_threads, blocks, process: std::process::id() })
    }

    fn check_process(&self) -> Result<(), MemoryError> {
        if self.process == std::process::id() { Ok(()) } else { Err(MemoryError::OtherProcess) }
    }

    /// Returns the fault in terms of blocks.
    fn fault(&self, event: &FaultEvent) -> Option<Fault> {
        self.blocks.iter().enumerate().find_map(|(block, memory)| {
            let parts = parts(&**memory).ok()?;
            let offset = parts.iter().find_map(|part| {
                let offset = event.address.checked_sub(part.memory.as_ptr().addr() as u64)?;
                (offset < part.memory.len() as u64).then_some(part.offset + offset)
            })?;
            Some(Fault {
                block,
                offset: offset / memory.host_page_size() * memory.host_page_size(),
                is_write: event.is_write,
                is_minor: event.is_minor,
                thread: self.reports_threads.then_some(event.thread),
            })
        })
    }

    fn unregister(&self) {
        for part in self.blocks.iter().filter_map(|block| parts(&**block).ok()).flatten() {
            // The memory is mapped and registered, so the kernel only fails if others have deregistered it.
            let _ = self.userfault.unregister(part.memory);
            // The kernel wakes threads before it deregisters the range. A thread that faults between the two under the lock of
            // its range alone (Linux 6.7) would wait until the descriptor is closed, and placers keep it open.
            let _ = self.userfault.wake(part.memory);
        }
    }
}

/// Opens a userfaultfd with as many abilities as the system allows.
fn open(kind: FaultKind) -> Result<(Userfault, bool, bool), MemoryError> {
    let attempts = [(true, true), (true, false), (false, true), (false, false)];
    let mut last = None;
    for (kernel_faults, threads) in attempts {
        let features = kind.features | if threads { UFFD_FEATURE_THREAD_ID } else { 0 };
        match Userfault::open(features, kernel_faults) {
            Ok(userfault) => return Ok((userfault, kernel_faults, threads)),
            Err(error) => last = Some(error),
        }
    }
    let error = last.unwrap_or_else(|| io::ErrorKind::Unsupported.into());
    Err(unsupported(OPERATION, kind.requirement, error))
}

/// The loop of the thread.
struct FaultReader<H> {
    shared: Arc<Shared>,
    stop: Arc<OwnedFd>,
    attention: Duration,
    handler: H,
}

/// Wakes the guest when the thread ends, even by a panic of the handler.
struct Wake(Arc<Shared>);

impl Drop for Wake {
    fn drop(&mut self) {
        self.0.unregister();
    }
}

impl<H: FnMut(&[Fault])> FaultReader<H> {
    fn run(mut self) {
        let _wake = Wake(self.shared.clone());
        let (mut events, mut faults) = (Vec::with_capacity(MAX_EVENTS), Vec::with_capacity(MAX_EVENTS));
        while self.wait() {
            events.clear();
            match self.shared.userfault.events(&mut events) {
                Ok(()) => {}
                // Another fault was resolved before it was read.
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
                Err(_) => return,
            }
            faults.clear();
            faults.extend(events.iter().filter_map(|event| self.shared.fault(event)));
            if !faults.is_empty() {
                (self.handler)(&faults);
            }
        }
    }

    /// Waits for faults. Returns `false` if the thread must end.
    fn wait(&self) -> bool {
        let start = Instant::now();
        while start.elapsed() < self.attention {
            match self.poll(Some(&Timespec::default())) {
                Some(true) => return true,
                Some(false) => {}
                None => return false,
            }
            // The guest may wait for this processor.
            std::thread::yield_now();
        }
        self.poll(None).is_some()
    }

    /// Waits for at most `timeout`. Returns whether faults may be present, or `None` if the thread must end.
    fn poll(&self, timeout: Option<&Timespec>) -> Option<bool> {
        let mut files = [
            PollFd::new(&self.stop, PollFlags::IN),
            PollFd::from_borrowed_fd(std::os::fd::AsFd::as_fd(&self.shared.userfault), PollFlags::IN),
        ];
        match poll(&mut files, timeout) {
            Ok(_) if !files[0].revents().is_empty() || files[1].revents().intersects(PollFlags::ERR) => None,
            Ok(ready) => Some(ready > 0),
            Err(error) => (error == Errno::INTR).then_some(false),
        }
    }
}

impl<'m> Part<'m> {
    /// Returns the part without its first `done` bytes, or `None` if nothing is left.
    fn rest(&self, done: usize) -> Option<Self> {
        let memory = self.memory.get(done..self.memory.len()).filter(|memory: &HostRange<'m>| !memory.is_empty())?;
        Some(Self { offset: self.offset + done as u64, memory })
    }
}

fn check(block: &SharedBlock, bytes: &Range<u64>) -> Result<(), MemoryError> {
    let length = usize::try_from(bytes.end.saturating_sub(bytes.start)).unwrap_or(usize::MAX);
    block.range(bytes.start, length)?;
    let page_size = block.host_page_size();
    if bytes.start.is_multiple_of(page_size) && bytes.end.is_multiple_of(page_size) {
        return Ok(());
    }
    let (idstr, size) = (block.idstr().to_owned(), bytes.end - bytes.start);
    Err(MemoryError::PartialPage { idstr, size, host_page_size: page_size })
}

fn no_thread(source: impl Into<io::Error>) -> MemoryError {
    MemoryError::system(OPERATION, "", "raise the limits of threads and open files", source.into())
}

fn unregistered(block: &SharedBlock, source: io::Error) -> MemoryError {
    let remedy = match Errno::from_io_error(&source) {
        Some(Errno::BUSY) => "another userfaultfd or dirty log has registered its memory; stop that first",
        Some(Errno::NOMEM) => "free memory",
        _ => "select memory that userfaultfd supports: anonymous, memfd or huge pages",
    };
    MemoryError::system("registration for page faults", block.idstr(), remedy, source)
}

fn unplaced(block: &SharedBlock, source: io::Error) -> MemoryError {
    let remedy = match Errno::from_io_error(&source) {
        Some(Errno::NOMEM) => "free memory",
        Some(Errno::FAULT) => "write the page to the second mapping first",
        _ => "its memory was unmapped or deregistered; give up the migration",
    };
    MemoryError::system("placing pages", block.idstr(), remedy, source)
}
