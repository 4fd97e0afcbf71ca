//! Several processes that use one store, and processes that are killed or cannot write.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use vmstate::memory::{Changes, Layout, PageSize};
use vmstate::snapshot::object_store::local::LocalFileSystem;
use vmstate::snapshot::{Bucket, Details, Folder, Qcow2, SnapshotInfo, Store, StoreError, StoreErrorKind};
use vmstate_tests::qcow2;

use super::{Guest, names};

/// The environment variables of a child: the store, and the name of its snapshot.
const STORE: &str = "VMSTATE_TEST_SNAPSHOTS";
const NAME: &str = "VMSTATE_TEST_SNAPSHOT";

const PATIENCE: Duration = Duration::from_secs(120);

/// Opens a folder, an image, or a bucket.
pub(super) fn open(path: impl AsRef<Path>) -> Box<dyn Store> {
    match path.as_ref() {
        path if path.ends_with("bucket") => Box::new(bucket(path)),
        path if path.is_dir() => Box::new(Folder::open(path).unwrap()),
        path => Box::new(Qcow2::open(path).unwrap()),
    }
}

fn bucket(path: &Path) -> Bucket {
    Bucket::new(Arc::new(LocalFileSystem::new_with_prefix(path).unwrap()), "").unwrap()
}

/// Creates an empty folder and an empty image.
fn stores(parent: &TempDir) -> [PathBuf; 2] {
    let [folder, image] = ["snapshots", "disk.qcow2"].map(|name| parent.path().join(name));
    fs::create_dir(&folder).unwrap();
    fs::write(&image, qcow2::image(12, 1 << 20)).unwrap();
    [folder, image]
}

/// Creates an empty store of each kind.
pub(super) fn all_stores(parent: &TempDir) -> [PathBuf; 3] {
    let ([folder, image], bucket) = (stores(parent), parent.path().join("bucket"));
    fs::create_dir(&bucket).unwrap();
    [folder, image, bucket]
}

/// Saves a guest. Another process can have locked an image.
pub(super) fn save_when_unlocked(store: &dyn Store, number: u8, name: &str) -> Result<SnapshotInfo, StoreError> {
    let start = Instant::now();
    loop {
        match Guest::new(number).save(store, Details::new(name).replace()) {
            Err(error) if error.to_string().contains("cannot lock") && start.elapsed() < PATIENCE => {
                sleep(Duration::from_millis(1));
            }
            saved => return saved,
        }
    }
}

/// Runs in children only: replaces a snapshot again and again.
#[test]
fn child_replaces_a_snapshot() {
    let (Ok(path), Ok(name)) = (std::env::var(STORE), std::env::var(NAME)) else { return };
    let store = open(path);
    // The one with this name is killed.
    let mut saves = 0..if name == "endless" { u8::MAX } else { 12 };
    let failed = saves.find_map(|number| save_when_unlocked(&*store, number, &name).err());
    if let Some(error) = failed {
        eprintln!("{error}");
        std::process::exit(7);
    }
}

/// Runs in children only: saves a snapshot and its changes, and merges them, again and again.
#[test]
fn child_merges_snapshots() {
    let (Ok(path), Ok(name)) = (std::env::var(STORE), std::env::var(NAME)) else { return };
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
fn child(store: &Path, name: &str, shell: &str) -> Child {
    child_with("child_replaces_a_snapshot", store, name, shell)
}

/// Starts a child that runs this test.
fn child_with(test: &str, store: &Path, name: &str, shell: &str) -> Child {
    let test = format!("snapshot::processes::{test}");
    let mut command = Command::new("sh");
    command.args(["-c", shell, "sh"]).arg(std::env::current_exe().unwrap()).args(["--exact", &test, "--nocapture"]);
    command.env(STORE, store).env(NAME, name).stdout(Stdio::null()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Checks that every snapshot is complete.
pub(super) fn assert_consistent(store: &dyn Store) {
    let snapshots = match store.list() {
        Ok(snapshots) => snapshots,
        Err(error) => return assert!(was_changed(&error), "{error}"),
    };
    for snapshot in snapshots {
        let mut guest = Guest::new(0);
        match guest.load(store, &snapshot.id) {
            Ok(_) => assert_eq!(guest, Guest::new(u8::try_from(guest.serial.divider).unwrap())),
            // It was replaced in the meantime.
            Err(error) => assert!(error.kind() == StoreErrorKind::NotFound || was_changed(&error), "{error:?}"),
        }
    }
}

/// Returns whether another process has changed an image, or deleted a snapshot, during the operation.
fn was_changed(error: &StoreError) -> bool {
    let error = error.to_string();
    error.contains("another process has changed the image meanwhile") || error.contains("was deleted meanwhile")
}

/// Checks that nothing was left in a folder. `qemu-img` checks images in the tests with QEMU.
fn assert_clean(path: &Path) {
    if path.ends_with("bucket") {
        assert_eq!(bucket(path).verify().unwrap(), []);
        assert!(bucket(path).collect().unwrap().is_some(), "all leases have ended");
    } else if path.is_dir() {
        assert_eq!(Folder::open(path).unwrap().verify().unwrap(), []);
    }
}

#[test]
fn killed_processes_leave_complete_snapshots() {
    let parent = TempDir::new().unwrap();
    for path in stores(&parent) {
        let store = open(&path);
        Guest::new(1).save(&*store, "endless").unwrap();
        for round in 0..30 {
            let mut child = child(&path, "endless", "exec \"$@\"");
            sleep(Duration::from_millis(15 + 7 * round % 20));
            child.kill().unwrap();
            child.wait().unwrap();
            assert_eq!(names(&*store).len(), 1, "round {round}");
            assert_consistent(&*store);
        }
        Guest::new(2).save(&*store, "other").unwrap();
        assert_clean(&path);
    }
}

#[test]
fn killed_processes_leave_complete_chains() {
    let folder = TempDir::new().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    for round in 0..30 {
        let mut child = child_with("child_merges_snapshots", folder.path(), "base", "exec \"$@\"");
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
    let parent = TempDir::new().unwrap();
    for path in all_stores(&parent) {
        let store = open(&path);
        let mut children = ["a", "b", "a"].map(|name| child(&path, name, "exec \"$@\""));
        while children.iter_mut().any(|child| child.try_wait().unwrap().is_none()) {
            assert_consistent(&*store);
        }
        for child in children {
            let output = child.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        let mut found: Vec<_> = names(&*store).into_iter().map(|(_, name)| name).collect();
        found.sort();
        assert_eq!(found, ["a", "b"]);
        assert_consistent(&*store);
        assert_clean(&path);
    }
}

/// Checks that a child could not replace snapshot `kept`, and has reported that nothing has changed.
fn assert_unchanged(path: &Path, output: &Output, reason: &str) {
    let printed = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{printed}");
    let unchanged = if path.is_dir() { "the store is unchanged" } else { "is unchanged" };
    assert!(printed.contains("snapshot `kept` was not saved, and ") && printed.contains(unchanged), "{printed}");
    assert!(printed.contains(reason), "{printed}");
    let mut guest = Guest::new(0);
    guest.load(&*open(path), "kept").unwrap();
    assert_eq!(guest, Guest::new(1));
    assert_clean(path);
}

#[test]
fn full_disk_leaves_the_store_unchanged() {
    let parent = TempDir::new().unwrap();
    for path in all_stores(&parent) {
        Guest::new(1).save(&*open(&path), "kept").unwrap();
        // Files of at most 64 KiB (or 128, in some shells): the stream does not fit.
        let shell = "trap '' XFSZ; ulimit -f 128; exec \"$@\"";
        let output = child(&path, "kept", shell).wait_with_output().unwrap();
        assert_unchanged(&path, &output, "File too large");
    }
}

/// Runs a program without the privilege of root to write to all files.
const UNPRIVILEGED: &str = "[ $(id -u) -ne 0 ] || exec setpriv --bounding-set=-dac_override \"$@\"; exec \"$@\"";

#[test]
fn read_only_store_is_unchanged_and_can_be_read() {
    let parent = TempDir::new().unwrap();
    for path in all_stores(&parent) {
        Guest::new(1).save(&*open(&path), "kept").unwrap();
        // Of a bucket, the folder of the first object of a save.
        let protected = if path.ends_with("bucket") { path.join("saves") } else { path.clone() };
        let writable = fs::metadata(&protected).unwrap().permissions();
        fs::set_permissions(&protected, Permissions::from_mode(0o555)).unwrap();
        let output = child(&path, "kept", UNPRIVILEGED).wait_with_output().unwrap();
        assert_unchanged(&path, &output, "Permission denied");
        fs::set_permissions(&protected, writable).unwrap();
    }
}
