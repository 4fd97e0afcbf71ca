//! The dumps in `dumps/`, which real QEMUs wrote (see the `make` script there).

use std::fs::File;
use std::io::Read;
use std::path::Path;

use vmstate::schema::dump::Dump;

use crate::releases::RELEASES;

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

/// Returns the dumps of one machine type by QEMU 7.2, 10.0 and 11.1.
///
/// # Panics
/// If one cannot be read.
#[must_use]
pub fn of_all_releases() -> [Dump; 3] {
    RELEASES.map(|release| {
        let text = named(&format!("qemu-{release}-pc-i440fx-7.2"));
        Dump::parse(&text).expect("a dump of QEMU")
    })
}

/// Returns the dumps of the two older releases, 7.2 and 10.0.
///
/// # Panics
/// If one cannot be read.
#[must_use]
pub fn of_older_releases() -> [Dump; 2] {
    let [old, new, _] = of_all_releases();
    [old, new]
}
