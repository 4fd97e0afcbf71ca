//! Background saves of memory whose guest runs.

mod failing;
mod parts;

use std::sync::Arc;
use std::time::{Duration, Instant};

use vmstate_types::{Reader, Writer};

use super::*;
use crate::memory::{MappingOptions, RamBlock, VecBlock};
use crate::ram::RamLoader;

const PAGE: u64 = 4096;
const PAGES: u64 = 256;

fn blocks() -> Vec<SharedBlock> {
    let map = |name| -> SharedBlock { Arc::new(MappingOptions::anonymous().map(name, PAGES * PAGE).unwrap()) };
    ["ram", "vram"].map(map).to_vec()
}

/// Protects the memory. `VMSTATE_REQUIRE_USERFAULTFD` turns a missing feature into a failure.
fn started(blocks: &[SharedBlock]) -> Option<BackgroundPages> {
    match BackgroundPages::start(PageSize::DEFAULT, blocks.to_vec()) {
        Ok(pages) => Some(pages),
        Err(error @ MemoryError::Unsupported { .. }) => {
            assert!(std::env::var_os("VMSTATE_REQUIRE_USERFAULTFD").is_none(), "{error}");
            eprintln!("NOT TESTED: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn content(blocks: &[SharedBlock]) -> Vec<Vec<u8>> {
    let read = |block: &SharedBlock| {
        let mut content = vec![0; usize::try_from(block.size()).unwrap()];
        block.read(0, &mut content).unwrap();
        content
    };
    blocks.iter().map(read).collect()
}

/// Loads the payloads of sections, the last of which ends with its record.
fn loaded(payload: &mut Writer, sections: usize) -> Vec<Vec<u8>> {
    let bytes = payload.take();
    let mut reader = Reader::from_slice(&bytes);
    let size = usize::try_from(PAGES * PAGE).unwrap();
    let mut blocks = ["ram", "vram"].map(|name| VecBlock::new(name, vec![0xee; size]));
    let mut loader = RamLoader::new(PageSize::DEFAULT);
    (0..sections).for_each(|_| loader.load(&mut blocks, &mut reader).unwrap());
    assert_eq!(reader.offset(), bytes.len() as u64);
    blocks.iter_mut().map(|block| block.bytes().to_vec()).collect()
}

/// Waits until the written pages are queued. The guest continues a little earlier, as soon as they are copied.
fn wait_for_copies(pages: &BackgroundPages) {
    wait_until(|| pages.remaining() == 2 * PAGES * PAGE);
}

fn wait_until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !condition() {
        assert!(Instant::now() < deadline, "the condition is not met");
        std::thread::yield_now();
    }
}

/// A part of the stream with pages of about `budget` bytes. Returns whether it is the last one.
fn part(pages: &BackgroundPages, out: &mut Writer, budget: u64) -> bool {
    let done = pages.send(&mut Output::new(out, None), budget).unwrap();
    crate::ram::write_record(out, &crate::ram::Record::EndOfSection, "");
    done
}

#[test]
fn stream_has_the_memory_of_the_freeze() {
    let memory = blocks();
    (0..PAGES).step_by(2).for_each(|page| memory[0].write(page * PAGE, &[1]).unwrap());
    memory[1].write(7 * PAGE, &[9; 100]).unwrap();
    let Some(pages) = started(&memory) else { return };
    let mut out = Writer::new();
    pages.set_up_stream(&mut Output::new(&mut out, None)).unwrap();
    // Written before the pause: part of the stream.
    memory[0].write(0, &[2]).unwrap();
    let expected = content(&memory);
    pages.freeze().unwrap();
    assert_eq!(pages.remaining(), 2 * PAGES * PAGE);
    let mut sections = 1;
    loop {
        sections += 1;
        let number = sections as u64;
        memory[0].write((number * 37 % PAGES) * PAGE, &[3; 5000]).unwrap();
        memory[1].write((PAGES - number) * PAGE, &[4]).unwrap();
        if part(&pages, &mut out, 8 * PAGE) {
            break;
        }
    }
    assert_eq!((pages.remaining(), pages.sent_pages().normal + pages.sent_pages().zero), (0, 2 * PAGES));
    assert!(pages.waits() > 0);
    assert!(loaded(&mut out, sections) == expected);
    assert!(content(&memory) != expected);
}

/// The guest does not wait for the output, and its pages come first.
#[test]
fn copies_of_written_pages_are_sent_first() {
    let memory = blocks();
    (0..PAGES).for_each(|page| memory[1].write(page * PAGE, &[u8::try_from(page % 251).unwrap() + 1]).unwrap());
    let Some(pages) = started(&memory) else { return };
    let mut out = Writer::new();
    pages.set_up_stream(&mut Output::new(&mut out, None)).unwrap();
    pages.freeze().unwrap();
    let setup = out.take();
    for page in [100, 90] {
        memory[1].write(page * PAGE, &[0; 8]).unwrap();
    }
    assert_eq!(pages.waits(), 2);
    wait_for_copies(&pages);
    assert!(!part(&pages, &mut out, 3 * PAGE));
    let sent = out.take();
    let record = |at: usize| u64::from_be_bytes(sent[at..at + 8].try_into().unwrap());
    // A page with the name of its block, a page of the same block, and its successors.
    let name = 8 + 1 + "vram".len();
    let page = usize::try_from(PAGE).unwrap();
    let offsets = [0, name + page, name + page + 8 + page, name + page + 2 * (8 + page)].map(record);
    assert_eq!(offsets, [100 << 12 | 0x08, 90 << 12 | 0x28, 91 << 12 | 0x28, 92 << 12 | 0x28]);
    assert_eq!(sent[name], 101, "the content of the pause");
    assert!(!setup.is_empty());
}

#[test]
fn pages_are_saved_after_the_freeze() {
    let memory = blocks();
    let Some(pages) = started(&memory) else { return };
    let mut out = Writer::new();
    pages.set_up_stream(&mut Output::new(&mut out, None)).unwrap();
    let early = pages.send(&mut Output::new(&mut out, None), PAGE).unwrap_err().to_string();
    assert!(early.contains("save the machine before the memory"), "{early}");
    pages.freeze().unwrap();
    let again = pages.set_up_stream(&mut Output::new(&mut out, None)).unwrap_err().to_string();
    assert!(again.contains("start another one"), "{again}");
    assert!(part(&pages, &mut out, u64::MAX));
    assert!(part(&pages, &mut out, u64::MAX), "nothing is left");
    drop(pages);
    started(&memory).expect("the memory is not registered anymore");
}

/// The writer of the stream may wait until the guest stops, so no write waits for the writer for long.
#[test]
fn guest_writes_all_memory_without_a_sender() {
    let memory: Vec<SharedBlock> = vec![Arc::new(MappingOptions::anonymous().map("ram", 72 << 20).unwrap())];
    let Some(pages) = started(&memory) else { return };
    let mut out = Writer::new();
    pages.set_up_stream(&mut Output::new(&mut out, None)).unwrap();
    pages.freeze().unwrap();
    // A few pages above the limit of copies.
    for page in 0..(64 << 20) / PAGE + 3 {
        memory[0].write(page * PAGE, &[1]).unwrap();
    }
    assert_eq!(pages.waits(), (64 << 20) / PAGE + 3);
}
