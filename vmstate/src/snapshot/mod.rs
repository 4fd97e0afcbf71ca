//! Named snapshots of machines: saved, loaded, listed and deleted in a [`Store`].
//!
//! [`Folder`] keeps each snapshot in files of a folder, [`Qcow2`] in a disk image of QEMU, and `Bucket` (feature
//! `object-store`) in an object store such as S3.
//!
//! ```
//! use std::time::Duration;
//!
//! use vmstate::machine::{LoadOptions, SaveOptions};
//! use vmstate::prelude::*;
//! use vmstate::snapshot::{Details, Folder, Store};
//!
//! #[derive(VmState)]
//! #[vmstate(name = "serial", version = 1)]
//! struct Serial {
//!     divider: u16,
//! }
//!
//! # let path = std::env::temp_dir().join(format!("vmstate-snapshots-{}", std::process::id()));
//! let store = Folder::create(&path)?;
//! let mut serial = Serial { divider: 12 };
//! let mut machine = Machine::with_type("board");
//! machine.register("serial", &mut serial)?;
//!
//! // The guest is stopped meanwhile.
//! let details = Details::new("before the update").guest_clock(Duration::from_secs(40)).comment("login prompt");
//! machine.save_snapshot(&store, details, SaveOptions::new())?;
//! for snapshot in store.list()? {
//!     println!("{} {}: {} bytes", snapshot.id, snapshot.name, snapshot.size);
//! }
//! machine.load_snapshot(&store, "before the update", LoadOptions::new())?;
//! store.delete("before the update")?;
//! # std::fs::remove_dir_all(&path)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A load that fails leaves the machine unchanged, so the guest can continue. A save that fails, is interrupted, or finds
//! the disk full leaves the store with the snapshots that it had.

#[cfg(all(target_os = "linux", feature = "mapping"))]
mod background;
#[cfg(feature = "object-store")]
mod bucket;
mod chain;
mod date;
mod details;
mod error;
mod folder;
mod identity;
#[cfg(all(target_os = "linux", feature = "mapping"))]
mod lazy;
mod qcow2;

use std::io::{self, ErrorKind, Read, Write};

#[cfg(feature = "object-store")]
#[cfg_attr(docsrs, doc(cfg(feature = "object-store")))]
pub use object_store;
use vmstate_types::wire::BUFFER;
use vmstate_types::{LoadError, Reader, SaveError};

#[cfg(all(target_os = "linux", feature = "mapping"))]
pub use self::background::BackgroundRam;
#[cfg(feature = "object-store")]
#[cfg_attr(docsrs, doc(cfg(feature = "object-store")))]
pub use self::bucket::Bucket;
pub use self::details::{Details, SnapshotInfo};
pub use self::error::{StoreError, StoreErrorKind};
pub use self::folder::{Damage, Folder};
#[cfg(all(target_os = "linux", feature = "mapping"))]
pub use self::lazy::{LazyRam, LazyRestore, LazySource, LazyStatistics, WorkingSet};
pub use self::qcow2::Qcow2;
use crate::machine::{LoadOptions, LoadReport, Machine, SaveOptions};
use crate::registry::Threading;
use crate::section::Output;

/// Writes a stream to the output of a store.
pub type SaveStream<'f> = dyn FnMut(Output<'_>) -> Result<(), SaveError> + 'f;
/// Reads a stream of a store, in which guest memory may have [fixed places](LoadOptions::mapped_ram).
pub type LoadStream<'f> = dyn FnMut(&mut Reader<'_>) -> Result<(), LoadError> + 'f;

/// A collection of named snapshots.
///
/// A key is the name of a snapshot or, if no snapshot has that name, an id. Stores can be used by several processes at the
/// same time. [`Machine::save_snapshot`] and [`Machine::load_snapshot`] save and load whole machines.
pub trait Store {
    /// Lists the snapshots in the order in which they were saved.
    ///
    /// # Errors
    /// Returns an error if the store cannot be read.
    fn list(&self) -> Result<Vec<SnapshotInfo>, StoreError>;

    /// Saves a snapshot, whose stream `save` writes. The snapshot exists as soon as this returns, also after a crash of the
    /// system.
    ///
    /// # Errors
    /// Returns an error if a snapshot of the name exists and is not to be [replaced](Details::replace), `save` fails, or
    /// the store cannot be written. The store is then unchanged.
    fn save(&self, details: &Details, save: &mut SaveStream<'_>) -> Result<SnapshotInfo, StoreError>;

    /// Loads a snapshot, whose stream `load` reads.
    ///
    /// # Errors
    /// Returns an error if the snapshot does not exist, `load` fails, or the store cannot be read.
    fn load(&self, key: &str, load: &mut LoadStream<'_>) -> Result<SnapshotInfo, StoreError>;

    /// Deletes a snapshot, and returns it. Snapshots whose parent it is remain.
    ///
    /// # Errors
    /// Returns an error if the snapshot does not exist, which QEMU's `delvm` does not report, or the store cannot be
    /// written.
    fn delete(&self, key: &str) -> Result<SnapshotInfo, StoreError>;

    /// Copies the stream of a snapshot to `out`. Returns the snapshot.
    ///
    /// # Errors
    /// Returns an error if the snapshot does not exist, the store cannot be read, or `out` fails.
    fn extract(&self, key: &str, out: &mut dyn Write) -> Result<SnapshotInfo, StoreError> {
        let mut failed = None;
        let loaded = self.load(key, &mut |reader| {
            copy(reader, out).or_else(|error| match error {
                CopyError::Read(error) => Err(error),
                CopyError::Write(error) => {
                    failed = Some(error);
                    Ok(())
                }
            })
        });
        match failed {
            Some(error) => Err(StoreError::new(StoreErrorKind::Io, "cannot write the stream").with_source(error)),
            None => loaded,
        }
    }

    /// Saves a snapshot with this stream, which is not parsed.
    ///
    /// # Errors
    /// See [`save`](Self::save).
    fn insert(&self, details: &Details, stream: &mut dyn Read) -> Result<SnapshotInfo, StoreError> {
        self.save(details, &mut |mut out| {
            let mut chunk = vec![0; BUFFER];
            loop {
                match stream.read(&mut chunk) {
                    Ok(0) => return out.flush(),
                    Ok(count) => out.writer().bytes(&chunk[..count]),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) => return Err(SaveError::io(error)),
                }
                out.flush_if_full()?;
            }
        })
    }

    /// Returns the snapshot with this name or id.
    ///
    /// # Errors
    /// Returns an error if the snapshot does not exist, or the store cannot be read.
    fn find(&self, key: &str) -> Result<SnapshotInfo, StoreError> {
        find(self.list()?, key)
    }
}

/// The side that failed while a stream was copied.
enum CopyError {
    Read(LoadError),
    Write(io::Error),
}

fn copy(reader: &mut Reader<'_>, out: &mut dyn Write) -> Result<(), CopyError> {
    loop {
        let count = reader.peek(BUFFER).map_err(CopyError::Read)?.len();
        if count == 0 {
            return Ok(());
        }
        out.write_all(reader.take(count).map_err(CopyError::Read)?).map_err(CopyError::Write)?;
    }
}

/// Returns the snapshot with this name or, if no snapshot has that name, with this id.
fn find(mut snapshots: Vec<SnapshotInfo>, key: &str) -> Result<SnapshotInfo, StoreError> {
    let by_name = snapshots.iter().rposition(|snapshot| snapshot.name == key);
    match by_name.or_else(|| snapshots.iter().position(|snapshot| snapshot.id == key)) {
        Some(index) => Ok(snapshots.swap_remove(index)),
        None => Err(StoreError::not_found(key, &SnapshotInfo::names(&snapshots))),
    }
}

impl<T: Threading> Machine<'_, T> {
    /// Saves the machine as a snapshot. The machine must be stopped, and can continue afterwards.
    ///
    /// # Errors
    /// See [`Store::save`] and [`save`](Self::save).
    pub fn save_snapshot(
        &mut self,
        store: &dyn Store,
        details: impl Into<Details>,
        options: SaveOptions,
    ) -> Result<SnapshotInfo, StoreError> {
        let options = options.high_section_ids();
        store.save(&details.into(), &mut |out| self.start_saving(out, options.clone())?.complete().map(drop))
    }

    /// Loads the machine from the snapshot with this name or id. The machine must be stopped.
    ///
    /// # Errors
    /// See [`Store::load`] and [`load`](Self::load). The machine is then unchanged.
    pub fn load_snapshot(
        &mut self,
        store: &dyn Store,
        key: &str,
        options: LoadOptions,
    ) -> Result<(SnapshotInfo, LoadReport), StoreError> {
        let mut report = LoadReport::default();
        let options = options.mapped_ram();
        let snapshot = store.load(key, &mut |reader| {
            report = self.load_with(reader, options.clone())?;
            Ok(())
        })?;
        Ok((snapshot, report))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(id: &str, name: &str) -> SnapshotInfo {
        SnapshotInfo::new(id, &Details::new(name))
    }

    #[test]
    fn names_precede_ids() {
        let snapshots = vec![snapshot("1", "2"), snapshot("2", "boot"), snapshot("3", "1")];
        let id = |key: &str| find(snapshots.clone(), key).map(|found| found.id);
        assert_eq!(id("2").unwrap(), "1");
        assert_eq!(id("1").unwrap(), "3");
        assert_eq!(id("3").unwrap(), "3");
        assert_eq!(id("boot").unwrap(), "2");
        let error = id("4").unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::NotFound);
        assert_eq!(error.to_string(), "snapshot `4` does not exist; the snapshots are `2`, `boot`, `1`");
        let empty = find(Vec::new(), "x\u{1b}").unwrap_err();
        assert_eq!(empty.to_string(), "snapshot `x\\u{1b}` does not exist; the store is empty");
    }
}
