//! Writes to memory of all kinds.

use std::iter::once;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::memory::{HugePages, Mapping, MappingOptions, PageSize, RamBlock, VecBlock};

const SIZE: u64 = 4 << 20;
const PAGES: u64 = SIZE / 4096;

/// Returns whether the kernel supports the log. `VMSTATE_REQUIRE_USERFAULTFD` turns a missing feature into a failure.
pub(in crate::memory) fn is_supported() -> bool {
    let probe = WriteProtect::probe();
    assert!(probe.is_ok() || std::env::var_os("VMSTATE_REQUIRE_USERFAULTFD").is_none(), "{probe:?}");
    if let Err(error) = &probe {
        eprintln!("NOT TESTED: {error}");
    }
    probe.is_ok()
}

fn kinds() -> Vec<(&'static str, MappingOptions)> {
    let file = || {
        let file = tempfile::tempfile().unwrap();
        file.set_len(SIZE).unwrap();
        file
    };
    vec![
        ("anonymous", MappingOptions::anonymous()),
        ("populated", MappingOptions::anonymous().prefault(true)),
        ("huge pages", MappingOptions::anonymous().huge_pages(HugePages::Transparent).prefault(true)),
        ("memfd", MappingOptions::memfd()),
        ("populated memfd", MappingOptions::memfd().prefault(true)),
        ("private file", MappingOptions::private_file(file())),
        ("shared file", MappingOptions::shared_file(file())),
    ]
}

fn log(options: MappingOptions) -> (Arc<Mapping>, WriteProtect) {
    let ram = Arc::new(options.map("ram", SIZE).unwrap());
    let layout = Layout::new(PageSize::DEFAULT, [&ram]).unwrap();
    let log = WriteProtect::new(&layout, vec![ram.clone()]).unwrap();
    (ram, log)
}

fn collected(log: &WriteProtect, pages: Range<u64>) -> Vec<Range<u64>> {
    let dirty = DirtyBitmap::new(PAGES);
    log.collect(0, pages, &dirty).unwrap();
    dirty.runs().collect()
}

#[test]
fn each_written_page_is_reported_once() {
    if !is_supported() {
        return;
    }
    for (name, options) in kinds() {
        let (ram, log) = log(options);
        ram.write(0, &[1]).unwrap();
        log.start().unwrap();
        assert_eq!(collected(&log, 0..PAGES), [], "{name}");
        ram.write(0x1fff, &[1, 2]).unwrap();
        ram.write(SIZE - 1, &[3]).unwrap();
        assert_eq!(collected(&log, 0..2), Vec::from_iter(once(1..2)), "{name}");
        assert_eq!(collected(&log, 0..u64::MAX), [2..3, PAGES - 1..PAGES], "{name}");
        assert_eq!(collected(&log, 0..PAGES), [], "{name}");
        log.stop().unwrap();
        assert!(matches!(log.collect(0, 0..1, &DirtyBitmap::new(1)), Err(MemoryError::NotStarted)));
        log.start().unwrap();
    }
}

/// More regions than one call returns.
#[test]
fn every_second_page_is_reported() {
    if !is_supported() {
        return;
    }
    let ram = Arc::new(MappingOptions::anonymous().map("ram", 4 * SIZE).unwrap());
    let log = WriteProtect::new(&Layout::new(PageSize::DEFAULT, [&ram]).unwrap(), vec![ram.clone()]).unwrap();
    log.start().unwrap();
    (0..4 * PAGES).step_by(2).for_each(|page| ram.write(page * 4096, &[1]).unwrap());
    let dirty = DirtyBitmap::new(4 * PAGES);
    log.collect(0, 0..4 * PAGES, &dirty).unwrap();
    assert_eq!(dirty.count(), 2 * PAGES);
    assert!(dirty.runs().all(|run| run.start.is_multiple_of(2) && run.end == run.start + 1));
}

#[test]
fn pages_put_back_are_reported_again() {
    if !is_supported() {
        return;
    }
    let (_, log) = log(MappingOptions::anonymous());
    log.start().unwrap();
    let pages = DirtyBitmap::new(PAGES);
    pages.insert_range(7..9);
    log.put_back(0, &pages).unwrap();
    assert_eq!(collected(&log, 0..PAGES), Vec::from_iter(once(7..9)));
    assert!(matches!(log.put_back(1, &pages), Err(MemoryError::UnknownBlock { block: 1, blocks: 1 })));
    assert!(matches!(log.collect(1, 0..1, &pages), Err(MemoryError::UnknownBlock { block: 1, blocks: 1 })));
}

/// Small target pages in a host page, and a page that is larger.
#[test]
fn pages_of_other_sizes_are_reported() {
    if !is_supported() {
        return;
    }
    for (page_size, expected) in [(1024, 20..24), (0x10000, 0..1)] {
        let ram = Arc::new(MappingOptions::anonymous().map("ram", SIZE).unwrap());
        let layout = Layout::new(PageSize::new(page_size).unwrap(), [&ram]).unwrap();
        let log = WriteProtect::new(&layout, vec![ram.clone()]).unwrap();
        log.start().unwrap();
        ram.write(0x5400, &[1]).unwrap();
        let dirty = layout.bitmaps();
        log.collect(0, 21..22, &dirty[0]).unwrap();
        log.collect(0, 0..layout.pages(0), &dirty[0]).unwrap();
        assert!(dirty[0].runs().eq(once(expected)));
    }
}

#[test]
fn second_registration_names_the_remedy() {
    if !is_supported() {
        return;
    }
    let (ram, first) = log(MappingOptions::anonymous());
    first.start().unwrap();
    assert!(matches!(first.start(), Err(MemoryError::AlreadyStarted)));
    let layout = Layout::new(PageSize::DEFAULT, [&ram]).unwrap();
    let second = WriteProtect::new(&layout, vec![ram.clone()]).unwrap();
    let error = second.start().unwrap_err().to_string();
    assert!(error.contains("another userfaultfd or dirty log tracks its memory"), "{error}");
    // The first one is unharmed.
    ram.write(0x3000, &[1]).unwrap();
    assert_eq!(collected(&first, 0..PAGES), Vec::from_iter(once(3..4)));
    first.stop().unwrap();
    second.start().unwrap();
}

/// A thread that starts a process copies all descriptors for a moment.
#[test]
fn copies_of_the_descriptor_do_not_keep_memory() {
    if !is_supported() {
        return;
    }
    let (ram, first) = log(MappingOptions::anonymous());
    first.start().unwrap();
    let copy = || match &first.read().as_ref().unwrap().registration {
        Registration::Own(userfault) => userfault.as_fd().try_clone_to_owned().unwrap(),
        #[cfg(feature = "snapshot")]
        Registration::Missing(..) => panic!("the log has another registration"),
    };
    let stopped = copy();
    first.stop().unwrap();
    first.start().unwrap();
    let dropped = copy();
    drop(first);
    let layout = Layout::new(PageSize::DEFAULT, [&ram]).unwrap();
    WriteProtect::new(&layout, vec![ram]).unwrap().start().unwrap();
    drop((stopped, dropped));
}

#[test]
fn memory_without_address_is_rejected() {
    let block: SharedBlock = Arc::new(VecBlock::new("ram", vec![0; 8192 + 1024]));
    let layout = Layout::new(PageSize::new(1024).unwrap(), [&block]).unwrap();
    let error = WriteProtect::new(&layout, vec![block]).unwrap_err().to_string();
    assert_eq!(error, "RAM block `ram` has no address in host memory; use a `Mapping`");
}

/// The copy that a collector keeps up to date equals the memory when the writers have stopped.
#[test]
fn concurrent_writes_are_not_lost() {
    if !is_supported() {
        return;
    }
    for (name, options) in kinds() {
        let (ram, log) = log(options);
        log.start().unwrap();
        let (stop, mut copy) = (AtomicBool::new(false), vec![0; SIZE as usize]);
        let mut round = |dirty: &DirtyBitmap| {
            log.collect(0, 0..PAGES, dirty).unwrap();
            while let Some(page) = dirty.take_from(0) {
                let start = page as usize * 4096;
                ram.read(page * 4096, &mut copy[start..start + 4096]).unwrap();
            }
        };
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut state = 1_u64;
                while !stop.load(Ordering::Relaxed) {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    ram.write(state % (SIZE - 8), &state.to_ne_bytes()).unwrap();
                }
            });
            let dirty = DirtyBitmap::new(PAGES);
            (0..50).for_each(|_| round(&dirty));
            stop.store(true, Ordering::Relaxed);
        });
        round(&DirtyBitmap::new(PAGES));
        assert!(ram.memory().to_vec() == copy, "{name}");
    }
}
