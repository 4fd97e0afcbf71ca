//! The migration streams in `streams/`, which real QEMUs wrote (see the `make` script there).

use std::fs;
use std::io::Read;
use std::path::Path;

/// One committed stream.
#[derive(Debug, Clone)]
pub struct Stream {
    /// `qemu-<version>-<machine>`.
    pub name: String,
    /// The stream itself, its RAM pages zeroed.
    pub bytes: Vec<u8>,
}

/// Returns all committed streams, sorted by name.
///
/// # Panics
/// If none exists or one cannot be read, so that no test passes without input.
#[must_use]
pub fn all() -> Vec<Stream> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("streams");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut names: Vec<_> = entries
        .map(|entry| entry.expect("a folder entry").file_name().into_string().expect("a name in UTF-8"))
        .filter_map(|name| name.strip_suffix(".gz").map(str::to_owned))
        .collect();
    names.sort();
    assert!(!names.is_empty(), "no streams in {}; run tests/streams/make", folder.display());
    names.iter().map(|name| named(name)).collect()
}

/// The stream `name`, such as `qemu-7.2-uno`.
///
/// # Panics
/// When it cannot be read.
#[must_use]
pub fn named(name: &str) -> Stream {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("streams").join(format!("{name}.gz"));
    let packed = fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(packed).read_to_end(&mut bytes).expect("a gzip file");
    Stream { name: name.to_owned(), bytes }
}
