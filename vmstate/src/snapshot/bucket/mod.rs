//! Snapshots in an object store, such as S3.
//!
//! Below a prefix, `snapshots/3.json` has the properties of snapshot 3, and exists as long as the snapshot. It names a list
//! of chunks in `chunks`, where each object has the SHA-256 hash of its content as its name. The other folders are described
//! in `lease`.

mod chunks;
mod incomplete;
mod lease;
mod manifest;
mod objects;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use object_store::ObjectStore;
use vmstate_types::{Reader, Writer};

use self::chunks::{ChunkReader, Chunks};
use self::lease::{Lease, Times};
use self::manifest::Manifest;
use self::objects::{Objects, Remote};
use super::error::shown;
use super::{Damage, Details, LoadStream, SaveStream, SnapshotInfo, Store, StoreError, StoreErrorKind};
use crate::section::Output;

/// A [`Store`] in an object store: a bucket of S3, Google Cloud Storage or Azure, a WebDAV server, a folder, or memory.
///
/// Streams are divided into chunks of 2 MiB, which are named after their content. Guest memory has
/// [fixed places](crate::machine::Machine::save_mapped) in a stream, so snapshots share the chunks of the memory that they have
/// in common, also snapshots of different guests. Chunks of zeros are not stored. The size of a snapshot is the size of its
/// chunks, including the shared ones.
///
/// A save writes the stream to a temporary file first. The snapshot exists when its last object is written; a crash before
/// leaves chunks that no snapshot has. A deletion, or [`collect`](Self::collect), deletes such chunks, unless a snapshot is
/// being saved at the same time.
///
/// A folder keeps the snapshot after a crash of the system if its backend was created with `with_fsync(true)`.
///
/// Requests run on a separate thread, and each has a minute. The object store must list an object as soon as it was
/// written, and support conditional writes (`PutMode::Create`), as all of the above do except WebDAV servers.
///
/// ```
/// use std::sync::Arc;
///
/// use vmstate::machine::SaveOptions;
/// use vmstate::prelude::*;
/// use vmstate::snapshot::object_store::memory::InMemory;
/// use vmstate::snapshot::{Bucket, Store};
///
/// # #[derive(VmState, Default)] struct Dev { level: u8 }
/// # let mut dev = Dev { level: 7 };
/// let store = Bucket::new(Arc::new(InMemory::new()), "board")?;
/// let mut machine = Machine::with_type("board");
/// machine.register("dev", &mut dev)?;
/// machine.save_snapshot(&store, "boot", SaveOptions::new())?;
/// assert_eq!(store.list()?[0].name, "boot");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Bucket {
    objects: Arc<dyn Objects>,
    times: Times,
    temporary: Option<PathBuf>,
    /// The folder with the folders of objects, if the backend is a folder.
    local: Option<PathBuf>,
    prefix: String,
}

/// The longest wait for a request.
const TIMEOUT: Duration = Duration::from_secs(60);
/// The folder of the properties of snapshots.
const SNAPSHOTS: &str = "snapshots";

fn manifest_key(id: u64) -> String {
    format!("{SNAPSHOTS}/{id}.json")
}

impl Bucket {
    /// Creates a store of the objects whose names begin with `prefix` and a slash.
    ///
    /// # Errors
    /// Returns an error if no thread can be started.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: &str) -> Result<Self, StoreError> {
        let objects = Arc::new(Remote::new(store, prefix, TIMEOUT)?);
        let prefix = object_store::path::Path::from(prefix).to_string();
        Ok(Self { objects, times: Times::default(), temporary: None, local: None, prefix })
    }

    /// Sets the folder of the backend, if that is a `LocalFileSystem`: [`collect`](Self::collect) then deletes the files that
    /// killed processes have written in part, too, which the backend hides.
    #[must_use]
    pub fn local_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.local = Some(folder.into().join(&self.prefix));
        self
    }

    /// Sets the folder of the temporary file of a save. The default is [`std::env::temp_dir`].
    #[must_use]
    pub fn temporary_folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.temporary = Some(folder.into());
        self
    }

    /// Deletes the chunks that no snapshot has, and returns their number. Does nothing and returns `None` while a snapshot is
    /// being saved.
    ///
    /// A process that was killed while it saved a snapshot counts as saving for 20 seconds. A save waits for a collection,
    /// for 20 seconds if its process was killed.
    ///
    /// # Errors
    /// Returns an error if the store cannot be read or changed, or a snapshot is damaged whose chunks are unknown.
    pub fn collect(&self) -> Result<Option<u64>, StoreError> {
        let objects = &*self.objects;
        let Some(lease) = Lease::of_collection(&self.objects, self.times)? else { return Ok(None) };
        let (ids, mut used) = (self.ids()?, BTreeSet::new());
        for id in ids {
            let Some(manifest) = self.manifest(id)? else { continue };
            used.insert(chunks::list_key(&manifest.list));
            Chunks::read(objects, &manifest.name, &manifest.list, manifest.length)?.add_keys(&mut used);
            lease.proceed()?;
        }
        let mut deleted = 0;
        for key in objects.list(chunks::FOLDER)?.iter().filter(|key| !used.contains(*key)) {
            lease.proceed()?;
            objects.delete(key)?;
            deleted += 1;
        }
        self.delete_incomplete()?;
        Ok(Some(deleted))
    }

    /// Deletes the files of a local folder that were written in part. A write that has not ended by its deadline was given up.
    fn delete_incomplete(&self) -> Result<(), StoreError> {
        let Some(local) = &self.local else { return Ok(()) };
        for folder in [chunks::FOLDER, SNAPSHOTS, lease::SAVES, lease::COLLECTIONS] {
            let folder = local.join(folder);
            incomplete::delete(&folder, TIMEOUT)
                .map_err(StoreError::io("cannot delete incomplete files of", &folder))?;
        }
        Ok(())
    }

    /// Reads all chunks, and lists the objects that are missing or damaged, and the snapshots that have them.
    ///
    /// # Errors
    /// Returns an error if the store cannot be read.
    pub fn verify(&self) -> Result<Vec<Damage>, StoreError> {
        let mut damage = Vec::new();
        let mut add = |key: String, reason: String| damage.push(Damage { path: PathBuf::from(key), reason });
        for id in self.ids()? {
            let found = self.manifest(id).and_then(|found| {
                let read =
                    |manifest: Manifest| Chunks::read(&*self.objects, &manifest.name, &manifest.list, manifest.length);
                found.map(read).transpose()
            });
            match found {
                Ok(None) => {}
                Ok(Some(chunks)) => {
                    let problems = chunks.problems(&*self.objects)?;
                    problems.into_iter().for_each(|(key, reason)| add(key, format!("{reason} (snapshot {id})")));
                }
                Err(error) if error.kind() == StoreErrorKind::Damaged => add(manifest_key(id), error.to_string()),
                Err(error) => return Err(error),
            }
        }
        Ok(damage)
    }

    /// Lists the ids of the snapshots in ascending order.
    fn ids(&self) -> Result<BTreeSet<u64>, StoreError> {
        let id = |key: &String| {
            let number = key.strip_prefix(SNAPSHOTS)?.strip_prefix('/')?.strip_suffix(".json")?;
            number.parse().ok().filter(|parsed: &u64| parsed.to_string() == number)
        };
        Ok(self.objects.list(SNAPSHOTS)?.iter().filter_map(id).collect())
    }

    /// Reads the properties of a snapshot. Returns `None` if it does not exist.
    fn manifest(&self, id: u64) -> Result<Option<Manifest>, StoreError> {
        let Some(text) = self.objects.get(&manifest_key(id), manifest::MAX_SIZE)? else { return Ok(None) };
        let parsed = Manifest::parse(&text).map_err(|reason| {
            let message = format!("cannot read `{}`: {}", manifest_key(id), shown(&reason));
            StoreError::new(StoreErrorKind::Damaged, message)
        });
        parsed.map(Some)
    }

    /// Returns the properties of all snapshots by id, without the replaced and the damaged ones.
    fn read_all(&self) -> Result<Vec<(u64, Manifest)>, StoreError> {
        let mut found = self.read_with_replaced()?;
        let replaced = replaced(&found);
        found.retain(|(id, _)| !replaced.contains(id));
        Ok(found)
    }

    fn read_with_replaced(&self) -> Result<Vec<(u64, Manifest)>, StoreError> {
        let mut found = Vec::new();
        for id in self.ids()? {
            match self.manifest(id) {
                Ok(manifest) => found.extend(manifest.map(|manifest| (id, manifest))),
                Err(error) if error.kind() == StoreErrorKind::Damaged => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Checks that a new snapshot may have its name and parent.
    fn check(&self, details: &Details) -> Result<(), StoreError> {
        let snapshots = self.list()?;
        if let Some(parent) = details.parent.as_ref().filter(|id| !snapshots.iter().any(|known| known.id == **id)) {
            return Err(StoreError::not_found(parent, &SnapshotInfo::names(&snapshots)).after("missing parent"));
        }
        match snapshots.iter().any(|snapshot| snapshot.name == details.name) {
            true if !details.replace => Err(StoreError::exists(&details.name)),
            _ => Ok(()),
        }
    }

    /// Writes a stream to a temporary file.
    fn write_stream(&self, details: &Details, save: &mut SaveStream<'_>) -> Result<File, StoreError> {
        let file = match &self.temporary {
            Some(folder) => tempfile::tempfile_in(folder),
            None => tempfile::tempfile(),
        };
        let file = file.map_err(|error| {
            StoreError::new(StoreErrorKind::Io, "cannot create a temporary file").with_source(error)
        })?;
        save(Output::to_mapped_file(&mut Writer::new(), &file, 0))
            .map_err(|error| StoreError::not_saved(&details.name, error))?;
        Ok(file)
    }

    /// Writes the chunks of a stream, and then its snapshot. Errors report which state exists.
    fn upload(&self, details: &Details, file: &File) -> Result<(u64, Manifest), StoreError> {
        let (unchanged, unknown) = (|error| not_saved(details, error), |error| maybe_saved(details, error));
        let lease = Lease::of_save(&self.objects, self.times).map_err(unchanged)?;
        let chunks = Chunks::upload(&*self.objects, file).map_err(unchanged)?;
        let list = chunks.put_list(&*self.objects).map_err(unchanged)?;
        self.check(details).map_err(unchanged)?;
        let (id, manifest) = self.put_manifest(details, &chunks, &list)?;
        // The chunks may be gone if the lease has expired, and another snapshot may have got the name.
        if let Err(error) = lease.check().and_then(|()| self.check_unique(id, details)) {
            self.objects.delete(&manifest_key(id)).map_err(unknown)?;
            return Err(unchanged(error));
        }
        Ok((id, manifest))
    }

    /// Writes the properties with the first free id. The snapshot exists from then on.
    fn put_manifest(&self, details: &Details, chunks: &Chunks, list: &str) -> Result<(u64, Manifest), StoreError> {
        let ids = self.ids().map_err(|error| not_saved(details, error))?;
        let mut id = ids.last().map_or(Some(1), |last| last.checked_add(1));
        while let Some(free) = id {
            let snapshot = SnapshotInfo { size: chunks.size(), ..SnapshotInfo::new(&free.to_string(), details) };
            // All older snapshots of its name, including concurrent ones.
            let replaces = details.replace.then(|| free - 1);
            let manifest = Manifest::new(&snapshot, replaces, chunks.length(), list.to_owned());
            let created = self.objects.create(&manifest_key(free), manifest.to_text().into_bytes());
            if created.map_err(|error| maybe_saved(details, error))? {
                return Ok((free, manifest));
            }
            id = free.checked_add(1);
        }
        let error = StoreError::new(StoreErrorKind::Unsupported, "no free id: the highest one is in use");
        Err(not_saved(details, error))
    }

    /// Checks that no other process has saved a snapshot with the same name at the same time: the first one remains.
    fn check_unique(&self, id: u64, details: &Details) -> Result<(), StoreError> {
        let all = self.read_all()?;
        match all.iter().any(|(other, manifest)| *other < id && manifest.name == details.name) {
            true if !details.replace => Err(StoreError::exists(&details.name)),
            _ => Ok(()),
        }
    }

    fn load_stream(&self, id: u64, snapshot: &SnapshotInfo, load: &mut LoadStream<'_>) -> Result<(), StoreError> {
        let Some(manifest) = self.manifest(id)? else { return Err(StoreError::not_found(&snapshot.name, &[])) };
        let chunks = Chunks::read(&*self.objects, &manifest.name, &manifest.list, manifest.length)?;
        let reader = Reader::from_file_at(ChunkReader::new(self.objects.clone(), chunks), 0);
        let mut reader =
            reader.map_err(|error| StoreError::new(StoreErrorKind::Io, "cannot read a snapshot").with_source(error))?;
        load(&mut reader).map_err(|error| StoreError::not_loaded(&snapshot.name, error))
    }

    /// Deletes the replaced snapshots, which are hidden.
    fn delete_replaced(&self) -> Result<(), StoreError> {
        // The oldest is the first: the snapshot that hides it can be hidden, too.
        replaced(&self.read_with_replaced()?).into_iter().try_for_each(|id| self.objects.delete(&manifest_key(id)))
    }
}

/// Returns the ids of the snapshots that others have replaced: all that are older and have the name.
fn replaced(snapshots: &[(u64, Manifest)]) -> BTreeSet<u64> {
    let hides = |(id, manifest): &(u64, Manifest)| {
        let last = manifest.replaces.filter(|replaced| replaced < id)?;
        let name = manifest.name.clone();
        Some(snapshots.iter().filter(move |(other, old)| *other <= last && old.name == name).map(|(other, _)| *other))
    };
    snapshots.iter().filter_map(hides).flatten().collect()
}

fn not_saved(details: &Details, error: StoreError) -> StoreError {
    error.after(format!("snapshot `{}` was not saved, and the store is unchanged", shown(&details.name)))
}

/// Returns the error of a request without a reply, which the object store may have executed.
fn maybe_saved(details: &Details, error: StoreError) -> StoreError {
    let name = shown(&details.name);
    error.after(format!("snapshot `{name}` may or may not have been saved; list the snapshots before another attempt"))
}

impl Store for Bucket {
    fn list(&self) -> Result<Vec<SnapshotInfo>, StoreError> {
        Ok(self.read_all()?.iter().map(|(id, manifest)| manifest.snapshot(*id)).collect())
    }

    fn save(&self, details: &Details, save: &mut SaveStream<'_>) -> Result<SnapshotInfo, StoreError> {
        details.check()?;
        self.check(details)?;
        let file = self.write_stream(details, save)?;
        let (id, manifest) = self.upload(details, &file)?;
        if details.replace {
            // The snapshot exists, and hides older ones with its name, which the next change deletes.
            let _ = self.delete_replaced().and_then(|()| self.collect());
        }
        Ok(manifest.snapshot(id))
    }

    fn load(&self, key: &str, load: &mut LoadStream<'_>) -> Result<SnapshotInfo, StoreError> {
        let snapshot = self.find(key)?;
        let id = snapshot.id.parse().unwrap_or(0);
        let loaded = self.load_stream(id, &snapshot, load);
        loaded.map_err(|error| match self.manifest(id) {
            Ok(None) => error.after(format!("snapshot `{}` was deleted meanwhile", shown(&snapshot.name))),
            _ => error,
        })?;
        Ok(snapshot)
    }

    fn delete(&self, key: &str) -> Result<SnapshotInfo, StoreError> {
        // Before the snapshot that hides others.
        self.delete_replaced()?;
        let snapshot = self.find(key)?;
        let deleted = self.objects.delete(&manifest_key(snapshot.id.parse().unwrap_or(0)));
        let name = shown(&snapshot.name);
        deleted.map_err(|error| error.after(format!("snapshot `{name}` may or may not have been deleted")))?;
        // The snapshot is deleted. Chunks that cannot be deleted now are deleted later.
        let _ = self.collect();
        Ok(snapshot)
    }
}
