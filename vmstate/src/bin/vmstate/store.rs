//! The stores of snapshots: folders, qcow2 images, and buckets in folders.

use std::ffi::OsStr;
use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use vmstate::snapshot::{Damage, Folder, Qcow2, Store};

use crate::failure::Failure;

/// Opens a folder, an image, or a bucket.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Store>, Failure> {
    match bucket_folder(path) {
        Some(folder) => Ok(Box::new(bucket::open(folder)?)),
        None if path.is_dir() => Ok(Box::new(Folder::open(path)?)),
        None => Ok(Box::new(Qcow2::open(path)?)),
    }
}

/// Opens a folder, whose snapshots can be incremental.
pub(crate) fn open_folder(path: &Path) -> Result<Folder, Failure> {
    if bucket_folder(path).is_some() {
        let message = format!("{}: a bucket has no incremental snapshots", path.display());
        return Err(Failure::usage_with_help(message, "name a folder of snapshots"));
    }
    Ok(Folder::open(path)?)
}

/// Returns the folder of a bucket: `snapshots` of `bucket:snapshots`.
pub(crate) fn bucket_folder(store: &Path) -> Option<&Path> {
    let folder = store.as_os_str().as_bytes().strip_prefix(b"bucket:")?;
    Some(Path::new(OsStr::from_bytes(folder)))
}

/// Returns whether a store exists.
pub(crate) fn exists(store: &Path) -> bool {
    bucket_folder(store).unwrap_or(store).exists()
}

/// Returns whether the snapshots of a store can have memory at fixed places.
pub(crate) fn holds_fixed_places(store: &Path) -> bool {
    store.is_dir() || bucket_folder(store).is_some()
}

/// Lists the files or objects of a store that are invalid, apart from streams.
pub(crate) fn damage(path: &Path) -> Result<Vec<Damage>, Failure> {
    match bucket_folder(path) {
        Some(folder) => Ok(bucket::open(folder)?.verify()?),
        None if path.is_dir() => Ok(Folder::open(path)?.verify()?),
        None => Ok(Vec::new()),
    }
}

/// Copies the stream of a snapshot to a temporary file.
pub(crate) fn copy(path: &Path, key: &str) -> Result<File, Failure> {
    let mut file = tempfile::tempfile().map_err(Failure::file("cannot copy", path))?;
    open(path)?.extract(key, &mut file)?;
    Ok(file)
}

#[cfg(feature = "cli-bucket")]
mod bucket {
    use std::fs::read_dir;
    use std::path::Path;
    use std::sync::Arc;

    use vmstate::snapshot::Bucket;
    use vmstate::snapshot::object_store::local::LocalFileSystem;

    use crate::failure::Failure;

    pub(super) fn open(folder: &Path) -> Result<Bucket, Failure> {
        read_dir(folder).map_err(Failure::file("cannot open the bucket", folder))?;
        let store = LocalFileSystem::new_with_prefix(folder).map_err(|error| Failure::usage(error.to_string()))?;
        // A snapshot must exist after a crash of the system, too. The folder has more space than a temporary file system.
        let bucket = Bucket::new(Arc::new(store.with_fsync(true)), "")?;
        Ok(bucket.temporary_folder(folder).local_folder(folder))
    }
}

#[cfg(not(feature = "cli-bucket"))]
mod bucket {
    use std::path::Path;

    use vmstate::snapshot::Folder;

    use crate::failure::Failure;

    pub(super) fn open(folder: &Path) -> Result<Folder, Failure> {
        let message = format!("bucket:{}: this tool was built without access to buckets", folder.display());
        Err(Failure::usage_with_help(message, "install it with the feature `cli-bucket`"))
    }
}
