//! Tests of whole streams.

use super::super::{DecodedBody, Rewriter, StreamDecoder, StreamEvent};
use crate::schema::vmdesc::{Document, Located, locate};
use crate::stream::{Command, SectionHeader, SectionKind, StreamWriter};
use crate::{LoadError, Reader, Writer};

const TIMER: &str = concat!(
    r#"{"name": "timer", "instance_id": 0, "vmsd_name": "timer", "version": 2, "#,
    r#""fields": [{"name": "ticks", "type": "int64", "size": 8}]}"#,
);
const LATCH: &str = concat!(
    r#"{"name": "latch", "instance_id": 1, "vmsd_name": "latch", "version": 1, "#,
    r#""fields": [{"name": "levels", "array_len": 2, "type": "uint16", "size": 2}]}"#,
);

fn stream(footers: bool, devices: Option<&[&str]>, sections: &[(SectionHeader, &[u8])]) -> Vec<u8> {
    let mut out = Writer::new();
    let mut stream = StreamWriter::new(&mut out).footers(footers);
    stream.header();
    for (header, payload) in sections {
        stream.begin_section(header);
        stream.payload().bytes(payload);
    }
    stream.eof();
    if let Some(devices) = devices {
        stream.description(&format!(r#"{{"page_size": 4096, "devices": [{}]}}"#, devices.join(", ")));
    }
    out.take()
}

fn description(bytes: &[u8]) -> Option<Document> {
    match locate(bytes) {
        Located::At(start) => Some(Document::parse(&bytes[start..], start as u64).unwrap()),
        Located::Absent | Located::More => None,
    }
}

/// Rewrites `bytes`, checks that nothing changes, and lists the sections with their kind of content.
fn rewritten(bytes: &[u8]) -> Result<Vec<String>, LoadError> {
    let mut out = Writer::new();
    let mut reader = Reader::from_read(bytes);
    let mut rewriter = Rewriter::new(&mut reader, description(bytes), &mut out)?;
    while rewriter.step(&mut out)? {}
    assert_eq!(out.take(), bytes);

    let mut reader = Reader::from_slice(bytes);
    let mut walk = StreamDecoder::new(&mut reader, description(bytes))?;
    let mut sections = Vec::new();
    while let Some(event) = walk.next_event()? {
        if let StreamEvent::Section { header, section, .. } = event {
            let how = match section.body {
                DecodedBody::Described(_) => "described",
                DecodedBody::Partly(..) => "partly",
                DecodedBody::OldStyle(_) => "old style",
                DecodedBody::Undescribed(_) => "undescribed",
            };
            sections.push(format!("{} {how} {}", header.name, section.size()));
        }
    }
    Ok(sections)
}

fn timer() -> (SectionHeader, &'static [u8]) {
    (SectionHeader::full(0, "timer", 0, 2), &[0; 8])
}

fn latch() -> (SectionHeader, &'static [u8]) {
    (SectionHeader::full(7, "latch", 1, 1), &[0x7e, 0, 0, 0])
}

#[test]
fn footers_and_description_are_optional() {
    let both = ["timer described 8", "latch described 4"];
    let sections = [timer(), latch()];
    assert_eq!(rewritten(&stream(true, Some(&[TIMER, LATCH]), &sections)).unwrap(), both);
    assert_eq!(rewritten(&stream(false, Some(&[TIMER, LATCH]), &sections)).unwrap(), both);
    let bytes = stream(true, None, &sections);
    assert_eq!(rewritten(&bytes).unwrap(), ["timer undescribed 8", "latch undescribed 4"]);
    // Sections that the description leaves out, and devices that the stream does.
    assert_eq!(
        rewritten(&stream(true, Some(&[LATCH]), &sections)).unwrap(),
        ["timer undescribed 8", "latch described 4"]
    );
    assert_eq!(rewritten(&stream(false, Some(&[TIMER, LATCH]), &[latch()])).unwrap(), ["latch described 4"]);
    assert_eq!(rewritten(&stream(true, None, &[])).unwrap(), Vec::<String>::new());
}

#[test]
fn payload_like_a_footer_does_not_end_the_section() {
    let buffer = LATCH
        .replace(r#""levels", "array_len": 2, "type": "uint16", "size": 2"#, r#""b", "type": "buffer", "size": 8"#);
    let sections = [timer(), (latch().0, &b"\x7e\0\0\0\0\x08\0\x03"[..])];
    let listed = rewritten(&stream(false, Some(&[TIMER, &buffer]), &sections)).unwrap();
    assert_eq!(listed, ["timer described 8", "latch described 8"]);
}

#[test]
fn section_of_unknown_end_is_an_error() {
    let error = rewritten(&stream(false, None, &[timer()])).unwrap_err();
    assert_eq!(error.expected(), "a description of the section, or footers after sections");
    assert!(error.location().is_some_and(|place| place.to_string().contains("\"timer\"")), "{error}");
    let error = rewritten(&stream(false, Some(&[TIMER]), &[timer(), latch()])).unwrap_err();
    assert!(error.location().is_some_and(|place| place.to_string().contains("\"latch\"")), "{error}");
}

#[test]
fn wrong_description_is_rejected() {
    let sections = [timer(), latch()];
    let short = TIMER.replace("int64\", \"size\": 8", "int32\", \"size\": 4");
    let error = rewritten(&stream(true, Some(&[&short, LATCH]), &sections)).unwrap_err();
    assert_eq!((error.expected(), error.found()), ("4 bytes, as the stream describes them", "8 to the footer"));
    let wide = TIMER.replace("\"size\": 8", "\"size\": 9");
    let error = rewritten(&stream(true, Some(&[&wide, LATCH]), &sections)).unwrap_err();
    assert!(error.location().is_some_and(|place| place.to_string().contains("\"timer\"")), "{error}");
    let long = LATCH.replace("\"array_len\": 2", "\"array_len\": 200000000");
    let error = rewritten(&stream(true, Some(&[TIMER, &long]), &sections)).unwrap_err();
    assert_eq!(error.found(), "4 to the footer");
}

#[test]
fn file_of_two_streams_is_rejected() {
    let one = stream(true, Some(&[TIMER]), &[timer()]);
    let other = TIMER.replace("ticks", "tocks");
    let other = stream(true, Some(&[&other]), &[timer()]);
    // The description at the end of the file belongs to the second stream.
    let error = rewritten(&[one, other].concat()).unwrap_err();
    assert_eq!(error.expected(), "the description by which the sections were decoded");
    assert!(error.advice().is_some_and(|advice| advice.contains("two streams, one after the other")), "{error}");
}

#[test]
fn live_sections_end_at_their_footers() {
    let start = SectionHeader::full(3, "bitmaps", 0, 1).of_kind(SectionKind::Start);
    let parts = [SectionKind::Part, SectionKind::Part, SectionKind::End].map(|kind| start.of_kind(kind));
    let [part, other, end] = &parts;
    let live = [(start.clone(), &b"ab"[..]), (part.clone(), b""), (other.clone(), &[0x7e; 999]), (end.clone(), b"x")];
    let sections = [&live[..], &[timer()]].concat();
    let listed = rewritten(&stream(true, Some(&[TIMER]), &sections)).unwrap();
    assert_eq!(
        listed[..4],
        ["bitmaps undescribed 2", "bitmaps undescribed 0", "bitmaps undescribed 999", "bitmaps undescribed 1"]
    );
}

#[test]
fn devices_of_one_name_keep_their_order() {
    let other = TIMER.replace("\"fields\": [", "\"fields\": [{\"name\": \"first\", \"type\": \"bool\", \"size\": 1}, ");
    let sections = [(SectionHeader::full(0, "timer", 0, 2), &[0; 9][..]), timer()];
    let bytes = stream(true, Some(&[&other, TIMER]), &sections);
    assert_eq!(rewritten(&bytes).unwrap(), ["timer described 9", "timer described 8"]);
}

#[test]
fn packages_are_rewritten_unchanged() {
    for marked in [false, true] {
        let mut package = Writer::new();
        let mut inner = StreamWriter::new(&mut package);
        inner.begin_section(&timer().0);
        inner.payload().u64(1);
        inner.end_section();
        if marked {
            inner.eof();
        }
        let package = package.take();
        let mut out = Writer::new();
        let mut stream = StreamWriter::new(&mut out);
        stream.header();
        stream.command(&Command::Packaged { length: u32::try_from(package.len()).unwrap() }).unwrap();
        stream.payload().bytes(&package);
        stream.command(&Command::Ping(3)).unwrap();
        stream.eof();
        assert_eq!(rewritten(&out.take()).unwrap(), ["timer undescribed 8"]);
    }
}

#[test]
fn unused_bits_of_records_are_kept() {
    let ram = SectionHeader::full(2, "ram", 0, crate::ram::VERSION).of_kind(SectionKind::Start);
    // An empty list with CONTINUE, a flush and an end with addresses: QEMU and we look at none of these.
    let words = [0x24_u64, 0x7000_0200, 0x1c56_0000_0000_0010];
    let payload = words.map(u64::to_be_bytes).concat();
    assert!(rewritten(&stream(true, None, &[(ram, &payload)])).unwrap().is_empty());
}
