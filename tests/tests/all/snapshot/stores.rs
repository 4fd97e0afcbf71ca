//! Behavior that all stores have in common.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tempfile::TempDir;
use vmstate::machine::SaveOptions;
use vmstate::snapshot::object_store::local::LocalFileSystem;
use vmstate::snapshot::object_store::memory::InMemory;
use vmstate::snapshot::{Bucket, Details, Folder, Qcow2, Store, StoreErrorKind};
use vmstate_tests::qcow2;

use super::{Guest, names};

/// An empty store of a kind.
struct Kind {
    name: &'static str,
    store: Box<dyn Store>,
    /// The store keeps the parents of snapshots, and fractions of a microsecond.
    keeps_all: bool,
}

/// Creates an empty store of each kind.
fn stores(folder: &TempDir) -> Vec<Kind> {
    let [files, image, objects] = ["files", "disk.qcow2", "objects"].map(|name| folder.path().join(name));
    fs::write(&image, qcow2::image(16, 1 << 20)).unwrap();
    fs::create_dir(&objects).unwrap();
    let local = Arc::new(LocalFileSystem::new_with_prefix(objects).unwrap());
    let kind = |name, store, keeps_all| Kind { name, store, keeps_all };
    vec![
        kind("folder", Box::new(Folder::create(files).unwrap()), true),
        kind("image", Box::new(Qcow2::open(image).unwrap()), false),
        kind("bucket in memory", Box::new(Bucket::new(Arc::new(InMemory::new()), "").unwrap()), true),
        kind("bucket in a folder", Box::new(Bucket::new(local, "boards/7").unwrap()), true),
    ]
}

fn assert_holds(kind: &Kind, key: &str, number: u8) {
    let mut guest = Guest::new(0);
    guest.load(&*kind.store, key).unwrap_or_else(|error| panic!("{}: {error}", kind.name));
    assert_eq!(guest, Guest::new(number), "{}", kind.name);
}

fn names_of(kind: &Kind) -> Vec<String> {
    names(&*kind.store).into_iter().map(|(_, name)| name).collect()
}

#[test]
fn snapshots_are_loaded_by_name_and_id() {
    let folder = TempDir::new().unwrap();
    for kind in stores(&folder) {
        let names = ["number 1", "a/b/../c", "..", "/", "a.json", "é \"#%*"];
        for (number, name) in (1..).zip(names) {
            let saved = Guest::new(number).save(&*kind.store, name).unwrap();
            assert_eq!((saved.id, saved.name), (number.to_string(), name.to_owned()), "{}", kind.name);
        }
        assert_eq!(names_of(&kind), names, "{}", kind.name);
        for (number, name) in (1..).zip(names) {
            assert_holds(&kind, name, number);
            assert_holds(&kind, &number.to_string(), number);
        }
    }
}

#[test]
fn properties_are_listed() {
    let folder = TempDir::new().unwrap();
    for kind in stores(&folder) {
        let date = UNIX_EPOCH + Duration::new(1_764_398_387, 123_456_789);
        let first = Guest::new(1).save(&*kind.store, Details::new("a/b \"é\"").date(date)).unwrap();
        assert_eq!((first.date, first.guest_clock, first.parent), (date, Duration::ZERO, None), "{}", kind.name);
        let clock = Duration::new(4000, 7);
        let details = Details::new("second").guest_clock(clock);
        let details = if kind.keeps_all { details.comment("one\ntwo").parent("1") } else { details };
        let before = SystemTime::now();
        let second = Guest::new(2).save(&*kind.store, details).unwrap();
        assert!(second.date >= before && second.date <= SystemTime::now(), "{}", kind.name);
        assert_eq!(second.guest_clock, clock, "{}", kind.name);
        assert!(second.size > 32 * 4096, "{}: {}", kind.name, second.size);
        let listed = kind.store.list().unwrap();
        assert_eq!((listed[1].clone(), listed[0].name.as_str()), (second, "a/b \"é\""), "{}", kind.name);
        if kind.keeps_all {
            assert_eq!((listed[1].comment.as_str(), listed[1].parent.as_deref()), ("one\ntwo", Some("1")));
        }
    }
}

#[test]
fn existing_name_is_kept_unless_replaced() {
    let folder = TempDir::new().unwrap();
    for kind in stores(&folder) {
        Guest::new(1).save(&*kind.store, "a").unwrap();
        Guest::new(2).save(&*kind.store, "b").unwrap();
        let error = Guest::new(3).save(&*kind.store, "a").unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Exists, "{}", kind.name);
        assert!(error.to_string().contains("snapshot `a` already exists"), "{}: {error}", kind.name);
        assert_holds(&kind, "a", 1);
        Guest::new(4).save(&*kind.store, Details::new("a").replace()).unwrap();
        assert_eq!(names_of(&kind), ["b", "a"], "{}", kind.name);
        assert_holds(&kind, "a", 4);
    }
}

#[test]
fn missing_and_deleted_names_are_errors() {
    let folder = TempDir::new().unwrap();
    for kind in stores(&folder) {
        let empty = kind.store.delete("a").unwrap_err().to_string();
        assert!(empty.ends_with("snapshot `a` does not exist; the store is empty"), "{}: {empty}", kind.name);
        for number in 1..=3 {
            Guest::new(number).save(&*kind.store, number.to_string().repeat(2)).unwrap();
        }
        assert_eq!(kind.store.delete("22").unwrap().id, "2", "{}", kind.name);
        for key in ["22", "2", "7", ""] {
            let mut guest = Guest::new(9);
            let errors = [guest.load(&*kind.store, key).unwrap_err(), kind.store.delete(key).unwrap_err()];
            assert_eq!(errors.map(|error| error.kind()), [StoreErrorKind::NotFound; 2], "{}: {key}", kind.name);
            assert_eq!(guest, Guest::new(9), "{}", kind.name);
        }
        assert_eq!(names_of(&kind), ["11", "33"], "{}", kind.name);
        assert_holds(&kind, "11", 1);
        assert_holds(&kind, "33", 3);
    }
}

#[test]
fn failed_save_leaves_the_store_unchanged() {
    let folder = TempDir::new().unwrap();
    for kind in stores(&folder) {
        Guest::new(1).save(&*kind.store, "a").unwrap();
        let mut guest = Guest::new(2);
        let mut machine = guest.machine();
        machine.add_blocker("a device is being reset");
        let details = Details::new("a").replace();
        let error = machine.save_snapshot(&*kind.store, details, SaveOptions::new()).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Save, "{}", kind.name);
        assert!(error.save_error().is_some_and(|error| error.to_string().contains("being reset")), "{error}");
        assert!(error.to_string().starts_with("snapshot `a` was not saved, and "), "{}: {error}", kind.name);
        assert_eq!(names_of(&kind), ["a"], "{}", kind.name);
        assert_holds(&kind, "a", 1);
    }
}

#[test]
fn streams_are_copied_between_stores() {
    let folder = TempDir::new().unwrap();
    let kinds = stores(&folder);
    Guest::new(5).save(&*kinds[0].store, "five").unwrap();
    for pair in kinds.windows(2) {
        let mut stream = Vec::new();
        pair[0].store.extract("five", &mut stream).unwrap();
        pair[1].store.insert(&Details::new("five"), &mut &stream[..]).unwrap();
        assert_holds(&pair[1], "five", 5);
    }
}
