//! Decoding real streams by their own descriptions, and writing them again.

use vmstate::dynamic::{
    DecodedBody, DecodedSection, DecodedValue, FoundItem, Rewriter, ScalarKind, StreamDecoder, StreamEvent,
};
use vmstate::error::Location;
use vmstate::schema::vmdesc::{self, Document, Located, locate};
use vmstate::{LoadError, Reader, Writer};
use vmstate_tests::streams;

/// Returns the offset of the description's text, and the description.
fn description(bytes: &[u8]) -> (usize, Document) {
    let Located::At(start) = locate(bytes) else { panic!("a description") };
    (start, Document::parse(&bytes[start..], start as u64).unwrap_or_else(|error| panic!("{error}")))
}

fn rewritten(mut reader: Reader<'_>, description: Option<Document>) -> Result<Vec<u8>, LoadError> {
    let mut out = Writer::new();
    let mut rewriter = Rewriter::new(&mut reader, description, &mut out)?;
    while rewriter.step(&mut out)? {}
    Ok(out.take())
}

/// Returns all sections except RAM, with the indices of their devices in the description.
fn sections(bytes: &[u8], description: Option<Document>) -> Vec<(DecodedSection, Option<usize>)> {
    let mut reader = Reader::from_slice(bytes);
    let mut walk = StreamDecoder::new(&mut reader, description).unwrap();
    let mut sections = Vec::new();
    while let Some(event) = walk.next_event().unwrap_or_else(|error| panic!("{error}")) {
        if let StreamEvent::Section { section, device, .. } = event {
            sections.push((section, device));
        }
    }
    sections
}

#[test]
fn descriptions_are_reproduced() {
    for stream in streams::all() {
        let (start, document) = description(&stream.bytes);
        assert_eq!(document.to_text().as_bytes(), &stream.bytes[start..], "{}", stream.name);
    }
}

#[test]
fn streams_are_rewritten_from_their_values() {
    for stream in streams::all() {
        let (_, document) = description(&stream.bytes);
        let again = rewritten(Reader::from_read(&stream.bytes[..]), Some(document));
        assert!(again.unwrap_or_else(|error| panic!("{error}")) == stream.bytes, "{}", stream.name);
    }
}

/// The description is looked for at the end of a file, and read by before the one at the stream's end is seen.
#[test]
fn description_of_decoded_stream_is_its_own() {
    let stream = streams::named("qemu-7.2-uno").bytes;
    let (start, document) = description(&stream);
    let text = document.to_text().replacen("uint32", "uint64", 1);
    let two = [&stream[..start], text.as_bytes(), &stream].concat();
    let error = rewritten(Reader::from_slice(&two), Some(description(&two).1)).unwrap_err();
    assert_eq!(error.expected(), "the description by which the sections were decoded");
    assert_eq!(error.offset(), Some(start as u64 - 5));
}

#[test]
fn streams_are_rewritten_without_a_description() {
    for stream in streams::all() {
        let (start, document) = description(&stream.bytes);
        let bare = &stream.bytes[..start - 5];
        // Only the description tells page sizes that are not the usual one.
        if document.page_size == 4096 {
            let again = rewritten(Reader::from_slice(bare), None).unwrap_or_else(|error| panic!("{error}"));
            assert!(again == bare, "{}", stream.name);
            assert!(
                sections(bare, None).iter().all(|(section, _)| matches!(section.body, DecodedBody::Undescribed(_)))
            );
        }
    }
}

#[test]
fn sections_are_decoded_whole() {
    for stream in streams::all() {
        let (_, document) = description(&stream.bytes);
        let sections = sections(&stream.bytes, Some(document.clone()));
        let devices: Vec<_> = sections.iter().filter_map(|(_, device)| *device).collect();
        assert_eq!(devices, (0..document.devices.len()).collect::<Vec<_>>(), "{}: every device once", stream.name);
        for (section, device) in &sections {
            let device = &document.devices[device.expect("all sections are described")];
            assert_eq!(section.describe().as_ref(), Some(device), "{}", stream.name);
            let mut out = Writer::new();
            section.encode(&mut out);
            let start = usize::try_from(section.offset).unwrap();
            assert_eq!(out.pending(), &stream.bytes[start..][..out.pending().len()]);
            let whole = matches!(section.body, DecodedBody::Described(_)) || &*section.name == "slirp";
            assert!(whole, "{}: {} is decoded whole", stream.name, section.name);
        }
    }
}

#[test]
fn leaves_have_the_offsets_of_their_bytes() {
    for stream in streams::all() {
        let (_, document) = description(&stream.bytes);
        for (section, _) in sections(&stream.bytes, Some(document)) {
            for leaf in section.leaves() {
                let mut out = Writer::new();
                match leaf.found.item {
                    FoundItem::Scalar(value) => DecodedValue::Scalar(value).encode(&mut out),
                    FoundItem::Value(value) => value.encode(&mut out),
                    item => panic!("not a leaf: {item:?}"),
                }
                let start = usize::try_from(leaf.found.offset).unwrap();
                let bytes = &stream.bytes[start..][..out.pending().len()];
                assert_eq!((out.pending(), leaf.found.size), (bytes, bytes.len() as u64), "{}", leaf.path);
                assert!(section.get(&leaf.path).is_some(), "{}", leaf.path);
            }
        }
    }
}

#[test]
fn values_are_found_by_path() {
    let stream = streams::named("qemu-7.2-pc");
    let (_, document) = description(&stream.bytes);
    let sections = sections(&stream.bytes, Some(document));
    let find = |name: &str| sections.iter().map(|(section, _)| section).find(|section| &*section.name == name).unwrap();
    let runstate = find("globalstate").get("runstate").unwrap();
    assert_eq!((runstate.type_name, runstate.size), ("buffer", 100));
    let limits = find("cpu").get("env.segs[1].limit").unwrap();
    assert!(matches!(limits.item, FoundItem::Scalar(value) if value.kind == ScalarKind::Uint32));
    assert_eq!(find("cpu").get("cpu.env.segs[6].limit"), None);
}

/// Changes the first field of a device's description.
fn change(device: &mut vmdesc::SentSection, change: fn(&mut vmdesc::SentField)) -> bool {
    match &mut device.body {
        vmdesc::SentBody::State(state) => state.fields.first_mut().map(change).is_some(),
        _ => false,
    }
}

#[test]
fn wrong_descriptions_are_rejected() {
    let lies: [fn(&mut vmdesc::SentField); 3] = [
        |field| field.size += 8,
        |field| (field.type_name, field.nested) = ("uint8".into(), vmdesc::Nested::Struct(empty())),
        |field| field.array = vmdesc::ArrayPart::Len(1 << 40),
    ];
    for stream in streams::all() {
        let (_, document) = description(&stream.bytes);
        for index in 0..document.devices.len() {
            for lie in lies {
                let mut document = document.clone();
                if !change(&mut document.devices[index], lie) {
                    continue;
                }
                let name = document.devices[index].name.clone();
                let Err(error) = rewritten(Reader::from_slice(&stream.bytes), Some(document)) else {
                    panic!("{}: a lie about {name} is believed", stream.name)
                };
                let in_section =
                    matches!(error.location(), Some(Location::Section { name: place, .. }) if **place == *name);
                assert!(in_section && error.offset().is_some(), "{}: {name}: {error}", stream.name);
            }
        }
    }
}

fn empty() -> vmdesc::SentStruct {
    vmdesc::SentStruct { vmsd_name: "empty".into(), version: 1, fields: Vec::new(), subsections: Vec::new() }
}

#[test]
fn truncated_streams_are_rejected() {
    for stream in streams::all() {
        let (start, document) = description(&stream.bytes);
        for end in (0..start).step_by(stream.bytes.len() / 40 + 1) {
            let error = rewritten(Reader::from_slice(&stream.bytes[..end]), Some(document.clone()));
            assert!(error.is_err(), "{} cut at {end}", stream.name);
        }
    }
}
