//! Saves and collections that exclude each other, and the remains of interrupted ones.

use super::*;

#[test]
fn save_that_was_given_up_fails() {
    let store = in_memory();
    let lease = Lease::of_save(&store.objects, store.times).unwrap();
    lease.check().unwrap();
    assert_eq!(store.collect().unwrap(), None);
    std::thread::sleep(Duration::from_millis(2));
    let hasty = Times { lease: Duration::ZERO, ..store.times };
    drop(Lease::of_collection(&store.objects, hasty).unwrap().expect("the save is too old"));
    let error = lease.check().unwrap_err().to_string();
    assert!(error.contains("suspended for so long"), "{error}");
    // A collection delays saves, and a dead one does not.
    let collection = Lease::of_collection(&store.objects, store.times).unwrap().unwrap();
    let impatient = Times { patience: Duration::ZERO, ..store.times };
    let error = Lease::of_save(&store.objects, impatient).unwrap_err().to_string();
    assert!(error.contains("another process deletes unused chunks"), "{error}");
    std::thread::sleep(Duration::from_millis(2));
    Lease::of_save(&store.objects, hasty).unwrap();
    assert!(collection.check().is_err());
}

/// The upload of a chunk can take longer than a lease.
#[test]
fn lease_of_a_waiting_save_is_renewed() {
    let store = in_memory();
    let times = Times { lease: Duration::from_millis(400), ..store.times };
    std::thread::scope(|scope| {
        let (go_on, paused) = mpsc::channel::<()>();
        let (sender, started) = mpsc::channel();
        let slow = Slow { objects: store.objects.clone(), sender, paused: std::sync::Mutex::new(paused) };
        let slow = Bucket { objects: Arc::new(slow), times, ..store.clone() };
        let saving = scope.spawn(move || save(&slow, 1, "new"));
        started.recv_timeout(Duration::from_secs(60)).unwrap();
        let first = store.objects.list(lease::SAVES).unwrap();
        let start = std::time::Instant::now();
        while store.objects.list(lease::SAVES).unwrap().iter().any(|key| first.contains(key)) {
            assert!(start.elapsed() < Duration::from_secs(60), "the lease is not renewed");
            std::thread::sleep(Duration::from_millis(10));
        }
        go_on.send(()).unwrap();
        saving.join().unwrap().unwrap();
    });
    assert!(load(&store, "new").unwrap() == memory(1));
    assert_eq!(store.objects.list(lease::SAVES).unwrap(), Vec::<String>::new());
}

/// A deletion must end before others ignore the collection.
#[test]
fn slow_collection_deletes_nothing() {
    let store = in_memory();
    save(&store, 1, "a").unwrap();
    store.objects.delete("snapshots/1.json").unwrap();
    let slow = Times { lease: Duration::ZERO, fresh: Duration::ZERO, ..store.times };
    let error = Bucket { times: slow, ..store.clone() }.collect().unwrap_err().to_string();
    assert!(error.contains("answers too slowly"), "{error}");
    let chunks = chunks_of(&store);
    assert!(chunks >= 3, "{chunks}");
    assert_eq!(store.collect().unwrap(), Some(chunks as u64));
    let Times { lease, fresh, .. } = Times::default();
    assert!(fresh + objects::SHORT_TIMEOUT < lease && lease <= Duration::from_secs(20));
}

/// The backend hides files that were written in part.
#[test]
fn incomplete_files_are_deleted() {
    let folder = tempfile::tempdir().unwrap();
    let local = Arc::new(LocalFileSystem::new_with_prefix(folder.path()).unwrap());
    let store = Bucket::new(local, "é/x").unwrap();
    save(&store, 1, "a").unwrap();
    let objects = folder.path().join("%C3%A9/x");
    let old = SystemTime::now() - 2 * TIMEOUT;
    let write = |name: &str, date: Option<SystemTime>| {
        let file = File::create(objects.join(name)).unwrap();
        if let Some(date) = date {
            file.set_modified(date).unwrap();
        }
    };
    let incomplete = ["chunks/0af#1", "snapshots/2.json#12", "saves/7#1", "collections/7#1"];
    let kept = ["chunks/notes#1", "snapshots/#1", "snapshots/3.json#"];
    std::fs::create_dir_all(objects.join("collections")).unwrap();
    std::fs::create_dir_all(objects.join("saves")).unwrap();
    incomplete.iter().chain(&kept).for_each(|name| write(name, Some(old)));
    write("chunks/0af#3", None);
    assert_eq!(store.collect().unwrap(), Some(0));
    assert!(incomplete.iter().all(|name| objects.join(name).exists()), "the folder is not set");
    let store = store.local_folder(folder.path());
    assert_eq!(store.collect().unwrap(), Some(0));
    assert!(!incomplete.iter().any(|name| objects.join(name).exists()));
    assert!(kept.iter().chain(&["chunks/0af#3"]).all(|name| objects.join(name).exists()));
    assert!(load(&store, "a").unwrap() == memory(1));
    let missing = Bucket::new(Arc::new(InMemory::new()), "").unwrap().local_folder("/none/such");
    assert_eq!(missing.collect().unwrap(), Some(0));
}
