//! The stores of snapshots: folders and qcow2 images.

use std::fs::File;
use std::path::Path;

use vmstate::snapshot::{Folder, Qcow2, Store};

use crate::failure::Failure;

/// Opens a folder or an image.
pub(crate) fn open(path: &Path) -> Result<Box<dyn Store>, Failure> {
    if path.is_dir() { Ok(Box::new(Folder::open(path)?)) } else { Ok(Box::new(Qcow2::open(path)?)) }
}

/// Copies the stream of a snapshot to a temporary file.
pub(crate) fn copy(path: &Path, key: &str) -> Result<File, Failure> {
    let mut file = tempfile::tempfile().map_err(Failure::file("cannot copy", path))?;
    open(path)?.extract(key, &mut file)?;
    Ok(file)
}
