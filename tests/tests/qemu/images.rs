//! Disk images of `qemu-img`: changed by this library, and checked by `qemu-img` after each change.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use tempfile::TempDir;
use vmstate::snapshot::{Details, Qcow2, Store, StoreErrorKind};
use vmstate_tests::qcow2::{check, qemu_img, write};
use vmstate_tests::{streams, tool};

/// The options of `qemu-img create`, of images of both versions and all kinds of tables.
const FORMATS: [&str; 6] = [
    "compat=0.10",
    "compat=1.1",
    "compat=1.1,cluster_size=4k,refcount_bits=1",
    "compat=1.1,cluster_size=512,refcount_bits=64",
    "compat=1.1,extended_l2=on",
    "compat=1.1,cluster_size=2M,refcount_bits=8,lazy_refcounts=on",
];

fn text(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// Creates an image whose disk has data in several places, and a raw copy of the disk.
fn create(folder: &Path, format: &str) -> (PathBuf, PathBuf) {
    let (image, disk) = (folder.join("disk.qcow2"), folder.join("disk.raw"));
    qemu_img(&["create", "-q", "-f", "qcow2", "-o", format, text(&image), "6M"], format);
    write(&image, &["write -P 17 0 1M", "write -P 34 2560k 130k", "write -z 3M 64k", "write -P 51 5M 1M"]);
    qemu_img(&["convert", "-f", "qcow2", "-O", "raw", text(&image), text(&disk)], format);
    (image, disk)
}

/// Checks the image, its disk, and its snapshots as `qemu-img` lists them.
fn assert_consistent(image: &Path, disk: &Path, names: &[&str], when: &str) {
    check(image, when);
    qemu_img(&["compare", "-q", "-f", "qcow2", "-F", "raw", text(image), text(disk)], when);
    let listed = qemu_img(&["snapshot", "-l", text(image)], when);
    // Two lines of headings, if the image has snapshots.
    let rows: Vec<_> = listed.lines().skip(2).collect();
    assert_eq!(rows.len(), names.len(), "{when}: {listed}");
    for (row, name) in rows.iter().zip(names) {
        assert!(row.contains(&format!(" {name} ")), "{when}: {listed}");
    }
}

fn extracted(store: &Qcow2, name: &str) -> Vec<u8> {
    let mut stream = Vec::new();
    store.extract(name, &mut stream).unwrap();
    stream
}

#[test]
fn each_change_leaves_a_consistent_image() {
    let (small, large) = (streams::named("qemu-10.0-uno").bytes, streams::named("qemu-10.0-virt").bytes);
    for format in FORMATS {
        let folder = TempDir::new().unwrap();
        let (image, disk) = create(folder.path(), format);
        let store = Qcow2::open(&image).unwrap();
        let consistent =
            |names: &[&str], change: &str| assert_consistent(&image, &disk, names, &format!("{format}, {change}"));
        // With one bit, reference counts end at 1: the disk cannot be shared with a snapshot.
        if format.contains("refcount_bits=1") {
            let error = store.insert(&Details::new("one"), &mut &small[..]).unwrap_err();
            assert_eq!(error.kind(), StoreErrorKind::Damaged, "{error}");
            consistent(&[], "a rejected insertion");
            continue;
        }
        store.insert(&Details::new("one").comment("ours"), &mut &small[..]).unwrap();
        consistent(&["one"], "an insertion");
        store.insert(&Details::new("two"), &mut &large[..]).unwrap();
        consistent(&["one", "two"], "another insertion");
        // The disk changes, and snapshots of both programs follow each other.
        write(&image, &["write -P 68 512k 1M"]);
        qemu_img(&["convert", "-f", "qcow2", "-O", "raw", text(&image), text(&disk)], format);
        qemu_img(&["snapshot", "-c", "theirs", text(&image)], format);
        consistent(&["one", "two", "theirs"], "a snapshot of qemu-img");
        store.insert(&Details::new("one").replace(), &mut &large[..]).unwrap();
        consistent(&["two", "theirs", "one"], "a replacement");
        assert!(extracted(&store, "one") == large && extracted(&store, "two") == large, "{format}");
        consistent(&["two", "theirs", "one"], "two extractions");
        store.delete("theirs").unwrap();
        consistent(&["two", "one"], "a deletion");
        qemu_img(&["snapshot", "-d", "two", text(&image)], format);
        consistent(&["one"], "a deletion by qemu-img");
        assert!(extracted(&store, "one") == large, "{format}");
        store.delete("one").unwrap();
        consistent(&[], "the last deletion");
    }
}

/// Compiles the library that kills a process at one of its writes.
fn killer(folder: &Path) -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("qemu/kill-at-write.c");
    let library = folder.join("kill-at-write.so");
    let status = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).arg("-ldl").status();
    assert!(status.expect("a C compiler").success());
    library
}

/// Runs the tool, and kills it at this write.
fn killed_at(write: usize, killer: &Path, arguments: &[&str]) -> ExitStatus {
    let mut command = Command::new(tool::binary());
    command.args(arguments).env("LD_PRELOAD", killer).env("VMSTATE_KILL_AT_WRITE", write.to_string());
    command.output().expect("the tool starts").status
}

/// Runs a change that is killed at each of its writes. `old` and `new` are the names before and after it.
fn kill_at_every_write(image: &Path, disk: &Path, change: [&str; 4], old: &[&str], new: &[&str]) {
    let folder = TempDir::new().unwrap();
    let killer = killer(folder.path());
    let copy = folder.path().join("copy.qcow2");
    let [command, name, more, option] = change;
    let arguments: Vec<_> =
        ["snapshot", command, text(&copy), name, more, option].into_iter().filter(|word| !word.is_empty()).collect();
    let kept = extracted(&Qcow2::open(image).unwrap(), "kept");
    for write in 0.. {
        let when = format!("{command} {name}, killed at write {write}");
        fs::copy(image, &copy).unwrap();
        let status = killed_at(write, &killer, &arguments);
        let store = Qcow2::open(&copy).unwrap();
        let found: Vec<_> = store.list().unwrap().into_iter().map(|snapshot| snapshot.name).collect();
        assert_consistent(&copy, disk, if status.success() { new } else { old }, &when);
        assert!(extracted(&store, "kept") == kept, "{when}");
        if status.success() {
            assert_eq!(found, new);
            assert!(write >= 4, "the library does not count the writes: {write}");
            return;
        }
        assert_eq!(status.code(), None, "{when}: it was not killed");
        assert_eq!(found, old, "{when}: the header is written last");
        // The killed process has left neither locks nor lost clusters.
        tool::vmstate(&arguments).fine();
        assert_consistent(&copy, disk, new, &format!("{when}, repeated"));
    }
}

#[test]
fn killed_processes_leave_a_consistent_image() {
    for format in ["compat=0.10,cluster_size=4k", "compat=1.1,extended_l2=on"] {
        let folder = TempDir::new().unwrap();
        let (image, disk) = create(folder.path(), format);
        let stream = folder.path().join("stream");
        fs::write(&stream, streams::named("qemu-10.0-uno").bytes).unwrap();
        let store = Qcow2::open(&image).unwrap();
        store.insert(&Details::new("kept"), &mut &streams::named("qemu-7.2-uno").bytes[..]).unwrap();
        let stream = text(&stream);
        kill_at_every_write(&image, &disk, ["insert", "new", stream, ""], &["kept"], &["kept", "new"]);
        store.insert(&Details::new("old"), &mut &b"QEVM of another machine"[..]).unwrap();
        let (old, replaced) = (["kept", "old"], ["kept", "old"]);
        kill_at_every_write(&image, &disk, ["insert", "old", stream, "--replace"], &old, &replaced);
        kill_at_every_write(&image, &disk, ["delete", "old", "", ""], &old, &["kept"]);
    }
}
