//! The changes to pages in recorded migrations are encoded alike by this library.

use std::collections::HashMap;

use vmstate::memory::PageSize;
use vmstate::prelude::*;
use vmstate::ram::xbzrle::{Encoding, decode, encode};
use vmstate::ram::{Record, RecordReader};
use vmstate::stream::{StreamItem, StreamReader};

use super::recordings::RECORDINGS;

const PAGE: usize = 4096;

/// The changes in a recording: how many, and their bytes without the words of the records.
#[derive(Debug, PartialEq, Eq)]
struct Found {
    pages: u64,
    bytes: u64,
}

/// Encodes all changes of a stream again.
fn encode_again(stream: &[u8]) -> Found {
    let mut reader = Reader::from_slice(stream);
    let mut items = StreamReader::new(&mut reader).unwrap();
    let mut records = RecordReader::new(PageSize::DEFAULT, Default::default());
    let mut memory = HashMap::<(usize, u64), Vec<u8>>::new();
    let mut found = Found { pages: 0, bytes: 0 };
    while let Some(item) = items.next_item().unwrap() {
        let StreamItem::Section(section) = item else { continue };
        if section.name != "ram" {
            break;
        }
        loop {
            let start = items.offset();
            let record = records.next_record(items.payload()).unwrap();
            let block = records.current_block().unwrap_or(0);
            match record {
                Record::EndOfSection => break,
                Record::Zero { offset, .. } => drop(memory.insert((block, offset), vec![0; PAGE])),
                Record::Page { offset, .. } => {
                    memory.insert((block, offset), items.payload().take(PAGE).unwrap().to_vec());
                }
                Record::Xbzrle { offset, length, .. } => {
                    let delta = items.payload().take(length.into()).unwrap().to_vec();
                    let page = memory.get_mut(&(block, offset)).expect("the page was sent before");
                    let old = page.clone();
                    decode(&delta, page).unwrap();
                    assert_eq!(encode(&old, page, &mut [0; PAGE]), Encoding::Delta(&delta));
                    found.pages += 1;
                    found.bytes += items.offset() - start - 8;
                }
                _ => {}
            }
        }
        items.end_section().unwrap();
    }
    found
}

#[test]
fn recorded_changes_are_encoded_alike() {
    // The values of `xbzrle-cache` that the QEMUs have reported.
    for (name, pages, bytes) in [("qemu-10.0-xbzrle", 8, 54), ("qemu-11.1-xbzrle", 8, 56)] {
        let recording = RECORDINGS.iter().find(|recording| recording.name == name).unwrap();
        assert_eq!(encode_again(&recording.stream()), Found { pages, bytes }, "{name}");
    }
}
