//! Incremental snapshots in a folder.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use vmstate::machine::{LoadOptions, SaveOptions};
use vmstate::memory::{Changes, DirtyLog, Layout, Marked, PageSize, RamBlock};
use vmstate::snapshot::{Details, Folder, SnapshotInfo, Store, StoreErrorKind};

use super::{Guest, files, names};

/// A guest whose writes are logged.
struct Logged {
    guest: Guest,
    log: Marked,
    changes: Changes,
}

impl Logged {
    fn new() -> Self {
        let guest = Guest::new(1);
        let layout = Layout::new(PageSize::DEFAULT, &guest.memory).unwrap();
        let log = Marked::new(&layout);
        log.start().unwrap();
        Self { guest, log, changes: Changes::new(&layout) }
    }

    fn write(&mut self, page: u64, byte: u8) {
        self.guest.memory[0].write(page * 4096, &[byte; 4096]).unwrap();
        self.log.mark(0, page * 4096, 4096);
        self.guest.serial.divider += 1;
    }

    /// Saves the pages since `parent`.
    fn save(&mut self, store: &Folder, name: &str, parent: &SnapshotInfo) -> SnapshotInfo {
        self.changes.collect(&self.log).unwrap();
        let details = Details::new(name).changes_since(parent, self.changes.clone());
        let saved = self.guest.save(store, details).unwrap();
        self.changes.clear();
        saved
    }
}

/// Saves the snapshots `a`, `b` and `c`, each the base of the next one, and returns their states.
fn three(store: &Folder) -> [(SnapshotInfo, Guest); 3] {
    let mut logged = Logged::new();
    let copy = |logged: &Logged| {
        let memory = [vmstate::memory::VecBlock::new("ram", logged.guest.memory[0].to_vec())];
        Guest { memory, serial: vmstate_tests::saved_guest::Serial { divider: logged.guest.serial.divider } }
    };
    let a = logged.guest.save(store, "a").unwrap();
    let first = (a.clone(), copy(&logged));
    logged.write(3, 7);
    logged.write(4, 0);
    logged.write(40, 8);
    let b = logged.save(store, "b", &a);
    let second = (b.clone(), copy(&logged));
    logged.write(3, 0);
    logged.write(40, 9);
    logged.write(41, 10);
    let c = logged.save(store, "c", &b);
    [first, second, (c, copy(&logged))]
}

fn folder() -> (TempDir, Folder) {
    let folder = TempDir::new().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    (folder, store)
}

/// Checks that the snapshots that exist have their states.
#[track_caller]
fn check(store: &Folder, snapshots: &[(SnapshotInfo, Guest)]) {
    for (snapshot, guest) in snapshots {
        let mut loaded = Guest::new(99);
        if store.find(&snapshot.name).is_ok() {
            loaded.load(store, &snapshot.name).unwrap();
            assert!(loaded == *guest, "{}", snapshot.name);
        }
    }
}

#[test]
fn chain_loads_as_one() {
    let (_folder, store) = folder();
    let snapshots = three(&store);
    check(&store, &snapshots);
    assert_eq!(store.verify().unwrap(), []);
    let bases: Vec<_> = store.list().unwrap().into_iter().map(|found| (found.parent, found.base)).collect();
    let of = |id: &str| Some(id.to_owned());
    assert_eq!(bases, [(None, None), (of("1"), of("1")), (of("2"), of("2"))]);
    let incremental = ["2.0.incremental", "2.json", "3.0.incremental", "3.json"];
    assert_eq!(files(store.path()), [&["1.json", "1.state"][..], &incremental, &["lock"]].concat());
    // An extracted stream is complete, and the file alone is not a stream.
    let path = store.path().join("extracted");
    store.extract("c", &mut fs::File::create(&path).unwrap()).unwrap();
    let mut loaded = Guest::new(0);
    loaded.machine().load_file(&fs::File::open(&path).unwrap(), 0, LoadOptions::new()).unwrap();
    assert_eq!(loaded, snapshots[2].1);
    let alone = fs::File::open(store.path().join("3.0.incremental")).unwrap();
    let error = loaded.machine().load_file(&alone, 0, LoadOptions::new()).unwrap_err();
    assert!(error.to_string().contains("magic"), "{error}");
    let error = store.stream_path("c").unwrap_err();
    assert!(error.to_string().contains("snapshot `c` is incremental; merge it"), "{error}");
}

/// The acceptance criterion: 1 % dirty pages take at most 2 % of the bytes.
#[test]
fn snapshot_of_few_changes_is_small() {
    const PAGES: u64 = 4096;
    let (_folder, store) = folder();
    let mut logged = Logged::new();
    let bytes = (0..PAGES * 4096).map(|at| u8::try_from(at % 251).unwrap()).collect();
    logged.guest.memory = [vmstate::memory::VecBlock::new("ram", bytes)];
    let layout = Layout::new(PageSize::DEFAULT, &logged.guest.memory).unwrap();
    (logged.log, logged.changes) = (Marked::new(&layout), Changes::new(&layout));
    logged.log.start().unwrap();
    let full = logged.guest.save(&store, "full").unwrap();
    (0..PAGES / 100).for_each(|number| logged.write(number * 100 + number % 7, 3));
    let small = logged.save(&store, "small", &full);
    assert!(full.size >= PAGES * 4096, "{}", full.size);
    println!("{} of {} bytes: {:.2} %", small.size, full.size, small.size as f64 / full.size as f64 * 100.0);
    assert!(small.size * 50 <= full.size, "{} of {} bytes", small.size, full.size);
    let mut loaded = Guest::new(0);
    loaded.memory = [vmstate::memory::VecBlock::new("ram", vec![0; (PAGES * 4096) as usize])];
    loaded.load(&store, "small").unwrap();
    assert!(loaded == logged.guest);
}

#[test]
fn base_is_not_deleted_or_replaced() {
    let (_folder, store) = folder();
    let snapshots = three(&store);
    for (name, expected) in [("a", "the base of `b`;"), ("b", "the base of `c`;")] {
        let error = store.delete(name).unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::InUse);
        assert!(error.to_string().contains(expected), "{error}");
        let replaced = Guest::new(5).save(&store, Details::new(name).replace()).unwrap_err();
        assert_eq!(replaced.kind(), StoreErrorKind::InUse);
    }
    check(&store, &snapshots);
    store.delete("c").unwrap();
    store.delete("b").unwrap();
    store.delete("a").unwrap();
    assert_eq!(files(store.path()), ["lock"]);
}

#[test]
fn missing_and_changed_bases_are_named() {
    let (_folder, store) = folder();
    let snapshots = three(&store);
    let path = |name: &str| store.path().join(name);
    let kept = fs::read(path("2.json")).unwrap();
    let message = |expected: &str| {
        let error = Guest::new(0).load(&store, "c").unwrap_err();
        assert_eq!(error.kind(), StoreErrorKind::Damaged);
        let text = format!("snapshot `c` is incremental, and its base `b` (snapshot 2) {expected}");
        assert_eq!(error.to_string(), text);
        assert!(store.verify().unwrap().iter().any(|damage| damage.reason == text));
    };
    fs::remove_file(path("2.json")).unwrap();
    message("is missing");
    // Another snapshot with its id.
    let other = String::from_utf8(kept.clone()).unwrap();
    let identity = other.split("\"identity\": \"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    fs::write(path("2.json"), other.replace(&identity, "other")).unwrap();
    message("was replaced by another snapshot");
    fs::write(path("2.json"), kept).unwrap();
    check(&store, &snapshots);
    fs::rename(path("2.0.incremental"), path("kept")).unwrap();
    let error = Guest::new(0).load(&store, "c").unwrap_err().to_string();
    assert!(error.contains("2.0.incremental` of the snapshot is missing"), "{error}");
    fs::rename(path("kept"), path("2.0.incremental")).unwrap();
    fs::OpenOptions::new().write(true).open(path("1.state")).unwrap().set_len(1 << 20).unwrap();
    let error = Guest::new(0).load(&store, "c").unwrap_err();
    assert!([StoreErrorKind::Load, StoreErrorKind::Damaged].contains(&error.kind()), "{error}");
}

#[test]
fn parent_must_be_the_snapshot_that_was_saved() {
    let (_folder, store) = folder();
    let mut logged = Logged::new();
    let old = logged.guest.save(&store, "a").unwrap();
    store.delete("a").unwrap();
    // It gets the same id.
    let new = Guest::new(2).save(&store, "a").unwrap();
    assert_eq!(old.id, new.id);
    let details = |parent: &SnapshotInfo, changes: &Changes| Details::new("b").changes_since(parent, changes.clone());
    let error = logged.guest.save(&store, details(&old, &logged.changes)).unwrap_err();
    assert!(error.to_string().starts_with("missing parent: "), "{error}");
    // A snapshot whose memory has another size, and a stream that was inserted.
    let mut other = Guest::new(1);
    other.memory = [vmstate::memory::VecBlock::new("ram", vec![1; 128 * 1024])];
    let error = other.save(&store, details(&new, &logged.changes)).unwrap_err().to_string();
    assert!(error.contains("RAM block `ram` has another size in the base"), "{error}");
    let inserted = store.insert(&Details::new("inserted"), &mut &b"QEVM"[..]).unwrap();
    let error = logged.guest.save(&store, details(&inserted, &logged.changes)).unwrap_err().to_string();
    assert!(error.contains("snapshot `inserted` cannot be a base: the places of its memory are unknown"), "{error}");
    assert_eq!(names(&store).len(), 2);
    assert_eq!(store.verify().unwrap(), []);
}

#[test]
fn merged_snapshots_are_complete() {
    let (_folder, store) = folder();
    let snapshots = three(&store);
    let error = store.rebase("a", "b").unwrap_err().to_string();
    assert_eq!(error, "snapshot `b` is not a base of `a`");
    store.rebase("c", "b").unwrap();
    let rebased = store.rebase("c", "a").unwrap();
    assert_eq!(rebased.base.as_deref(), Some("1"));
    check(&store, &snapshots);
    store.delete("b").unwrap();
    check(&store, &snapshots);
    assert_eq!(files(store.path()), ["1.json", "1.state", "3.1.incremental", "3.json", "lock"]);
    let merged = store.merge("c").unwrap();
    assert_eq!((merged.base, &merged.name, merged.date), (None, &snapshots[2].0.name, snapshots[2].0.date));
    assert_eq!(store.merge("c").unwrap().base, None, "it is complete already");
    store.delete("a").unwrap();
    check(&store, &snapshots);
    assert_eq!(files(store.path()), ["3.json", "3.state", "lock"]);
    assert_eq!(store.verify().unwrap(), []);
    // QEMU loads the file, and it can be a base again.
    let mut loaded = Guest::new(0);
    let file = fs::File::open(store.stream_path("c").unwrap()).unwrap();
    loaded.machine().load_file(&file, 0, LoadOptions::new()).unwrap();
    assert_eq!(loaded, snapshots[2].1);
    let layout = Layout::new(PageSize::DEFAULT, &loaded.memory).unwrap();
    let details = Details::new("d").changes_since(&store.find("c").unwrap(), Changes::new(&layout));
    loaded.serial.divider = 77;
    loaded.save(&store, details).unwrap();
    let mut again = Guest::new(0);
    again.load(&store, "d").unwrap();
    assert_eq!(again, loaded);
}

#[test]
fn long_chains_are_rejected() {
    let (_folder, store) = folder();
    let mut logged = Logged::new();
    let mut last = logged.guest.save(&store, "0").unwrap();
    for number in 1..64_u8 {
        logged.write(u64::from(number) % 60, number);
        last = logged.save(&store, &number.to_string(), &last);
    }
    let details = Details::new("64").changes_since(&last, logged.changes.clone());
    let error = logged.guest.save(&store, details.clone()).unwrap_err().to_string();
    assert_eq!(error, "snapshot `63` cannot be a base: its chain has 64 snapshots; merge it");
    store.merge("63").unwrap();
    logged.guest.save(&store, details).unwrap();
    let mut loaded = Guest::new(0);
    loaded.load(&store, "64").unwrap();
    assert_eq!(loaded, logged.guest);
}

/// Copies all files of a folder.
fn copy(from: &Path, to: &Path) {
    for name in files(from) {
        fs::copy(from.join(&name), to.join(name)).unwrap();
    }
}

/// Files with their contents.
type NewFiles<'f> = Vec<(&'f str, Vec<u8>)>;

/// Each state of the folder between the steps of a merge and of a rebase.
#[test]
fn crash_in_a_merge_leaves_the_old_or_the_new_state() {
    for (onto, new) in [(None, "3.state"), (Some("a"), "3.1.incremental")] {
        let (_folder, store) = folder();
        let snapshots = three(&store);
        let (_before, before) = folder_like(&store);
        match onto {
            None => store.merge("c").unwrap(),
            Some(onto) => store.rebase("c", onto).unwrap(),
        };
        let after = |name: &str| fs::read(store.path().join(name)).unwrap();
        let steps: [(&str, NewFiles<'_>); 3] = [
            ("an unfinished file", vec![("99-0.part", after(new)[..10_000].to_vec())]),
            ("the new file without its properties", vec![(new, after(new)), ("99-0.part", after("3.json"))]),
            ("the new properties", vec![(new, after(new)), ("3.json", after("3.json"))]),
        ];
        for (step, changes) in steps {
            let (_crashed, crashed) = folder_like(&before);
            for (name, bytes) in changes {
                fs::write(crashed.path().join(name), bytes).unwrap();
            }
            assert_eq!(names(&crashed).len(), 3, "{step}");
            check(&crashed, &snapshots);
            assert_ne!(crashed.verify().unwrap(), [], "{step}");
            // The next change removes the superfluous file.
            Guest::new(9).save(&crashed, "next").unwrap();
            assert_eq!(crashed.verify().unwrap(), [], "{step}");
            check(&crashed, &snapshots);
            assert_eq!(files(crashed.path()).len(), 9, "{step}: {:?}", files(crashed.path()));
        }
    }
}

fn folder_like(store: &Folder) -> (TempDir, Folder) {
    let (folder, new) = folder();
    copy(store.path(), new.path());
    (folder, new)
}

#[test]
fn failed_merge_changes_nothing() {
    let (_folder, store) = folder();
    let snapshots = three(&store);
    let before = files(store.path());
    let path = store.path().join("1.state");
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..1 << 20]).unwrap();
    let error = store.merge("c").unwrap_err();
    assert!(error.to_string().starts_with("snapshot `c` was not merged, and is unchanged: "), "{error}");
    fs::write(&path, bytes).unwrap();
    assert_eq!(files(store.path()), before);
    check(&store, &snapshots);
    assert_eq!(store.merge("none").unwrap_err().kind(), StoreErrorKind::NotFound);
}

/// A load with any properties ends with an error or the state.
#[test]
fn changed_properties_do_not_panic() {
    let (_folder, store) = folder();
    let snapshots = three(&store);
    let path = store.path().join("3.json");
    let text = fs::read_to_string(&path).unwrap();
    let numbers: Vec<_> = text.match_indices(|char: char| char.is_ascii_digit()).map(|(at, _)| at).collect();
    let mut rejected = 0;
    for at in numbers {
        for digit in ["7", "99999999999", "-1"] {
            let changed = format!("{}{digit}{}", &text[..at], &text[at + 1..]);
            fs::write(&path, changed).unwrap();
            let mut guest = Guest::new(0);
            let loaded = guest.machine().load_snapshot(&store, "3", LoadOptions::new());
            match loaded {
                Ok(_) => {}
                Err(_) => {
                    rejected += 1;
                    assert_eq!(guest, Guest::new(0), "a failed load leaves it unchanged");
                }
            }
        }
    }
    assert!(rejected > 50, "{rejected}");
    fs::write(&path, text).unwrap();
    check(&store, &snapshots);
}

#[test]
fn other_stores_save_all_pages() {
    let (folder, _store) = folder();
    let image = folder.path().join("image");
    fs::write(&image, vmstate_tests::qcow2::image(16, 1 << 20)).unwrap();
    let store = vmstate::snapshot::Qcow2::open(&image).unwrap();
    let mut logged = Logged::new();
    let a = logged.guest.machine().save_snapshot(&store, "a", SaveOptions::new()).unwrap();
    logged.write(3, 7);
    logged.changes.collect(&logged.log).unwrap();
    let details = Details::new("b").changes_since(&a, logged.changes.clone());
    let saved = logged.guest.save(&store, details).unwrap();
    assert_eq!((saved.parent, saved.base), (Some("1".to_owned()), None));
    let mut loaded = Guest::new(0);
    loaded.load(&store, "b").unwrap();
    assert_eq!(loaded, logged.guest);
}
