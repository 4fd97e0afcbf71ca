//! Rollbacks of pages, fills and changes.

use proptest::prelude::*;

use super::*;
use crate::memory::VecBlock;

const PAGE: usize = 256;

fn memory() -> Vec<VecBlock> {
    let bytes =
        (0..8 * PAGE).map(|index| if (index / PAGE).is_multiple_of(2) { 0 } else { (index % 251) as u8 }).collect();
    vec![VecBlock::new("a", bytes), VecBlock::new("b", vec![0; 8 * PAGE])]
}

proptest! {
    #[test]
    fn rollback_restores_all_pages(
        steps in prop::collection::vec((0..2_usize, 0..8_u64, any::<Option<u8>>(), 0..4_u8), 0..40),
    ) {
        let (mut loaded, before) = (memory(), memory());
        let expected = memory();
        let mut undo = UndoLog::new(&loaded, PageSize::new(PAGE as u64).unwrap());
        for (block, page, data, fill) in steps {
            let offset = page * PAGE as u64;
            let bytes = [data.unwrap_or(fill); PAGE];
            let address = PageAddress { block, offset };
            match data {
                Some(_) => {
                    undo.save(&mut loaded, address).unwrap();
                    loaded[block].write(offset, &bytes).unwrap();
                }
                None => undo.fill(&mut loaded, address, fill).unwrap(),
            }
            expected[block].write(offset, &bytes).unwrap();
        }
        undo.apply_deferred(&mut loaded).unwrap();
        prop_assert_eq!(&loaded, &expected);
        undo.roll_back(&mut loaded).unwrap();
        prop_assert_eq!(&loaded, &before);
    }
}

proptest! {
    #[test]
    fn rollback_restores_shared_memory(
        before in prop::collection::vec(0..2_u8, 4),
        steps in prop::collection::vec((0..2_usize, 0..4_u64, any::<bool>(), 0..3_u8), 0..40),
    ) {
        let bytes: Vec<u8> = before.iter().flat_map(|byte| [*byte; PAGE]).collect();
        let memory = VecBlock::new("memory", bytes.clone());
        let mut blocks = [&memory, &memory];
        let mut undo = UndoLog::new(&blocks, PageSize::new(PAGE as u64).unwrap());
        for (block, page, is_data, byte) in steps {
            let address = PageAddress { block, offset: page * PAGE as u64 };
            if is_data {
                undo.save(&mut blocks, address).unwrap();
                blocks[block].write(address.offset, &[byte; PAGE]).unwrap();
            } else {
                undo.fill(&mut blocks, address, byte).unwrap();
            }
        }
        undo.apply_deferred(&mut blocks).unwrap();
        undo.roll_back(&mut blocks).unwrap();
        prop_assert_eq!(memory.to_vec(), bytes);
    }
}

#[test]
fn fill_between_changes_keeps_its_place() {
    for fills in [[0, 0], [3, 4]] {
        let (mut loaded, before) = (memory(), memory());
        let mut undo = UndoLog::new(&loaded, PageSize::new(PAGE as u64).unwrap());
        for (page, fill) in (1..).zip(fills) {
            let address = PageAddress { block: 0, offset: page * PAGE as u64 };
            undo.patch(&mut loaded, address, &[0, 1, 5]).unwrap();
            undo.fill(&mut loaded, address, fill).unwrap();
            undo.patch(&mut loaded, address, &[2, 1, 6]).unwrap();
        }
        assert_eq!(loaded, before, "the changes are deferred");
        undo.apply_deferred(&mut loaded).unwrap();
        for (page, fill) in (1..).zip(fills) {
            assert_eq!(loaded[0].bytes()[page * PAGE..][..4], [fill, fill, 6, fill], "page {page}");
        }
        undo.roll_back(&mut loaded).unwrap();
        assert_eq!(loaded, before);
    }
}

#[test]
fn consecutive_pages_are_checked_together() {
    let mut memory = [VecBlock::new("a", vec![0; 1000 * PAGE])];
    let mut undo = UndoLog::new(&memory, PageSize::new(PAGE as u64).unwrap());
    let mut checks = Vec::new();
    for page in 0..1000 {
        undo.save(&mut memory, PageAddress { block: 0, offset: page * PAGE as u64 }).unwrap();
        checks.push(undo.blocks[0].zero.clone());
    }
    checks.dedup();
    assert!(checks.len() < 20, "{checks:?}");
    assert_eq!(checks.last().map(|last| last.end), Some(1000));
}

#[test]
fn zero_records_copy_nothing_before_the_end() {
    let mut memory = memory();
    let mut undo = UndoLog::new(&memory, PageSize::new(PAGE as u64).unwrap());
    for page in 0..8 {
        undo.fill(&mut memory, PageAddress { block: 0, offset: page * PAGE as u64 }, 0).unwrap();
    }
    assert!(undo.writes.copies.is_empty());
    undo.apply_deferred(&mut memory).unwrap();
    assert!(memory[0].bytes().iter().all(|byte| *byte == 0));
}

#[test]
fn data_replace_the_changes_before_them() {
    let mut loaded = memory();
    let mut undo = UndoLog::new(&loaded, PageSize::new(PAGE as u64).unwrap());
    let address = PageAddress { block: 0, offset: PAGE as u64 };
    undo.patch(&mut loaded, address, &[3, 1, 5]).unwrap();
    undo.save(&mut loaded, address).unwrap();
    loaded[0].write(address.offset, &[7; PAGE]).unwrap();
    undo.apply_deferred(&mut loaded).unwrap();
    assert_eq!(loaded[0].bytes()[PAGE..2 * PAGE], [7; PAGE]);
    undo.roll_back(&mut loaded).unwrap();
    assert_eq!(loaded, memory());
}

/// A block whose first page cannot be written.
struct ReadOnly(VecBlock);

impl RamBlock for ReadOnly {
    fn idstr(&self) -> &str {
        self.0.idstr()
    }

    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        self.0.read(offset, into)
    }

    fn write(&self, offset: u64, from: &[u8]) -> Result<(), MemoryError> {
        if offset == 0 { self.0.write(self.0.size(), from) } else { self.0.write(offset, from) }
    }
}

#[test]
fn rollback_reports_pages_that_cannot_be_written() {
    let mut blocks = [ReadOnly(VecBlock::new("a", vec![1; 2 * PAGE]))];
    let mut undo = UndoLog::new(&blocks, PageSize::new(PAGE as u64).unwrap());
    for page in [1, 0] {
        undo.save(&mut blocks, PageAddress { block: 0, offset: page * PAGE as u64 }).unwrap();
    }
    blocks[0].0.write(0, &[9; 2 * PAGE]).unwrap();
    undo.roll_back(&mut blocks).unwrap_err();
    assert_eq!(blocks[0].0.to_vec(), [[9; PAGE], [1; PAGE]].concat(), "the other page is restored");
}
