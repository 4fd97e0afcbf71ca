//! A second opinion: the sections of a stream, found without the library.
//!
//! It knows just enough for the committed streams, which have footers, and RAM whose pages are all zero.

use serde_json::{Value, json};

/// Returns the offset of the description's text, and the description.
pub(super) fn description(stream: &[u8]) -> (usize, Value) {
    let start = stream.len() - stream.iter().rev().take_while(|byte| (b' '..=b'~').contains(byte)).count();
    let start = start + stream[start..].iter().position(|&byte| byte == b'{').unwrap();
    (start, serde_json::from_slice(&stream[start..]).unwrap())
}

/// The name of the machine.
pub(super) fn machine(stream: &[u8]) -> String {
    let length = be32(stream, 9);
    String::from_utf8(stream[13..13 + length].to_vec()).unwrap()
}

/// Returns the sections in the form of `vmstate info --json`.
pub(super) fn sections(stream: &[u8]) -> Vec<Value> {
    let page_size = description(stream).1["page_size"].as_u64().unwrap();
    let mut sections: Vec<Value> = Vec::new();
    let mut at = skip_configuration(stream);
    while stream[at] != 0 {
        let (tag, id) = (stream[at], be32(stream, at + 1));
        if tag == 8 {
            at += 5 + usize::from(u16::from_be_bytes([stream[at + 3], stream[at + 4]]));
            continue;
        }
        let kind = ["", "start", "part", "end", "full"][usize::from(tag)];
        let named = [1, 4].contains(&tag);
        let (name, instance, version, payload) = if named {
            let end = at + 6 + usize::from(stream[at + 5]);
            let name = std::str::from_utf8(&stream[at + 6..end]).unwrap().to_owned();
            (name, be32(stream, end), be32(stream, end + 4), end + 8)
        } else {
            let start = sections.iter().find(|section| section["section_id"] == id).expect("a start");
            let number = |key: &str| usize::try_from(start[key].as_u64().unwrap()).unwrap();
            (start["name"].as_str().unwrap().to_owned(), number("instance_id"), number("version"), at + 5)
        };
        let end = if tag == 4 { find_footer(stream, payload, id) } else { end_of_ram(stream, payload, page_size) };
        assert_eq!((stream[end], be32(stream, end + 1)), (0x7e, id));
        sections.push(json!({
            "kind": kind, "section_id": id, "name": name, "instance_id": instance, "version": version,
            "offset": at, "size": end + 5 - at, "payload_offset": payload, "payload_size": end - payload,
        }));
        at = end + 5;
    }
    sections
}

fn be32(stream: &[u8], at: usize) -> usize {
    u32::from_be_bytes(stream[at..at + 4].try_into().unwrap()) as usize
}

fn be64(stream: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(stream[at..at + 8].try_into().unwrap())
}

/// The configurations of the committed streams have a page size at most.
fn skip_configuration(stream: &[u8]) -> usize {
    assert_eq!((&stream[..8], stream[8]), (b"QEVM\0\0\0\x03".as_slice(), 7));
    let at = 13 + be32(stream, 9);
    match stream[at] {
        5 => at + 2 + usize::from(stream[at + 1]) + 4 + 4,
        _ => at,
    }
}

fn find_footer(stream: &[u8], payload: usize, id: usize) -> usize {
    let mut footer = vec![0x7e];
    footer.extend(u32::try_from(id).unwrap().to_be_bytes());
    let follows = |at: usize| matches!(stream[at..], [4, 0, 0, ..] | [8, 0, ..] | [0, 6, ..]);
    let candidates = payload..stream.len();
    candidates.into_iter().find(|&at| stream[at..].starts_with(&footer) && follows(at + 5)).expect("a footer")
}

fn end_of_ram(stream: &[u8], mut at: usize, page_size: u64) -> usize {
    loop {
        let word = be64(stream, at);
        at += 8;
        match (word % page_size) & !0x20 {
            0x10 => return at,
            0x04 => {
                let mut left = word - 4;
                while left > 0 {
                    at += 1 + usize::from(stream[at]);
                    left -= be64(stream, at);
                    at += 8;
                }
            }
            0x02 if word & 0x20 != 0 => at += 1,
            0x02 => at += 1 + usize::from(stream[at]) + 1,
            0x200 => {}
            other => panic!("flags {other:#x} at {at:#x}"),
        }
    }
}
