//! `vmstate set`: exactly the requested changes, and errors for invalid ones.

use std::fs;

use serde_json::{Value, json};
use vmstate_tests::qemu::VERSIONS;
use vmstate_tests::streams;
use vmstate_tests::tool::{Folder, json_of, piped, set, vmstate};

use super::walk;

fn refused(stream: &str, arguments: &[&str]) -> String {
    let folder = Folder::new();
    let error = set(&folder, &streams::named(stream).bytes, arguments).error();
    assert_eq!(folder.names(), ["in"], "nothing is written");
    error
}

/// The value of a field, by the dump.
fn field(folder: &Folder, name: &str, section: &str, path: &str) -> Value {
    let dump = json_of(&vmstate(["dump", "--json", &folder.path(name), "--section", section, "--field", path]));
    dump["fields"][0]["value"].clone()
}

#[test]
fn set_without_arguments_changes_nothing() {
    let folder = Folder::new();
    let stream = streams::named("qemu-10.0-uno").bytes;
    assert_eq!(set(&folder, &stream, &[]).fine(), "0 changes\n");
    assert!(fs::read(folder.path("out")).unwrap() == stream);
}

#[test]
fn missing_folder_is_named() {
    let folder = Folder::new();
    let input = folder.put("in", &streams::named("qemu-10.0-uno").bytes);
    let missing = folder.path("missing");
    let error = vmstate(["set", &input, "-o", &format!("{missing}/out")]).error();
    assert_eq!(error, format!("error: cannot find the folder `{missing}`: No such file or directory (os error 2)\n"));
}

#[test]
fn set_changes_only_the_given_values() {
    for version in VERSIONS {
        let folder = Folder::new();
        let stream = streams::named(&format!("qemu-{version}-uno")).bytes;
        let text = set(&folder, &stream, &["cpu.env.r[24]=42", "cpu:0.env.eind=0x7f"]).fine();
        assert_eq!(text, "cpu.env.r[24]: 144 (0x90) -> 42 (0x2a)\ncpu:0.env.eind: 1 byte: 00 -> 1 byte: 7f\n");
        let edited = fs::read(folder.path("out")).unwrap();
        let differing = stream.iter().zip(&edited).filter(|(old, new)| old != new).map(|(_, new)| *new);
        assert_eq!((edited.len(), differing.collect::<Vec<_>>()), (stream.len(), vec![42, 0x7f]), "{version}");
        assert_eq!(field(&folder, "out", "cpu", "env.r[24]"), 42);
    }
}

#[test]
fn set_updates_the_description() {
    let folder = Folder::new();
    let stream = streams::named("qemu-10.0-pc").bytes;
    let arguments = [
        "--machine",
        "pc-i440fx-9.2",
        "--drop-subsection",
        "0000:00:03.0/e1000.e1000/mit_state",
        "--rename-section",
        "0000:00:03.0/e1000=0000:00:04.0/e1000",
        "--add-subsection",
        "serial.serial/poll=1{poll_msl:int32=-1}",
    ];
    set(&folder, &stream, &arguments).fine();
    let edited = fs::read(folder.path("out")).unwrap();
    let (machine, description) = (walk::machine(&edited), walk::description(&edited).1);
    assert_eq!((machine.as_str(), &description["configuration"]["fields"][0]["size"]), ("pc-i440fx-9.2", &json!(4)));
    assert_eq!(description["configuration"]["fields"][1]["size"], "pc-i440fx-9.2".len());
    let devices = description["devices"].as_array().unwrap();
    let e1000 = devices.iter().find(|device| device["name"] == "0000:00:04.0/e1000").unwrap();
    let names = |device: &Value| device["subsections"].to_string();
    assert!(names(e1000).contains("e1000/full_mac_state") && !names(e1000).contains("mit_state"));
    let serial = devices.iter().find(|device| device["name"] == "serial").unwrap();
    assert!(serial.to_string().contains(r#""vmsd_name":"serial/poll""#), "{serial}");
    let text = vmstate(["rewrite", &folder.path("out"), &folder.path("again")]).fine();
    assert_eq!(text, format!("identical, {} bytes\n", edited.len()));
}

#[test]
fn subsection_can_be_copied_from_another_stream() {
    let folder = Folder::new();
    let stream = streams::named("qemu-7.2-pc").bytes;
    let path = "0000:00:03.0/e1000.e1000/tx_tso_state";
    set(&folder, &stream, &["--drop-subsection", path]).fine();
    let (whole, cut) = (folder.put("whole", &stream), fs::read(folder.path("out")).unwrap());
    assert!(cut.len() < stream.len());
    set(&folder, &cut, &["--add-subsection", path, "--from", &whole]).fine();
    assert!(fs::read(folder.path("out")).unwrap() == stream, "it was the last one before");
}

#[test]
fn set_reads_and_writes_pipes() {
    let stream = streams::named("qemu-7.2-uno").bytes;
    let output = piped(["set", "-", "cpu.env.sp=0x100", "-o", "-", "--json"], &stream);
    let report: Value = serde_json::from_str(&output.stderr).unwrap();
    assert_eq!(report["changes"], json!([{"path": "cpu.env.sp", "old": "2291 (0x8f3)", "new": "256 (0x100)"}]));
    assert_eq!((output.stdout.len(), &report["written"]), (stream.len(), &json!(stream.len())));
}

#[test]
fn invalid_values_are_rejected() {
    for (arguments, reason) in [
        (&["cpu.env.r[24]=0x100000000"][..], "an integer from 0 to 4294967295"),
        (&["cpu.env.r[32]=0"], "with this field"),
        (&["cpu.env.r=[1, 2]"], "32 elements: the length of an array"),
        (&["cpu.env.r[24]"], "PATH=VALUE"),
        (&["cpu.nothing=0"], "with this field"),
        (&["cpus.env.sp=0"], "with this field"),
        (&["slirp.data=hex:00"], "with this field"),
        (&["timer.unused=hex:0000000000000001"], "zero"),
        (&["globalstate.runstate=hex:00"], "the length of a buffer cannot change"),
        (
            &["globalstate.runstate=\"a run state that is longer than thirty-two\""],
            "the length of a buffer cannot change",
        ),
        (&["--rename-section", "cpu=timer"], "a unique name"),
        (&["--rename-section", "ram=mem"], "a device section of this name"),
        (&["--rename-section", "cpu="], "a name of 1 to 255"),
        (&["--drop-subsection", "cpu.cpu/fpu"], "with this subsection"),
        (&["--add-subsection", "cpu.fpu=1{x:uint8=0}"], "a struct for the subsection"),
        (&["--add-subsection", "cpu.cpu/fpu=256{x:uint8=0}"], "a version of at most 255"),
        (&["--add-subsection", "cpu.cpu/fpu=1{x:uint8=256}"], "an integer from 0 to 255"),
        (&["--add-subsection", "cpu.cpu/fpu=1{x:struct=0}"], "info type"),
        (&["--add-subsection", "cpu.cpu/fpu"], "--from"),
        (&["--machine", ""], "a name"),
    ] {
        let error = refused("qemu-10.0-uno", arguments);
        assert!(error.contains(reason), "{arguments:?}: {reason}\n{error}");
    }
    let long = format!("cpu={}", "x".repeat(256));
    assert!(refused("qemu-7.2-uno", &["--rename-section", &long]).contains("a name of 1 to 255"));
}

#[test]
fn counters_are_rejected_unless_forced() {
    let folder = Folder::new();
    let made = made_with_a_count();
    let error = set(&folder, &made, &["latch.num_levels=4"]).error();
    assert!(error.contains("the counter of `levels`, which has 3 elements"), "{error}");
    set(&folder, &made, &["latch.num_levels=4", "--allow-counts"]).fine();
    set(&folder, &made, &["latch.other=4"]).fine();
}

/// A stream of a device with `num_levels` and `other`, both 3, before three `levels`.
fn made_with_a_count() -> Vec<u8> {
    let text = concat!(
        r#"{"page_size": 4096, "devices": [{"name": "latch", "instance_id": 0, "vmsd_name": "latch", "version": 1, "#,
        r#""fields": [{"name": "num_levels", "type": "uint8", "size": 1}, {"name": "other", "type": "uint8", "size": 1}, "#,
        r#"{"name": "levels", "array_len": 3, "type": "uint16", "size": 2}]}]}"#,
    );
    let mut out = vmstate::Writer::new();
    let mut stream = vmstate::stream::StreamWriter::new(&mut out);
    stream.header();
    stream.begin_section(&vmstate::stream::SectionHeader::full(1, "latch", 0, 1));
    stream.payload().bytes(&[3, 3, 0, 1, 0, 2, 0, 3]);
    stream.end_section();
    stream.eof();
    stream.description(text);
    out.take()
}

#[test]
fn ambiguous_section_needs_its_instance() {
    let folder = Folder::new();
    let mut out = vmstate::Writer::new();
    let device = |id| {
        format!(
            r#"{{"name": "latch", "instance_id": {id}, "vmsd_name": "latch", "version": 1, "fields": [{{"name": "level", "type": "uint8", "size": 1}}]}}"#
        )
    };
    let mut stream = vmstate::stream::StreamWriter::new(&mut out);
    stream.header();
    for id in 0..2 {
        stream.begin_section(&vmstate::stream::SectionHeader::full(id, "latch", id, 1));
        stream.payload().bytes(&[7]);
        stream.end_section();
    }
    stream.eof();
    stream.description(&format!(r#"{{"page_size": 4096, "devices": [{}, {}]}}"#, device(0), device(1)));
    let stream = out.take();
    let error = set(&folder, &stream, &["latch.level=8"]).error();
    assert!(error.contains("instances 0 and 1") && error.contains("`latch:0`"), "{error}");
    assert_eq!(set(&folder, &stream, &["latch:1.level=8"]).fine(), "latch:1.level: 7 -> 8\n");
    let error = set(&folder, &stream, &["--machine", "none"]).error();
    assert!(error.contains("a configuration that names the machine"), "{error}");
}
