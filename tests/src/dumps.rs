//! The dumps in `dumps/`, which real QEMUs wrote (see the `make` script there).

use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The text of the dump `name`, such as `qemu-7.2-pc-i440fx-7.2`.
///
/// # Panics
/// When it cannot be read.
#[must_use]
pub fn named(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("dumps").join(format!("{name}.gz"));
    let packed = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut text = String::new();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).expect("a gzip file with text");
    text
}
