//! Structs that `vmstate::import` writes: they compile, and write the stream from which they were made.

use std::cell::RefCell;
use std::fmt::Debug;
use std::fs;
use std::process::Command;

use vmstate::machine::SaveOptions;
use vmstate::prelude::*;
use vmstate::schema::Release;
use vmstate_tests::forms::{Form, Property, check};
use vmstate_tests::import::{Program, all, importer};
use vmstate_tests::streams::{self, Stream};

/// Collects a stream of each form's example.
#[derive(Default)]
struct Examples(RefCell<Vec<Stream>>);

impl Property for Examples {
    fn check<T: VmState + Debug + Send + 'static>(&self, form: &Form<T>) {
        let release = Release::Qemu11_1;
        let mut machine = Machine::new();
        machine.register("form", (form.example)()).unwrap();
        let mut bytes = Vec::new();
        machine.save_with(&mut bytes, SaveOptions::new().description(Some(release))).unwrap();
        self.0.borrow_mut().push(Stream { name: format!("qemu-{release}-form-{}", form.name), bytes });
    }
}

fn forms() -> Vec<Stream> {
    let examples = Examples::default();
    check(&examples);
    examples.0.into_inner()
}

#[test]
fn imported_structs_write_every_stream_again() {
    let mut program = Program::new();
    let mut streams: Vec<_> = all().into_iter().chain(forms()).collect();
    for stream in &streams {
        program.add(stream, &importer(stream).program());
    }
    // Without devices, nothing must be imported that is not used.
    let empty = Stream {
        name: "qemu-10.0-empty".to_owned(),
        bytes: vmstate_tests::hostile::described(&[], r#"{"page_size": 4096, "devices": []}"#),
    };
    program.add_module("qemu-10.0-empty-source", &importer(&empty).source());
    program.add(&empty, &importer(&empty).program());
    streams.push(empty);
    // The structs of one stream must not reproduce another stream: they reject it or save other bytes.
    let (old, new) = (streams::named("qemu-7.2-pc"), streams::named("qemu-10.0-pc"));
    program.compare(&old.name, &new);
    let said = program.run();
    let (last, others) = said.split_last().unwrap();
    assert_eq!(others.len(), streams.len());
    for (line, stream) in others.iter().zip(streams) {
        assert_eq!(*line, format!("{} by {0}: the same", stream.name), "{said:#?}");
    }
    assert!(!last.ends_with("the same"), "{last}");
}

#[test]
fn imported_source_is_formatted() {
    let folder = tempfile::tempdir().unwrap();
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.args(["--check", "--edition", "2024", "--config-path"]).arg(folder.path());
    for stream in all() {
        for (kind, source) in [("module", importer(&stream).source()), ("program", importer(&stream).program())] {
            let path = folder.path().join(format!("{}-{kind}.rs", stream.name));
            fs::write(&path, source).unwrap();
            rustfmt.arg(path);
        }
    }
    fs::write(folder.path().join("rustfmt.toml"), "").unwrap();
    let output = rustfmt.output().expect("rustfmt is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}
