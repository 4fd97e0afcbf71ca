//! Pages of all kinds, before and while the guest runs.

use vmstate_types::Writer;

use super::*;
use crate::memory::VecBlock;
use crate::ram::VERSION;
use crate::ram::record::{BlockHeader, Record};
use crate::ram::testing::{Large, payload};

fn load(ram: &mut IncomingRam, records: &[(Record, &[u8])]) -> Result<(), LoadError> {
    ram.load(&mut Reader::from_slice(&payload(records)), SectionKind::Part, VERSION)
}

/// A section whose block `a` of three pages, with the byte 1, is listed by the stream, and a block that is not.
fn ram(undoable: bool) -> IncomingRam {
    let block = |name, size| -> Block { Arc::new(VecBlock::new(name, vec![1; size])) };
    let mut ram = IncomingRam::new(PageSize::DEFAULT, vec![block("other", 4096), block("a", 3 * 4096)]);
    ram.load_setup(undoable).unwrap();
    let block = Record::Block(BlockHeader::new("a", 3 * 4096));
    load(&mut ram, &[(Record::BlockList(3 * 4096), &[]), (block, &[])]).unwrap();
    ram
}

fn page(page: u64) -> Record {
    Record::Page { offset: page * 4096, same_block: false }
}

fn zero(page: u64) -> Record {
    Record::Zero { offset: page * 4096, same_block: false, fill: 0 }
}

/// Changes the second byte.
fn changes(page: u64) -> (Record, &'static [u8]) {
    (Record::Xbzrle { offset: page * 4096, same_block: false, length: 3 }, &[1, 1, 9])
}

/// Returns the first two bytes of each page.
fn content(ram: &IncomingRam) -> [[u8; 2]; 3] {
    let block = &ram.blocks()[1];
    std::array::from_fn(|page| {
        let mut bytes = [0; 2];
        block.read(page as u64 * 4096, &mut bytes).unwrap();
        bytes
    })
}

#[test]
fn pages_before_postcopy_load_and_roll_back() {
    for undoable in [false, true] {
        let mut ram = ram(undoable);
        assert!(ram.is_active() && !ram.is_complete_without_end());
        load(&mut ram, &[(page(0), &[7; 4096]), changes(0), changes(1), (zero(2), &[])]).unwrap();
        let deferred = if undoable { [[1, 1], [1, 1]] } else { [[1, 9], [0, 0]] };
        assert_eq!(content(&ram), [[7, 9], deferred[0], deferred[1]]);
        ram.load_finish().unwrap();
        assert_eq!(content(&ram), [[7, 9], [1, 9], [0, 0]]);
        ram.load_undo().unwrap();
        let rolled_back = if undoable { [[1, 1]; 3] } else { [[7, 9], [1, 9], [0, 0]] };
        assert_eq!(content(&ram), rolled_back);
    }
}

#[test]
fn forgone_undo_keeps_the_loaded_pages() {
    let mut ram = ram(true);
    load(&mut ram, &[(page(0), &[7; 4096]), (zero(2), &[])]).unwrap();
    ram.load_forgo_undo().unwrap();
    ram.load_undo().unwrap();
    assert_eq!(content(&ram), [[7, 7], [1, 1], [0, 0]]);
    ram.load_setup(true).unwrap();
    assert!(!ram.received().contains(1, &(0..4096)), "another load begins");
}

#[test]
fn arrived_pages_are_recorded() {
    let mut ram = ram(false);
    assert_eq!(ram.page_size(), 4096);
    assert!(ram.listed().iter().map(|(index, block)| (*index, block.idstr())).eq([(1, "a")]));
    load(&mut ram, &[(page(0), &[7; 4096]), (zero(1), &[])]).unwrap();
    let received = Arc::clone(ram.received());
    assert!(received.contains(1, &(0..8192)) && received.contains(1, &(4095..4097)));
    assert!(!received.contains(1, &(8191..8193)) && !received.contains(0, &(0..1)) && !received.contains(2, &(0..1)));
    assert!(!ram.is_complete());
    let bitmap = received.bitmap(1);
    assert!([true, true, false].iter().enumerate().all(|(page, set)| bitmap.contains(page as u64) == *set));
    load(&mut ram, &[(page(2), &[7; 4096])]).unwrap();
    assert!(ram.is_complete() && ram.is_complete_without_end(), "the other block is not in the stream");
    ram.forget(1, &(4096..4097));
    assert!(received.contains(1, &(0..4096)) && !received.contains(1, &(4096..8192)) && !ram.is_complete());
}

#[test]
fn memory_of_a_destination_is_not_saved() {
    let mut ram = ram(false);
    let mut writer = Writer::new();
    let mut out = Output::new(&mut writer, None);
    ram.save_setup(&mut out).unwrap_err();
    ram.save_iterate(&mut out, 1).unwrap_err();
    ram.save_complete(&mut out).unwrap_err();
}

/// Records the placed pages: the block, the offset, and the first byte.
#[derive(Clone, Default)]
struct Placed(Arc<Mutex<Vec<(usize, u64, u8)>>>);

impl PlacePages for Placed {
    fn place(&mut self, block: usize, offset: u64, page: &[u8]) -> Result<(), MemoryError> {
        self.0.lock().unwrap().push((block, offset, page[0]));
        Ok(())
    }

    fn place_zeros(&mut self, block: usize, bytes: Range<u64>) -> Result<(), MemoryError> {
        assert_eq!(bytes.end - bytes.start, 4096);
        self.0.lock().unwrap().push((block, bytes.start, 0));
        Ok(())
    }
}

#[test]
fn pages_are_placed_while_the_guest_runs() {
    let mut ram = ram(true);
    let placed = Placed::default();
    ram.place_with(Box::new(placed.clone())).unwrap();
    assert!(!ram.is_active());
    load(&mut ram, &[(page(0), &[7; 4096]), (zero(1), &[])]).unwrap();
    assert_eq!(*placed.0.lock().unwrap(), [(1, 0, 7), (1, 4096, 0)]);
    assert!(ram.received().contains(1, &(0..8192)));
    let error = load(&mut ram, &[changes(2)]).unwrap_err();
    assert_eq!(error.expected(), "whole pages while the guest runs");
    assert_eq!(content(&ram), [[1, 1]; 3], "the placer writes the memory");

    ram.restart();
    let mut requested = ram.preempt(Box::new(placed.clone()));
    requested.load(&mut Reader::from_slice(&payload(&[(page(2), &[8; 4096])]))).unwrap();
    assert_eq!(placed.0.lock().unwrap().last(), Some(&(1, 8192, 8)));
    assert!(ram.is_complete());
    ram.end_placing();
    assert!(ram.is_active());
}

#[test]
fn restarted_stream_repeats_the_name_of_the_block() {
    let same_block = || [(Record::Page { offset: 0, same_block: true }, &[5; 4096][..])];
    let mut ram = ram(false);
    load(&mut ram, &[(page(1), &[7; 4096])]).unwrap();
    load(&mut ram, &same_block()).unwrap();
    let mut requested = ram.preempt(Box::new(Placed::default()));
    requested.load(&mut Reader::from_slice(&payload(&same_block()))).unwrap_err();
    ram.restart();
    load(&mut ram, &same_block()).unwrap_err();
}

#[test]
fn next_load_starts_with_the_list_of_blocks() {
    let mut ram = ram(true);
    load(&mut ram, &[(page(0), &[7; 4096])]).unwrap();
    ram.place_with(Box::new(Placed::default())).unwrap();
    ram.load_setup(false).unwrap();
    assert!(ram.is_active());
    load(&mut ram, &[(page(0), &[8; 4096])]).unwrap_err();
    assert_eq!(content(&ram), [[7, 7], [1, 1], [1, 1]]);
}

#[test]
fn ended_load_is_not_rolled_back() {
    let mut ram = ram(true);
    load(&mut ram, &[(page(0), &[7; 4096])]).unwrap();
    ram.load_cleanup();
    ram.load_undo().unwrap();
    assert_eq!(content(&ram), [[7, 7], [1, 1], [1, 1]]);
}

/// Records the offsets and lengths of placed host pages.
#[derive(Clone, Default)]
struct Lengths(Arc<Mutex<Vec<(u64, u64)>>>);

impl PlacePages for Lengths {
    fn place(&mut self, _: usize, offset: u64, page: &[u8]) -> Result<(), MemoryError> {
        self.0.lock().unwrap().push((offset, page.len() as u64));
        Ok(())
    }

    fn place_zeros(&mut self, _: usize, bytes: Range<u64>) -> Result<(), MemoryError> {
        self.0.lock().unwrap().push((bytes.start, bytes.end - bytes.start));
        Ok(())
    }
}

#[test]
fn cut_host_page_is_sent_again_as_a_whole() {
    let block: Block = Arc::new(Large(VecBlock::new("a", vec![1; 4 * 4096])));
    let mut ram = IncomingRam::new(PageSize::DEFAULT, vec![block]);
    ram.load_setup(true).unwrap();
    let block = Record::Block(BlockHeader::new("a", 4 * 4096));
    load(&mut ram, &[(Record::BlockList(4 * 4096), &[]), (block, &[])]).unwrap();
    let placed = Lengths::default();
    ram.place_with(Box::new(placed.clone())).unwrap();
    load(&mut ram, &[(page(2), &[7; 4096])]).unwrap();
    assert!(placed.0.lock().unwrap().is_empty() && !ram.received().contains(0, &(8192..12_288)));
    ram.restart();
    load(&mut ram, &[(page(0), &[7; 4096]), (page(1), &[7; 4096]), (zero(2), &[]), (zero(3), &[])]).unwrap();
    assert_eq!(*placed.0.lock().unwrap(), [(0, 8192), (8192, 8192)]);
    assert!(ram.is_complete());
    load(&mut ram, &[(page(0), &[7; 4096])]).unwrap();
    let error = load(&mut ram, &[(page(3), &[7; 4096])]).unwrap_err();
    assert_eq!(error.expected(), "the target page at 0x1000 of block 0");
}
