//! A folder with a stream and a file of properties for each snapshot.
//!
//! The stream of snapshot 3 is in `3.state`, or in `3.0.incremental` without the pages of its base, and its properties are in
//! `3.json`. A snapshot exists as long as its properties
//! do: a save renames the complete stream first and the properties last, and a deletion removes the properties first.
//! The next save or deletion removes all other files of an interrupted change. Changes hold a lock on the file
//! `lock`; readers do not.

mod files;
mod incremental;
mod merge;
mod metadata;
#[cfg(all(target_os = "linux", feature = "mapping"))]
mod recorder;

use std::fs;
use std::path::{Path, PathBuf};

use vmstate_types::{Reader, Writer};

use self::files::{Files, Part};
use self::incremental::{Content, Opened};
use self::metadata::{Base, Contents, Metadata};
use super::chain::ChainReader;
use super::error::shown;
use super::{Details, LoadStream, SaveStream, SnapshotInfo, Store, StoreError, StoreErrorKind};
use crate::section::{Output, Recorded, read_file};

/// A [`Store`] in a folder.
///
/// Each snapshot is a stream in which guest memory has [fixed places](crate::machine::Machine::save_mapped), so zero pages
/// take no space. QEMU loads the file `ID.state` with the capability `mapped-ram`, and `vmstate info` lists its sections.
///
/// With [`Details::changes_since`], a snapshot contains only the pages since its parent, and the parent cannot be deleted
/// until [`merge`](Self::merge) has made the snapshot complete.
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

    /// Returns the path of a complete snapshot's stream, for tools and for QEMU.
    ///
    /// # Errors
    /// Returns an error if the snapshot does not exist or is incremental, or the folder cannot be read.
    pub fn stream_path(&self, key: &str) -> Result<PathBuf, StoreError> {
        let found = self.find(key)?;
        let (id, name) = (found.id.parse().unwrap_or(0), shown(&found.name));
        match self.files.metadata(id)? {
            Some((_, metadata)) if metadata.contents.base.is_none() => Ok(self.files.stream(id, &metadata)),
            Some(_) => {
                let message = format!("snapshot `{name}` is incremental; merge it, or extract its stream");
                Err(StoreError::new(StoreErrorKind::Unsupported, message))
            }
            None => Err(StoreError::not_found(key, &[])),
        }
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
            Some((id, _)) => self.check_unused(id, &details.name).map(|()| Some(id)),
            None => Ok(None),
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

    fn write_stream(
        &self,
        part: &Part,
        details: &Details,
        base: Option<(Base, Metadata)>,
        save: &mut SaveStream<'_>,
    ) -> Result<Contents, StoreError> {
        let mut writer = Writer::new();
        let recorded = Recorded::new(details.changes.as_deref().map(|(_, changes)| changes));
        let saved = save(Output::to_recorded_file(&mut writer, part.file(), &recorded));
        let sealed = saved.and_then(|()| self.seal(part, &recorded.into_blocks(), base));
        sealed.map_err(|error| StoreError::not_saved(&details.name, error))
    }

    /// Gives the complete stream an id, and writes the properties. The snapshot exists from the renaming of the properties
    /// on.
    fn commit(&self, part: Part, details: &Details, contents: Contents) -> Result<SnapshotInfo, StoreError> {
        let _lock = self.files.lock()?;
        self.files.clean()?;
        let replaces = self.check_name(details)?;
        if let Some(base) = &contents.base {
            let found = self.files.metadata(base.id)?.map(|(_, metadata)| metadata);
            base.check(&details.name, found.filter(|_| replaces != Some(base.id)))?;
        }
        let id = self.files.next_id()?;
        let metadata = Metadata::new(&SnapshotInfo::new(&id.to_string(), details), replaces).with(contents);
        let path = self.files.stream(id, &metadata);
        self.files.put_stream(&path, part)?;
        if let Err(error) = self.files.put_metadata(id, &metadata) {
            self.files.remove_stream(&path);
            return Err(error);
        }
        Ok(self.info(id, &metadata))
    }

    fn info(&self, id: u64, metadata: &Metadata) -> SnapshotInfo {
        metadata.snapshot(id, self.files.size(id, metadata))
    }

    /// Makes a new snapshot durable, and removes the snapshot that it replaces.
    fn finish(&self) -> Result<(), StoreError> {
        let _lock = self.files.lock()?;
        self.files.sync()?;
        self.files.clean()
    }
}

fn not_saved(details: &Details) -> impl FnOnce(StoreError) -> StoreError {
    let clause = format!("snapshot `{}` was not saved, and the store is unchanged", shown(&details.name));
    |error| error.after(clause)
}

fn saved(details: &Details) -> impl FnOnce(StoreError) -> StoreError {
    let clause = format!("snapshot `{}` was saved, but the store was not cleaned up", shown(&details.name));
    |error| error.after(clause)
}

impl Store for Folder {
    fn list(&self) -> Result<Vec<SnapshotInfo>, StoreError> {
        let all = self.read_all()?;
        Ok(all.iter().map(|(id, metadata)| self.info(*id, metadata)).collect())
    }

    fn save(&self, details: &Details, save: &mut SaveStream<'_>) -> Result<SnapshotInfo, StoreError> {
        details.check()?;
        self.check_name(details)?;
        self.check_parent(details)?;
        let base = self.base_of(details)?;
        let part = self.files.part().map_err(not_saved(details))?;
        let contents = self.write_stream(&part, details, base, save)?;
        let snapshot = self.commit(part, details, contents).map_err(not_saved(details))?;
        self.finish().map_err(saved(details))?;
        Ok(snapshot)
    }

    fn load(&self, key: &str, load: &mut LoadStream<'_>) -> Result<SnapshotInfo, StoreError> {
        let Opened { snapshot, content, .. } = self.open_stream(key)?;
        let reader = match content {
            Content::Complete(file) => read_file(file, 0),
            Content::Incremental(chain) => Reader::from_file_at(ChainReader::new(chain), 0),
        };
        let mut reader = reader.map_err(StoreError::io("cannot read", self.path()))?;
        load(&mut reader).map_err(|error| StoreError::not_loaded(&snapshot.name, error))?;
        Ok(snapshot)
    }

    fn delete(&self, key: &str) -> Result<SnapshotInfo, StoreError> {
        let _lock = self.files.lock()?;
        let snapshot = self.find(key)?;
        let id = snapshot.id.parse().unwrap_or(0);
        self.check_unused(id, &snapshot.name)?;
        self.files.remove(id)?;
        // The snapshot is deleted. Files that cannot be removed now are removed by the next change.
        let _ = self.files.clean();
        Ok(snapshot)
    }
}
