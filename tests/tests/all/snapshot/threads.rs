//! Threads of one process that use one store.

use std::fs;
use std::io::{self, Read};
use std::thread;

use tempfile::TempDir;
use vmstate::snapshot::{Details, Qcow2, Store};
use vmstate_tests::qcow2;

use super::processes::{all_stores, assert_consistent, open, save_when_unlocked};
use super::{Guest, names};

/// A stream that changes the image while it is read.
struct Meddling<'s> {
    stream: &'s [u8],
    store: &'s Qcow2,
    attempts: usize,
}

impl Read for Meddling<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // It opens and closes the image, which would end a lock of the process.
        assert_eq!(names(self.store).len(), 1);
        let other = Qcow2::open(self.store.path()).unwrap();
        for error in [Guest::new(2).save(&other, "b").unwrap_err(), other.delete("a").unwrap_err()] {
            let text = error.to_string();
            assert!(text.contains("the image is unchanged: cannot lock `") && text.contains("thread"), "{text}");
        }
        self.attempts += 1;
        self.stream.read(buffer)
    }
}

#[test]
fn image_is_locked_for_other_threads_during_a_change() {
    let folder = TempDir::new().unwrap();
    let image = folder.path().join("disk.qcow2");
    fs::write(&image, qcow2::image(16, 1 << 20)).unwrap();
    let store = Qcow2::open(&image).unwrap();
    Guest::new(1).save(&store, "a").unwrap();
    let mut stream = Vec::new();
    store.extract("a", &mut stream).unwrap();
    let mut meddling = Meddling { stream: &stream, store: &store, attempts: 0 };
    store.insert(&Details::new("copy"), &mut meddling).unwrap();
    assert!(meddling.attempts >= 2, "{}", meddling.attempts);
    // The lock has ended.
    Guest::new(2).save(&store, "b").unwrap();
    store.delete("a").unwrap();
    for (name, number) in [("copy", 1), ("b", 2)] {
        let mut guest = Guest::new(0);
        guest.load(&store, name).unwrap();
        assert_eq!(guest, Guest::new(number));
    }
}

#[test]
fn threads_save_at_the_same_time() {
    let parent = TempDir::new().unwrap();
    for path in all_stores(&parent) {
        thread::scope(|scope| {
            for name in ["a", "b", "c"] {
                let path = &path;
                scope.spawn(move || {
                    let store = open(path);
                    (0..5).for_each(|number| drop(save_when_unlocked(&*store, number, name).unwrap()));
                });
            }
        });
        let store = &*open(&path);
        let mut found: Vec<_> = names(store).into_iter().map(|(_, name)| name).collect();
        found.sort();
        assert_eq!(found, ["a", "b", "c"], "{}", path.display());
        assert_consistent(store);
        for name in found {
            let mut guest = Guest::new(0);
            guest.load(store, &name).unwrap();
            assert_eq!(guest, Guest::new(4), "{}: {name}", path.display());
        }
    }
}
