//! Lazy restore: the guest runs as soon as its devices are loaded, and its pages are read while it runs.
//!
//! The section of memory only loads the places of the pages in the file. Then all memory is missing: a thread of the guest
//! that accesses a page waits until the page is read. Such pages are read first, and the others in the background. The pages
//! that the guest has waited for are recorded next to the snapshot, and the next restore reads them before all others.

mod accessed;
mod engine;
mod handle;
mod log;
mod mapped;
mod restore;
mod section;
mod source;
#[cfg(test)]
mod tests;
mod working_set;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use vmstate_types::LoadError;

use self::engine::{CHUNK, Engine};
pub use self::handle::{LazyRestore, LazyStatistics};
use self::log::RestoreLog;
use self::mapped::MappedRam;
use self::restore::Shared;
pub use self::source::LazySource;
pub(super) use self::source::{Pages, WorkingSetFile};
pub(super) use self::working_set::MAX_SIZE;
pub use self::working_set::WorkingSet;
use super::{StoreError, StoreErrorKind};
use crate::memory::{Fault, MissingFaults, MissingPages, PageSize, RamBlock, SharedBlock};
use crate::ram::PlacesLoader;
use crate::registry::{MaybeSend, Registration, Threading};

/// Guest memory that is read from a snapshot while the guest runs.
///
/// Load the machine with [`registration`](Self::registration) in the place of its section `ram`, then [`start`](Self::start)
/// the restore, then the guest. A load that fails leaves the memory unchanged.
///
/// It requires `userfaultfd`. Without a privilege, system calls that access missing pages fail with EFAULT, and so do vCPUs of
/// KVM ([`handles_kernel_faults`](Self::handles_kernel_faults)). Dirty logs that an emulator or KVM keeps can run from the first
/// instruction on, and so does the log of a [`logged`](Self::logged) restore. Another
/// [`WriteProtect`](crate::memory::WriteProtect) can start when the restore is complete.
///
/// ```
/// use std::sync::Arc;
///
/// use vmstate::machine::{LoadOptions, SaveOptions};
/// use vmstate::memory::{MappingOptions, PageSize, RamBlock};
/// use vmstate::prelude::*;
/// use vmstate::snapshot::{Folder, LazyRam};
///
/// # if vmstate::memory::MissingFaults::start(Vec::new(), |_, _| ()).is_err() { return Ok(()) }
/// # let path = std::env::temp_dir().join(format!("vmstate-lazy-{}", std::process::id()));
/// # let store = Folder::create(&path)?;
/// let ram = Arc::new(MappingOptions::anonymous().map("ram", 1 << 20)?);
/// # ram.write(0x3000, b"boot")?;
/// # let mut machine = Machine::with_type("board");
/// # machine.register_ram(PageSize::DEFAULT, [ram.clone()])?;
/// # machine.save_snapshot(&store, "boot", SaveOptions::new())?;
/// # ram.write(0x3000, b"past")?;
/// let lazy = LazyRam::new(store.lazy_source("boot")?, PageSize::DEFAULT, vec![ram.clone()]);
/// let mut machine = Machine::with_type("board");
/// machine.add(lazy.registration())?;
/// machine.load_file(lazy.source().file(), 0, LoadOptions::new())?;
/// let restore = lazy.start(|error| eprintln!("the guest must stop: {error}"))?;
///
/// // The guest can run from here on.
/// assert_eq!(ram.memory().load(0x3000), Some(*b"boot"));
/// restore.wait()?;
/// # std::fs::remove_dir_all(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct LazyRam(Arc<Inner>);

struct Inner {
    page_size: PageSize,
    blocks: Vec<SharedBlock>,
    background: bool,
    logged: bool,
    mapped: bool,
    source: Arc<LazySource>,
    loading: Mutex<Loading>,
}

/// The state of the load.
enum Loading {
    Nothing,
    Places(PlacesLoader),
    /// The machine is loaded, and its memory is registered.
    Prepared(Arc<Shared>, MissingFaults, Option<RestoreLog>),
    /// The machine is loaded, and the places of its memory are checked.
    Mapped(Arc<Shared>, MappedRam),
    Started,
}

impl LazyRam {
    /// Creates memory that is restored from a file. `blocks` are the blocks of the section `ram`.
    ///
    /// The blocks must be in memory whose pages can be missing: anonymous or memfd.
    #[must_use]
    pub fn new(source: LazySource, page_size: PageSize, blocks: Vec<SharedBlock>) -> Self {
        let loading = Mutex::new(Loading::Nothing);
        let source = Arc::new(source);
        Self(Arc::new(Inner { page_size, blocks, background: true, logged: false, mapped: false, source, loading }))
    }

    /// Reads only pages that the guest accesses, or that were recorded. The memory of other pages is not allocated.
    ///
    /// Call it before [`registration`](Self::registration). The restore does not become complete: [cancel](LazyRestore::cancel) it
    /// after the end of the guest, which releases the memory.
    #[must_use]
    pub fn on_demand(mut self) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.background = false;
        }
        self
    }

    /// Logs the writes of the guest from its first instruction on: [`LazyRestore::dirty_log`] returns the log. It requires Linux
    /// 6.7, as [`WriteProtect`](crate::memory::WriteProtect) does.
    ///
    /// Call it before [`registration`](Self::registration). The faults of pages of zeros, which use memory then, are handled until the
    /// log is stopped.
    #[must_use]
    pub fn logged(mut self) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.logged = true;
        }
        self
    }

    /// Maps the file in the place of the memory, so that the kernel reads pages when they are accessed, without a fault that another
    /// thread handles. Changes of the guest stay in memory, and guests that are restored from one file share its other pages. All
    /// pages count as present from the start on; working sets are neither read nor recorded.
    ///
    /// **Nothing may shrink the file while the guest runs, and its disk must not fail**: an access then ends the process with SIGBUS.
    /// A [`Folder`](crate::snapshot::Folder) never changes the files of its snapshots, so this is safe if no other program does.
    /// Deleting or replacing the snapshot is possible.
    ///
    /// It requires a complete snapshot, target pages of at least the size of host pages, and
    /// [private memory](RamBlock::private_memory); otherwise the load fails, and the memory is unchanged. Advice to the kernel about the
    /// memory is lost, for example about huge pages, and so are registrations of other logs. Afterwards, discarding pages
    /// (`MADV_DONTNEED`) brings the pages of the file back, and handlers of page faults are not possible, and so neither are
    /// [background snapshots](crate::snapshot::BackgroundRam).
    ///
    /// Call it before [`registration`](Self::registration). A [logged](Self::logged) restore protects all pages at its start, which takes
    /// a time that grows with the memory.
    #[must_use]
    pub fn mapped(mut self) -> Self {
        if let Some(inner) = Arc::get_mut(&mut self.0) {
            inner.mapped = true;
        }
        self
    }

    /// Returns the section `ram` of a machine that is only loaded. It requires a file with memory at fixed places.
    #[must_use]
    pub fn registration<'d, T: Threading>(&self) -> Registration<'d, T>
    where
        Self: MaybeSend<T>,
    {
        let mut registration = Registration::live("ram", crate::ram::VERSION, self.clone());
        registration.page_size = Some(self.0.page_size);
        registration
    }

    /// Returns the file, to load the devices.
    #[must_use]
    pub fn source(&self) -> &LazySource {
        &self.0.source
    }

    /// Returns whether missing pages can be accessed by system calls and by KVM, once the machine is loaded.
    #[must_use]
    pub fn handles_kernel_faults(&self) -> bool {
        match &*self.0.lock() {
            Loading::Prepared(_, missing, _) => missing.handles_kernel_faults(),
            Loading::Mapped(..) => true,
            _ => false,
        }
    }

    /// Starts the restore after the machine was loaded: from here on the guest can run, and its previous memory is lost.
    ///
    /// If the file cannot be read, or has shrunk, threads of the guest wait for their pages and never see zeros. `on_failure` is
    /// then called on another thread, and should pause the guest or end the process. [`LazyRestore::retry`] reads again.
    ///
    /// # Errors
    /// Returns an error if the machine was not loaded, the restore has been started already, the memory is of a kind whose
    /// pages cannot be discarded, or no thread can be started.
    pub fn start(&self, on_failure: impl FnMut(&StoreError) + Send + 'static) -> Result<LazyRestore, StoreError> {
        let mut loading = self.0.lock();
        match std::mem::replace(&mut *loading, Loading::Started) {
            Loading::Prepared(shared, missing, log) => LazyRestore::start(shared, missing, log, Box::new(on_failure)),
            Loading::Mapped(shared, ram) => Ok(LazyRestore::of_mapped(shared, ram.start(&self.0.source)?)),
            other => {
                *loading = other;
                let message = "cannot start a lazy restore; load the machine once for each start";
                Err(StoreError::new(StoreErrorKind::Load, message))
            }
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Loading> {
        // All changes are complete when a section panics.
        self.loading.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Registers the memory of the loaded places: nothing else can fail before the guest runs.
    fn prepare(&self, loader: PlacesLoader) -> Result<Loading, LoadError> {
        if let Some(block) = self.blocks.iter().find(|block| block.host_page_size() > CHUNK) {
            let expected = format!("pages of at most {CHUNK:#x} bytes for a lazy restore");
            let found = format!("{:#x} in RAM block `{}`", block.host_page_size(), block.idstr());
            return Err(LoadError::misuse(expected, found).or_advice("load the snapshot as a whole"));
        }
        let places = loader.into_places();
        let mapped = match self.mapped {
            true => Some(MappedRam::new(&self.source, self.page_size, self.logged, &self.blocks, &places)?),
            false => None,
        };
        let engine = Engine::new(self.source.clone(), self.page_size.bytes(), &self.blocks, places);
        if let Some(mapped) = mapped {
            return Ok(Loading::Mapped(Arc::new(Shared::new(engine, true)), mapped));
        }
        let blocks = engine.blocks();
        let shared = Arc::new(Shared::new(engine, self.background));
        let (handler, mut buffer) = (shared.clone(), Vec::new());
        let handle = move |pages: &MissingPages, faults: &[Fault]| handler.faults(pages, faults, &mut buffer);
        let missing = match self.logged {
            true => MissingFaults::start_logged(blocks, handle),
            false => MissingFaults::start(blocks, handle),
        };
        let advised = |error| LoadError::from(error).or_advice("load the snapshot as a whole");
        let missing = missing.map_err(advised)?;
        let begun = missing.pages().begun();
        let log = begun.map(|begun| RestoreLog::new(self.page_size, self.blocks.clone(), begun.clone()));
        Ok(Loading::Prepared(shared, missing, log.transpose().map_err(advised)?))
    }
}

impl std::fmt::Debug for LazyRam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let blocks: Vec<_> = self.0.blocks.iter().map(RamBlock::idstr).collect();
        f.debug_struct("LazyRam").field("source", &self.0.source).field("blocks", &blocks).finish_non_exhaustive()
    }
}
