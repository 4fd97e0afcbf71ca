//! The bytes that `#[derive(VmState)]` reads and writes.

mod checkpoint;
mod collections;
mod conditions;
mod conformance;
mod fields;
mod foreign;
mod gates;
mod generics;
mod grammar;
mod hooks;
mod hygiene;
mod inherited;
mod inline;
mod limits;
mod many;
mod nested;
mod older;
mod options;
mod places;
mod porting;
mod real;
mod round_trip;
mod shared;
mod sizes;
mod subsections;
mod temporaries;
mod through;
mod traps;
mod types;
mod values;
mod variants;

use std::fmt::Debug;

use vmstate::schema::{DescriptionWriter, Release};
use vmstate::{LoadError, Reader, VmState, Writer};

/// Parses hexadecimal digits with optional spaces.
pub(crate) fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|digit| digit.to_digit(16)).collect();
    digits.chunks(2).map(|pair| u8::try_from(pair[0] * 16 + pair[1]).expect("two digits")).collect()
}

/// The bytes that `device` is saved as.
pub(crate) fn save(device: &mut impl VmState) -> Vec<u8> {
    let mut writer = Writer::new();
    device.save(&mut writer).expect("a device that can be saved");
    shared::check(device, writer.pending());
    writer.take()
}

/// Loads `device` as it was saved at `version`; no byte may be left over.
pub(crate) fn load(device: &mut impl VmState, bytes: &[u8], version: u32) -> Result<(), LoadError> {
    let mut reader = Reader::from_slice(bytes);
    device.load(&mut reader, version)?;
    assert_eq!(reader.offset(), bytes.len() as u64, "bytes are left over");
    Ok(())
}

/// `fresh` with the bytes that were saved at its own version.
pub(crate) fn loaded<T: VmState>(mut fresh: T, bytes: &[u8]) -> T {
    load(&mut fresh, bytes, T::DESCRIPTION.version).unwrap();
    fresh
}

/// Why `fresh` does not load the bytes.
pub(crate) fn refused<T: VmState + Debug>(mut fresh: T, bytes: &[u8]) -> LoadError {
    fresh.load(&mut Reader::from_slice(bytes), T::DESCRIPTION.version).unwrap_err()
}

/// The description of `device` as a release of QEMU writes it, from the struct's name on.
pub(crate) fn described<T: VmState>(device: &mut T, release: Release) -> String {
    let mut description = DescriptionWriter::new(release, 4096, None);
    description.section("section", 0, device, &mut Writer::new()).expect("a device that can be saved");
    let text = description.finish();
    let begin = text.find("\"vmsd_name\"").expect("a struct");
    text[begin..].strip_suffix("}]}").expect("the end of a description").to_owned()
}

/// Loads `bytes`, cut at every place, into fresh devices: none but the whole may load. As QEMU's own tests do.
pub(crate) fn check_truncation<T: VmState + Default>(bytes: &[u8], version: u32) {
    for end in 0..bytes.len() {
        let error = load(&mut T::default(), &bytes[..end], version).expect_err("a stream that is cut");
        assert!(error.is_truncated(), "at {end}: {error}");
        assert!(error.offset().is_some_and(|offset| offset <= end as u64), "at {end}: {error}");
        assert!(error.path().starts_with(T::DESCRIPTION.name), "at {end}: {error}");
    }
}

/// Loads any `bytes`: the result is an error, or a state that round-trips.
pub(crate) fn check_any_bytes<T: VmState + Debug>(fresh: impl Fn() -> T, bytes: &[u8]) {
    let mut loaded = fresh();
    if loaded.load(&mut Reader::from_slice(bytes), T::DESCRIPTION.version).is_err() {
        return;
    }
    let saved = save(&mut loaded);
    let mut again = fresh();
    load(&mut again, &saved, T::DESCRIPTION.version).expect("a saved device");
    // Floats can be NaN, which is unequal to itself, so compare the texts and the bytes.
    assert_eq!(format!("{again:?}"), format!("{loaded:?}"));
    assert_eq!(save(&mut again), saved);
}

/// Bytes in which small numbers are frequent, so that counts and marks are often possible ones.
pub(crate) fn any_bytes() -> impl proptest::strategy::Strategy<Value = Vec<u8>> {
    use proptest::prelude::*;

    prop::collection::vec(prop_oneof![Just(0), 0_u8..4, Just(0x30), Just(0x31), any::<u8>()], 0..160)
}
