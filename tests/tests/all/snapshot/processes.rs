//! Several processes that use one folder, and processes that are killed.

use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use tempfile::TempDir;
use vmstate::memory::{Changes, Layout, PageSize};
use vmstate::snapshot::{Details, Folder, Store, StoreErrorKind};

use super::{Guest, names};

/// The environment variables of a child: the folder, and the name of its snapshot.
const FOLDER: &str = "VMSTATE_TEST_SNAPSHOTS";
const NAME: &str = "VMSTATE_TEST_SNAPSHOT";

/// Runs in children only: replaces a snapshot again and again.
#[test]
fn child_replaces_a_snapshot() {
    let (Ok(path), Ok(name)) = (std::env::var(FOLDER), std::env::var(NAME)) else { return };
    let store = Folder::open(path).unwrap();
    // The one with this name is killed.
    let mut saves = 0..if name == "endless" { u8::MAX } else { 12 };
    let failed = saves.find_map(|number| Guest::new(number).save(&store, Details::new(&name).replace()).err());
    if let Some(error) = failed {
        eprintln!("{error}");
        std::process::exit(7);
    }
}

/// Runs in children only: saves a snapshot and its changes, and merges them, again and again.
#[test]
fn child_merges_snapshots() {
    let (Ok(path), Ok(name)) = (std::env::var(FOLDER), std::env::var(NAME)) else { return };
    let store = Folder::open(path).unwrap();
    for number in 0..u8::MAX {
        merge_all(&store);
        let mut guest = Guest::new(number);
        let changes = Changes::new(&Layout::new(PageSize::DEFAULT, &guest.memory).unwrap());
        for page in (0..64).step_by(2) {
            changes.block("ram").unwrap().insert(page);
        }
        let base = guest.save(&store, Details::new(&name).replace()).unwrap();
        let details = Details::new("changes").replace().changes_since(&base, changes);
        Guest::new(number + 1).save(&store, details).unwrap();
    }
}

fn merge_all(store: &Folder) {
    for snapshot in store.list().unwrap() {
        store.merge(&snapshot.id).unwrap();
    }
}

/// Starts a child through this shell command, which must end with `"$@"`.
fn child(store: &Folder, name: &str, shell: &str) -> Child {
    child_with("child_replaces_a_snapshot", store, name, shell)
}

/// Starts a child that runs this test.
fn child_with(test: &str, store: &Folder, name: &str, shell: &str) -> Child {
    let test = format!("snapshot::processes::{test}");
    let mut command = Command::new("sh");
    command.args(["-c", shell, "sh"]).arg(std::env::current_exe().unwrap()).args(["--exact", &test, "--nocapture"]);
    command.env(FOLDER, store.path()).env(NAME, name).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Checks that every snapshot is complete.
fn assert_consistent(store: &Folder) {
    for snapshot in store.list().unwrap() {
        let mut guest = Guest::new(0);
        match guest.load(store, &snapshot.id) {
            Ok(_) => assert_eq!(guest, Guest::new(u8::try_from(guest.serial.divider).unwrap())),
            // It was replaced in the meantime.
            Err(error) => assert_eq!(error.kind(), StoreErrorKind::NotFound, "{error}"),
        }
    }
}

#[test]
fn killed_processes_leave_complete_snapshots() {
    let folder = TempDir::new().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    Guest::new(1).save(&store, "endless").unwrap();
    for round in 0..30 {
        let mut child = child(&store, "endless", "exec \"$@\"");
        sleep(Duration::from_millis(15 + 7 * round % 20));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(names(&store).len(), 1, "round {round}");
        assert_consistent(&store);
    }
    Guest::new(2).save(&store, "other").unwrap();
    assert_eq!(store.verify().unwrap(), []);
}

#[test]
fn killed_processes_leave_complete_chains() {
    let folder = TempDir::new().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    for round in 0..30 {
        let mut child = child_with("child_merges_snapshots", &store, "base", "exec \"$@\"");
        sleep(Duration::from_millis(30 + 11 * round % 50));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(names(&store).len() <= 2, "round {round}");
        assert_consistent(&store);
    }
    merge_all(&store);
    assert_consistent(&store);
    Guest::new(2).save(&store, "other").unwrap();
    assert_eq!(store.verify().unwrap(), []);
    assert_eq!(names(&store).len(), 3, "the children have saved something");
}

#[test]
fn processes_save_at_the_same_time() {
    let folder = TempDir::new().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    let mut children = ["a", "b", "a"].map(|name| child(&store, name, "exec \"$@\""));
    while children.iter_mut().any(|child| child.try_wait().unwrap().is_none()) {
        assert_consistent(&store);
    }
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    let mut found: Vec<_> = names(&store).into_iter().map(|(_, name)| name).collect();
    found.sort();
    assert_eq!(found, ["a", "b"]);
    assert_eq!(store.verify().unwrap(), []);
}

#[test]
fn full_disk_leaves_the_store_unchanged() {
    let folder = TempDir::new().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    Guest::new(1).save(&store, "full").unwrap();
    // Files of at most 64 KiB: the stream does not fit.
    let output = child(&store, "full", "trap '' XFSZ; ulimit -f 128; exec \"$@\"").wait_with_output().unwrap();
    let printed = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{printed}");
    assert!(printed.contains("snapshot `full` was not saved, and the store is unchanged: cannot write"), "{printed}");
    let mut guest = Guest::new(0);
    guest.load(&store, "full").unwrap();
    assert_eq!(guest, Guest::new(1));
    assert_eq!(store.verify().unwrap(), []);
}
