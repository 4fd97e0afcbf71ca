//! Processes that are killed at each write to a bucket in a folder.

use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::time::Instant;

use rustix::process::{Signal, getpid, kill_process};

use super::*;

/// The environment variables of a child.
const FOLDER: &str = "VMSTATE_TEST_BUCKET";
const CHANGE: &str = "VMSTATE_TEST_CHANGE";
const WRITE: &str = "VMSTATE_TEST_WRITE";
const MOMENT: &str = "VMSTATE_TEST_MOMENT";

/// The time in which a child must end.
const DEADLINE: Duration = Duration::from_secs(120);

/// The moments of a write at which a process is killed.
const MOMENTS: [&str; 3] = ["before", "during", "after"];

/// A change of a bucket, by its name, and the snapshots after it.
type Change = (&'static str, fn(&Bucket) -> Result<(), StoreError>, &'static [(&'static str, u8)]);

const OLD: [(&str, u8); 2] = [("a", 1), ("b", 2)];
const CHANGES: [Change; 3] = [
    ("save", |store| save(store, 3, "c").map(drop), &[("a", 1), ("b", 2), ("c", 3)]),
    ("replace", |store| save(store, 3, Details::new("a").replace()).map(drop), &[("b", 2), ("a", 3)]),
    ("delete", |store| store.delete("a").map(drop), &[("b", 2)]),
];

fn bucket(folder: &Path) -> Bucket {
    let local = LocalFileSystem::new_with_prefix(folder).unwrap();
    Bucket::new(Arc::new(local.with_fsync(true)), "").unwrap().temporary_folder(folder)
}

/// Kills this process at a write.
#[derive(Debug)]
struct Killing {
    objects: Arc<dyn Objects>,
    folder: PathBuf,
    /// The number of writes that succeed.
    left: AtomicUsize,
    moment: String,
}

impl Killing {
    /// Executes a write of this content, or kills the process. A deletion has no content.
    fn write<T>(&self, key: &str, content: Option<&[u8]>, request: impl FnOnce() -> T) -> T {
        if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok() {
            return request();
        }
        match (self.moment.as_str(), content) {
            // The backend writes another file first, and renames it.
            ("during", Some(content)) => {
                let path = self.folder.join(format!("{key}#1"));
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, &content[..content.len() / 2]).unwrap();
            }
            ("after", _) => drop(request()),
            _ => {}
        }
        kill_process(getpid(), Signal::KILL).unwrap();
        unreachable!("the process was killed")
    }
}

impl Objects for Killing {
    fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.write(key, Some(&bytes.clone()), || self.objects.put(key, bytes))
    }

    fn create(&self, key: &str, bytes: Vec<u8>) -> Result<bool, StoreError> {
        self.write(key, Some(&bytes.clone()), || self.objects.create(key, bytes))
    }

    fn get(&self, key: &str, most: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.objects.get(key, most)
    }

    fn head(&self, key: &str) -> Result<Option<(u64, SystemTime)>, StoreError> {
        self.objects.head(key)
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.write(key, None, || self.objects.delete(key))
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        self.objects.list(folder)
    }
}

/// Runs in children only: changes a bucket until a write kills it.
#[test]
fn child_changes_a_bucket() {
    let [Ok(folder), Ok(name), Ok(write), Ok(moment)] = [FOLDER, CHANGE, WRITE, MOMENT].map(std::env::var) else {
        return;
    };
    let store = bucket(Path::new(&folder));
    let left = AtomicUsize::new(write.parse().unwrap());
    let killing = Killing { objects: store.objects.clone(), folder: folder.into(), left, moment };
    let (_, change, _) = CHANGES.iter().find(|(change, ..)| *change == name).unwrap();
    change(&Bucket { objects: Arc::new(killing), ..store }).unwrap();
}

/// Runs a change in a child that is killed at this write.
fn killed(folder: &Path, change: &str, write: usize, moment: &str) -> ExitStatus {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "snapshot::bucket::tests::killed::child_changes_a_bucket"]);
    child.envs([(CHANGE, change), (MOMENT, moment)]).env(FOLDER, folder).env(WRITE, write.to_string());
    let mut child = child.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap();
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        if start.elapsed() > DEADLINE {
            child.kill().unwrap();
            child.wait().unwrap();
            panic!("{change}, killed {moment} write {write}: the child has not ended");
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn copy(from: &Path, to: &Path) {
    assert!(Command::new("cp").arg("-r").args([from, to]).status().unwrap().success());
}

/// Checks that a killed process has left the old or the new snapshots, and blocks nothing when its lease has expired.
fn assert_usable(store: &Bucket, new: &[(&str, u8)], message: &str) {
    let expected = if has(store, new) { new } else { &OLD };
    assert!(has(store, expected), "{message}: {:?}", names(store));
    assert_eq!(store.verify().unwrap(), [], "{message}");
    let lease = Duration::from_millis(200);
    let next = Bucket { times: Times { lease, ..store.times }, ..store.clone() };
    save(&next, 4, "next").unwrap();
    assert!(has(store, &[expected, &[("next", 4)]].concat()), "{message}: {:?}", names(store));
    clean_up(store, message);
    assert!(load(store, "next").unwrap() == memory(4), "{message}");
}

#[test]
fn processes_killed_at_each_write_leave_one_state() {
    let parent = tempfile::tempdir().unwrap();
    let (base, folder) = (parent.path().join("base"), parent.path().join("bucket"));
    fs::create_dir(&base).unwrap();
    OLD.iter().for_each(|(name, number)| drop(save(&bucket(&base), *number, *name).unwrap()));
    for ((change, _, new), moment) in CHANGES.iter().flat_map(|change| MOMENTS.map(|moment| (change, moment))) {
        for write in 0.. {
            copy(&base, &folder);
            let status = killed(&folder, change, write, moment);
            let message = format!("{change}, killed {moment} write {write}");
            if status.success() {
                assert!(write >= 4 && has(&bucket(&folder), new), "{message}");
            } else {
                assert_eq!(status.signal(), Some(Signal::KILL.as_raw()), "{message}");
                assert_usable(&bucket(&folder), new, &message);
            }
            fs::remove_dir_all(&folder).unwrap();
            if status.success() {
                break;
            }
        }
    }
}
