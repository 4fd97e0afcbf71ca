//! Restores whose memory is mapped from the file.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;

use super::*;
use crate::memory::{Changes, DirtyBitmap, DirtyLog, Layout, WriteProtect};
use crate::snapshot::Details;

/// The place of the pages of the first block in the file.
const PLACE: u64 = 1 << 20;

fn eager(fixture: &Fixture) -> [Arc<Mapping>; 2] {
    let ram = blocks(MappingOptions::anonymous);
    let mut whole = machine();
    whole.register_ram(PageSize::DEFAULT, ram.clone()).unwrap();
    whole.load_snapshot(&fixture.store, "boot", LoadOptions::new()).unwrap();
    drop(whole);
    ram
}

/// Returns memory with a previous content.
fn used() -> [Arc<Mapping>; 2] {
    let ram = blocks(MappingOptions::anonymous);
    ram.iter().for_each(|block| block.write(0, &vec![7; (PAGES * PAGE) as usize]).unwrap());
    ram
}

#[test]
fn mapped_memory_equals_an_eager_load() {
    let fixture = Fixture::new();
    let before = std::fs::read(fixture.stream()).unwrap();
    let guests = [used(), used()];
    // The second round replaces mapped memory.
    for _ in 0..2 {
        for ram in &guests {
            let previous = hash(ram);
            let lazy = fixture.lazy(ram).mapped();
            load(&lazy).unwrap();
            assert!(lazy.handles_kernel_faults());
            assert_eq!(hash(ram), previous, "a load changes nothing");
            let restore = lazy.start(|error| panic!("{error}")).unwrap();
            assert!(restore.is_complete());
            restore.wait().unwrap();
            restore.wait_for_working_set().unwrap();
            restore.retry();
            assert_eq!(restore.record_working_set().unwrap_err().kind(), StoreErrorKind::Unsupported);
            assert_eq!(restore.statistics(), LazyStatistics::default());
            restore.cancel();
            assert_eq!(hash(ram), hash(&eager(&fixture)));
        }
        // Writes stay in one guest.
        (0..PAGES).for_each(|page| guests[0][0].write(page * PAGE + 100, &[0xee]).unwrap());
        assert_eq!(hash(&guests[1]), hash(&eager(&fixture)));
    }
    assert!(std::fs::read(fixture.stream()).unwrap() == before, "the file was written");
    assert!(!fixture.working_set().exists());
    let mut ram = Arc::into_inner(guests.into_iter().next().unwrap().into_iter().next().unwrap()).unwrap();
    assert!(ram.exclusive().is_none());
}

#[test]
fn deleted_snapshot_stays_mapped() {
    let fixture = Fixture::new();
    let (ram, expected) = (used(), hash(&eager(&fixture)));
    let lazy = fixture.lazy(&ram).mapped();
    load(&lazy).unwrap();
    fixture.store.delete("boot").unwrap();
    drop(lazy.start(|error| panic!("{error}")).unwrap());
    drop(lazy);
    touch(&ram, PAGES);
    assert_eq!(hash(&ram), expected);
}

/// A page that has become zero keeps its bytes in a file that was written several times.
#[test]
fn outdated_bytes_of_zero_pages_are_not_mapped() {
    let fixture = Fixture::new();
    let expected = hash(&eager(&fixture));
    let file = OpenOptions::new().write(true).open(fixture.stream()).unwrap();
    for page in (1..PAGES).step_by(6) {
        assert_eq!(mark(0, page), [0; 8]);
        file.write_all_at(&[0xee; PAGE as usize], PLACE + page * PAGE).unwrap();
    }
    let ram = used();
    start(&fixture.lazy(&ram).mapped());
    assert_eq!(hash(&ram), expected);
}

#[test]
fn unsuitable_memory_and_files_are_rejected() {
    let fixture = Fixture::new();
    let shared = blocks(MappingOptions::memfd);
    let error = load(&fixture.lazy(&shared).mapped()).unwrap_err();
    assert_eq!(error.advice(), Some("restore the snapshot without mapping its file"));
    let error = error.to_string();
    assert!(error.contains("private memory to map a file") && error.contains("RAM block `ram`"), "{error}");

    let ram = used();
    let lazy = fixture.lazy(&ram).mapped();
    OpenOptions::new().write(true).open(fixture.stream()).unwrap().set_len(PLACE + 5 * PAGE).unwrap();
    assert!(load(&lazy).is_err() && lazy.start(|_| ()).is_err());
    assert_eq!(ram[0].memory().load(0), Some([7; 8]));

    let fixture = Fixture::new();
    let mut changed = machine();
    changed.register_ram(PageSize::DEFAULT, eager(&fixture)).unwrap();
    let changes = Changes::new(&Layout::new(PageSize::DEFAULT, used()).unwrap());
    let details = Details::new("changes").changes_since(&fixture.store.find("boot").unwrap(), changes);
    changed.save_snapshot(&fixture.store, details, SaveOptions::new()).unwrap();
    let source = fixture.store.lazy_source("changes").unwrap();
    let blocks = ram.iter().cloned().map(|block| -> SharedBlock { block }).collect();
    let lazy = LazyRam::new(source, PageSize::DEFAULT, blocks).mapped();
    let mut machine = machine();
    machine.add(lazy.registration()).unwrap();
    let loaded = lazy.source().load(&mut |reader| machine.load_with(reader, LoadOptions::new().mapped_ram()).map(drop));
    let error = loaded.unwrap_err();
    assert_eq!(error.load_error().and_then(LoadError::advice), Some("merge the snapshot first"), "{error}");
}

#[test]
fn smaller_target_pages_are_not_mapped() {
    let page_size = PageSize::new(1024).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let (store, ram) = (Folder::open(folder.path()).unwrap(), used());
    let mut saved = machine();
    saved.register_ram(page_size, ram.clone()).unwrap();
    saved.save_snapshot(&store, "boot", SaveOptions::new()).unwrap();
    let blocks = ram.iter().cloned().map(|block| -> SharedBlock { block }).collect();
    let lazy = LazyRam::new(store.lazy_source("boot").unwrap(), page_size, blocks).mapped();
    let error = load(&lazy).unwrap_err().to_string();
    assert!(error.contains("whole host pages of 4096 bytes"), "{error}");
}

#[test]
fn writes_to_mapped_memory_are_logged() {
    let probe = WriteProtect::probe();
    assert!(probe.is_ok() || std::env::var_os("VMSTATE_REQUIRE_USERFAULTFD").is_none(), "{probe:?}");
    if let Err(error) = probe {
        eprintln!("NOT TESTED: {error}");
        return;
    }
    let fixture = Fixture::new();
    let ram = used();
    let restore = start(&fixture.lazy(&ram).mapped().logged());
    let log = restore.dirty_log().unwrap();
    let collected = || {
        let dirty = DirtyBitmap::new(PAGES);
        log.collect(0, 0..PAGES, &dirty).unwrap();
        dirty.runs().flatten().collect::<Vec<_>>()
    };
    touch(&ram, PAGES);
    assert_eq!(collected(), [0; 0], "reads are not logged");
    // Page 1 is zero in the file, all were read, and the last one is at the end.
    [1, 3, PAGES - 1].iter().for_each(|page| ram[0].write(page * PAGE + 100, &[0xee]).unwrap());
    let mut changes = Changes::new(&Layout::new(PageSize::DEFAULT, &ram).unwrap());
    changes.collect(&log).unwrap();
    assert_eq!(changes.block("ram").unwrap().runs().flatten().collect::<Vec<_>>(), [1, 3, PAGES - 1]);
    ram[0].write(3 * PAGE, &[0xee]).unwrap();
    assert_eq!(collected(), [3]);
    assert_eq!(hash(&logged::saved_and_loaded(&fixture, &ram, changes)), hash(&ram));
    restore.cancel();
    assert!(matches!(log.collect(0, 0..PAGES, &DirtyBitmap::new(PAGES)), Err(MemoryError::NotStarted)));
}
