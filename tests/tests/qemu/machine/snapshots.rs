//! Internal snapshots of qcow2 images: saved by QEMU and loaded by vmstate, and the opposite direction.

use std::fs;
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use vmstate::snapshot::{Details, Qcow2, Store, StoreErrorKind};
use vmstate_tests::qcow2;
use vmstate_tests::qemu::VERSIONS;

use super::*;

/// Starts a QEMU with an image as its only disk. The guest does not run.
fn start(version: &str, image: &str, more: &[&str]) -> Qemu {
    let drive = format!("file={image},if=none,id=disk,format=qcow2");
    Qemu::start(version, "x86_64", &[&PC[..], &["-S", "-drive", &drive], more].concat())
}

/// Executes a command of the human monitor, which must print nothing.
fn silently(qemu: &mut Qemu, command: &str) {
    assert_eq!(qemu.monitor(command), "", "{command}");
}

/// Ends a QEMU, waits until it has released the image, and checks the image.
fn quit(mut qemu: Qemu, store: &Qcow2) {
    qemu.execute("quit", json!({}));
    let start = Instant::now();
    while store.delete("none").unwrap_err().kind() != StoreErrorKind::NotFound {
        assert!(start.elapsed() < Duration::from_secs(30), "QEMU does not end");
        sleep(Duration::from_millis(10));
    }
    qcow2::check(store.path(), "after QEMU");
}

fn names(store: &Qcow2) -> Vec<String> {
    store.list().unwrap().into_iter().map(|snapshot| snapshot.name).collect()
}

fn ports(qemu: &mut Qemu) -> [u8; 3] {
    [0x3ff, 0x2ff, 0xa1].map(|port| input(qemu, port))
}

#[test]
fn snapshots_move_between_qemu_and_vmstate() {
    for version in VERSIONS {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("disk.qcow2");
        fs::write(&path, qcow2::image(16, 1 << 20)).unwrap();
        let (image, store) = (path.to_str().unwrap(), Qcow2::open(&path).unwrap());

        let mut qemu = start(version, image, &[]);
        output(&mut qemu, &[(0x3ff, 0x5a), (0x2ff, 0xa5), (0xa1, 0x3c)]);
        silently(&mut qemu, "savevm first");
        output(&mut qemu, &[(0x3ff, 0), (0x2ff, 0), (0xa1, 0)]);
        silently(&mut qemu, "savevm second");
        let error = store.delete("first").unwrap_err();
        assert!(error.to_string().contains("cannot lock"), "{error}");
        quit(qemu, &store);
        assert_eq!(names(&store), ["first", "second"], "{version}");

        let mut stream = Vec::new();
        let first = store.extract("first", &mut stream).unwrap();
        assert_eq!(first.size, stream.len() as u64);
        let mut machine = registry_for(&stream);
        let options = LoadOptions::new().rules(Rules::default().unknown(Unknown::PassThrough));
        machine.load_snapshot(&store, "first", options).unwrap();
        let details = Details::new("ours").comment("saved by vmstate").parent(&first.id);
        let ours = machine.save_snapshot(&store, details, SaveOptions::new()).unwrap();
        assert_eq!((ours.id.as_str(), ours.parent.as_deref()), ("3", Some("1")));
        qcow2::check(&path, "after a save");
        store.delete("second").unwrap();
        qcow2::check(&path, "after a deletion");

        let mut qemu = start(version, image, &["-loadvm", "ours"]);
        assert_eq!(ports(&mut qemu), [0x5a, 0xa5, 0x3c], "{version}");
        let list = qemu.monitor("info snapshots");
        assert!(list.contains("ours") && list.contains("first") && !list.contains("second"), "{list}");
        output(&mut qemu, &[(0x3ff, 1)]);
        // QEMU remembers the ids of sections from one load to the next.
        silently(&mut qemu, "loadvm first");
        silently(&mut qemu, "loadvm ours");
        assert_eq!(ports(&mut qemu), [0x5a, 0xa5, 0x3c], "{version}");
        silently(&mut qemu, "savevm third");
        silently(&mut qemu, "delvm first");
        quit(qemu, &store);
        assert_eq!(names(&store), ["ours", "third"], "{version}");
        assert_eq!(store.find("ours").unwrap().comment, "saved by vmstate", "QEMU keeps the comment");
        store.delete("third").unwrap();
        qcow2::check(&path, "after the last deletion");
        let mut qemu = start(version, image, &["-loadvm", "ours"]);
        assert_eq!(ports(&mut qemu), [0x5a, 0xa5, 0x3c], "{version}");
    }
}
