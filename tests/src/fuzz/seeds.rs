//! Seeds of the fuzzers: pieces of the committed streams and dumps.

use std::fs;
use std::path::Path;

use vmstate::dynamic::{StreamDecoder, StreamEvent};
use vmstate::schema::vmdesc::{Document, Located, locate};
use vmstate::schema::{Release, Schema, dump::Dump};
use vmstate::stream::{Configuration, SectionHeader, StreamWriter};
use vmstate::{Reader, Writer};

use crate::{conversations, dumps, streams};

/// The longest input that a fuzzer mutates efficiently.
const LONGEST: usize = 4096;

/// One section of a committed stream, by itself.
struct Piece {
    header: SectionHeader,
    payload: Vec<u8>,
    document: Document,
}

/// The small sections of all committed streams, each device once.
fn pieces() -> Vec<Piece> {
    let mut pieces: Vec<Piece> = Vec::new();
    for stream in ["qemu-10.0-uno", "qemu-7.2-pc", "qemu-10.0-q35", "qemu-10.0-virt", "qemu-7.2-isapc"] {
        take_apart(&streams::named(stream).bytes, &mut pieces);
    }
    pieces
}

fn take_apart(bytes: &[u8], pieces: &mut Vec<Piece>) {
    let Located::At(start) = locate(bytes) else { return };
    let document = Document::parse(&bytes[start..], start as u64).expect("QEMU's description");
    let mut reader = Reader::from_slice(bytes);
    let mut walk = StreamDecoder::new(&mut reader, Some(document.clone())).expect("QEMU's stream");
    while let Some(event) = walk.next_event().expect("QEMU's stream") {
        let StreamEvent::Section { header, section, device: Some(device) } = event else { continue };
        let mut payload = Writer::new();
        section.encode(&mut payload);
        let devices = vec![document.devices[device].clone()];
        let document = Document { configuration: None, devices, ..document.clone() };
        let is_small = payload.pending().len() + document.to_text().len() < LONGEST - 200;
        if is_small && pieces.iter().all(|piece| piece.header.name != header.name) {
            pieces.push(Piece { header, payload: payload.take(), document });
        }
    }
}

impl Piece {
    /// A stream of nothing else.
    fn stream(&self) -> Vec<u8> {
        let mut out = Writer::new();
        let mut stream = StreamWriter::new(&mut out);
        stream.header();
        stream.configuration(&Configuration::new("pc"));
        stream.begin_section(&self.header);
        stream.payload().bytes(&self.payload);
        stream.eof();
        stream.description(&self.document.to_text());
        out.take()
    }

    /// A path to a value, if there is one.
    fn path(&self) -> Option<String> {
        let mut reader = Reader::from_slice(&self.payload);
        let section = vmstate::dynamic::DecodedSection::decode(&self.document.devices[0], &mut reader, None).ok()?;
        section.leaves().first().map(|leaf| leaf.path.clone())
    }
}

/// Sections' names and payloads.
pub(super) fn payloads() -> Vec<(String, Vec<u8>)> {
    pieces().into_iter().map(|piece| (piece.header.name, piece.payload)).collect()
}

/// Streams of one device.
pub(super) fn streams() -> Vec<Vec<u8>> {
    pieces().iter().map(Piece::stream).collect()
}

/// Streams of one device with changes to it.
pub(super) fn edited_streams() -> Vec<Vec<u8>> {
    let edited = |piece: &Piece| {
        let path = piece.path().unwrap_or_default();
        let name = &piece.header.name;
        let lines = format!("{name}.{path}=1\n@none\n>{name}=other\n+{name}.{name}/sub=1{{a:uint8=1}}\n");
        [lines.as_bytes(), &piece.stream()].concat()
    };
    streams().into_iter().chain(pieces().iter().map(edited)).chain(uno()).collect()
}

/// Descriptions.
pub(super) fn descriptions() -> Vec<Vec<u8>> {
    pieces().iter().map(|piece| piece.document.to_text().into_bytes()).collect()
}

/// A description, edits and a payload.
pub(super) fn sections() -> Vec<Vec<u8>> {
    let section = |piece: &Piece| {
        let edits = format!("{}=1\n-sub\n+sub=1{{a:uint8=1}}\nname", piece.path().unwrap_or_default());
        [piece.document.to_text().as_bytes(), b"\0", edits.as_bytes(), b"\0", &piece.payload].concat()
    };
    pieces().iter().map(section).collect()
}

/// Whole streams of the smallest machine.
pub(super) fn uno() -> Vec<Vec<u8>> {
    ["qemu-7.2-uno", "qemu-10.0-uno"].map(|name| streams::named(name).bytes).into()
}

/// Dumps of one device, from a real one.
fn small_dumps() -> Vec<Dump> {
    ["qemu-7.2-pc-i440fx-7.2", "qemu-10.0-pc-i440fx-7.2"]
        .iter()
        .flat_map(|name| {
            let dump = Dump::parse(&dumps::named(name)).expect("QEMU's dump");
            let machine = dump.machine;
            dump.devices.into_iter().map(move |device| Dump { machine: machine.clone(), devices: vec![device] })
        })
        .filter(|dump| text(dump).len() < LONGEST)
        .collect()
}

/// Recorded return paths, cut to the length of a seed.
pub(super) fn return_paths() -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("return-path");
    let entries = fs::read_dir(folder).expect("the committed recordings");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "bin"));
    paths.sort();
    let cut = |path| {
        let mut bytes = fs::read(path).expect("a recording");
        bytes.truncate(LONGEST - 1);
        bytes
    };
    paths.into_iter().map(cut).collect()
}

/// The beginnings of recorded conversations, cut to the length of a seed.
pub(super) fn conversations() -> Vec<Vec<u8>> {
    let cut = |name: &String| {
        let mut bytes = conversations::file(name);
        bytes.truncate(2 * LONGEST);
        bytes
    };
    conversations::names().iter().map(cut).collect()
}

fn text(dump: &Dump) -> String {
    dump.to_text().expect("real devices are not nested deeply")
}

/// Pairs of files: of the same device in two forms, or in two releases.
pub(super) fn schemas() -> Vec<Vec<u8>> {
    let pair = |old: &str, new: &str| [old.as_bytes(), b"\0", new.as_bytes()].concat();
    let of_streams = pieces().into_iter().map(|piece| {
        let schema = Schema::from(&piece.document);
        pair(&piece.document.to_text(), &schema.to_text().expect("real devices are not nested deeply"))
    });
    let of_dumps = small_dumps().into_iter().step_by(7).map(|dump| {
        let schema = Schema::from(&dump);
        let again = Dump::from_schema(&schema, Release::Qemu10_0);
        pair(&text(&again), &schema.to_text().expect("real devices are not nested deeply"))
    });
    of_streams.chain(of_dumps).filter(|pair| pair.len() < 2 * LONGEST).collect()
}

/// Returns inputs for imports.
pub(super) fn imports() -> Vec<Vec<u8>> {
    let sections =
        pieces().into_iter().map(|piece| [piece.document.to_text().as_bytes(), b"\0", &piece.payload].concat());
    let dumps = small_dumps().into_iter().step_by(5).map(|dump| text(&dump).into_bytes());
    sections.chain(dumps).chain(streams().into_iter().step_by(4)).collect()
}
