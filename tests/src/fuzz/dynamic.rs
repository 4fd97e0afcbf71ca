//! Payloads that are read by a description, and changed.

use vmstate::dynamic::edit::parse_subsection;
use vmstate::dynamic::{DecodedBody, DecodedSection};
use vmstate::schema::vmdesc::{Document, SentSection};
use vmstate::{Reader, Writer};

use super::{Target, halves, seeds};

/// The target.
pub const TARGET: Target = Target {
    name: "dynamic",
    run,
    seeds: || [vec![small()], seeds::sections()].concat(),
    fixed: 4 << 20,
    per_byte: 8192,
};

/// The offset of payloads in their stream.
const START: u64 = 100;

/// The bytes are a description, lines of edits, and a payload, with zeros between them.
fn run(bytes: &[u8]) {
    let (text, rest) = halves(bytes);
    let Ok(document) = Document::parse(text, 0) else { return };
    let (edits, payload) = halves(rest);
    let edits = String::from_utf8_lossy(edits);
    for device in document.devices.iter().take(4) {
        let end = START + payload.len() as u64;
        let without_end = decode(device, payload, None);
        for section in [without_end, decode(device, payload, Some(end))].into_iter().flatten() {
            look_into(&section);
            change(section, &edits);
        }
    }
}

/// A decoded section is encoded as the same bytes and has the same description.
fn decode(device: &SentSection, payload: &[u8], end: Option<u64>) -> Option<DecodedSection> {
    let mut reader = Reader::from_slice_at(payload, START);
    match DecodedSection::decode(device, &mut reader, end) {
        Ok(section) => {
            let read = usize::try_from(reader.offset() - START).expect("an offset in a slice");
            assert!(end.is_none_or(|end| end == reader.offset()), "{read} bytes up to {end:?}");
            assert_eq!(encode(&section), &payload[..read]);
            assert_eq!(section.size(), read as u64);
            assert_eq!(section.describe().as_ref(), Some(device));
            Some(section)
        }
        Err(error) => {
            let place = START..=START + payload.len() as u64;
            assert!(error.offset().is_some_and(|offset| place.contains(&offset)), "{error}");
            None
        }
    }
}

fn encode(section: &DecodedSection) -> Vec<u8> {
    let mut out = Writer::new();
    section.encode(&mut out);
    out.take()
}

/// All values have paths that lead to something, and can be shown.
fn look_into(section: &DecodedSection) {
    let _ = format!("{section:?}");
    for leaf in section.leaves() {
        let text = match leaf.found.item {
            vmstate::dynamic::FoundItem::Struct(inner) => format!("{inner:?}"),
            item => item.to_string(),
        };
        assert!(leaf.found.offset >= section.offset, "{}: {text}", leaf.path);
        assert!(leaf.found.offset + leaf.found.size <= section.offset + section.size(), "{}: {text}", leaf.path);
    }
}

/// An edited section matches its description.
fn change(mut section: DecodedSection, edits: &str) {
    for line in edits.lines() {
        let before = section.clone();
        let changed = match line.split_once('=') {
            Some((path, value)) => match path.strip_prefix('+') {
                None => section.set(path, value).map(|set| set.is_some()),
                Some(path) => parse_subsection(value).and_then(|subsection| section.add_subsection(path, &subsection)),
            },
            None => match line.strip_prefix('-') {
                Some(path) => section.drop_subsection(path).map(|dropped| dropped.is_some()),
                None => section.rename(line).map(|_| true),
            },
        };
        match changed {
            Ok(true) => {}
            _ => assert_eq!(section, before, "{line}: {changed:?}"),
        }
    }
    let Some(description) = section.describe() else { return };
    if matches!(section.body, DecodedBody::Partly(..)) {
        return;
    }
    let payload = encode(&section);
    let again = DecodedSection::decode(&description, &mut Reader::from_slice_at(&payload, START), None);
    let again = again.unwrap_or_else(|error| panic!("{edits}: {section:?}\n{error}"));
    assert_eq!(encode(&again), payload);
    assert_eq!(again.describe(), Some(description));
}

/// Returns a minimal section with a subsection and counted bytes.
fn small() -> Vec<u8> {
    let device = r#"{"name":"d","instance_id":0,"vmsd_name":"d","version":1,"fields":[{"name":"c","type":"capability","size":3}]"#;
    let inner = r#"{"vmsd_name":"d/s","version":1,"fields":[{"name":"a","type":"GByteArray","size":6}]}"#;
    let text = format!("{{\"page_size\":1,\"devices\":[{device},\"subsections\":[{inner}]}}]}}");
    let payload = b"\x02xy\x05\x03d/s\0\0\0\x01\0\0\0\x02ab";
    [text.as_bytes(), b"\0d/s.a=hex:0102\0", payload].concat()
}
