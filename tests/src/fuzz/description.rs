//! The JSON description at the end of a stream.

use vmstate::schema::vmdesc::{Document, Located, locate, locate_in};

use super::{Target, seeds};

/// The target.
pub const TARGET: Target =
    Target { name: "description", run, seeds: seeds::descriptions, fixed: 1 << 20, per_byte: 512 };

fn run(bytes: &[u8]) {
    find(bytes);
    match Document::parse(bytes, 3) {
        Ok(document) => understood(bytes, &document),
        Err(error) => {
            let end = 3 + bytes.len() as u64;
            assert!(error.offset().is_some_and(|offset| (3..=end).contains(&offset)), "{error}");
        }
    }
}

fn understood(bytes: &[u8], document: &Document) {
    let said: serde_json::Value = serde_json::from_slice(bytes).expect("the parsed text is JSON");
    let text = document.to_text();
    assert_eq!(serde_json::from_str::<serde_json::Value>(&text).expect("the formatted description is JSON"), said);
    let again = Document::parse(text.as_bytes(), 3).expect("the formatted description can be parsed");
    assert_eq!(&again, document);
    assert_eq!(again.to_text(), text);
    find(text.as_bytes());
    for device in &document.devices {
        let text = device.to_text();
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{text}");
        let _ = device.wire_size();
    }
}

/// A text that is a description is found at the end of a stream, in memory and in a file.
fn find(text: &[u8]) {
    let length = u32::try_from(text.len()).expect("a short text");
    let with_length = |length: u32| [b"QEVM\0\0\0\x03\0\x06", &length.to_be_bytes()[..], text].concat();
    let stream = with_length(length);
    let start = stream.len() - text.len();
    let found = locate(&stream);
    let in_file = locate_in(&mut std::io::Cursor::new(&stream)).expect("memory can be read");
    match found {
        Located::At(at) => assert_eq!(in_file, Some((at as u64, stream[at..].to_vec()))),
        Located::Absent | Located::More => assert_eq!(in_file, None),
    }
    for other in [length.wrapping_sub(1), length + 1, 0] {
        let found = locate(&with_length(other));
        assert!(other == length || found != Located::At(start), "{length} bytes with the length {other}");
    }
    if text.starts_with(b"{") && text.iter().all(|byte| (b' '..=b'~').contains(byte)) {
        assert_eq!(found, Located::At(start));
    }
}
