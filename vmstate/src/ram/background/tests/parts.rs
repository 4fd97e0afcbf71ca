//! The amounts of parts, copies without a guest, and pages in a file.

use std::os::unix::fs::FileExt;

use super::*;
use crate::ram::background::copies::{CopiedPages, Copies};
use crate::ram::background::engine::Units;
use crate::ram::background::sink::Sink;

/// The bytes that are saved at once.
const CHUNK: u64 = 64 << 10;

#[test]
fn saved_units_are_not_taken_again() {
    let units = Units::new(PAGE, 64);
    units.unsaved.remove(3);
    assert_eq!(units.take(0..8), [0..3, 4..8]);
    assert_eq!(units.take(2..10).first(), Some(&(8..10)));
    assert_eq!(units.take(0..10), []);
}

#[test]
fn chunks_have_64_kib_or_one_unit() {
    for (size, count) in [(PAGE, 16), (CHUNK, 1), (2 << 20, 1)] {
        assert_eq!(Units::new(size, 64).chunk(), count, "{size}");
    }
}

/// An engine that is not frozen, and whose pages are not protected.
fn engine() -> Engine {
    let block: SharedBlock = Arc::new(VecBlock::new("ram", vec![0; 16 * 4096]));
    Engine::new(PageSize::DEFAULT, vec![block]).unwrap()
}

#[test]
fn copies_at_the_end_are_sent() {
    let engine = engine();
    let copies = Copies::default();
    copies.push(0, 3..5, vec![7; 2 * 4096]);
    copies.push(0, 9..10, vec![0; 4096]);
    engine.set_sink(Sink::Copies(copies));
    let mut out = Writer::new();
    engine.send_copies(&mut Output::new(&mut out, None)).unwrap();
    let sent = engine.sent_pages();
    assert_eq!((sent.normal, sent.zero), (2, 1));
    // The name of the block follows the first record.
    assert_eq!(out.pending().len(), 4 + 3 * 8 + 2 * 4096 + 1);
}

#[test]
fn first_failure_is_reported_once() {
    let engine = engine();
    let failing = || SaveError::misuse("the first");
    engine.fail(failing());
    engine.fail(SaveError::misuse("the second"));
    let mut out = Writer::new();
    let error = engine.send_copies(&mut Output::new(&mut out, None)).unwrap_err().to_string();
    assert!(error.contains("the first"), "{error}");
    engine.send_copies(&mut Output::new(&mut out, None)).unwrap();
    engine.fail(failing());
    let error = engine.finish().unwrap_err().to_string();
    assert!(error.contains("the first"), "{error}");
    engine.finish().unwrap();
}

#[test]
fn write_above_the_limit_waits_for_room() {
    let copies = Copies::default();
    let start = Instant::now();
    copies.push(0, 0..1, vec![0; (64 << 20) + 1]);
    assert!(start.elapsed() >= Duration::from_millis(100));
    assert_eq!(copies.pop().map(|copied: CopiedPages| copied.pages), Some(0..1));
    assert_eq!(copies.bytes(), 0);
}

#[test]
fn parts_have_the_requested_bytes() {
    let memory = blocks();
    let Some(pages) = started(&memory) else { return };
    let mut out = Writer::new();
    pages.set_up_stream(&mut Output::new(&mut out, None)).unwrap();
    pages.freeze().unwrap();
    let mut sent = |budget| {
        assert!(!part(&pages, &mut out, budget));
        pages.sent_pages().normal + pages.sent_pages().zero
    };
    assert_eq!(sent(0), 0);
    // Complete chunks, at the beginning and after it.
    assert_eq!(sent(1), 16);
    assert_eq!(sent(3 * CHUNK), 4 * 16);
    assert_eq!(sent(CHUNK), 5 * 16);
    for page in [200, 210, 220] {
        memory[1].write(page * PAGE, &[1]).unwrap();
    }
    wait_until(|| pages.remaining() == (2 * PAGES - 5 * 16) * PAGE);
    // Copies are parts of the budget, too.
    assert_eq!(sent(2 * PAGE), 5 * 16 + 2);
}

#[test]
fn pages_of_a_migration_to_a_file_have_places() {
    let memory = blocks();
    (0..PAGES).step_by(3).for_each(|page| memory[0].write(page * PAGE, &[5; 4096]).unwrap());
    let expected = content(&memory[..1]).remove(0);
    let Some(pages) = started(&memory) else { return };
    let (file, mut out) = (tempfile::tempfile().unwrap(), Writer::new());
    pages.set_up_stream(&mut Output::to_mapped_file(&mut out, &file, 0)).unwrap();
    pages.freeze().unwrap();
    memory[0].write(0, &[6]).unwrap();
    assert!(pages.send(&mut Output::to_mapped_file(&mut out, &file, 0), u64::MAX).unwrap());
    let sent = pages.sent_pages();
    assert_eq!((sent.normal, sent.zero), (PAGES.div_ceil(3), 2 * PAGES - PAGES.div_ceil(3)));
    // The pages of the first block begin at 1 MiB.
    let mut found = vec![0; expected.len()];
    file.read_exact_at(&mut found, 1 << 20).unwrap();
    assert!(found == expected);
}
