//! A folder with a stream and a file of properties for each snapshot.
//!
//! The stream of snapshot 3 is in `3.state` and its properties are in `3.json`. A snapshot exists as long as its properties
//! do: a save renames the complete stream first and the properties last, and a deletion removes the properties first.
//! The next save or deletion removes all other files of an interrupted change. Changes hold a lock on the file
//! `lock`; readers do not.

mod files;
mod metadata;
#[cfg(all(target_os = "linux", feature = "mapping"))]
mod recorder;

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use vmstate_types::text::printable;
use vmstate_types::{Reader, SaveError, Writer};

use self::files::{Files, Part};
use self::metadata::Metadata;
use super::{Details, LoadStream, SaveStream, SnapshotInfo, Store, StoreError, StoreErrorKind};
use crate::section::Output;

/// A [`Store`] in a folder.
///
/// Each snapshot is a stream in which guest memory has [fixed places](crate::machine::Machine::save_mapped), so zero pages
/// take no space. QEMU loads the file `ID.state` with the capability `mapped-ram`, and `vmstate info` lists its sections.
///
/// ```
/// use vmstate::snapshot::{Folder, Store};
///
/// # let path = std::env::temp_dir().join(format!("vmstate-folder-{}", std::process::id()));
/// let store = Folder::create(&path)?;
/// assert!(store.list()?.is_empty());
/// assert!(store.delete("boot").is_err());
/// # std::fs::remove_dir_all(&path)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Folder {
    files: Files,
}

/// An invalid snapshot or a superfluous file that [`Folder::verify`] has found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Damage {
    /// The file.
    pub path: PathBuf,
    /// The reason why it is not a part of a valid snapshot.
    pub reason: String,
}

impl Folder {
    /// Opens an existing folder.
    ///
    /// # Errors
    /// Returns an error if the folder does not exist or cannot be read.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        fs::read_dir(&path).map_err(StoreError::io("cannot open the folder", &path))?;
        Ok(Self { files: Files::new(path) })
    }

    /// Opens a folder, which is created if it does not exist.
    ///
    /// # Errors
    /// Returns an error if the folder can neither be opened nor created.
    pub fn create(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let path = path.into();
        fs::create_dir_all(&path).map_err(StoreError::io("cannot create the folder", &path))?;
        Self::open(path)
    }

    /// Returns the path of the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.files.folder()
    }

    /// Returns the path of a snapshot's stream, for tools and for QEMU.
    ///
    /// # Errors
    /// Returns an error if the snapshot does not exist, or the folder cannot be read.
    pub fn stream_path(&self, key: &str) -> Result<PathBuf, StoreError> {
        let found = self.find(key)?;
        Ok(self.files.folder().join(format!("{}.state", found.id)))
    }

    /// Lists the files that are not parts of valid snapshots: properties that cannot be parsed, snapshots without a stream,
    /// and files that an interrupted save or deletion has left. The next save or deletion removes the latter.
    ///
    /// # Errors
    /// Returns an error if the folder cannot be read.
    pub fn verify(&self) -> Result<Vec<Damage>, StoreError> {
        self.files.damage()
    }

    /// Returns the properties of all snapshots by id. Files that cannot be parsed are left out, so that they do not hide
    /// the others.
    fn read_all(&self) -> Result<Vec<(u64, Metadata)>, StoreError> {
        let mut found = loop {
            if let Some(found) = self.try_read_all()? {
                break found;
            }
        };
        let replaced: Vec<_> = found.iter().filter_map(|(_, metadata)| metadata.replaces).collect();
        found.retain(|(id, _)| !replaced.contains(id));
        Ok(found)
    }

    /// Reads all properties. Returns `None` if one was removed meanwhile: another snapshot may have replaced it that was not
    /// listed.
    fn try_read_all(&self) -> Result<Option<Vec<(u64, Metadata)>>, StoreError> {
        let mut found = Vec::new();
        for id in self.files.ids()? {
            match self.files.metadata(id) {
                Ok(Some((_, metadata))) => found.push((id, metadata)),
                Ok(None) => return Ok(None),
                Err(error) if error.kind() == StoreErrorKind::Damaged => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(found))
    }

    /// Checks that a new snapshot may have this name. Returns the id of the snapshot that it replaces.
    fn check_name(&self, details: &Details) -> Result<Option<u64>, StoreError> {
        let existing = self.read_all()?.into_iter().rev().find(|(_, metadata)| metadata.name == details.name);
        match existing {
            Some(_) if !details.replace => Err(StoreError::exists(&details.name)),
            existing => Ok(existing.map(|(id, _)| id)),
        }
    }

    fn check_parent(&self, details: &Details) -> Result<(), StoreError> {
        let Some(parent) = &details.parent else { return Ok(()) };
        let snapshots = self.list()?;
        if snapshots.iter().any(|snapshot| snapshot.id == *parent) {
            return Ok(());
        }
        Err(StoreError::not_found(parent, &SnapshotInfo::names(&snapshots)).after("missing parent"))
    }

    fn write_stream(&self, part: &Part, details: &Details, save: &mut SaveStream<'_>) -> Result<(), StoreError> {
        let mut writer = Writer::new();
        let saved = save(Output::to_mapped_file(&mut writer, part.file(), 0));
        saved.map_err(|error| StoreError::not_saved(&details.name, error))?;
        let synced = part.file().sync_all();
        synced.map_err(|error| StoreError::not_saved(&details.name, SaveError::io(error)))
    }

    /// Gives the complete stream an id, and writes the properties. The snapshot exists from the renaming of the properties
    /// on.
    fn commit(&self, part: Part, details: &Details) -> Result<SnapshotInfo, StoreError> {
        let _lock = self.files.lock()?;
        self.files.clean()?;
        let replaces = self.check_name(details)?;
        let id = self.files.next_id()?;
        let metadata = Metadata::new(&SnapshotInfo::new(&id.to_string(), details), replaces);
        self.files.put_stream(id, part)?;
        if let Err(error) = self.files.put_metadata(id, &metadata) {
            self.files.remove_stream(id);
            return Err(error);
        }
        Ok(metadata.snapshot(id, self.files.size(id)))
    }

    /// Makes a new snapshot durable, and removes the snapshot that it replaces.
    fn finish(&self) -> Result<(), StoreError> {
        let _lock = self.files.lock()?;
        self.files.sync()?;
        self.files.clean()
    }
}

fn not_saved(details: &Details) -> impl FnOnce(StoreError) -> StoreError {
    let clause = format!("snapshot `{}` was not saved, and the store is unchanged", printable(&details.name));
    |error| error.after(clause)
}

fn saved(details: &Details) -> impl FnOnce(StoreError) -> StoreError {
    let clause = format!("snapshot `{}` was saved, but the store was not cleaned up", printable(&details.name));
    |error| error.after(clause)
}

impl Store for Folder {
    fn list(&self) -> Result<Vec<SnapshotInfo>, StoreError> {
        let all = self.read_all()?;
        Ok(all.into_iter().map(|(id, metadata)| metadata.snapshot(id, self.files.size(id))).collect())
    }

    fn save(&self, details: &Details, save: &mut SaveStream<'_>) -> Result<SnapshotInfo, StoreError> {
        details.check()?;
        self.check_name(details)?;
        self.check_parent(details)?;
        let part = self.files.part().map_err(not_saved(details))?;
        self.write_stream(&part, details, save)?;
        let snapshot = self.commit(part, details).map_err(not_saved(details))?;
        self.finish().map_err(saved(details))?;
        Ok(snapshot)
    }

    fn load(&self, key: &str, load: &mut LoadStream<'_>) -> Result<SnapshotInfo, StoreError> {
        let (snapshot, file, _) = self.open_stream(key)?;
        let path = self.files.stream(snapshot.id.parse().unwrap_or(0));
        let mut reader = Reader::from_file_at(file, 0).map_err(StoreError::io("cannot read", &path))?;
        load(&mut reader).map_err(|error| StoreError::not_loaded(&snapshot.name, error))?;
        Ok(snapshot)
    }

    fn delete(&self, key: &str) -> Result<SnapshotInfo, StoreError> {
        let _lock = self.files.lock()?;
        let snapshot = self.find(key)?;
        let id = snapshot.id.parse().unwrap_or(0);
        self.files.remove(id)?;
        // The snapshot is deleted. Files that cannot be removed now are removed by the next change.
        let _ = self.files.clean();
        Ok(snapshot)
    }
}

impl Folder {
    /// Opens the stream of a snapshot, and returns it with the text of its properties. Another process may delete it meanwhile,
    /// or even save another one with its id.
    fn open_stream(&self, key: &str) -> Result<(SnapshotInfo, File, Vec<u8>), StoreError> {
        loop {
            let snapshot = self.find(key)?;
            let id = snapshot.id.parse().unwrap_or(0);
            let before = self.files.metadata(id)?;
            let file = self.files.open(id);
            match before {
                Some((text, metadata)) if self.files.metadata(id)?.is_some_and(|now| now.1 == metadata) => {
                    return file.map(|file| (snapshot, file, text));
                }
                _ => {}
            }
        }
    }
}
