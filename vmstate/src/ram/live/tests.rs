//! Memory as the section of a machine: its options, its channels, and its rollback.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use vmstate_types::Writer;

use super::*;
use crate::memory::VecBlock;
use crate::ram::channels::Connections;
use crate::ram::record::{BlockHeader, Record, write_record};

type Block = Arc<dyn RamBlock + Send + Sync>;

/// Counts how often the data channels are closed.
#[derive(Default)]
struct Closed(Arc<AtomicUsize>);

impl Connections for Closed {
    fn interrupt_main(&self) {}

    fn close_data(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn payload(records: &[Record]) -> Vec<u8> {
    let mut out = Writer::new();
    records.iter().for_each(|record| write_record(&mut out, record, "a"));
    write_record(&mut out, &Record::EndOfSection, "");
    out.take()
}

fn load(ram: &mut impl LiveSection, records: &[Record]) -> Result<(), LoadError> {
    ram.load(&mut Reader::from_slice(&payload(records)), SectionKind::Part, crate::ram::VERSION)
}

#[test]
fn options_of_the_section_replace_a_configuration() {
    let mut header = BlockHeader::new("a", 4096);
    header.address = Some(0x1_0000);
    let list = [Record::BlockList(4096), Record::Block(header)];
    let options = RamOptions { ignore_shared: true, ..RamOptions::default() };
    let ram = || Ram::<VecBlock, _>::new(PageSize::DEFAULT, [VecBlock::new("a", vec![1; 4096])]);
    let mut with_options = ram().options(options);
    with_options.load_setup(false).unwrap();
    load(&mut with_options, &list).unwrap();
    let mut without = ram();
    without.load_setup(false).unwrap();
    load(&mut without, &list).unwrap_err();
}

#[test]
fn channels_forgo_the_undo_log() {
    let block: Block = Arc::new(VecBlock::new("a", vec![1; 4096]));
    let (blocks, timeout) = (vec![Arc::clone(&block)], Duration::from_secs(60));
    let shared = SharedLoad::new(PageSize::DEFAULT, Some(blocks.clone()), 0, Box::new(Closed::default()), timeout);
    let mut ram = Ram::new(PageSize::DEFAULT, blocks).load_channels(Arc::new(shared));
    let content = || {
        let mut byte = [9];
        block.read(0, &mut byte).unwrap();
        byte[0]
    };
    ram.load_setup(true).unwrap();
    let zero = Record::Zero { offset: 0, same_block: false, fill: 0 };
    load(&mut ram, &[Record::BlockList(4096), Record::Block(BlockHeader::new("a", 4096)), zero]).unwrap();
    assert_eq!(content(), 1, "the fill is deferred");
    ram.load_forgo_undo().unwrap();
    assert_eq!(content(), 0);
    ram.load_undo().unwrap();
    assert_eq!(content(), 0);
}

#[test]
fn small_budgets_write_a_part_of_the_places() {
    let file = tempfile::tempfile().unwrap();
    let mut writer = Writer::new();
    let mut out = Output::to_mapped_file(&mut writer, &file, 0);
    let mut ram = Ram::<VecBlock, _>::new(PageSize::DEFAULT, [VecBlock::new("a", vec![1; 1 << 20])]);
    ram.save_setup(&mut out).unwrap();
    assert!(!ram.save_iterate(&mut out, 4096).unwrap());
    let left = ram.pending_estimate().total();
    assert!(left > 0 && left < 1 << 20, "{left}");
    assert!(ram.save_iterate(&mut out, u64::MAX).unwrap());
    assert_eq!(ram.pending_estimate().total(), 0);
}

type Single = Ram<VecBlock, [VecBlock; 1]>;

/// A section with a block of a page whose bytes are 1.
fn single() -> Single {
    Ram::new(PageSize::DEFAULT, [VecBlock::new("a", vec![1; 4096])])
}

fn list() -> [Record; 2] {
    [Record::BlockList(4096), Record::Block(BlockHeader::new("a", 4096))]
}

fn zero() -> Record {
    Record::Zero { offset: 0, same_block: false, fill: 0 }
}

#[test]
fn load_is_complete_when_all_pages_have_arrived() {
    let mut ram = single();
    ram.load_setup(false).unwrap();
    assert!(!ram.is_complete_without_end(), "the blocks are not known");
    load(&mut ram, &list()).unwrap();
    assert!(!ram.is_complete_without_end());
    load(&mut ram, &[zero()]).unwrap();
    assert!(ram.is_complete_without_end());
}

#[test]
fn ended_loads_are_not_rolled_back() {
    let forgo = |ram: &mut Single| ram.load_forgo_undo().unwrap();
    for end in [forgo, Single::load_cleanup] {
        let mut ram = single();
        ram.load_setup(true).unwrap();
        load(&mut ram, &list()).unwrap();
        load(&mut ram, &[zero()]).unwrap();
        ram.load_finish().unwrap();
        assert_eq!(ram.blocks[0].bytes()[0], 0);
        end(&mut ram);
        ram.load_undo().unwrap();
        assert_eq!(ram.blocks[0].bytes()[0], 0);
    }
}

#[test]
fn channels_are_closed_before_memory_is_used() {
    let block: Block = Arc::new(VecBlock::new("a", vec![1; 4096]));
    let (blocks, timeout, closed) = (vec![Arc::clone(&block)], Duration::from_secs(60), Closed::default());
    let count = Arc::clone(&closed.0);
    let shared = SharedLoad::new(PageSize::DEFAULT, Some(blocks.clone()), 0, Box::new(closed), timeout);
    let mut ram = Ram::new(PageSize::DEFAULT, blocks).load_channels(Arc::new(shared));
    let content = || {
        let mut byte = [9];
        block.read(0, &mut byte).unwrap();
        (byte[0], count.load(Ordering::Relaxed))
    };
    ram.load_setup(true).unwrap();
    load(&mut ram, &list()).unwrap();
    load(&mut ram, &[zero()]).unwrap();
    assert_eq!(content(), (1, 0));
    ram.load_finish().unwrap();
    assert_eq!(content(), (0, 1));
    ram.load_undo().unwrap();
    assert_eq!(content(), (1, 2));

    ram.load_setup(true).unwrap();
    load(&mut ram, &list()).unwrap();
    load(&mut ram, &[zero()]).unwrap();
    ram.load_finish().unwrap();
    ram.load_cleanup();
    assert_eq!(content(), (0, 4));
    ram.load_undo().unwrap();
    assert_eq!(content(), (0, 5), "the end keeps the memory");
}

#[test]
fn only_shared_files_need_no_pages() {
    for (address, complete) in [(None, false), (Some(0x1_0000), true)] {
        let options = RamOptions { ignore_shared: address.is_some(), ..RamOptions::default() };
        let mut ram = single().options(options).require_pages();
        ram.load_setup(false).unwrap();
        let header = BlockHeader { address, ..BlockHeader::new("a", 4096) };
        load(&mut ram, &[Record::BlockList(4096), Record::Block(header)]).unwrap();
        assert_eq!(ram.load_finish().is_ok(), complete, "{address:?}");
    }
    let mut ram = single().require_pages();
    ram.load_setup(false).unwrap();
    load(&mut ram, &list()).unwrap();
    load(&mut ram, &[zero()]).unwrap();
    ram.load_finish().unwrap();
}

fn written(ram: &mut Single, save: impl FnOnce(&mut Single, &mut Output<'_>) -> Result<(), SaveError>) -> Vec<u8> {
    let mut writer = Writer::new();
    save(ram, &mut Output::new(&mut writer, None)).unwrap();
    writer.take()
}

#[test]
fn budget_of_a_page_sends_a_page() {
    let mut ram = Ram::<VecBlock, _>::new(PageSize::DEFAULT, [VecBlock::new("a", vec![0; 8192])]);
    written(&mut ram, LiveSection::save_setup);
    let first = written(&mut ram, |ram, out| ram.save_iterate(out, 8 + 2 + 1).map(drop));
    assert_eq!(first, payload(&[zero()]));
    assert_eq!(ram.pending_estimate().total(), 4096);
}

#[test]
fn resized_cache_is_the_one_of_all_saves() {
    let mut ram = Ram::<VecBlock, _>::new(PageSize::DEFAULT, [VecBlock::new("a", vec![1; 8192])]).xbzrle(4096);
    // Returns the misses when both pages are sent three times.
    let misses = |ram: &mut Single| {
        written(ram, LiveSection::save_setup);
        for _ in 0..3 {
            ram.saver.dirty[0].insert_range(0..2);
            written(ram, |ram, out| ram.save_iterate(out, u64::MAX).map(drop));
        }
        ram.xbzrle_counters().unwrap().misses
    };
    assert_eq!(misses(&mut ram), 1 + 2, "the only place has one of the pages");
    ram.resize_xbzrle(8192);
    ram.saver.dirty[0].insert(0);
    written(&mut ram, |ram, out| ram.save_iterate(out, u64::MAX).map(drop));
    assert_eq!(ram.xbzrle_counters().unwrap().misses, 4, "the new cache is empty");
    assert_eq!(misses(&mut ram), 2);
    let mut without = single();
    without.resize_xbzrle(8192);
    written(&mut without, LiveSection::save_setup);
    assert_eq!(without.xbzrle_counters(), None);
}
