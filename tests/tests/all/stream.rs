//! The framing of streams through the public API: accepted streams, and the errors of all others.
//!
//! Every stream is read twice, from a slice and from a source that returns single bytes.

mod command;
mod configuration;
mod damage;
mod package;
mod ram;
mod restart;
mod return_path;
mod xbzrle;

use std::io::Read;

use proptest::prelude::*;
use vmstate::error::{Blame, LoadErrorKind};
use vmstate::memory::VecBlock;
use vmstate::ram::{Ram, RamLoader, RamSaver, RecordReader};
use vmstate::section::Output;
use vmstate::stream::{Configuration, ItemDecoder, SectionHeader, SectionKind, StreamItem, StreamReader, StreamWriter};
use vmstate::{LoadError, Reader, Writer};

/// The header of every stream.
const HEADER: [u8; 8] = *b"QEVM\0\0\0\x03";
/// The payload of every section of these tests.
const PAYLOAD: [u8; 4] = [0xaa; 4];

/// All items of a stream's framing.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Walk {
    configuration: Option<Configuration>,
    footers: Option<bool>,
    items: Vec<StreamItem>,
    description: Option<String>,
}

/// Walks through a stream whose sections all have four bytes of payload.
fn walk_with(mut reader: Reader<'_>) -> Result<Walk, LoadError> {
    let mut stream = StreamReader::new(&mut reader)?;
    let mut items = Vec::new();
    while let Some(item) = stream.next_item()? {
        if let StreamItem::Section(section) = &item {
            assert_eq!(stream.offset(), section.payload);
            stream.payload().skip(4).map_err(|error| error.in_location(|| section.place()))?;
        }
        items.push(item);
    }
    let configuration = stream.configuration().cloned();
    let footers = stream.has_footers();
    Ok(Walk { configuration, footers, items, description: stream.description()? })
}

/// Walks through a stream in both ways.
#[track_caller]
fn walk(bytes: &[u8]) -> Result<Walk, LoadError> {
    let from_slice = walk_with(Reader::from_slice(bytes));
    let bite_by_bite = walk_with(Reader::from_read(OneByte(bytes)));
    match (&from_slice, &bite_by_bite) {
        (Ok(one), Ok(other)) => assert_eq!(one, other),
        (Err(one), Err(other)) => assert_eq!(one.to_string(), other.to_string()),
        _ => panic!("a slice gives {from_slice:?}, byte by byte gives {bite_by_bite:?}"),
    }
    from_slice
}

/// Reads a stream that must fail, and checks the error.
#[track_caller]
fn refusal(bytes: &[u8], blame: Blame, offset: usize, expected: &str, found: &str) -> LoadError {
    let error = walk(bytes).expect_err("the stream is wrong");
    let essence = (error.blame(), error.offset(), error.expected(), error.found());
    assert_eq!(essence, (blame, Some(offset as u64), expected, found), "{error}");
    assert!(error.location().is_some(), "{error}");
    error
}

/// Gives one byte at a time.
struct OneByte<'b>(&'b [u8]);

impl Read for OneByte<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let count = into.len().min(1);
        self.0.read(&mut into[..count])
    }
}

/// Returns a stream of the header and `parts`.
fn stream(parts: &[&[u8]]) -> Vec<u8> {
    [&HEADER[..], &parts.concat()].concat()
}

/// A section of the device `dev` with this id, up to the end of its payload.
fn section(kind: SectionKind, id: u32) -> Vec<u8> {
    let mut out = Writer::new();
    let mut stream = StreamWriter::new(&mut out).footers(false);
    stream.begin_section(&SectionHeader::full(id, "dev", 0, 1).of_kind(kind));
    stream.payload().bytes(&PAYLOAD);
    out.take()
}

fn full(id: u32) -> Vec<u8> {
    section(SectionKind::Full, id)
}

fn footer(id: u32) -> Vec<u8> {
    [&[0x7e], &id.to_be_bytes()[..]].concat()
}

/// A stream of one live device and two others, with all that a stream can have or without.
fn whole_stream(configuration: bool, footers: bool, described: bool) -> Vec<u8> {
    let mut out = Writer::new();
    let mut stream = StreamWriter::new(&mut out).footers(footers);
    stream.header();
    if configuration {
        let mut configuration = Configuration::new("pc");
        configuration.target_page_bits = Some(14);
        stream.configuration(&configuration);
    }
    let live = SectionHeader::full(2, "live", 0, 4);
    for kind in [SectionKind::Start, SectionKind::Part, SectionKind::Part, SectionKind::End] {
        stream.begin_section(&live.of_kind(kind));
        stream.payload().bytes(&PAYLOAD);
    }
    for id in [0, 7] {
        stream.begin_section(&SectionHeader::full(id, "dev", id, 1));
        stream.payload().bytes(&PAYLOAD);
    }
    stream.eof();
    if described {
        stream.description("{\"page_size\": 4096, \"devices\": []}");
    }
    out.take()
}

#[test]
fn readers_writers_and_memory_are_send() {
    fn is_send<T: Send>() {}
    is_send::<StreamReader<'_, '_>>();
    is_send::<StreamWriter<'_>>();
    is_send::<ItemDecoder>();
    is_send::<Output<'_>>();
    is_send::<RecordReader>();
    is_send::<RamSaver>();
    is_send::<RamLoader>();
    is_send::<Ram<VecBlock, Vec<VecBlock>>>();
}

#[test]
fn sections_are_returned_in_stream_order() {
    let walk = walk(&whole_stream(true, true, true)).unwrap();
    let sections = walk.items.iter().map(|item| match item {
        StreamItem::Section(section) => {
            (section.kind.name(), section.section_id, section.name.as_str(), section.instance_id, section.version)
        }
        other => panic!("{other:?}"),
    });
    let expected = [
        ("start", 2, "live", 0, 4),
        ("part", 2, "live", 0, 4),
        ("part", 2, "live", 0, 4),
        ("end", 2, "live", 0, 4),
        ("full", 0, "dev", 0, 1),
        ("full", 7, "dev", 7, 1),
    ];
    assert_eq!(sections.collect::<Vec<_>>(), expected);
    assert_eq!(walk.configuration.unwrap().target_page_bits, Some(14));
    assert_eq!((walk.footers, walk.description.is_some()), (Some(true), true));
}

#[test]
fn items_have_the_offsets_of_their_bytes() {
    let bytes = whole_stream(true, true, false);
    for item in walk(&bytes).unwrap().items {
        let StreamItem::Section(section) = item else { continue };
        let at = |offset: u64| &bytes[usize::try_from(offset).unwrap()..];
        assert_eq!(at(section.offset)[0], section.kind.tag());
        assert_eq!(at(section.payload)[..4], PAYLOAD);
    }
}

#[test]
fn footers_and_configuration_may_be_missing() {
    for (configuration, footers, described) in [(false, true, true), (true, false, true), (false, false, false)] {
        let walk = walk(&whole_stream(configuration, footers, described)).unwrap();
        assert_eq!(walk.configuration.is_some(), configuration);
        assert_eq!(walk.footers, Some(footers));
        assert_eq!(walk.description.is_some(), described);
        assert_eq!(walk.items.len(), 6);
    }
}

#[test]
fn smallest_stream_is_header_and_end() {
    let walk = walk(&stream(&[&[0]])).unwrap();
    assert_eq!(walk, Walk { configuration: None, footers: None, items: Vec::new(), description: None });
}

proptest! {
    #[test]
    fn no_bytes_make_the_framing_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = walk(&stream(&[&bytes]));
    }

    #[test]
    fn no_flipped_byte_makes_the_framing_panic(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = whole_stream(true, true, true);
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = walk(&bytes);
    }
}
