//! Internal snapshots of qcow2 images, which QEMU's `savevm`, `loadvm` and `delvm` use.
//!
//! (QEMU: `docs/interop/qcow2.txt` and `block/qcow2-snapshot.c`.)

mod change;
mod clusters;
mod header;
mod lock;
mod problem;
mod refcounts;
mod storage;
mod table;
mod vm_state;

#[cfg(test)]
mod tests;

use std::fs::File;
use std::path::{Path, PathBuf};

use vmstate_types::{Reader, SaveError, Writer};

use self::change::Change;
use self::header::Header;
use self::lock::Locked;
use self::problem::{Problem, changed, damaged};
use self::storage::Storage;
use self::table::Entry;
use self::vm_state::{StateReader, StateWriter};
use super::error::shown;
use super::{Details, LoadStream, SaveStream, SnapshotInfo, Store, StoreError, StoreErrorKind};
use crate::section::Output;

/// A [`Store`] in a qcow2 image: its internal snapshots.
///
/// QEMU loads a saved snapshot with `loadvm`, and this store loads the snapshots of QEMU's `savevm`. A snapshot contains the
/// disk, too: [`save`](Store::save) takes a snapshot of the disk as it is in the image, and [`load`](Store::load) loads only
/// the machine. The size of a snapshot is the length of its stream. Comments and parents, together up to 980 bytes, are
/// in a part of the snapshot table that QEMU keeps and does not use.
///
/// Each change is atomic: a crash leaves the old or the new state, and no lost clusters. An image whose tables or disk have
/// clusters without a reference count, which could be overwritten, is not changed: repair it with `qemu-img check -r all`.
/// The image must not be in use by a running QEMU; its locks are respected. While another process changes the image, a
/// change fails, and so does a load during which a change becomes complete. The same applies to threads of one process on
/// Linux; elsewhere, they must not use an image while one of them changes it. Images with encryption or external data files
/// are not supported.
///
/// ```no_run
/// use vmstate::snapshot::{Qcow2, Store};
///
/// let image = Qcow2::open("disk.qcow2")?;
/// for snapshot in image.list()? {
///     println!("{} {}: {} bytes", snapshot.id, snapshot.name, snapshot.size);
/// }
/// # Ok::<(), vmstate::snapshot::StoreError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Qcow2 {
    path: PathBuf,
}

impl Qcow2 {
    /// Opens an image.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or is not a supported qcow2 image.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let image = Self { path: path.into() };
        Header::read(&image.file()?).map_err(|problem| problem.in_image("cannot open", &image.path))?;
        Ok(image)
    }

    /// Returns the path of the image.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn file(&self) -> Result<File, StoreError> {
        File::open(&self.path).map_err(StoreError::io("cannot open", &self.path))
    }

    /// Opens and locks the image.
    fn locked(&self) -> Result<Locked, StoreError> {
        let file = File::options().read(true).write(true).open(&self.path);
        let file = file.map_err(StoreError::io("cannot open", &self.path))?;
        Locked::new(file).map_err(|error| {
            let path = self.path.display();
            let message = format!("cannot lock `{path}`, which another process or thread may have opened");
            StoreError::new(StoreErrorKind::Io, message).with_source(error)
        })
    }

    fn problem(&self, operation: &str) -> impl FnOnce(Problem) -> StoreError {
        move |problem| problem.in_image(operation, &self.path)
    }

    /// Returns the snapshot with this name or id, and its entry.
    fn entry(&self, file: &File, key: &str) -> Result<(Header, Entry, SnapshotInfo), StoreError> {
        let (header, entries) = read_table(file).map_err(self.problem("cannot read"))?;
        let snapshot = super::find(entries.iter().map(Entry::snapshot).collect(), key)?;
        let entry = entries.into_iter().find(|entry| entry.id == snapshot.id.as_bytes());
        match entry {
            Some(entry) => Ok((header, entry, snapshot)),
            None => Err(damaged("expected ids in UTF-8").in_image("cannot read", &self.path)),
        }
    }

    fn stream<'f>(
        &self,
        header: &Header,
        file: &'f File,
        entry: &Entry,
        snapshot: &SnapshotInfo,
    ) -> Result<StateReader<'f, File>, StoreError> {
        let stream = StateReader::new(header, file, entry);
        let stream = header.check_current(file).and(stream).map_err(self.problem("cannot read"))?;
        if stream.length() == 0 {
            let message = format!("snapshot `{}` contains only the disk", shown(&snapshot.name));
            return Err(StoreError::new(StoreErrorKind::Unsupported, message));
        }
        Ok(stream)
    }

    fn change(
        &self,
        details: &Details,
        write: impl FnOnce(&mut StateWriter<'_, '_, File>) -> Result<(), SaveError>,
    ) -> Result<SnapshotInfo, StoreError> {
        details.check()?;
        let file = self.locked().map_err(|error| error.after(not_saved(details)))?;
        insert(&*file, details, write).map_err(|rejected| match rejected {
            Rejected::Store(error) => error,
            Rejected::Save(error) => StoreError::not_saved(&details.name, error),
            Rejected::Image(problem) => problem.in_image("cannot change", &self.path).after(not_saved(details)),
        })
    }
}

fn not_saved(details: &Details) -> String {
    format!("snapshot `{}` was not saved, and the image is unchanged", shown(&details.name))
}

/// The most attempts to read the table of snapshots while other processes change the image.
const ATTEMPTS: usize = 100;

/// Reads the table of snapshots.
fn read_table(storage: &impl Storage) -> Result<(Header, Vec<Entry>), Problem> {
    for _ in 0..ATTEMPTS {
        let header = Header::read(storage)?;
        let read = table::read(&header, storage);
        if header.is_current(storage)? {
            return read.map(|(entries, _)| (header, entries));
        }
    }
    Err(changed())
}

/// The reason why a snapshot was not inserted.
#[derive(Debug)]
enum Rejected {
    Store(StoreError),
    Save(SaveError),
    Image(Problem),
}

impl From<Problem> for Rejected {
    fn from(problem: Problem) -> Self {
        Self::Image(problem)
    }
}

/// Inserts a snapshot whose stream `write` writes.
fn insert<S: Storage>(
    storage: &S,
    details: &Details,
    write: impl FnOnce(&mut StateWriter<'_, '_, S>) -> Result<(), SaveError>,
) -> Result<SnapshotInfo, Rejected> {
    let mut change = Change::new(storage)?;
    let replaced = replaced(change.entries(), details).map_err(Rejected::Store)?;
    let snapshot = SnapshotInfo::new(&next_id(change.entries()).to_string(), details);
    let mut entry = Entry::new(&snapshot, change.header.disk_size);
    if !entry.fits() {
        return Err(Rejected::Store(StoreError::long_comment(&details.name, details.comment.len(), MAX_COMMENT)));
    }
    change.check_disk()?;
    let mut writer = StateWriter::new(&mut change);
    write(&mut writer).map_err(Rejected::Save)?;
    let (tables, length) = writer.finish()?;
    if length == 0 {
        return Err(Rejected::Save(SaveError::misuse("expected a stream, found no bytes")));
    }
    entry.vm_state_size = length;
    change.insert(entry, &tables, length)?;
    if let Some(index) = replaced {
        change.delete(index)?;
    }
    change.commit()?;
    Ok(SnapshotInfo { size: length, ..snapshot })
}

/// The longest comment: an entry has at most 1,024 bytes of extra data.
const MAX_COMMENT: usize = 980;

/// Returns the index of the snapshot that is replaced.
fn replaced(entries: &[Entry], details: &Details) -> Result<Option<usize>, StoreError> {
    let snapshots: Vec<_> = entries.iter().map(Entry::snapshot).collect();
    if let Some(parent) = details.parent.as_ref().filter(|id| !snapshots.iter().any(|known| known.id == **id)) {
        return Err(StoreError::not_found(parent, &SnapshotInfo::names(&snapshots)).after("missing parent"));
    }
    match snapshots.iter().position(|snapshot| snapshot.name == details.name) {
        Some(_) if !details.replace => Err(StoreError::exists(&details.name)),
        index => Ok(index),
    }
}

/// Returns an id above all that exist (`find_new_snapshot_id` in QEMU's `block/qcow2-snapshot.c`).
fn next_id(entries: &[Entry]) -> u64 {
    let ids = entries.iter().filter_map(|entry| std::str::from_utf8(&entry.id).ok()?.parse::<u64>().ok());
    ids.max().unwrap_or(0).saturating_add(1)
}

impl Store for Qcow2 {
    fn list(&self) -> Result<Vec<SnapshotInfo>, StoreError> {
        let (_, entries) = read_table(&self.file()?).map_err(self.problem("cannot read"))?;
        Ok(entries.iter().map(Entry::snapshot).collect())
    }

    fn save(&self, details: &Details, save: &mut SaveStream<'_>) -> Result<SnapshotInfo, StoreError> {
        self.change(details, |out| {
            let mut writer = Writer::new();
            save(Output::new(&mut writer, Some(out)))
        })
    }

    fn load(&self, key: &str, load: &mut LoadStream<'_>) -> Result<SnapshotInfo, StoreError> {
        let file = self.file()?;
        let (header, entry, snapshot) = self.entry(&file, key)?;
        let stream = self.stream(&header, &file, &entry, &snapshot)?;
        load(&mut Reader::from_source(stream)).map_err(|error| StoreError::not_loaded(&snapshot.name, error))?;
        Ok(snapshot)
    }

    fn delete(&self, key: &str) -> Result<SnapshotInfo, StoreError> {
        let unchanged = || format!("snapshot `{}` was not deleted, and the image is unchanged", shown(key));
        let file = self.locked().map_err(|error| error.after(unchanged()))?;
        let (_, entry, snapshot) = self.entry(&file, key)?;
        delete(&*file, &entry).map_err(|problem| problem.in_image("cannot change", &self.path).after(unchanged()))?;
        Ok(snapshot)
    }
}

fn delete(storage: &impl Storage, entry: &Entry) -> Result<(), Problem> {
    let mut change = Change::new(storage)?;
    let index = change.entries().iter().position(|other| other == entry);
    change.delete(index.ok_or_else(|| damaged("the image was changed meanwhile"))?)?;
    change.commit()
}
