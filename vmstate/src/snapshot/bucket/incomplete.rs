//! Files of writes that were interrupted by the end of their process.
//!
//! The backend `LocalFileSystem` writes an object to a file whose name ends with `#` and a number, and renames it. It neither
//! lists nor deletes such files.

use std::fs::{DirEntry, read_dir, remove_file};
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Deletes the files of interrupted writes in a folder of objects that are older than `age`. Returns their number.
pub(super) fn delete(folder: &Path, age: Duration) -> io::Result<u64> {
    let entries = match read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut deleted = 0;
    for entry in entries {
        let entry = entry?;
        if is_incomplete(&entry) && is_older(&entry, age)? {
            match remove_file(entry.path()) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => {
                    removed?;
                    deleted += 1;
                }
            }
        }
    }
    Ok(deleted)
}

/// Returns whether a name consists of the name of an object, `#` and a number.
fn is_incomplete(entry: &DirEntry) -> bool {
    let name = entry.file_name();
    let parts = name.to_str().and_then(|name| name.split_once('#'));
    parts.is_some_and(|(object, number)| {
        let is_object = object.strip_suffix(".json").unwrap_or(object).bytes().all(|byte| byte.is_ascii_hexdigit());
        is_object && !object.is_empty() && !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

fn is_older(entry: &DirEntry, age: Duration) -> io::Result<bool> {
    let metadata = match entry.metadata() {
        // Its write has ended meanwhile.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        metadata => metadata?,
    };
    let written = metadata.modified()?;
    Ok(metadata.is_file() && SystemTime::now().duration_since(written).is_ok_and(|elapsed| elapsed > age))
}
