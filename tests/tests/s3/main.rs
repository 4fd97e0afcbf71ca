//! Snapshots in a server with the protocol of S3 (`tests/s3/install` installs it).

mod guest;
mod server;

use std::fmt::Display;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use vmstate::snapshot::{Bucket, Details, Store, StoreErrorKind};

use self::guest::{load, save};
use self::server::{Access, Server};

/// The longest wait for something that must happen.
const PATIENCE: Duration = Duration::from_secs(180);

/// Returns the text of an error, which has one line.
fn text(error: impl Display) -> String {
    let text = error.to_string();
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

fn names(store: &dyn Store) -> Vec<String> {
    store.list().unwrap().into_iter().map(|snapshot| snapshot.name).collect()
}

/// Waits until the lease of a killed process has ended, and returns the number of deleted chunks.
fn collect(store: &Bucket) -> u64 {
    let start = Instant::now();
    loop {
        if let Some(deleted) = store.collect().unwrap() {
            return deleted;
        }
        assert!(start.elapsed() < PATIENCE, "the lease does not end");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn snapshots_are_saved_loaded_and_deleted() {
    let server = Server::start();
    let store = server.access.store();
    assert_eq!(names(&store), [""; 0]);
    for (number, name) in (1..).zip(["a", "b/../c", "é \"#%*"]) {
        let saved = save(number, &store, name).unwrap();
        assert_eq!((saved.id, saved.name), (number.to_string(), name.to_owned()));
    }
    assert_eq!(names(&store), ["a", "b/../c", "é \"#%*"]);
    // Another client, without a cache.
    let other = server.access.store();
    (1..).zip(["1", "b/../c", "é \"#%*"]).for_each(|(number, key)| assert_eq!(load(&other, key).unwrap(), number));
    assert_eq!(save(4, &store, "a").unwrap_err().kind(), StoreErrorKind::Exists);
    save(4, &store, Details::new("a").replace()).unwrap();
    assert_eq!(load(&other, "a").unwrap(), 4);
    store.delete("b/../c").unwrap();
    assert_eq!(load(&other, "b/../c").unwrap_err().kind(), StoreErrorKind::NotFound);
    assert_eq!(names(&other), ["é \"#%*", "a"]);
    assert_eq!(other.verify().unwrap(), []);
    assert_eq!(collect(&other), 0, "the deletion has collected its chunks");
}

#[test]
fn clients_save_at_the_same_time() {
    let server = Server::start();
    std::thread::scope(|scope| {
        for name in ["a", "b", "a"] {
            let store = server.access.store();
            scope.spawn(move || {
                (1..5).for_each(|number| drop(save(number, &store, Details::new(name).replace()).unwrap()));
            });
        }
    });
    let store = server.access.store();
    let mut found = names(&store);
    found.sort();
    assert_eq!(found, ["a", "b"]);
    found.iter().for_each(|name| assert_eq!(load(&store, name).unwrap(), 4));
    assert_eq!(store.verify().unwrap(), []);
}

/// Runs in children only: replaces a snapshot again and again.
#[test]
fn child_replaces_a_snapshot() {
    let Some(access) = Access::of_child() else { return };
    let store = access.store();
    (1..u8::MAX).for_each(|number| drop(save(number, &store, Details::new("kept").replace()).unwrap()));
}

#[test]
fn killed_save_leaves_the_old_or_the_new_state() {
    let server = Server::start();
    let store = server.access.store();
    save(0, &store, "kept").unwrap();
    let mut replaced = false;
    for round in 0..12 {
        let mut child = server.access.child("child_replaces_a_snapshot");
        std::thread::sleep(Duration::from_millis(100 + 37 * round));
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(names(&store), ["kept"], "round {round}");
        replaced |= load(&store, "kept").unwrap() > 0;
        assert_eq!(store.verify().unwrap(), [], "round {round}");
    }
    assert!(replaced, "no child has saved");
    save(200, &store, "next").unwrap();
    collect(&store);
    assert_eq!(store.verify().unwrap(), []);
    assert_eq!(load(&store, "next").unwrap(), 200);
    store.delete("next").unwrap();
    store.delete("kept").unwrap();
    assert_eq!(collect(&store), 0, "the deletions have collected all chunks");
}

#[test]
fn wrong_credentials_are_named() {
    let server = Server::start();
    save(1, &server.access.store(), "boot").unwrap();
    let secret = Access { secret: "wrong".to_owned(), ..server.access.clone() };
    let unknown = Access { key: "AKIAUNKNOWN".to_owned(), ..server.access.clone() };
    for access in [secret, unknown] {
        let store = access.store();
        let saved = save(2, &store, "other").unwrap_err();
        let loaded = load(&store, "boot").unwrap_err();
        let deleted = store.delete("boot").unwrap_err();
        for error in [saved, loaded, deleted] {
            assert!(text(&error).contains("; check the credentials and their permissions"), "{error}");
        }
    }
    assert_eq!(names(&server.access.store()), ["boot"]);
}

#[test]
fn missing_bucket_is_named() {
    let server = Server::start();
    let store = Access { bucket: "missing".to_owned(), ..server.access.clone() }.store();
    for error in [store.list().unwrap_err(), save(1, &store, "boot").unwrap_err()] {
        assert!(text(&error).contains("; check the name of the bucket"), "{error}");
    }
}

/// A server that does not answer, and a port without a server.
#[test]
fn unreachable_server_is_reported_in_time() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for address in [silent.local_addr().unwrap(), closed] {
        let [bucket, key, secret] = ["snapshots", "key", "secret"].map(str::to_owned);
        let access = Access { address: format!("http://{address}"), bucket, key, secret };
        let (store, start) = (access.hasty_store(Duration::from_secs(2)), Instant::now());
        let error = save(1, &store, "boot").unwrap_err();
        assert!(text(&error).contains("; check that the object store can be reached"), "{error}");
        assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
    }
}

/// The client of the default repeats requests for three minutes.
#[test]
fn repeated_requests_end_after_a_minute() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let [bucket, key, secret] = ["snapshots", "key", "secret"].map(str::to_owned);
    let access = Access { address: format!("http://{closed}"), bucket, key, secret };
    let start = Instant::now();
    let error = access.store().list().unwrap_err();
    assert!(text(&error).contains("; check that the object store can be reached"), "{error}");
    assert!(start.elapsed() < PATIENCE, "{:?}", start.elapsed());
}
