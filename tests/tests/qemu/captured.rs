//! Images that QEMU has written earlier, changed by this library and loaded by QEMU.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use tempfile::TempDir;
use vmstate::snapshot::{Details, Qcow2, Store};
use vmstate_tests::qcow2::{self, check};
use vmstate_tests::qemu::Qemu;

const MACHINE: &str = "microvm,rtc=off,pit=off,pic=off,isa-serial=off,x-option-roms=off";

/// Loads a snapshot in QEMU, and checks that the guest of the image runs.
fn assert_loaded(version: &str, folder: &Path, image: &Path, snapshot: &str) {
    // The memory of the firmware is a part of the snapshot.
    let bios = folder.join("bios");
    fs::write(&bios, vec![0; 0x1_0000]).unwrap();
    let (bios, drive) = (bios.display().to_string(), format!("if=none,id=disk,file={}", image.display()));
    let arguments = ["-M", MACHINE, "-m", "4M", "-accel", "tcg", "-bios", &bios, "-drive", &drive, "-loadvm", snapshot];
    let mut qemu = Qemu::start(version, "x86_64", &arguments);
    let start = Instant::now();
    while qemu.status() != "running" {
        assert!(start.elapsed() < Duration::from_secs(60), "{version}: {snapshot}: {}", qemu.status());
        std::thread::sleep(Duration::from_millis(20));
    }
    let words = qemu.monitor("xp /2xw 0x8000");
    assert!(words.contains(" 0x0000600d"), "{version}: {snapshot}: {words}");
    qemu.execute("quit", json!({}));
}

#[test]
fn changed_images_of_qemu_are_loaded_by_qemu() {
    for (name, version) in qcow2::CAPTURED.into_iter().zip(["10.0", "11.1"]) {
        let folder = TempDir::new().unwrap();
        let image = folder.path().join("disk.qcow2");
        fs::write(&image, qcow2::captured(name)).unwrap();
        let store = Qcow2::open(&image).unwrap();
        check(&image, name);
        let mut stream = Vec::new();
        store.extract("second snapshot", &mut stream).unwrap();
        store.insert(&Details::new("copy").comment("ours"), &mut &stream[..]).unwrap();
        check(&image, "an insertion");
        store.delete("second snapshot").unwrap();
        check(&image, "a deletion");
        store.insert(&Details::new("copy").replace(), &mut &stream[..]).unwrap();
        check(&image, "a replacement");
        for snapshot in ["first", "copy"] {
            assert_loaded(version, folder.path(), &image, snapshot);
        }
        let ids: Vec<_> = store.list().unwrap().into_iter().map(|snapshot| snapshot.id).collect();
        assert_eq!(ids, ["4", "6"], "{name}");
        check(&image, "two loads by QEMU");
    }
}
