//! The store in a folder.

use std::fs::{self, File};
use std::path::Path;

use tempfile::TempDir;
use vmstate::machine::{LoadOptions, SaveOptions};
use vmstate::snapshot::{Details, Folder, Store, StoreErrorKind};
use vmstate_tests::saved_guest::Serial;

use super::{Guest, files, names};

fn folder() -> (TempDir, Folder) {
    let folder = TempDir::new().unwrap();
    let store = Folder::create(folder.path().join("new").join("store")).unwrap();
    (folder, store)
}

fn pairs<const N: usize>(pairs: [(&str, &str); N]) -> Vec<(String, String)> {
    pairs.map(|(id, name)| (id.to_owned(), name.to_owned())).to_vec()
}

#[test]
fn streams_are_files_with_memory_at_fixed_places() {
    let (_folder, store) = folder();
    Guest::new(5).save(&store, "five").unwrap();
    let path = store.stream_path("five").unwrap();
    assert_eq!(path, store.path().join("1.state"));
    let mut guest = Guest::new(0);
    guest.machine().load_file(&File::open(path).unwrap(), 0, LoadOptions::new()).unwrap();
    assert_eq!(guest, Guest::new(5));
}

#[test]
fn existing_name_is_kept_unless_replaced() {
    let (_folder, store) = folder();
    Guest::new(1).save(&store, "a").unwrap();
    Guest::new(2).save(&store, "b").unwrap();
    let error = Guest::new(3).save(&store, "a").unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Exists);
    assert!(error.to_string().starts_with("snapshot `a` already exists"), "{error}");
    let replaced = Guest::new(4).save(&store, Details::new("a").replace()).unwrap();
    assert_eq!(replaced.id, "3");
    assert_eq!(names(&store), pairs([("2", "b"), ("3", "a")]));
    assert_eq!(files(store.path()), ["2.json", "2.state", "3.json", "3.state", "lock"]);
    let mut guest = Guest::new(0);
    guest.load(&store, "a").unwrap();
    assert_eq!(guest, Guest::new(4));
}

#[test]
fn missing_names_are_errors() {
    let (_folder, store) = folder();
    let mut guest = Guest::new(9);
    assert_eq!(store.delete("a").unwrap_err().to_string(), "snapshot `a` does not exist; the store is empty");
    guest.save(&store, "b").unwrap();
    assert_eq!(guest.load(&store, "a").unwrap_err().kind(), StoreErrorKind::NotFound);
    assert_eq!(store.delete("2").unwrap_err().kind(), StoreErrorKind::NotFound);
    let error = guest.save(&store, Details::new("c").parent("7")).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound);
    assert!(error.to_string().starts_with("missing parent: snapshot `7`"), "{error}");
    assert_eq!(names(&store), pairs([("1", "b")]));
    let error = Folder::open(store.path().join("none")).unwrap_err();
    assert!(error.to_string().starts_with("cannot open the folder `"), "{error}");
}

#[test]
fn deleted_snapshot_leaves_the_others() {
    let (_folder, store) = folder();
    for number in 1..=3 {
        Guest::new(number).save(&store, number.to_string().repeat(2)).unwrap();
    }
    assert_eq!(store.delete("22").unwrap().id, "2");
    assert_eq!(names(&store), pairs([("1", "11"), ("3", "33")]));
    store.delete("1").unwrap();
    assert_eq!(files(store.path()), ["3.json", "3.state", "lock"]);
    assert_eq!(Guest::new(4).save(&store, "44").unwrap().id, "4");
}

#[test]
fn failed_load_leaves_the_guest_unchanged() {
    let (_folder, store) = folder();
    Guest::new(1).save(&store, "short").unwrap();
    let path = store.stream_path("short").unwrap();
    let length = fs::metadata(&path).unwrap().len();
    File::options().write(true).open(&path).unwrap().set_len(length - 600).unwrap();
    let mut guest = Guest::new(2);
    let error = guest.load(&store, "short").unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Load);
    assert!(error.load_error().is_some());
    assert!(error.to_string().starts_with("snapshot `short` was not loaded: "), "{error}");
    assert_eq!(guest, Guest::new(2));
}

#[test]
fn failed_save_leaves_the_store_unchanged() {
    let (_folder, store) = folder();
    Guest::new(1).save(&store, "a").unwrap();
    let mut guest = Guest::new(2);
    let mut machine = guest.machine();
    machine.add_blocker("a device is being reset");
    let error = machine.save_snapshot(&store, Details::new("a").replace(), SaveOptions::new()).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Save);
    assert!(error.save_error().is_some());
    let expected = "snapshot `a` was not saved, and the store is unchanged: ";
    assert!(error.to_string().starts_with(expected), "{error}");
    assert_eq!(files(store.path()), ["1.json", "1.state", "lock"]);
    let mut loaded = Guest::new(0);
    loaded.load(&store, "a").unwrap();
    assert_eq!(loaded, Guest::new(1));
}

/// Makes a folder look as it does after a crash, and returns the names of its snapshots afterwards.
fn after_crash(crash: impl FnOnce(&Path)) -> Vec<(String, String)> {
    let (_folder, store) = folder();
    Guest::new(1).save(&store, "old").unwrap();
    Guest::new(2).save(&store, "other").unwrap();
    crash(store.path());
    let names = names(&store);
    for (id, name) in &names {
        let mut guest = Guest::new(0);
        guest.load(&store, name).unwrap();
        let number = id.parse().unwrap();
        assert_eq!(guest, Guest::new(number));
    }
    assert_ne!(store.verify().unwrap(), []);
    // The next change removes everything that was left.
    let next = Guest::new(9).save(&store, "next").unwrap();
    assert_eq!(store.verify().unwrap(), []);
    store.delete(&next.id).unwrap();
    assert_eq!(files(store.path()).len(), 2 * names.len() + 1);
    names
}

#[test]
fn crash_at_any_step_leaves_the_old_or_the_new_state() {
    let both = pairs([("1", "old"), ("2", "other")]);
    let copy = |path: &Path, from: &str, to: &str| assert!(fs::copy(path.join(from), path.join(to)).unwrap() > 0);
    assert_eq!(after_crash(|path| copy(path, "1.state", "99-0.part")), both);
    assert_eq!(after_crash(|path| copy(path, "1.state", "3.state")), both);
    assert_eq!(
        after_crash(|path| {
            copy(path, "1.state", "3.state");
            copy(path, "1.json", "99-1.part");
        }),
        both
    );
    // A deletion, and a replacement, after their decisive step.
    assert_eq!(after_crash(|path| fs::remove_file(path.join("1.json")).unwrap()), pairs([("2", "other")]));
}

#[test]
fn interrupted_replacement_is_completed() {
    let (_folder, store) = folder();
    Guest::new(1).save(&store, "a").unwrap();
    let (json, state) = (store.path().join("1.json"), store.path().join("1.state"));
    let old = (fs::read(&json).unwrap(), fs::read(&state).unwrap());
    Guest::new(2).save(&store, Details::new("a").replace()).unwrap();
    // The process has crashed before it removed the old one.
    fs::write(&json, old.0).unwrap();
    fs::write(&state, old.1).unwrap();
    assert_eq!(names(&store), pairs([("2", "a")]));
    let mut guest = Guest::new(0);
    guest.load(&store, "a").unwrap();
    assert_eq!(guest.serial, Serial { divider: 2 });
    Guest::new(3).save(&store, "b").unwrap();
    assert_eq!(files(store.path()), ["2.json", "2.state", "3.json", "3.state", "lock"]);
}

#[test]
fn damaged_snapshots_do_not_hide_the_others() {
    let (_folder, store) = folder();
    for number in 1..=3 {
        Guest::new(number).save(&store, number.to_string().repeat(2)).unwrap();
    }
    fs::write(store.path().join("1.json"), "{").unwrap();
    fs::remove_file(store.path().join("3.state")).unwrap();
    fs::write(store.path().join("notes.txt"), "mine").unwrap();
    fs::write(store.path().join("07.json"), "mine").unwrap();
    assert_eq!(names(&store), pairs([("2", "22"), ("3", "33")]));
    assert_eq!(Guest::new(0).load(&store, "33").unwrap_err().kind(), StoreErrorKind::Damaged);
    let damage = store.verify().unwrap();
    let found: Vec<_> = damage.iter().map(|damage| damage.path.file_name().unwrap().to_str().unwrap()).collect();
    assert_eq!(found, ["1.json", "3.state"]);
    // Files that may be damaged or foreign are not removed.
    Guest::new(4).save(&store, "44").unwrap();
    for name in ["1.json", "1.state", "3.json", "notes.txt", "07.json"] {
        assert!(store.path().join(name).exists(), "{name}");
    }
}
