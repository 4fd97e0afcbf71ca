//! Changes to pages, from the saver to the loader, and the rollback of a load.

use std::ops::Range;
use std::sync::{Arc, Mutex};

use vmstate::memory::{DirtyBitmap, DirtyLog, MemoryError, PageSize, RamBlock};
use vmstate::ram::xbzrle::Counters;
use vmstate::section::LiveSection;

use super::*;

/// A log of the pages that a test writes.
#[derive(Default)]
struct Log(Mutex<Vec<(usize, u64)>>);

impl DirtyLog for Log {
    fn start(&self) -> Result<(), MemoryError> {
        Ok(())
    }

    fn collect(&self, block: usize, pages: Range<u64>, dirty: &DirtyBitmap) -> Result<(), MemoryError> {
        self.0.lock().unwrap().retain(|(written, page)| {
            let found = *written == block && pages.contains(page);
            if found {
                dirty.insert(*page);
            }
            !found
        });
        Ok(())
    }

    fn put_back(&self, _: usize, _: &DirtyBitmap) -> Result<(), MemoryError> {
        Ok(())
    }

    fn stop(&self) -> Result<(), MemoryError> {
        Ok(())
    }
}

/// A write of the guest: a page of all memory, an offset in it, a length, and a value.
type Write = (usize, usize, usize, u8);

const PAGE: usize = 512;
/// The pages of each of the two blocks.
const PAGES: usize = 5;

fn memory(value: u8) -> Vec<VecBlock> {
    ["a", "b"].map(|name| VecBlock::new(name, vec![value; PAGES * PAGE])).to_vec()
}

fn write(blocks: &[VecBlock], log: &Log, (page, offset, length, value): Write) {
    let (block, page) = (page / PAGES, page % PAGES);
    let length = length.min(PAGE - offset);
    let bytes: Vec<u8> = (0..length).map(|index| value.wrapping_mul((index % 3) as u8)).collect();
    blocks[block].write((page * PAGE + offset) as u64, &bytes).unwrap();
    log.0.lock().unwrap().push((block, page as u64));
}

/// Sends memory that is written between the passes, and returns the payloads.
fn send(blocks: &[VecBlock], cache: u64, limit: u64, passes: &[Vec<Write>]) -> (Vec<Vec<u8>>, Counters) {
    let log = Arc::new(Log::default());
    let page_size = PageSize::new(PAGE as u64).unwrap();
    let shared: Vec<&VecBlock> = blocks.iter().collect();
    let mut ram = Ram::new(page_size, shared).dirty_log(log.clone()).xbzrle(cache);
    let mut writer = Writer::new();
    ram.save_setup(&mut Output::new(&mut writer, None)).unwrap();
    let mut payloads = vec![writer.take()];
    let mut iterate = |ram: &mut Ram<_, _>| {
        let done = ram.save_iterate(&mut Output::new(&mut writer, None), limit).unwrap();
        payloads.push(writer.take());
        done
    };
    for writes in passes {
        // The guest writes while the pass is sent.
        for write_one in writes {
            write(blocks, &log, *write_one);
            iterate(&mut ram);
        }
        while !iterate(&mut ram) {}
        ram.pending_exact();
    }
    ram.save_complete(&mut Output::new(&mut writer, None)).unwrap();
    payloads.push(writer.take());
    let counters = ram.xbzrle_counters().unwrap();
    ram.save_cleanup();
    (payloads, counters)
}

fn load(blocks: &mut [VecBlock], payloads: &[Vec<u8>]) -> Result<(), LoadError> {
    let bytes = payloads.concat();
    let mut reader = Reader::from_read(OneByte(&bytes));
    let mut loader = RamLoader::new(PageSize::new(PAGE as u64).unwrap());
    payloads.iter().try_for_each(|_| loader.load(blocks, &mut reader))
}

/// Loads with a rollback log, and rolls back unless the load is to be kept.
fn load_section(blocks: &mut [VecBlock], payloads: &[Vec<u8>], keep: bool) {
    let bytes = payloads.concat();
    let mut reader = Reader::from_slice(&bytes);
    let mut ram = Ram::new(PageSize::new(PAGE as u64).unwrap(), blocks);
    ram.load_setup(true).unwrap();
    for _ in payloads {
        ram.load(&mut reader, SectionKind::Part, 4).unwrap();
    }
    ram.load_finish().unwrap();
    if !keep {
        ram.load_undo().unwrap();
    }
    ram.load_cleanup();
}

fn any_write() -> impl Strategy<Value = Write> {
    let length = prop_oneof![1..8_usize, 1..=PAGE];
    // Value 0 makes zero pages.
    (0..2 * PAGES, 0..PAGE, length, prop_oneof![Just(0), any::<u8>()]).prop_map(|(page, offset, length, value)| {
        if length == PAGE { (page, 0, length, value) } else { (page, offset, length, value) }
    })
}

fn any_passes() -> impl Strategy<Value = Vec<Vec<Write>>> {
    prop::collection::vec(prop::collection::vec(any_write(), 0..12), 0..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn changed_memory_arrives(
        passes in any_passes(),
        before in 0..3_u8,
        old in 0..3_u8,
        cache in prop_oneof![Just(0_u64), Just(2 * PAGE as u64), Just(1 << 20)],
        limit in 1..4000_u64,
    ) {
        let sent = memory(before);
        let (payloads, _) = send(&sent, cache, limit, &passes);
        let mut loaded = memory(old);
        load(&mut loaded, &payloads).unwrap();
        prop_assert_eq!(&loaded, &sent);

        let mut loaded = memory(old);
        load_section(&mut loaded, &payloads, true);
        prop_assert_eq!(&loaded, &sent);
        let mut rolled_back = memory(old);
        load_section(&mut rolled_back, &payloads, false);
        prop_assert_eq!(&rolled_back, &memory(old));
    }
}

#[test]
fn pages_are_sent_as_changes_from_the_third_pass_on() {
    let blocks = memory(7);
    let change = |value| vec![(1, 100, 2, value)];
    let (payloads, counters) = send(&blocks, 1 << 20, 1 << 20, &[change(1), change(2), change(3), change(4)]);
    assert_eq!((counters.misses, counters.overflows), (1, 0));
    assert!(counters.pages >= 2, "{counters:?}");
    // Two bytes with the values 0 and 4, of which the first has not changed.
    let record = [&[0, 0, 0, 0, 0, 0, 2, 0x40 | 0x20][..], &[1, 0, 3, 101, 1, 4]].concat();
    let found = payloads.iter().any(|payload| payload.windows(record.len()).any(|window| window == record));
    assert!(found, "{payloads:?}");
}

/// A record of changes to the page at `offset` of block `a`.
fn record(offset: u64, delta: &[u8]) -> Vec<u8> {
    let length = u16::try_from(delta.len()).unwrap().to_be_bytes();
    [&(offset | 0x40).to_be_bytes()[..], b"\x01a\x01", &length, delta].concat()
}

fn start() -> Vec<u8> {
    send(&memory(0), 0, 1, &[]).0.swap_remove(0)
}

const END: [u8; 8] = 0x10_u64.to_be_bytes();

#[test]
fn malformed_changes_are_rejected() {
    let error = |delta: &[u8]| {
        let mut loaded = memory(9);
        let error = load(&mut loaded, &[start(), [&record(0, delta)[..], &END].concat()]).unwrap_err();
        assert_eq!(loaded, memory(9), "nothing has changed");
        (
            error.offset().unwrap() - start().len() as u64,
            error.found().to_owned(),
            error.qemu_message().unwrap().to_owned(),
        )
    };
    let decode = "Failed to load XBZRLE page - decode error!".to_owned();
    assert_eq!(error(&[0]), (0, "the end of the changes".to_owned(), decode.clone()));
    assert_eq!(error(&[0xff, 0x7f, 1, 1]), (0, "0x4000".to_owned(), decode));
    let overflow = "Failed to load XBZRLE page - len overflow!".to_owned();
    assert_eq!(error(&[0; PAGE + 1]), (0, "0x201".to_owned(), overflow));
}

#[test]
fn changes_may_be_to_any_page() {
    // QEMU accepts changes to a page that was not sent before, and changes of no bytes.
    let payloads = [start(), [&record(512, &[1, 1, 3])[..], &record(0, &[]), &END].concat()];
    let mut expected = memory(9);
    expected[0].bytes()[513] = 3;
    let mut loaded = memory(9);
    load(&mut loaded, &payloads).unwrap();
    assert_eq!(loaded, expected);
    let mut loaded = memory(9);
    load_section(&mut loaded, &payloads, true);
    assert_eq!(loaded, expected);
}
