//! The command `vmstate snapshot`, and snapshots as inputs of other commands.

use std::fs;

use vmstate::snapshot::{Details, Folder as Snapshots, Qcow2, Store};
use vmstate_tests::qcow2;

use super::*;

/// A folder, an image and a bucket, each with the stream of an Arduino as snapshot 1.
fn stores() -> (Folder, [String; 3], Vec<u8>) {
    let folder = Folder::new();
    let stream = streams::named("qemu-10.0-uno").bytes;
    let snapshots = folder.path("snapshots");
    fs::create_dir(&snapshots).unwrap();
    let image = folder.put("disk.qcow2", &qcow2::image(16, 1 << 20));
    let objects = folder.path("objects");
    fs::create_dir(&objects).unwrap();
    let bucket = format!("bucket:{objects}");
    let input = folder.put("in", &stream);
    for store in [&snapshots, &image, &bucket] {
        let insert = ["snapshot", "insert", store, "boot", &input, "--comment", "one\ntwo", "--guest-clock", "3661.5"];
        let printed = vmstate(insert).fine();
        assert!(printed.starts_with("inserted snapshot 1 `boot`, "), "{printed}");
    }
    (folder, [snapshots, image, bucket], stream)
}

#[test]
fn streams_are_inserted_and_extracted() {
    let (folder, stores, stream) = stores();
    let out = folder.path("out");
    for store in &stores {
        for key in ["boot", "1"] {
            let printed = vmstate(["snapshot", "extract", store, key, &out]).fine();
            assert!(printed.starts_with("copied snapshot 1 `boot`, "), "{printed}");
            assert!(fs::read(&out).unwrap() == stream, "{store}");
        }
        let piped = vmstate(["snapshot", "extract", store, "boot", "-"]);
        assert!(piped.stdout == stream && piped.stderr.starts_with("copied "), "{}", piped.stderr);
    }
}

#[test]
fn properties_are_printed() {
    let (folder, stores, stream) = stores();
    for store in &stores {
        let second = ["snapshot", "insert", store, "second", &folder.path("in"), "--parent", "1"];
        vmstate(second).fine();
        let table = vmstate(["snapshot", "list", store]).fine();
        let lines: Vec<_> = table.lines().collect();
        assert_eq!(lines.len(), 3, "{table}");
        assert!(lines[0].starts_with("ID  NAME") && lines[1].contains("boot") && lines[1].contains("01:01:01.500"));
        assert!(lines[1].ends_with("one") && lines[2].ends_with('1'), "{table}");
        let list = json_of(&vmstate(["snapshot", "list", store, "--json"]));
        let first = &list["snapshots"][0];
        assert_eq!(first, &json_of(&vmstate(["snapshot", "show", store, "boot", "--json"])));
        assert_eq!((&first["id"], &first["comment"]), (&json!("1"), &json!("one\ntwo")));
        assert_eq!(first["guest_clock_nanoseconds"], json!(3_661_500_000_000_u64));
        assert!(first["date"].as_str().unwrap().starts_with("20") && number(first, "size") > stream.len() / 2);
        let shown = vmstate(["snapshot", "show", store, "boot"]).fine();
        assert!(shown.contains("comment       one\n              two\n"), "{shown}");
        assert_eq!(vmstate(["snapshot", "verify", store]).fine(), "2 snapshots, 0 problems\n");
        assert!(vmstate(["snapshot", "delete", store, "boot"]).fine().starts_with("deleted snapshot 1 `boot`"));
        assert_eq!(json_of(&vmstate(["snapshot", "list", store, "--json"]))["snapshots"].as_array().unwrap().len(), 1);
    }
}

#[test]
fn snapshots_are_inputs_of_other_commands() {
    let (folder, stores, _) = stores();
    let file = folder.path("in");
    let expected = vmstate(["dump", &file]).fine();
    for store in &stores {
        assert_eq!(vmstate(["dump", &format!("{store}#boot")]).fine(), expected);
        assert_eq!(vmstate(["diff", &format!("{store}#1"), &file]).fine(), vmstate(["diff", &file, &file]).fine());
        let error = vmstate(["info", &format!("{store}#other")]).error();
        assert!(error.contains("snapshot `other` does not exist; the snapshots are `boot`"), "{error}");
    }
}

#[test]
fn existing_and_missing_names_are_errors() {
    let (folder, stores, stream) = stores();
    let input = folder.path("in");
    for store in &stores {
        let error = vmstate(["snapshot", "insert", store, "boot", &input]).error();
        assert!(error.contains("snapshot `boot` already exists"), "{error}");
        vmstate(["snapshot", "insert", store, "boot", &input, "--replace"]).fine();
        let error = vmstate(["snapshot", "delete", store, "other"]).error();
        assert!(error.contains("snapshot `other` does not exist; the snapshots are `boot`"), "{error}");
        let error = vmstate(["snapshot", "insert", store, "text", &folder.put("text", b"no stream")]).error();
        assert!(error.contains("magic number"), "{error}");
        let piped = tool::piped(["snapshot", "insert", store, "piped", "-"], &stream);
        assert!(piped.fine().starts_with("inserted snapshot 3 `piped`"));
    }
    let error = vmstate(["snapshot", "list", &input]).error();
    assert!(error.contains("expected a qcow2 image, found another file"), "{error}");
    let error = vmstate(["snapshot", "list", &folder.path("none")]).error();
    assert!(error.contains("cannot open"), "{error}");
    let error = vmstate(["snapshot", "list", &format!("bucket:{}", folder.path("none"))]).error();
    assert!(error.contains("cannot open the bucket"), "{error}");
}

#[test]
fn damage_is_reported() {
    let (_folder, [snapshots, image, bucket], _) = stores();
    fs::File::options().write(true).open(format!("{snapshots}/1.state")).unwrap().set_len(1000).unwrap();
    fs::write(format!("{snapshots}/9.state"), "left by a crash").unwrap();
    let printed = vmstate(["snapshot", "verify", &snapshots]).answer(1);
    assert!(printed.contains("9.state: ") && printed.contains("snapshot 1 `boot`, "), "{printed}");
    assert!(printed.ends_with("1 snapshot, 2 problems\n"), "{printed}");
    let verified = json_of(&vmstate(["snapshot", "verify", &image, "--json"]));
    assert_eq!(verified, json!({ "snapshots": 1, "problems": [] }));

    // The larger object is a part of the stream, and the other one the list of parts.
    let chunks = fs::read_dir(format!("{}/chunks", &bucket["bucket:".len()..])).unwrap();
    let chunk = chunks.map(|entry| entry.unwrap()).max_by_key(|entry| entry.metadata().unwrap().len()).unwrap();
    fs::File::options().write(true).open(chunk.path()).unwrap().set_len(1000).unwrap();
    let printed = vmstate(["snapshot", "verify", &bucket]).answer(1);
    let name = chunk.file_name().into_string().unwrap();
    assert!(printed.contains(&format!("chunks/{name}: ")) && printed.contains("snapshot 1 `boot`, "), "{printed}");
    assert!(printed.ends_with("1 snapshot, 2 problems\n"), "{printed}");
}

#[test]
fn bucket_stores_equal_parts_once() {
    let (folder, [.., bucket], stream) = stores();
    let used = || -> u64 {
        let chunks = fs::read_dir(folder.path("objects/chunks")).unwrap();
        chunks.map(|entry| entry.unwrap().metadata().unwrap().len()).sum()
    };
    let before = used();
    vmstate(["snapshot", "insert", &bucket, "again", &folder.path("in")]).fine();
    assert_eq!(used(), before);
    assert!(before >= stream.len() as u64);
    vmstate(["snapshot", "delete", &bucket, "boot"]).fine();
    assert_eq!(used(), before, "the other snapshot needs the parts");
    vmstate(["snapshot", "delete", &bucket, "again"]).fine();
    assert_eq!(used(), 0);
}

#[test]
fn memory_at_fixed_places_is_not_for_images() {
    let (folder, [snapshots, image, bucket], _) = stores();
    let store = Snapshots::open(&snapshots).unwrap();
    let mut machine = vmstate::Machine::with_type("board");
    let ram = vmstate::memory::VecBlock::new("ram", vec![7; 8192]);
    machine.register_ram(vmstate::memory::PageSize::DEFAULT, [ram]).unwrap();
    machine.save_snapshot(&store, "mapped", vmstate::machine::SaveOptions::new()).unwrap();
    let mapped = folder.path("mapped");
    vmstate(["snapshot", "extract", &snapshots, "mapped", &mapped]).fine();
    let error = vmstate(["snapshot", "insert", &image, "mapped", &mapped]).error();
    assert!(error.contains("QEMU does not load memory at fixed places"), "{error}");
    vmstate(["snapshot", "insert", &bucket, "mapped", &mapped]).fine();
    let copy = folder.path("copy");
    vmstate(["snapshot", "extract", &bucket, "mapped", &copy]).fine();
    assert!(fs::read(&copy).unwrap() == fs::read(&mapped).unwrap());
    let error = vmstate(["snapshot", "merge", &bucket, "mapped"]).error();
    assert!(error.contains("a bucket has no incremental snapshots"), "{error}");
    vmstate(["snapshot", "insert", &snapshots, "again", &mapped]).fine();
    machine.load_snapshot(&store, "again", vmstate::machine::LoadOptions::new()).unwrap();
    // The library saves a plain stream in an image.
    let image = Qcow2::open(&image).unwrap();
    machine.save_snapshot(&image, Details::new("plain"), vmstate::machine::SaveOptions::new()).unwrap();
    machine.load_snapshot(&image, "plain", vmstate::machine::LoadOptions::new()).unwrap();
    let mut stream = Vec::new();
    image.extract("plain", &mut stream).unwrap();
    machine.load(&stream[..]).unwrap();
}

#[test]
fn incremental_snapshots_are_merged() {
    use vmstate::machine::SaveOptions;
    use vmstate::memory::{Changes, Layout, PageSize, RamBlock, VecBlock};

    let folder = Folder::new();
    let snapshots = folder.path("snapshots");
    let store = Snapshots::create(&snapshots).unwrap();
    let ram = std::sync::Arc::new(VecBlock::new("ram", vec![7; 64 << 10]));
    let changes = Changes::new(&Layout::new(PageSize::DEFAULT, [&*ram]).unwrap());
    let mut machine = vmstate::Machine::with_type("board");
    machine.register_ram(PageSize::DEFAULT, [ram.clone()]).unwrap();
    let mut last = machine.save_snapshot(&store, "a", SaveOptions::new()).unwrap();
    for (page, name) in [(3, "b"), (5, "c")] {
        ram.write(page * 4096, &[9; 4096]).unwrap();
        changes.block("ram").unwrap().insert(page);
        let details = Details::new(name).changes_since(&last, changes.clone());
        last = machine.save_snapshot(&store, details, SaveOptions::new()).unwrap();
    }
    let shown = vmstate(["snapshot", "show", &snapshots, "c"]).fine();
    assert!(shown.contains("changes since 2\n"), "{shown}");
    assert_eq!(vmstate(["snapshot", "verify", &snapshots]).fine(), "3 snapshots, 0 problems\n");
    let dump = vmstate(["dump", &format!("{snapshots}#c")]).fine();
    let error = vmstate(["snapshot", "delete", &snapshots, "b"]).error();
    assert!(error.contains("snapshot `b` is the base of `c`; merge them first"), "{error}");
    let rebased = json_of(&vmstate(["snapshot", "rebase", &snapshots, "c", "a", "--json"]));
    assert_eq!((&rebased["base"], &rebased["parent"]), (&json!("1"), &json!("2")));
    assert!(vmstate(["snapshot", "merge", &snapshots, "c"]).fine().starts_with("merged snapshot 3 `c`, "));
    for name in ["b", "a"] {
        vmstate(["snapshot", "delete", &snapshots, name]).fine();
    }
    assert_eq!(vmstate(["dump", &format!("{snapshots}#c")]).fine(), dump);
    assert_eq!(vmstate(["snapshot", "verify", &snapshots]).fine(), "1 snapshot, 0 problems\n");
    let image = folder.put("disk.qcow2", &qcow2::image(16, 1 << 20));
    assert!(vmstate(["snapshot", "merge", &image, "a"]).error().contains("cannot open the folder"));
}
