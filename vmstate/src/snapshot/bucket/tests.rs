//! Buckets in memory and in a folder, with requests that fail.

mod hostile;
mod killed;
mod leases;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::time::SystemTime;

use object_store::local::LocalFileSystem;
use object_store::memory::InMemory;

use super::*;
use crate::machine::{LoadOptions, Machine, SaveOptions};
use crate::memory::{PageSize, VecBlock};

const SIZE: usize = 6 << 20;

/// Memory whose first chunk is the same in all guests. The second one depends on `number`, and the others are zero.
fn memory(number: u8) -> Vec<u8> {
    let mut bytes = vec![0; SIZE];
    (bytes[5], bytes[0x20_0000]) = (1, number);
    bytes
}

fn save(store: &Bucket, number: u8, details: impl Into<Details>) -> Result<SnapshotInfo, StoreError> {
    let mut machine = Machine::with_type("board");
    machine.register_ram(PageSize::DEFAULT, [VecBlock::new("ram", memory(number))]).unwrap();
    machine.save_snapshot(store, details, SaveOptions::new())
}

/// Loads a snapshot. A failed load must leave the memory unchanged.
fn load(store: &Bucket, key: &str) -> Result<Vec<u8>, StoreError> {
    let mut ram = [VecBlock::new("ram", vec![9; SIZE])];
    let mut machine = Machine::with_type("board");
    machine.register_ram(PageSize::DEFAULT, &mut ram[..]).unwrap();
    let loaded = machine.load_snapshot(store, key, LoadOptions::new()).map(drop);
    drop(machine);
    assert!(loaded.is_ok() || ram[0].to_vec() == vec![9; SIZE], "{loaded:?}");
    loaded.map(|()| ram[0].to_vec())
}

fn names(store: &Bucket) -> Vec<String> {
    store.list().unwrap().into_iter().map(|snapshot| snapshot.name).collect()
}

fn chunks_of(store: &Bucket) -> usize {
    store.objects.list(chunks::FOLDER).unwrap().len()
}

/// Returns the number of bytes in all objects.
fn stored_bytes(store: &Bucket) -> u64 {
    store.objects.list("").unwrap().iter().map(|key| store.objects.head(key).unwrap().unwrap().0).sum()
}

fn in_memory() -> Bucket {
    Bucket::new(Arc::new(InMemory::new()), "a b/ü").unwrap()
}

#[test]
fn snapshots_are_kept_and_share_chunks() {
    let folder = tempfile::tempdir().unwrap();
    let local = Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap());
    for store in [in_memory(), Bucket::new(local.clone(), "").unwrap(), Bucket::new(local, "x/y").unwrap()] {
        let store = store.temporary_folder(folder.path());
        let details = Details::new("one").comment("x\ny").guest_clock(Duration::from_millis(1500));
        let one = save(&store, 1, details).unwrap();
        let (alone, bytes) = (chunks_of(&store), stored_bytes(&store));
        assert!(bytes > 4 << 20 && bytes < 7 << 20, "zeros are not stored: {bytes}");
        let two = save(&store, 2, Details::new("two").parent(&one.id)).unwrap();
        // Its own list of chunks, and the chunk that differs.
        assert_eq!(chunks_of(&store) - alone, 2, "{alone}");
        let added = stored_bytes(&store) - bytes;
        assert!(added > 2 << 20 && added < (2 << 20) + 2048, "{added}");
        assert_eq!((two.id.as_str(), two.parent.as_deref()), ("2", Some("1")));
        assert_eq!(store.list().unwrap(), [one, two]);
        assert!(load(&store, "one").unwrap() == memory(1) && load(&store, "2").unwrap() == memory(2));
        assert_eq!(store.verify().unwrap(), []);
        assert_eq!(save(&store, 3, "one").unwrap_err().kind(), StoreErrorKind::Exists);
        assert_eq!(save(&store, 3, Details::new("one").replace()).unwrap().id, "3");
        assert!(load(&store, "one").unwrap() == memory(3));
        assert_eq!(names(&store), ["two", "one"]);
        store.delete("one").unwrap();
        assert_eq!(chunks_of(&store), alone, "unused chunks are deleted");
        assert!(load(&store, "two").unwrap() == memory(2));
        assert_eq!(store.delete("one").unwrap_err().kind(), StoreErrorKind::NotFound);
        store.delete("2").unwrap();
        assert_eq!(store.objects.list("").unwrap(), Vec::<String>::new());
    }
}

/// A bucket whose requests fail after some, like a process that is killed.
#[derive(Debug)]
struct Failing {
    objects: Arc<dyn Objects>,
    left: AtomicUsize,
    /// The first request that fails is executed: only its reply is lost.
    reply_is_lost: AtomicBool,
}

impl Failing {
    fn next<T>(&self, request: impl FnOnce(&dyn Objects) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let left = self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if left.is_ok() {
            return request(&*self.objects);
        }
        if self.reply_is_lost.swap(false, Ordering::Relaxed) {
            drop(request(&*self.objects));
        }
        Err(StoreError::new(StoreErrorKind::Io, "the connection is lost"))
    }
}

impl Objects for Failing {
    fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.next(|objects| objects.put(key, bytes))
    }

    fn create(&self, key: &str, bytes: Vec<u8>) -> Result<bool, StoreError> {
        self.next(|objects| objects.create(key, bytes))
    }

    fn get(&self, key: &str, most: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.next(|objects| objects.get(key, most))
    }

    fn head(&self, key: &str) -> Result<Option<(u64, SystemTime)>, StoreError> {
        self.next(|objects| objects.head(key))
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.next(|objects| objects.delete(key))
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        self.next(|objects| objects.list(folder))
    }
}

/// Returns whether the store has exactly these snapshots, of guests with these numbers.
fn has(store: &Bucket, expected: &[(&str, u8)]) -> bool {
    let expected_names: Vec<_> = expected.iter().map(|(name, _)| *name).collect();
    names(store) == expected_names
        && expected.iter().all(|(name, number)| load(store, name).unwrap() == memory(*number))
}

/// Runs a change that fails after each number of requests. `old` and `new` are the snapshots before and after it.
fn fail_at_every_request(change: impl Fn(&Bucket) -> Result<(), StoreError>, old: &[(&str, u8)], new: &[(&str, u8)]) {
    let base = Arc::new(InMemory::new());
    let first = Bucket::new(base.clone(), "x").unwrap();
    old.iter().for_each(|(name, number)| drop(save(&first, *number, *name).unwrap()));
    for (requests, reply_is_lost) in (0..).flat_map(|requests| [(requests, false), (requests, true)]) {
        let store = Bucket::new(Arc::new(base.fork()), "x").unwrap();
        let (left, reply_is_lost) = (AtomicUsize::new(requests), AtomicBool::new(reply_is_lost));
        let failing = Arc::new(Failing { objects: store.objects.clone(), left, reply_is_lost });
        let changed = change(&Bucket { objects: failing.clone(), ..store.clone() });
        let message = format!("after {requests} requests: {changed:?}, {:?}", names(&store));
        let is_new = has(&store, new);
        assert!(is_new || has(&store, old), "{message}");
        // A change without a reply may have happened, and the message reports that.
        let is_unknown = changed.as_ref().is_err_and(|error| error.to_string().contains("may or may not have been"));
        assert!(is_new || changed.is_err(), "{message}");
        assert!(!is_new || changed.is_ok() || is_unknown, "{message}");
        clean_up(&store, &message);
        assert_eq!(names(&store).len(), if is_new { new } else { old }.len(), "{message}");
        if failing.left.load(Ordering::Relaxed) > 0 {
            assert!(changed.is_ok() && requests > 10, "{message}");
            return;
        }
    }
}

/// Collects chunks in another process, for which the leases of the first one have expired.
fn clean_up(store: &Bucket, message: &str) {
    std::thread::sleep(Duration::from_millis(2));
    let next = Bucket { times: Times { lease: Duration::ZERO, ..store.times }, ..store.clone() };
    next.delete_replaced().unwrap();
    assert!(next.collect().unwrap().is_some(), "{message}");
    let leases = ["saves", "collections"].map(|folder| store.objects.list(folder).unwrap());
    assert_eq!(leases, [const { Vec::<String>::new() }; 2], "{message}");
    assert_eq!(store.verify().unwrap(), [], "{message}");
}

#[test]
fn failed_requests_leave_the_old_or_the_new_state() {
    let old = [("a", 1), ("b", 2)];
    fail_at_every_request(|store| save(store, 3, "c").map(drop), &old, &[("a", 1), ("b", 2), ("c", 3)]);
    let replace = |store: &Bucket| save(store, 3, Details::new("a").replace()).map(drop);
    fail_at_every_request(replace, &old, &[("b", 2), ("a", 3)]);
    fail_at_every_request(|store| store.delete("a").map(drop), &old, &[("b", 2)]);
}

#[test]
fn missing_and_damaged_objects_are_named() {
    let store = in_memory();
    save(&store, 1, "a").unwrap();
    save(&store, 2, "b").unwrap();
    let mut used = BTreeSet::new();
    let manifest = store.manifest(1).unwrap().unwrap();
    Chunks::read(&*store.objects, "a", &manifest.list, manifest.length).unwrap().add_keys(&mut used);
    let mut others = BTreeSet::new();
    let second = store.manifest(2).unwrap().unwrap();
    Chunks::read(&*store.objects, "b", &second.list, second.length).unwrap().add_keys(&mut others);
    let own: Vec<_> = used.difference(&others).cloned().collect();
    store.objects.put(&own[0], vec![7; 2 << 20]).unwrap();
    let error = load(&store, "a").unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Load);
    let text = error.to_string();
    assert!(
        text.contains("snapshot `a` was not loaded") && text.contains(&own[0]) && text.contains("damaged"),
        "{text}"
    );
    store.objects.delete(&own[0]).unwrap();
    let text = load(&store, "a").unwrap_err().to_string();
    assert!(text.contains(&format!("the chunk `{}` is missing", own[0])), "{text}");
    assert!(load(&store, "b").unwrap() == memory(2));
    let damage = store.verify().unwrap();
    assert_eq!(damage.len(), 1, "{damage:?}");
    assert!(damage[0].path.ends_with(&own[0]) && damage[0].reason.contains("(snapshot 1)"), "{damage:?}");
    // The next save of the same memory writes the chunk again.
    save(&store, 1, Details::new("a").replace()).unwrap();
    assert!(load(&store, "a").unwrap() == memory(1));
    assert_eq!(store.verify().unwrap(), []);

    store.objects.delete(&chunks::list_key(&store.manifest(2).unwrap().unwrap().list)).unwrap();
    assert_eq!(load(&store, "b").unwrap_err().kind(), StoreErrorKind::Damaged);
    // Its chunks are unknown, so nothing is deleted.
    assert_eq!(store.collect().unwrap_err().kind(), StoreErrorKind::Damaged);
    store.objects.put("snapshots/9.json", b"{".to_vec()).unwrap();
    store.objects.put("snapshots/notes.txt", b"mine".to_vec()).unwrap();
    assert_eq!(names(&store), ["b", "a"]);
    let damage = store.verify().unwrap();
    assert_eq!(damage.len(), 2, "{damage:?}");
    assert!(damage[1].path.ends_with("snapshots/9.json"), "{damage:?}");
}

#[test]
fn chunks_of_a_save_in_progress_are_kept() {
    let store = in_memory();
    save(&store, 1, "old").unwrap();
    std::thread::scope(|scope| {
        let (go_on, paused) = mpsc::channel::<()>();
        let (sender, started) = mpsc::channel();
        let slow = Slow { objects: store.objects.clone(), sender, paused: std::sync::Mutex::new(paused) };
        let slow = Bucket { objects: Arc::new(slow), ..store.clone() };
        // It relies on chunks of `old`, and has not written its snapshot yet.
        let saving = scope.spawn(move || save(&slow, 1, "new"));
        started.recv_timeout(Duration::from_secs(60)).unwrap();
        store.delete("old").unwrap();
        assert_eq!(store.collect().unwrap(), None, "a snapshot is being saved");
        go_on.send(()).unwrap();
        saving.join().unwrap().unwrap();
    });
    assert!(load(&store, "new").unwrap() == memory(1));
    assert_eq!(store.collect().unwrap(), Some(0), "the snapshots have equal chunks");
}

/// Waits before it writes a snapshot.
#[derive(Debug)]
struct Slow {
    objects: Arc<dyn Objects>,
    sender: mpsc::Sender<()>,
    paused: std::sync::Mutex<mpsc::Receiver<()>>,
}

impl Objects for Slow {
    fn put(&self, key: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.objects.put(key, bytes)
    }

    fn create(&self, key: &str, bytes: Vec<u8>) -> Result<bool, StoreError> {
        self.sender.send(()).unwrap();
        self.paused.lock().unwrap().recv_timeout(Duration::from_secs(60)).unwrap();
        self.objects.create(key, bytes)
    }

    fn get(&self, key: &str, most: u64) -> Result<Option<Vec<u8>>, StoreError> {
        self.objects.get(key, most)
    }

    fn head(&self, key: &str) -> Result<Option<(u64, SystemTime)>, StoreError> {
        self.objects.head(key)
    }

    fn delete(&self, key: &str) -> Result<(), StoreError> {
        self.objects.delete(key)
    }

    fn list(&self, folder: &str) -> Result<Vec<String>, StoreError> {
        self.objects.list(folder)
    }
}

#[test]
fn concurrent_saves_keep_one_snapshot_of_a_name() {
    let store = in_memory();
    let results: Vec<_> = std::thread::scope(|scope| {
        let saves: Vec<_> = (0..4)
            .map(|number| {
                scope.spawn({
                    let store = &store;
                    move || save(store, number, "x")
                })
            })
            .collect();
        saves.into_iter().map(|save| save.join().unwrap()).collect()
    });
    let kinds: Vec<_> = results.iter().filter_map(|result| result.as_ref().err().map(StoreError::kind)).collect();
    assert_eq!(kinds, [StoreErrorKind::Exists; 3], "{results:?}");
    assert_eq!(names(&store), ["x"]);
    std::thread::scope(|scope| {
        for number in 0..4 {
            let store = &store;
            scope.spawn(move || save(store, number, Details::new("x").replace()).unwrap());
        }
    });
    assert!((0..4).any(|number| load(&store, "x").unwrap() == memory(number)));
    assert_eq!(store.verify().unwrap(), []);
}

#[test]
fn failed_save_and_load_change_nothing() {
    let store = in_memory();
    let error = store.save(&Details::new("x"), &mut |_| Err(vmstate_types::SaveError::rejected("busy"))).unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Save);
    assert_eq!(store.objects.list("").unwrap(), Vec::<String>::new());
    assert_eq!(save(&store, 1, Details::new("x").parent("7")).unwrap_err().kind(), StoreErrorKind::NotFound);
    let missing = store.clone().temporary_folder("/none/such");
    assert!(save(&missing, 1, "x").unwrap_err().to_string().contains("cannot create a temporary file"));
}

/// As lists report a reply of S3. The body of a reply follows the status.
#[test]
fn status_is_read_from_an_error() {
    let rejected =
        "Error performing GET http://[::1] - Server returned non-2xx status code: 403 Forbidden: status code: 404";
    assert_eq!(objects::status(rejected), Some("403"));
    assert_eq!(objects::status("Error performing GET http://[::1]: timed out"), None);
}
