//! A restore with a log of writes.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::memory::{Changes, DirtyBitmap, DirtyLog, Layout, WriteProtect};
use crate::snapshot::Details;

/// Returns whether the system supports a lazy restore with a log.
fn is_logged() -> bool {
    let probe = WriteProtect::probe();
    assert!(probe.is_ok() || std::env::var_os("VMSTATE_REQUIRE_USERFAULTFD").is_none(), "{probe:?}");
    if let Err(error) = &probe {
        eprintln!("NOT TESTED: {error}");
    }
    probe.is_ok() && is_supported()
}

const KINDS: [fn() -> MappingOptions; 2] = [MappingOptions::anonymous, MappingOptions::memfd];

fn collected(log: &WriteProtect) -> Vec<u64> {
    let dirty = DirtyBitmap::new(PAGES);
    log.collect(0, 0..PAGES, &dirty).unwrap();
    dirty.runs().flatten().collect()
}

#[test]
fn first_write_to_a_missing_page_is_logged() {
    if !is_logged() {
        return;
    }
    let fixture = Fixture::new();
    for options in KINDS {
        let ram = blocks(options);
        ram[0].write(0, &[7; 8 * PAGE as usize]).unwrap();
        let restore = start(&fixture.lazy(&ram).on_demand().logged());
        let log = restore.dirty_log().unwrap();
        assert_eq!(collected(&log), [0; 0], "the restore is not a write of the guest");
        // A read, and writes to pages that are missing, one of which is zero in the file.
        assert_eq!(ram[0].memory().load(0), Some(mark(0, 0)));
        ram[0].write(2 * PAGE + 100, &[1]).unwrap();
        ram[0].write(4 * PAGE + 100, &[1]).unwrap();
        assert_eq!(collected(&log), [2, 4]);
        assert_eq!(ram[0].memory().load(2 * PAGE as usize), Some(mark(0, 2)));
        assert_eq!(collected(&log), [0; 0]);
        [0, 2, 4].iter().for_each(|page| ram[0].write(page * PAGE, &[1]).unwrap());
        assert_eq!(collected(&log), [0, 2, 4]);
        let pages = DirtyBitmap::new(PAGES);
        pages.insert(9);
        log.put_back(0, &pages).unwrap();
        assert_eq!(collected(&log), [9]);
        restore.cancel();
        assert!(matches!(log.collect(0, 0..PAGES, &pages), Err(MemoryError::NotStarted)));
    }
}

/// Stops the guest, also after a failed assertion: otherwise the test would wait for it.
struct StopOnDrop<'s>(&'s AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Writes to many pages until it is stopped, at least once to each. Returns the pages.
fn write(ram: &Mapping, stop: &AtomicBool) -> BTreeSet<u64> {
    let mut pages = BTreeSet::new();
    let mut number = 0_u64;
    while number < 200 || !stop.load(Ordering::Relaxed) {
        let page = number * 389 % 200;
        ram.write(page * PAGE + 64, &number.to_ne_bytes()).unwrap();
        pages.insert(page);
        number += 1;
    }
    pages
}

/// Saves the changes since the restored snapshot, and loads them into other memory.
pub(super) fn saved_and_loaded(fixture: &Fixture, ram: &[Arc<Mapping>], changes: Changes) -> Vec<Arc<Mapping>> {
    let mut saved = machine();
    saved.register_ram(PageSize::DEFAULT, ram.to_vec()).unwrap();
    let boot = fixture.store.find("boot").unwrap();
    let details = Details::new("changes").changes_since(&boot, changes);
    saved.save_snapshot(&fixture.store, details, SaveOptions::new()).unwrap();
    let loaded = blocks(MappingOptions::anonymous);
    let mut whole = machine();
    whole.register_ram(PageSize::DEFAULT, loaded.clone()).unwrap();
    whole.load_snapshot(&fixture.store, "changes", LoadOptions::new()).unwrap();
    drop(whole);
    loaded.into()
}

#[test]
fn changes_are_saved_before_the_restore_is_complete() {
    if !is_logged() {
        return;
    }
    for options in KINDS {
        let fixture = Fixture::new();
        let ram = blocks(options);
        let mut changes = Changes::new(&Layout::new(PageSize::DEFAULT, &ram).unwrap());
        let restore = start(&fixture.lazy(&ram).on_demand().logged());
        // One of them is zero in the file.
        [3, 4, 7].iter().for_each(|page| ram[0].write(page * PAGE + 100, &[0xee]).unwrap());
        changes.collect(&restore.dirty_log().unwrap()).unwrap();
        assert_eq!(changes.block("ram").unwrap().runs().flatten().collect::<Vec<_>>(), [3, 4, 7]);
        let loaded = saved_and_loaded(&fixture, &ram, changes);
        assert_eq!(restore.statistics().placed, 3, "the save reads only changed pages");
        assert_eq!(hash(&loaded), hash(&ram));
    }
}

#[test]
fn writes_during_a_restore_are_saved_as_changes() {
    if !is_logged() {
        return;
    }
    for options in KINDS {
        let fixture = Fixture::new();
        let (ram, stop) = (blocks(options), AtomicBool::new(false));
        let mut changes = Changes::new(&Layout::new(PageSize::DEFAULT, &ram).unwrap());
        let restore = start(&fixture.lazy(&ram).logged());
        let log = restore.dirty_log().unwrap();
        let written = std::thread::scope(|scope| {
            let guest = scope.spawn(|| write(&ram[0], &stop));
            let stop = StopOnDrop(&stop);
            (0..50).for_each(|_| changes.collect(&log).unwrap());
            restore.wait().unwrap();
            drop(stop);
            guest.join().unwrap()
        });
        changes.collect(&log).unwrap();
        let found: BTreeSet<u64> = changes.block("ram").unwrap().runs().flatten().collect();
        assert!(found.is_superset(&written), "{:?}", written.difference(&found));
        // A page that is placed during a collection can be reported, too.
        let others: BTreeSet<_> = found.difference(&written).collect();
        let clean = (0..PAGES).filter(|page| !found.contains(page)).count();
        assert!(clean > 0, "{others:?} were only restored");
        assert_eq!(hash(&saved_and_loaded(&fixture, &ram, changes)), hash(&ram));
    }
}

#[test]
fn zeros_are_read_until_the_log_is_stopped() {
    if !is_logged() {
        return;
    }
    let fixture = Fixture::new();
    for options in KINDS {
        let ram = blocks(options);
        let restore = start(&fixture.lazy(&ram).logged());
        let log = restore.dirty_log().unwrap();
        restore.wait().unwrap();
        assert!(matches!(log.start(), Err(MemoryError::AlreadyStarted)));
        touch(&ram, PAGES);
        // Another thread waits for a page while the log stops.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for page in 0..PAGES {
                    assert_eq!(ram[1].memory().load((page * PAGE) as usize), Some(mark(1, page)));
                }
            });
            log.stop().unwrap();
        });
        assert!(ram[0].memory().to_vec() == fixture.content);
        log.start().unwrap();
        ram[0].write(7 * PAGE, &[1]).unwrap();
        assert_eq!(collected(&log), [7]);
    }
}

#[test]
fn dropped_restore_and_log_release_the_memory() {
    if !is_logged() {
        return;
    }
    let fixture = Fixture::new();
    for keeps_log in [false, true] {
        let ram = blocks(MappingOptions::anonymous);
        let restore = start(&fixture.lazy(&ram).logged());
        let log = restore.dirty_log().filter(|_| keeps_log);
        drop(restore);
        touch(&ram, PAGES);
        if let Some(log) = log {
            collected(&log);
            ram[0].write(5 * PAGE, &[1]).unwrap();
            assert!(collected(&log).contains(&5));
        }
        // The restore continues until all pages are present.
        let start = std::time::Instant::now();
        while let Err(error) = MissingFaults::start(vec![ram[0].clone()], |_, _| ()) {
            assert!(start.elapsed() < TIMEOUT, "{error}");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
