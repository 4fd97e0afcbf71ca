//! `vmstate import`, as people run it. That the source is right is for the tests of the library.

use std::fs;

use vmstate_tests::streams;
use vmstate_tests::tool::{Folder, piped, vmstate};

#[test]
fn structs_are_written_to_standard_output_or_a_file() {
    let folder = Folder::new();
    let stream = streams::named("qemu-10.0-uno").bytes;
    let (input, output) = (folder.put("uno.state", &stream), folder.path("uno.rs"));
    let source = vmstate(["import", &input]).fine();
    assert!(source.starts_with("//! The devices in `uno.state`, a stream of the machine `arduino-uno`.\n"), "{source}");
    assert!(source.contains("pub struct Cpu {\n") && !source.contains("fn main"));
    assert_eq!(vmstate(["import", &input, "-o", &output]).fine(), "");
    assert_eq!(fs::read_to_string(&output).unwrap(), source);
    assert_eq!(piped(["import", "-"], &stream).fine(), source.replace("uno.state", "standard input"));
}

#[test]
fn sections_can_be_selected() {
    let folder = Folder::new();
    let input = folder.put("pc.state", &streams::named("qemu-10.0-pc").bytes);
    let source = vmstate(["import", &input, "--section", "serial", "--section", "e1000"]).fine();
    for (part, is_there) in [("pub struct Serial {", true), ("pub struct E1000 {", true), ("pub struct Timer", false)] {
        assert_eq!(source.contains(part), is_there, "{part}");
    }
    let error = vmstate(["import", &input, "--section", "e1001"]).error();
    assert!(error.contains("unknown section `e1001`"), "{error}");
}

#[test]
fn program_can_be_added() {
    let folder = Folder::new();
    let input = folder.put("in", &streams::named("qemu-7.2-uno").bytes);
    let source = vmstate(["import", "--with-main", &input]).fine();
    for part in ["fn main()", "(\"cpu\", 0) => section.reload(&mut Cpu::default(), release),", "Release::Qemu7_2"] {
        assert!(source.contains(part), "{part}: {source}");
    }
}

#[test]
fn dumps_can_be_imported() {
    let folder = Folder::new();
    let dump = r#"{"vmschkmachine": {"Name": "none"}, "latch": {"Name": "latch", "version_id": 1,
        "minimum_version_id": 1, "Description": {"name": "latch", "version_id": 1, "minimum_version_id": 1}}}"#;
    let input = folder.put("dump.json", dump.as_bytes());
    let source = vmstate(["import", &input]).fine();
    assert!(source.starts_with("//! The devices in `dump.json`, QEMU's dump of the machine `none`.\n"), "{source}");
    assert!(source.contains("#[vmstate(name = \"latch\")]\npub struct Latch {}\n"), "{source}");
    let error = vmstate(["import", "--with-main", &input]).error();
    assert!(error.contains("leave out `--with-main`"), "{error}");
    let error = vmstate(["import", &folder.put("cut", &dump.as_bytes()[..100])]).error();
    assert!(error.contains("`-dump-vmstate`"), "{error}");
    let error = vmstate(["import", &folder.put("other", b"{\"a\": 1}")]).error();
    assert!(error.contains("expected an object with `Name` and `Description`"), "{error}");
}

#[test]
fn undescribed_stream_cannot_be_imported() {
    let folder = Folder::new();
    let error = vmstate(["import", &folder.put("in", b"QEVM\x00\x00\x00\x03\x00")]).error();
    assert!(error.contains("no description"), "{error}");
    let error = vmstate(["import", &folder.put("in", b"")]).error();
    assert!(error.contains("no description"), "{error}");
}
