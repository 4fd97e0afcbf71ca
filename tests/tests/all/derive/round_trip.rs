//! Every attribute that affects the bytes, in structs that are saved and loaded with random states and bytes.
//!
//! | module | attributes |
//! |---|---|
//! | `mixed` | none, `since`, `when`, `timer`, `buffer`, `in`, `subsection` of an `Option`, groups; `Unused` |
//! | `old` | `until`, `default`, `removed`, `load_old`, `minimum_version`, `reset`, `unused`, `versioned` |
//! | `counted` | `len`, `count`, `max`, `range`, `buffer(len)`, `bitmap`, `byte_array` |
//! | `containers` | `list`, `tree`, `pointer`, `tmp` |
//! | `values` | `wire`, `bits`, `equal`, `le`, `with`, `transparent`, `remote`; enums, wrappers |
//! | `places` | `field`, `inline`, `opaque`, counted `unused`, `removed(from)`, `was`, `versioned` arrays, closures |
//! | `choices` | `option`, `option(always)`; enums with fields, `repr`, `variant(fixed)`, `versions`, `versioned(was)` |
//! | `composed` | `through`; `with` of `Sequence`, `Map`, `Maybe`, `Pair`, `Text`, `Ends`, `As`, `Boxed`, `Each` |
//! | `sections` | `subsection` of all kinds, `empty`, `absent`, `needed`, `must_exist`, `ambiguous`, hooks |

mod choices;
mod composed;
mod containers;
mod counted;
mod mixed;
mod old;
mod places;
mod sections;
mod values;

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::Path;

use proptest::prelude::*;
use vmstate::prelude::*;
use vmstate::schema::DescriptionWriter;
use vmstate::schema::vmdesc::Document;
use vmstate::walk;

use super::{any_bytes, check_any_bytes, load, save};
use vmstate_tests::releases::RELEASES;

/// A device with a peer.
trait Peer: VmState + Clone + Debug + Default + PartialEq {
    /// Returns the device that loads this one's state. Both have the same values of fields that must match.
    fn peer(&self) -> Self {
        Self::default()
    }
}

/// A saved state loads as the same state and saves as the same bytes, with and without a description.
fn check_state<T: Peer>(mut device: T) {
    let before = device.clone();
    let bytes = save(&mut device);
    assert_eq!(device, before, "saving changes nothing");
    let mut loaded = device.peer();
    load(&mut loaded, &bytes, T::DESCRIPTION.version).unwrap();
    assert_eq!(loaded, device);
    assert_eq!(save(&mut loaded), bytes);

    let mut slice = vec![0xff; bytes.len()];
    assert_eq!(device.save_to_slice(&mut slice).unwrap(), bytes.len());
    assert_eq!(slice, bytes);
    assert_eq!(device.saved_size().unwrap(), bytes.len());
    assert!(T::DESCRIPTION.max_size().is_none_or(|max| max >= bytes.len()), "{:?}", T::DESCRIPTION.max_size());
    if let Some(short) = slice.split_last_mut().map(|(_, short)| short) {
        let error = device.save_to_slice(short).unwrap_err();
        assert!(error.reason().starts_with("expected a slice of at least"), "{error}");
    }

    for release in RELEASES {
        let mut description = DescriptionWriter::new(release, 4096, None);
        let mut out = Writer::new();
        description.section("section", 0, &mut device, &mut out).unwrap();
        assert_eq!(out.pending(), bytes);
        Document::parse(description.finish().as_bytes(), 0).unwrap();
    }
}

/// A state saved at any supported version loads at that version and saves as the same bytes.
fn check_versions<T: Peer>(device: &T) {
    for version in T::DESCRIPTION.minimum_version..=T::DESCRIPTION.version {
        let save = |device: &T| {
            let mut writer = Writer::new();
            walk::save(&mut device.clone(), &mut writer, version).unwrap();
            writer.take()
        };
        let bytes = save(device);
        let mut loaded = device.peer();
        load(&mut loaded, &bytes, version).unwrap();
        assert_eq!(save(&loaded), bytes, "at version {version}");
    }
}

/// Changes to bytes that were saved.
#[derive(Debug)]
struct Damage {
    flips: Vec<(usize, u8)>,
    cut: usize,
    version: u32,
}

prop_compose! {
    fn corruption()(
        flips in prop::collection::vec((any::<usize>(), prop_oneof![any::<u8>(), Just(5)]), 0..4),
        cut in prop_oneof![Just(usize::MAX), any::<usize>()],
        version in 0_u32..6,
    ) -> Damage {
        Damage { flips, cut, version }
    }
}

impl Damage {
    fn apply(&self, bytes: &mut Vec<u8>) {
        for (at, byte) in &self.flips {
            let at = at % bytes.len();
            bytes[at] ^= byte;
        }
        if self.cut != usize::MAX {
            bytes.truncate(self.cut % (bytes.len() + 1));
        }
    }
}

/// Corrupted bytes are rejected with a location, or are a state.
fn check_damage<T: Peer>(mut device: T, damage: &Damage) {
    let mut bytes = save(&mut device);
    damage.apply(&mut bytes);
    let mut loaded = device.peer();
    match loaded.load(&mut Reader::from_slice(&bytes), damage.version) {
        Ok(()) => {
            loaded.save(&mut Writer::new()).unwrap();
        }
        Err(error) => {
            assert!(error.path().starts_with(T::DESCRIPTION.name), "{error}");
            assert!(error.offset().is_some_and(|offset| offset <= bytes.len() as u64), "{error}");
        }
    }
}

/// A rollback restores the whole device, including values that a save does not contain.
fn check_rollback<T: Peer>(device: &T, other: &T, damage: &Damage) {
    // A device in use has values of earlier states, such as elements beyond a count.
    let mut used = other.clone();
    let mut tried = match load(&mut used, &save(&mut device.clone()), T::DESCRIPTION.version) {
        Ok(()) => used,
        Err(_) => device.clone(),
    };
    let before = tried.clone();
    let mut checkpoint = Writer::new();
    walk::checkpoint(&mut tried, &mut checkpoint).unwrap();
    assert_eq!(tried, before, "a checkpoint changes nothing");
    let mut bytes = save(&mut other.clone());
    damage.apply(&mut bytes);
    let _ = tried.load(&mut Reader::from_slice(&bytes), damage.version);
    walk::restore(&mut tried, checkpoint.pending()).unwrap();
    assert_eq!(tried, before);
}

macro_rules! properties {
    ($($name:ident: $states:expr;)*) => {
        $(
            mod $name {
                use super::*;

                proptest! {
                    #[test]
                    fn any_state_survives_the_wire(device in $states) {
                        check_versions(&device);
                        check_state(device);
                    }

                    #[test]
                    fn corrupted_bytes_are_rejected_or_a_state(device in $states, damage in corruption()) {
                        check_damage(device, &damage);
                    }

                    #[test]
                    fn rollback_restores_any_state(device in $states, other in $states, damage in corruption()) {
                        check_rollback(&device, &other, &damage);
                    }

                    #[test]
                    fn any_bytes_are_rejected_or_a_state(device in $states, bytes in any_bytes()) {
                        check_any_bytes(|| device.peer(), &bytes);
                    }
                }
            }
        )*
    };
}

properties! {
    of_mixed: mixed::states();
    of_old: old::states();
    of_counted: counted::states();
    of_containers: containers::states();
    of_places: places::states();
    of_values: values::states();
    of_choices: choices::states();
    of_composed: composed::states();
    of_sections: sections::states();
}

proptest! {
    /// An old loader sees any bytes, too.
    #[test]
    fn any_version_of_bytes_is_rejected_or_a_state(bytes in any_bytes(), version in 0_u32..6) {
        let mut loaded = old::Aged::default();
        match loaded.load(&mut Reader::from_slice(&bytes), version) {
            Ok(()) => prop_assert!((1..=4).contains(&version)),
            Err(error) => prop_assert!(error.path().starts_with("aged") && error.offset().is_some(), "{}", error),
        }
    }
}

/// Attributes that put no byte on the wire and take none away.
const NO_BYTES: [&str; 5] = ["bound", "crate", "early_setup", "priority", "unmigratable"];

/// The text of all sources in a folder of the workspace, without comments.
fn sources(folder: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let texts = files.map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    texts.collect::<String>().lines().filter(|line| !line.trim_start().starts_with("//")).collect()
}

/// Returns whether an attribute is used: a word with a value or in a list.
fn uses(source: &str, key: &str) -> bool {
    let inside = |text: &str| text.ends_with(|last: char| last.is_alphanumeric() || "_.:".contains(last));
    let mut places = source.match_indices(key).map(|(at, _)| (&source[..at], &source[at + key.len()..]));
    places.any(|(before, after)| {
        !inside(before) && [" = ", "(", ")", ",", "]"].iter().any(|next| after.starts_with(next))
    })
}

/// An attribute that the derive takes and no property has is forgotten here.
#[test]
fn every_attribute_is_in_a_property() {
    let grammar = sources("../vmstate-derive/src/parse");
    let keys: BTreeSet<_> = grammar
        .split(" => ")
        .filter_map(|before| before.strip_suffix('"')?.rsplit_once('"').map(|(_, key)| key))
        .filter(|key| key.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_'))
        .collect();
    assert!(keys.len() > 50, "the keys of the grammar: {keys:?}");
    let used = sources("tests/all/derive/round_trip");
    let forgotten: Vec<_> = keys.into_iter().filter(|key| !NO_BYTES.contains(key) && !uses(&used, key)).collect();
    assert!(forgotten.is_empty(), "{forgotten:?}");
}
