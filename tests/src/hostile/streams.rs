//! Streams with large descriptions, for the readers of descriptions.

use std::fmt::Write as _;
use std::io::Cursor;

use vmstate::dynamic::diff::{Snapshot, compare};
use vmstate::dynamic::{StreamDecoder, StreamEvent, rewrite};
use vmstate::import::Importer;
use vmstate::ram::{BlockHeader, Record, write_record};
use vmstate::report::{HtmlReport, ReportInput};
use vmstate::schema::vmdesc::{Document, locate_in};
use vmstate::stream::{SectionHeader, SectionKind, StreamWriter};
use vmstate::{Reader, Writer};

use super::{Case, Outcome, refused};

macro_rules! cases {
    ($($what:literal, $small:literal, $make:expr;)*) => {
        &[$(
            Case { name: concat!($what, ": walk"), small: $small, make: $make, read: walk },
            Case { name: concat!($what, ": rewrite"), small: $small, make: $make, read: write_again },
            Case { name: concat!($what, ": dump"), small: $small, make: $make, read: dump },
            Case { name: concat!($what, ": diff"), small: $small, make: $make, read: diff },
            Case { name: concat!($what, ": report"), small: $small, make: $make, read: report },
            Case { name: concat!($what, ": import"), small: $small, make: $make, read: import },
        )*]
    };
}

pub(super) const CASES: &[Case] = cases! {
    "sections", 1000, |n| sections_of(n, |number| (format!("dev{number}"), 0));
    "sections of one name", 1000, |n| sections_of(n, |number| ("dev".to_owned(), u32::try_from(number).unwrap()));
    "sections with long names", 500, |n| sections_of(n, |number| (format!("{number:0>255}"), 0));
    "sections with one footer too many", 1000, wrong_sizes;
    "fields", 4000, |n| one_section(&fields(n, |number| format!("f{number}")), n);
    "fields of one name", 4000, |n| one_section(&fields(n, |_| "f".to_owned()), n);
    "fields deep inside", 1000, deep_fields;
    "subsections", 1000, |n| subsections(n, |number| format!("dev/s{number}"));
    "subsections of one name", 1000, |n| subsections(n, |_| "dev/s".to_owned());
    "elements of a list", 1000, list;
    "structs of one byte", 10_000, |n| one_section(&structs(n), n);
    "unknown keys", 4000, |n| {
        let keys = (0..n).fold(String::new(), |mut text, number| {
            let _ = write!(text, "\"k{}\": [0], ", number % 7);
            text
        });
        described(&[], &format!("{{{keys}\"page_size\": 4096, \"devices\": []}}"))
    };
    "blocks of memory", 2000, blocks;
    "live sections", 1000, live;
    "false footers", 8000, footers;
    "deep JSON", 10_000, |n| described(&[], &format!("{{\"a\": {}", "[".repeat(n)));
};

/// A stream of `sections`, described by `text`.
#[must_use]
pub fn described(sections: &[u8], text: &str) -> Vec<u8> {
    let mut out = Writer::new();
    let mut frame = StreamWriter::new(&mut out);
    frame.header();
    frame.payload().bytes(sections);
    frame.eof();
    frame.description(text);
    out.take()
}

fn section(out: &mut Writer, header: &SectionHeader, payload: &[u8]) {
    let mut frame = StreamWriter::new(out);
    frame.begin_section(header);
    frame.payload().bytes(payload);
    frame.end_section();
}

fn document(devices: &str) -> String {
    format!("{{\"page_size\": 4096, \"devices\": [{devices}]}}")
}

fn device(name: &str, instance_id: u32, inside: &str) -> String {
    format!(
        "{{\"name\": \"{name}\", \"instance_id\": {instance_id}, \"vmsd_name\": \"dev\", \"version\": 1, {inside}}}"
    )
}

/// A stream of `count` sections with one field, of these names.
#[must_use]
pub fn sections_of(count: usize, name: impl Fn(usize) -> (String, u32)) -> Vec<u8> {
    let (mut out, mut devices) = (Writer::new(), Vec::new());
    for number in 0..count {
        let (name, instance_id) = name(number);
        let section_id = u32::try_from(number).unwrap();
        section(&mut out, &SectionHeader::full(section_id, &*name, instance_id, 1), &[7]);
        devices.push(device(&name, instance_id, "\"fields\": [{\"name\": \"f\", \"type\": \"uint8\", \"size\": 1}]"));
    }
    described(out.pending(), &document(&devices.join(", ")))
}

/// Sections that are described as if each went on into the payload of the last one.
fn wrong_sizes(count: usize) -> Vec<u8> {
    /// The bytes from payload to payload.
    const SECTION: usize = 1 + 4 + 1 + "dev00000".len() + 4 + 4 + 8 + 5;
    let (mut out, mut devices) = (Writer::new(), Vec::new());
    for number in 0..count {
        let name = format!("dev{number:05}");
        section(&mut out, &SectionHeader::full(u32::try_from(number).unwrap(), &*name, 0, 1), &[7; 8]);
        devices.push(device(&name, 0, &structs(SECTION * (count - number - 1) + 1)));
    }
    described(out.pending(), &document(&devices.join(", ")))
}

/// An array of so many structs of one byte.
fn structs(count: usize) -> String {
    format!(
        "\"fields\": [{{\"name\": \"f\", \"array_len\": {count}, \"type\": \"struct\", \"struct\": {{\"vmsd_name\": \"s\", \
         \"version\": 1, \"fields\": [{{\"name\": \"g\", \"type\": \"uint8\", \"size\": 1}}]}}, \"size\": 1}}]"
    )
}

fn fields(count: usize, name: impl Fn(usize) -> String) -> String {
    let field = |number| format!("{{\"name\": \"{}\", \"type\": \"uint8\", \"size\": 1}}", name(number));
    format!("\"fields\": [{}]", (0..count).map(field).collect::<Vec<_>>().join(", "))
}

/// A stream of one section, which has so many bytes and is described so.
fn one_section(inside: &str, bytes: usize) -> Vec<u8> {
    with_payload(inside, &vec![1; bytes])
}

fn with_payload(inside: &str, payload: &[u8]) -> Vec<u8> {
    let mut out = Writer::new();
    section(&mut out, &SectionHeader::full(1, "dev", 0, 1), payload);
    described(out.pending(), &document(&device("dev", 0, inside)))
}

/// Fields in structs as deep in each other as they may be.
fn deep_fields(count: usize) -> Vec<u8> {
    let inner = fields(count, |number| format!("f{number}"));
    let inside = (0..30).fold(inner, |inner, _| {
        format!(
            "\"fields\": [{{\"name\": \"s\", \"type\": \"struct\", \"struct\": {{\"vmsd_name\": \"s\", \"version\": 1, {inner}}}, \
             \"size\": {count}}}]"
        )
    });
    one_section(&inside, count)
}

fn subsections(count: usize, name: impl Fn(usize) -> String) -> Vec<u8> {
    let (mut payload, mut described) = (Writer::new(), Vec::new());
    payload.u8(1);
    for number in 0..count {
        let name = name(number);
        payload.u8(5);
        payload.counted_str(&name);
        payload.u32(1);
        payload.u8(7);
        let inside = fields(1, |_| format!("g{number}"));
        described.push(format!("{{\"vmsd_name\": \"{name}\", \"version\": 1, {inside}}}"));
    }
    let subsections = described.join(", ");
    let inside = format!("{}, \"subsections\": [{subsections}]", fields(1, |_| "f".to_owned()));
    with_payload(&inside, payload.pending())
}

fn list(count: usize) -> Vec<u8> {
    let element = format!("\"vmsd_name\": \"e\", \"version\": 1, {}", fields(1, |_| "f".to_owned()));
    let elements = vec![element; count].join(", ");
    let size = 2 * count + 1;
    let inside = format!("\"fields\": [{{\"name\": \"l\", \"type\": \"qtailq\", {elements}, \"size\": {size}}}]");
    let payload = [[1, 9].repeat(count), vec![0]].concat();
    with_payload(&inside, &payload)
}

/// Blocks of memory, and as many pages of the last one.
fn blocks(count: usize) -> Vec<u8> {
    let mut out = Writer::new();
    let mut frame = StreamWriter::new(&mut out);
    frame.begin_section(&SectionHeader::full(1, "ram", 0, 4).of_kind(SectionKind::Start));
    let ram = frame.payload();
    write_record(ram, &Record::BlockList(4096 * count as u64), "");
    for number in 0..count {
        write_record(ram, &Record::Block(BlockHeader::new(format!("b{number}"), 4096)), "");
    }
    for _ in 0..count {
        write_record(ram, &Record::Zero { offset: 0, same_block: false, fill: 0 }, &format!("b{}", count - 1));
    }
    write_record(ram, &Record::EndOfSection, "");
    frame.end_section();
    described(out.pending(), &document(""))
}

/// Sections of live devices that start, go on and end.
fn live(count: usize) -> Vec<u8> {
    let mut out = Writer::new();
    for kind in [SectionKind::Start, SectionKind::Part, SectionKind::End] {
        for number in 0..count {
            let header = SectionHeader::full(u32::try_from(number).unwrap(), format!("live{number}"), 0, 1);
            section(&mut out, &header.of_kind(kind), &[7]);
        }
    }
    described(out.pending(), &document(""))
}

/// Returns one undescribed section, full of footers that are followed by invalid bytes.
fn footers(count: usize) -> Vec<u8> {
    let mut out = Writer::new();
    let footer = b"\x7e\0\0\0\x01\x04\0\0\0\x02\xff";
    section(&mut out, &SectionHeader::full(1, "dev", 0, 1), &footer.repeat(count));
    described(out.pending(), &document(""))
}

/// The description of a stream, as the tools find it.
fn document_of(stream: &[u8]) -> Result<Option<Document>, String> {
    let found = locate_in(&mut Cursor::new(stream)).map_err(refused)?;
    found.map(|(offset, text)| Document::parse(&text, offset)).transpose().map_err(refused)
}

fn snapshot(stream: &[u8]) -> Result<Snapshot, String> {
    let mut reader = Reader::from_slice(stream);
    let mut walk = StreamDecoder::new(&mut reader, document_of(stream)?).map_err(refused)?;
    Snapshot::read(&mut walk).map_err(refused)
}

fn walk(stream: &[u8]) -> Outcome {
    let mut reader = Reader::from_read(stream);
    let mut walk = StreamDecoder::new(&mut reader, document_of(stream)?).map_err(refused)?;
    while walk.next_event().map_err(refused)?.is_some() {}
    walk.trailer().map(drop).map_err(refused)
}

fn write_again(stream: &[u8]) -> Outcome {
    rewrite(stream, |_, _| Ok(())).map(drop).map_err(refused)
}

fn dump(stream: &[u8]) -> Outcome {
    let mut reader = Reader::from_slice(stream);
    let mut walk = StreamDecoder::new(&mut reader, document_of(stream)?).map_err(refused)?;
    while let Some(event) = walk.next_event().map_err(refused)? {
        if let StreamEvent::Section { section, .. } = event {
            let leaves = section.leaves();
            let _ = leaves.iter().filter_map(|leaf| section.get(&leaf.path)).take(10).count();
        }
    }
    Ok(())
}

fn diff(stream: &[u8]) -> Outcome {
    let (one, none) = (snapshot(stream)?, Snapshot::default());
    let found = [compare(&one, &one).count(), compare(&one, &none).count(), compare(&none, &one).count()];
    assert_eq!(found[0], 0, "a stream is like itself");
    Ok(())
}

fn report(stream: &[u8]) -> Outcome {
    let snapshot = snapshot(stream)?;
    let side = ReportInput { name: "hostile", length: stream.len() as u64, snapshot: &snapshot };
    let page = HtmlReport::new(side).beside(side).html().map_err(refused)?;
    assert!(!page.is_empty());
    Ok(())
}

fn import(stream: &[u8]) -> Outcome {
    let mut importer = Importer::new("hostile");
    let document = document_of(stream)?.ok_or("no description")?;
    importer.stream(&mut Reader::from_slice(stream), document).map_err(refused)?;
    assert!(!importer.source().is_empty());
    Ok(())
}
