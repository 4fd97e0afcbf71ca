//! The files of a folder.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FlockOperation, flock};

use super::Damage;
use super::metadata::{Contents, MAX_SIZE, Metadata};
use crate::snapshot::{StoreError, StoreErrorKind};

/// The paths of a folder, and the operations on its files.
#[derive(Debug, Clone)]
pub(super) struct Files {
    folder: PathBuf,
}

/// The lock of a folder, which is released when it is dropped.
#[derive(Debug)]
pub(super) struct Lock {
    _file: File,
}

/// A stream that is being written. The file is removed when it is dropped.
#[derive(Debug)]
pub(super) struct Part {
    path: PathBuf,
    file: File,
    /// Set if it has another name now.
    renamed: bool,
}

impl Part {
    pub(super) fn file(&self) -> &File {
        &self.file
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.renamed {
            // A file that cannot be removed is removed by the next change of the folder.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// The kind of a file, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Metadata(u64),
    Stream(u64),
    /// The number of the snapshot, and the generation of the file.
    Incremental(u64, u32),
    WorkingSet(u64),
    Part,
}

const PART: &str = ".part";

fn kind(name: &str) -> Option<Kind> {
    if name.ends_with(PART) {
        return Some(Kind::Part);
    }
    let (id, extension) = name.split_once('.')?;
    let number = id.parse().ok().filter(|number: &u64| number.to_string() == id)?;
    match extension {
        "json" => Some(Kind::Metadata(number)),
        "state" => Some(Kind::Stream(number)),
        "working-set" => Some(Kind::WorkingSet(number)),
        _ => {
            let generation = extension.strip_suffix(".incremental")?;
            let parsed = generation.parse().ok().filter(|parsed: &u32| parsed.to_string() == generation)?;
            Some(Kind::Incremental(number, parsed))
        }
    }
}

impl Files {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the path of a snapshot's stream.
    pub(super) fn stream(&self, id: u64, metadata: &Metadata) -> PathBuf {
        match &metadata.contents {
            Contents { base: Some(_), generation, .. } => self.folder.join(format!("{id}.{generation}.incremental")),
            Contents { base: None, .. } => self.folder.join(format!("{id}.state")),
        }
    }

    pub(super) fn working_set(&self, id: u64) -> PathBuf {
        self.folder.join(format!("{id}.working-set"))
    }

    fn properties(&self, id: u64) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    /// Waits for the lock of changes.
    pub(super) fn lock(&self) -> Result<Lock, StoreError> {
        let path = self.folder.join("lock");
        let lock = || {
            let file = File::options().write(true).create(true).truncate(false).open(&path)?;
            loop {
                match flock(&file, FlockOperation::LockExclusive) {
                    Err(rustix::io::Errno::INTR) => {}
                    locked => return locked.map(|()| Lock { _file: file }).map_err(io::Error::from),
                }
            }
        };
        lock().map_err(StoreError::io("cannot lock", &path))
    }

    /// Lists the known files.
    fn kinds(&self) -> Result<Vec<(Kind, PathBuf)>, StoreError> {
        let entries = fs::read_dir(&self.folder).and_then(Iterator::collect::<io::Result<Vec<_>>>);
        let entries = entries.map_err(StoreError::io("cannot read the folder", &self.folder))?;
        let known = |entry: &fs::DirEntry| Some((kind(entry.file_name().to_str()?)?, entry.path()));
        Ok(entries.iter().filter_map(known).collect())
    }

    /// Lists the ids of the snapshots in ascending order.
    pub(super) fn ids(&self) -> Result<BTreeSet<u64>, StoreError> {
        let id = |(kind, _): &(Kind, PathBuf)| match kind {
            Kind::Metadata(id) => Some(*id),
            Kind::Stream(_) | Kind::Incremental(..) | Kind::WorkingSet(_) | Kind::Part => None,
        };
        Ok(self.kinds()?.iter().filter_map(id).collect())
    }

    /// Returns an id that is higher than all that exist, as QEMU numbers snapshots.
    pub(super) fn next_id(&self) -> Result<u64, StoreError> {
        let id = |(kind, _): &(Kind, PathBuf)| match kind {
            Kind::Metadata(id) | Kind::Stream(id) | Kind::Incremental(id, _) | Kind::WorkingSet(id) => *id,
            Kind::Part => 0,
        };
        let highest = self.kinds()?.iter().map(id).max().unwrap_or(0);
        let error = || StoreError::new(StoreErrorKind::Unsupported, "no free id: the highest one is in use");
        highest.checked_add(1).ok_or_else(error)
    }

    /// Reads the properties of a snapshot with their text. Returns `None` if it does not exist.
    pub(super) fn metadata(&self, id: u64) -> Result<Option<(Vec<u8>, Metadata)>, StoreError> {
        let path = self.properties(id);
        let mut text = Vec::new();
        match File::open(&path).and_then(|file| file.take(MAX_SIZE + 1).read_to_end(&mut text)) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(StoreError::io("cannot read", &path)(error)),
        }
        let damaged = |reason: String| {
            StoreError::new(StoreErrorKind::Damaged, format!("cannot read `{}`: {reason}", path.display()))
        };
        if text.len() as u64 > MAX_SIZE {
            return Err(damaged(format!("expected at most {MAX_SIZE} bytes")));
        }
        let metadata = Metadata::parse(&text).map_err(damaged)?;
        Ok(Some((text, metadata)))
    }

    /// Opens the stream of an existing snapshot.
    pub(super) fn open(&self, id: u64, metadata: &Metadata) -> Result<File, StoreError> {
        let path = self.stream(id, metadata);
        File::open(&path).map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                let message = format!("the file `{}` of the snapshot is missing", path.display());
                StoreError::new(StoreErrorKind::Damaged, message)
            }
            _ => StoreError::io("cannot open", &path)(error),
        })
    }

    /// Returns the number of bytes that a snapshot takes on the disk.
    pub(super) fn size(&self, id: u64, metadata: &Metadata) -> u64 {
        let size = |path: PathBuf| fs::metadata(path).map_or(0, |metadata| metadata.blocks().saturating_mul(512));
        size(self.stream(id, metadata)).saturating_add(size(self.properties(id)))
    }

    /// Creates a file for a stream. It is locked, so that other processes do not remove it as unused.
    pub(super) fn part(&self) -> Result<Part, StoreError> {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        loop {
            let number = COUNTER.fetch_add(1, Ordering::Relaxed);
            let path = self.folder.join(format!("{}-{number}{PART}", std::process::id()));
            // `None` if another process has taken the new file for an unused one before it was locked.
            if let Some(file) = create_locked(&path).map_err(StoreError::io("cannot create", &path))? {
                return Ok(Part { path, file, renamed: false });
            }
        }
    }

    /// Gives a complete stream its name.
    pub(super) fn put_stream(&self, path: &Path, mut part: Part) -> Result<(), StoreError> {
        fs::rename(&part.path, path).map_err(StoreError::io("cannot rename a file to", path))?;
        part.renamed = true;
        // The new name must not be lost while the properties are kept.
        self.sync()
    }

    /// Writes the properties of a snapshot, which exists from then on.
    pub(super) fn put_metadata(&self, id: u64, metadata: &Metadata) -> Result<(), StoreError> {
        self.put_text(&self.properties(id), metadata.to_text().as_bytes())
    }

    /// Writes a file as a whole.
    pub(super) fn put_text(&self, path: &Path, text: &[u8]) -> Result<(), StoreError> {
        let mut part = self.part()?;
        let written = part.file.write_all(text).and_then(|()| part.file.sync_all());
        written.map_err(StoreError::io("cannot write", path))?;
        fs::rename(&part.path, path).map_err(StoreError::io("cannot rename a file to", path))?;
        part.renamed = true;
        Ok(())
    }

    /// Makes the names of files durable.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        let synced = File::open(&self.folder).and_then(|folder| folder.sync_all());
        synced.map_err(StoreError::io("cannot synchronize", &self.folder))
    }

    /// Removes a snapshot: first its properties, then its stream.
    pub(super) fn remove(&self, id: u64) -> Result<(), StoreError> {
        let path = self.properties(id);
        let metadata = self.metadata(id).ok().flatten().map(|(_, metadata)| metadata);
        fs::remove_file(&path).map_err(StoreError::io("cannot remove", &path))?;
        self.sync()?;
        let _ = fs::remove_file(self.working_set(id));
        if let Some(metadata) = metadata {
            self.remove_stream(&self.stream(id, &metadata));
        }
        Ok(())
    }

    /// Removes the stream of a snapshot that does not exist. If that fails, the next change removes it.
    pub(super) fn remove_stream(&self, path: &Path) {
        let _ = fs::remove_file(path);
    }

    /// Removes the files of interrupted changes: replaced snapshots, streams without properties, and unfinished files.
    /// The lock must be held.
    pub(super) fn clean(&self) -> Result<(), StoreError> {
        for id in self.ids()? {
            let replaced = self.metadata(id).ok().flatten().and_then(|(_, metadata)| metadata.replaces);
            if let Some(replaced) = replaced.filter(|replaced| self.properties(*replaced).exists()) {
                self.remove(replaced)?;
            }
        }
        for damage in self.left_behind()? {
            let _ = fs::remove_file(damage.path);
        }
        Ok(())
    }

    /// Lists streams without properties, and files of processes that have ended.
    fn left_behind(&self) -> Result<Vec<Damage>, StoreError> {
        let ids = self.ids()?;
        let left = |(kind, path): (Kind, PathBuf)| {
            let reason = match kind {
                Kind::Stream(id) | Kind::Incremental(id, _) if !ids.contains(&id) => {
                    "a stream without properties, of an interrupted change"
                }
                Kind::Stream(id) | Kind::Incremental(id, _) if self.is_outdated(id, &path) => {
                    "the other stream of a merged snapshot, of an interrupted change"
                }
                Kind::WorkingSet(id) if !ids.contains(&id) => "a working set of a deleted snapshot",
                Kind::Part if is_unused(&path) => "an unfinished file of an interrupted save",
                _ => return None,
            };
            Some(Damage { path, reason: reason.to_owned() })
        };
        Ok(self.kinds()?.into_iter().filter_map(left).collect())
    }

    /// Returns whether the stream of this snapshot is another file.
    fn is_outdated(&self, id: u64, path: &Path) -> bool {
        self.metadata(id).ok().flatten().is_some_and(|(_, metadata)| self.stream(id, &metadata) != path)
    }

    /// Lists all files that are not parts of valid snapshots.
    pub(super) fn damage(&self) -> Result<Vec<Damage>, StoreError> {
        let mut damage = self.left_behind()?;
        for id in self.ids()? {
            let problem = match self.metadata(id) {
                Err(error) => Some((self.properties(id), error.to_string())),
                Ok(Some((_, metadata))) if !self.stream(id, &metadata).exists() => {
                    Some((self.stream(id, &metadata), "missing".to_owned()))
                }
                Ok(Some((_, metadata))) => self.base_problem(id, &metadata),
                Ok(None) => None,
            };
            damage.extend(problem.map(|(path, reason)| Damage { path, reason }));
        }
        Ok(damage)
    }
}

impl Files {
    /// Returns the reason why the base of a snapshot cannot be used.
    fn base_problem(&self, id: u64, metadata: &Metadata) -> Option<(PathBuf, String)> {
        let base = metadata.contents.base.as_ref()?;
        let found = self.metadata(base.id).ok().flatten().map(|(_, metadata)| metadata);
        let problem = base.check(&metadata.name, found).err()?;
        Some((self.properties(id), problem.to_string()))
    }
}

/// Creates and locks a file. Returns `None` if it is locked by another process, or was removed before it was locked.
fn create_locked(path: &Path) -> io::Result<Option<File>> {
    let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => return Ok(None),
        locked => locked?,
    }
    let is_same = fs::metadata(path).is_ok_and(|named| file.metadata().is_ok_and(|this| named.ino() == this.ino()));
    file.set_len(0)?;
    Ok(is_same.then_some(file))
}

/// Returns whether no process writes an unfinished file.
fn is_unused(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok())
}
