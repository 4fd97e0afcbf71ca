//! The files from which memory is restored.

use std::fs::File;
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Advice, fadvise};
use vmstate_types::Reader;

use super::working_set::WorkingSet;
use crate::section::read_file;
use crate::snapshot::chain::{Chain, ChainReader};
use crate::snapshot::{LoadStream, SnapshotInfo, StoreError};

/// The file of a working set next to a snapshot.
pub(in crate::snapshot) trait WorkingSetFile: std::fmt::Debug + Send + Sync {
    /// Reads the file, up to one byte more than it may have. Returns `None` if it does not exist.
    fn read(&self) -> Result<Option<Vec<u8>>, StoreError>;

    /// Replaces the file.
    fn write(&self, text: &[u8]) -> Result<(), StoreError>;
}

/// The file, or the files of an incremental snapshot.
#[derive(Debug)]
pub(in crate::snapshot) enum Pages {
    File(File),
    Chain(Arc<Chain>),
}

/// An open file with memory at fixed places (QEMU's capability `mapped-ram`), for a [lazy restore](super::LazyRam).
///
/// [`Folder::lazy_source`](crate::snapshot::Folder::lazy_source) opens a snapshot. The file can be deleted meanwhile, but must
/// not be changed.
#[derive(Debug)]
pub struct LazySource {
    pages: Pages,
    path: PathBuf,
    snapshot: Option<(SnapshotInfo, Box<dyn WorkingSetFile>)>,
}

impl LazySource {
    /// Opens a file without a store, for example of QEMU. Its working set is not recorded.
    ///
    /// # Errors
    /// Returns an error if the file cannot be opened.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        let file = File::open(&path).map_err(StoreError::io("cannot open", &path))?;
        Ok(Self { pages: Pages::File(file), path, snapshot: None })
    }

    pub(in crate::snapshot) fn of_snapshot(
        pages: Pages,
        path: PathBuf,
        snapshot: SnapshotInfo,
        recorder: impl WorkingSetFile + 'static,
    ) -> Self {
        Self { pages, path, snapshot: Some((snapshot, Box::new(recorder))) }
    }

    /// Returns the file, for [`Machine::load_file`](crate::Machine::load_file). The file of an incremental snapshot cannot be
    /// loaded alone; use [`load`](Self::load) instead, which loads every snapshot.
    #[must_use]
    pub fn file(&self) -> &File {
        match &self.pages {
            Pages::File(file) => file,
            Pages::Chain(chain) => chain.last(),
        }
    }

    /// Returns the file that contains all pages, or `None` if they are in several files.
    pub(super) fn whole_file(&self) -> Option<&File> {
        match &self.pages {
            Pages::File(file) => Some(file),
            Pages::Chain(_) => None,
        }
    }

    /// Reads a part of the file.
    pub(super) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
        match &self.pages {
            Pages::File(file) => file.read_exact_at(buffer, offset),
            Pages::Chain(chain) => chain.read_exact_at(buffer, offset),
        }
    }

    /// Lets the system read a part of the file from the disk. Has no effect for an incremental snapshot, whose parts are in
    /// several files.
    pub(super) fn will_read(&self, offset: u64, length: u64) {
        if let Pages::File(file) = &self.pages {
            // Only a hint: the part is read anyway.
            let _ = fadvise(file, offset, NonZeroU64::new(length), Advice::WillNeed);
        }
    }

    /// Returns the snapshot, unless the file is not in a store.
    #[must_use]
    pub fn snapshot(&self) -> Option<&SnapshotInfo> {
        self.snapshot.as_ref().map(|(snapshot, _)| snapshot)
    }

    /// Loads the devices from the file, whose stream `load` reads with
    /// [`LoadOptions::mapped_ram`](crate::machine::LoadOptions::mapped_ram).
    ///
    /// # Errors
    /// Returns an error if the file cannot be read, or `load` fails.
    pub fn load(&self, load: &mut LoadStream<'_>) -> Result<(), StoreError> {
        let reader = match &self.pages {
            Pages::File(file) => read_file(file, 0),
            Pages::Chain(chain) => Reader::from_file_at(ChainReader::new(chain.clone()), 0),
        };
        let mut reader = reader.map_err(StoreError::io("cannot read", &self.path))?;
        let name = self.snapshot().map_or_else(|| self.path.to_string_lossy(), |snapshot| (&snapshot.name).into());
        load(&mut reader).map_err(|error| StoreError::not_loaded(&name, error))
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the recorded working set, which is empty if the file is missing or invalid.
    #[must_use]
    pub fn working_set(&self) -> WorkingSet {
        let text = self.snapshot.as_ref().and_then(|(_, recorder)| recorder.read().ok().flatten());
        text.and_then(|text| WorkingSet::parse(&text).ok()).unwrap_or_default()
    }

    /// Records the working set next to the snapshot, unless it was deleted.
    pub(super) fn record(&self, set: &WorkingSet) -> Result<(), StoreError> {
        match &self.snapshot {
            Some((_, recorder)) => recorder.write(set.to_text().as_bytes()),
            None => Ok(()),
        }
    }
}
