//! The pages that a saver sends, and its log.

use super::*;
#[cfg(all(unix, feature = "snapshot"))]
use crate::memory::Changes;
use crate::memory::{Marked, MemoryError, VecBlock};
use crate::ram::testing::Large;
#[cfg(all(unix, feature = "snapshot"))]
use crate::section::Recorded;

/// Writes all pages after one of the page `number` was changed to begin with `byte`. Returns the number of bytes.
fn send(saver: &mut RamSaver, memory: &[VecBlock], block: usize, number: u64, byte: u8) -> usize {
    memory[block].write(number * 4096, &[byte]).unwrap();
    saver.dirty[block].insert(number);
    let mut out = Writer::new();
    assert!(saver.iterate(memory, u64::MAX, &mut out).unwrap());
    out.pending().len()
}

/// Returns whether the page is sent as it is, and not as its changes.
fn is_whole(saver: &mut RamSaver, memory: &[VecBlock], block: usize, number: u64, byte: u8) -> bool {
    let bytes = send(saver, memory, block, number, byte);
    assert!(!(100..4096).contains(&bytes), "{bytes}");
    bytes > 4096
}

/// Two pages without a zero.
fn memory() -> [VecBlock; 1] {
    [VecBlock::new("a", vec![7; 8192])]
}

fn with_cache(memory: &[VecBlock], cache_size: u64) -> RamSaver {
    let mut saver = RamSaver::new(PageSize::DEFAULT).xbzrle(cache_size);
    saver.setup(memory, &mut Writer::new()).unwrap();
    assert!(saver.iterate(memory, u64::MAX, &mut Writer::new()).unwrap());
    saver
}

#[test]
fn resized_cache_is_empty() {
    let memory = memory();
    let mut saver = with_cache(&memory, 8192);
    assert!(is_whole(&mut saver, &memory, 0, 0, 2), "the cache gets the page");
    assert!(!is_whole(&mut saver, &memory, 0, 0, 3), "the page is in the cache");
    saver.resize_xbzrle(4096);
    assert!(is_whole(&mut saver, &memory, 0, 0, 4));
    assert!(!is_whole(&mut saver, &memory, 0, 0, 5));
}

#[test]
fn next_save_has_the_resized_cache() {
    let memory = memory();
    let mut saver = with_cache(&memory, 4096);
    saver.resize_xbzrle(8192);
    saver.setup(&memory, &mut Writer::new()).unwrap();
    saver.iterate(&memory, u64::MAX, &mut Writer::new()).unwrap();
    for (byte, whole) in [(2, true), (3, false)] {
        for page in [0, 1] {
            assert_eq!(is_whole(&mut saver, &memory, 0, page, byte), whole, "page {page}");
        }
    }
    let mut without = RamSaver::new(PageSize::DEFAULT);
    without.resize_xbzrle(8192);
    without.setup(&memory, &mut Writer::new()).unwrap();
    assert_eq!(without.xbzrle_counters(), None);
}

#[test]
fn pages_of_all_blocks_have_places_in_the_cache() {
    let memory = ["a", "b"].map(|name| VecBlock::new(name, vec![7; 8192]));
    let mut saver = with_cache(&memory, 4 * 4096);
    for (byte, whole) in [(2, true), (3, false)] {
        for (block, page) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            assert_eq!(is_whole(&mut saver, &memory, block, page, byte), whole, "page {page} of {block}");
        }
    }
    let counters = saver.xbzrle_counters().unwrap();
    // The encoding, the length and the change: no unchanged bytes, and one changed byte. Two records have a name.
    assert_eq!((counters.pages, counters.misses, counters.bytes), (4, 4, 4 * (3 + 3) + 2 * 2));
}

#[test]
fn pages_become_old_with_each_pass() {
    let memory = memory();
    for (passes, replaced) in [(1, false), (2, true)] {
        let mut saver = with_cache(&memory, 4096);
        assert!(is_whole(&mut saver, &memory, 0, 0, 2), "the only place gets the page");
        (0..passes).for_each(|_| saver.sync_dirty_log().unwrap());
        assert!(is_whole(&mut saver, &memory, 0, 1, 2));
        assert_eq!(!is_whole(&mut saver, &memory, 0, 1, 3), replaced, "{passes} passes");
    }
}

#[test]
fn last_stage_keeps_the_cache() {
    let memory = memory();
    let mut saver = with_cache(&memory, 8192);
    send(&mut saver, &memory, 0, 0, 2);
    saver.begin_last_stage().unwrap();
    let changes = send(&mut saver, &memory, 0, 0, 3);
    assert!(changes > 8, "the end of the section has 8 bytes");
    assert_eq!(send(&mut saver, &memory, 0, 0, 3), changes);
}

fn marked(memory: &[VecBlock]) -> Arc<Marked> {
    Arc::new(Marked::new(&Layout::new(PageSize::DEFAULT, memory).unwrap()))
}

fn is_running(log: &Marked) -> bool {
    let started: Result<(), MemoryError> = log.start();
    started.is_err()
}

#[test]
fn saver_stops_only_the_log_that_it_started() {
    let memory = memory();
    let log = marked(&memory);
    let new = || RamSaver::new(PageSize::DEFAULT).dirty_log(Arc::<Marked>::clone(&log));
    log.start().unwrap();
    drop(new());
    assert!(is_running(&log), "another one has started it");
    new().setup(&memory, &mut Writer::new()).unwrap_err();
    log.stop().unwrap();

    let mut saver = new();
    for _ in 0..2 {
        saver.setup(&memory, &mut Writer::new()).unwrap();
    }
    drop(saver);
    assert!(!is_running(&log), "the saver has stopped it");
    log.stop().unwrap();

    let mut saver = new();
    saver.setup(&memory, &mut Writer::new()).unwrap();
    saver.complete(&memory, &mut Writer::new()).unwrap();
    assert!(!is_running(&log), "the save is complete");
    drop(saver);
    assert!(is_running(&log), "it was started again");
}

#[test]
fn end_contains_late_writes_of_the_guest() {
    let memory = memory();
    let log = marked(&memory);
    let mut saver = RamSaver::new(PageSize::DEFAULT).dirty_log(Arc::<Marked>::clone(&log));
    saver.setup(&memory, &mut Writer::new()).unwrap();
    saver.iterate(&memory, u64::MAX, &mut Writer::new()).unwrap();
    log.mark(0, 4096, 1);
    let mut out = Writer::new();
    saver.complete(&memory, &mut out).unwrap();
    let word = 4096_u64 | 0x08 | 0x20;
    assert_eq!(out.pending(), [&word.to_be_bytes()[..], &[7; 4096], &0x10_u64.to_be_bytes()].concat());
}

#[test]
fn limits_end_after_the_page_that_reaches_them() {
    let memory = memory();
    let mut saver = RamSaver::new(PageSize::DEFAULT);
    saver.setup(&memory, &mut Writer::new()).unwrap();
    // The record, its name, the page, and the end of the section.
    for (limit, pages) in [(8 + 2 + 4096, 1), (8 + 4096 - 1, 1), (1, 0)] {
        let mut out = Writer::new();
        let done = saver.iterate(&memory, limit, &mut out).unwrap();
        assert_eq!((out.pending().len() / 4096, done), (pages, pages == 0), "{limit}");
        assert!(out.pending().ends_with(&0x10_u64.to_be_bytes()));
    }
}

#[test]
fn every_save_begins_anew() {
    let memory = [Large(VecBlock::new("a", vec![7; 8192]))];
    let mut saver = RamSaver::new(PageSize::DEFAULT);
    let save = |saver: &mut RamSaver| {
        let mut out = Writer::new();
        saver.setup(&memory, &mut out).unwrap();
        assert!(!saver.iterate(&memory, 1, &mut out).unwrap());
        (out.take(), saver.sent_pages().normal)
    };
    let first = save(&mut saver);
    assert_eq!(first.1, 1);
    saver.begin_postcopy().unwrap();
    assert_eq!(save(&mut saver), first, "host pages are not sent as a whole");

    let file = tempfile::tempfile().unwrap();
    saver.setup_placed(&memory, &mut Output::to_mapped_file(&mut Writer::new(), &file, 0)).unwrap();
    assert!(saver.placed.is_some());
    assert_eq!(save(&mut saver), first);
    assert!(saver.placed.is_none());
}

#[test]
fn placed_pages_are_written_in_a_circle() {
    let mut memory = [VecBlock::new("a", vec![7; 128 * 4096])];
    let file = tempfile::tempfile().unwrap();
    let mut writer = Writer::new();
    let mut out = Output::to_mapped_file(&mut writer, &file, 0);
    let mut saver = RamSaver::new(PageSize::DEFAULT);
    saver.setup_placed(&memory, &mut out).unwrap();
    let half = 64 * 4096;
    let views = crate::ram::view::views(&mut memory);
    assert!(!saver.send_placed(&views, half, &mut out).unwrap());
    assert_eq!(saver.remaining(), half, "the limit is exact");
    saver.dirty[0].insert(3);
    assert!(!saver.send_placed(&views, half, &mut out).unwrap());
    assert!(saver.dirty[0].runs().eq(std::iter::once(3..4)), "it follows the rest");
    assert!(saver.send_placed(&views, half, &mut out).unwrap());
}

#[test]
fn placed_zero_pages_count_as_much_as_their_records() {
    let mut memory = [VecBlock::new("a", vec![0; 192 * 4096])];
    let file = tempfile::tempfile().unwrap();
    let mut writer = Writer::new();
    let mut out = Output::to_mapped_file(&mut writer, &file, 0);
    let mut saver = RamSaver::new(PageSize::DEFAULT);
    saver.setup_placed(&memory, &mut out).unwrap();
    assert!(!saver.send_placed(&crate::ram::view::views(&mut memory), 2 * 64 * 9, &mut out).unwrap());
    assert_eq!(saver.remaining(), 64 * 4096);
}

#[cfg(all(unix, feature = "snapshot"))]
#[test]
fn only_changed_pages_have_places() {
    let mut memory = [VecBlock::new("a", vec![7; 4 * 4096])];
    let changes = Changes::new(&Layout::new(PageSize::DEFAULT, &memory).unwrap());
    changes.block("a").unwrap().insert(1);
    let recorded = Recorded::new(Some(&changes));
    let file = tempfile::tempfile().unwrap();
    let mut writer = Writer::new();
    let mut out = Output::to_recorded_file(&mut writer, &file, &recorded);
    let mut saver = RamSaver::new(PageSize::DEFAULT);
    saver.setup_placed(&memory, &mut out).unwrap();
    assert_eq!(saver.remaining(), 4096);
    // The guest writes another page meanwhile.
    saver.dirty[0].insert(3);
    assert!(saver.send_placed(&crate::ram::view::views(&mut memory), u64::MAX, &mut out).unwrap());
    assert_eq!(saver.sent_pages(), SentPages::new(2, 0));
    drop(saver);
    let blocks = recorded.into_blocks();
    assert!(blocks[0].covered.as_ref().unwrap().runs().eq([1..2, 3..4]));
}
