mod logged;
mod mapped;
mod unreadable;

use std::path::PathBuf;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::*;
use crate::machine::{LoadOptions, Machine, SaveOptions};
use crate::memory::{Mapping, MappingOptions, MemoryError};
use crate::snapshot::{Folder, Store};

const PAGE: u64 = 4096;
const PAGES: u64 = 512;
const TIMEOUT: Duration = Duration::from_secs(120);

/// Returns whether the system supports a lazy restore. `VMSTATE_REQUIRE_USERFAULTFD` turns a missing feature into a failure.
fn is_supported() -> bool {
    match MissingFaults::start(Vec::new(), |_, _| ()) {
        Ok(_) => true,
        Err(error @ MemoryError::Unsupported { .. }) => {
            assert!(std::env::var_os("VMSTATE_REQUIRE_USERFAULTFD").is_none(), "{error}");
            eprintln!("NOT TESTED: {error}");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// A folder with a snapshot `boot` of two blocks.
struct Fixture {
    _folder: tempfile::TempDir,
    store: Folder,
    content: Vec<u8>,
}

fn blocks(options: fn() -> MappingOptions) -> [Arc<Mapping>; 2] {
    ["ram", "rom"].map(|name| Arc::new(options().map(name, PAGES * PAGE).unwrap()))
}

fn machine() -> Machine<'static> {
    Machine::with_type("board")
}

/// Returns the first bytes of a page: a third of the pages are zero.
fn mark(block: u64, page: u64) -> [u8; 8] {
    if page % 3 == 1 { [0; 8] } else { (block * PAGES + page + 1).to_ne_bytes() }
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Folder::open(folder.path()).unwrap();
        let ram = blocks(MappingOptions::anonymous);
        for (number, block) in ram.iter().enumerate() {
            (0..PAGES).for_each(|page| block.write(page * PAGE, &mark(number as u64, page)).unwrap());
        }
        let mut machine = machine();
        machine.register_ram(PageSize::DEFAULT, ram.clone()).unwrap();
        machine.save_snapshot(&store, "boot", SaveOptions::new()).unwrap();
        let content = ram[0].memory().to_vec();
        Self { _folder: folder, store, content }
    }

    fn lazy(&self, ram: &[Arc<Mapping>]) -> LazyRam {
        let blocks = ram.iter().cloned().map(|block| -> SharedBlock { block }).collect();
        LazyRam::new(self.store.lazy_source("boot").unwrap(), PageSize::DEFAULT, blocks)
    }

    fn stream(&self) -> PathBuf {
        self.store.stream_path("boot").unwrap()
    }

    fn working_set(&self) -> PathBuf {
        self.stream().with_extension("working-set")
    }
}

fn load(lazy: &LazyRam) -> Result<(), LoadError> {
    let mut machine = machine();
    machine.add(lazy.registration()).unwrap();
    machine.load_file(lazy.source().file(), 0, LoadOptions::new()).map(drop)
}

fn start(lazy: &LazyRam) -> LazyRestore {
    load(lazy).unwrap();
    lazy.start(|error| panic!("{error}")).unwrap()
}

fn hash(ram: &[Arc<Mapping>]) -> Vec<u8> {
    let mut hash = Sha256::new();
    ram.iter().for_each(|block| hash.update(block.memory().to_vec()));
    hash.finalize().to_vec()
}

/// Accesses pages in an order that is not sequential, and checks them.
fn touch(ram: &[Arc<Mapping>], pages: u64) {
    for number in 0..pages {
        let (block, page) = (number % 2, number * 389 % PAGES);
        assert_eq!(ram[block as usize].memory().load((page * PAGE) as usize), Some(mark(block, page)), "page {page}");
    }
}

#[test]
fn memory_equals_an_eager_load() {
    if !is_supported() {
        return;
    }
    let fixture = Fixture::new();
    let eager = blocks(MappingOptions::anonymous);
    let mut whole = machine();
    whole.register_ram(PageSize::DEFAULT, eager.clone()).unwrap();
    whole.load_snapshot(&fixture.store, "boot", LoadOptions::new()).unwrap();
    for options in [MappingOptions::anonymous as fn() -> MappingOptions, MappingOptions::memfd] {
        let ram = blocks(options);
        // The memory has another content before.
        ram.iter().for_each(|block| block.write(0, &vec![7; 64 * PAGE as usize]).unwrap());
        let lazy = fixture.lazy(&ram);
        let restore = start(&lazy);
        std::thread::scope(|scope| {
            (0..3).for_each(|_| drop(scope.spawn(|| touch(&ram, PAGES))));
        });
        restore.wait().unwrap();
        assert!(restore.is_complete());
        assert_eq!(hash(&ram), hash(&eager));
        assert!(lazy.start(|_| ()).is_err(), "a second start needs a second load");
    }
}

#[test]
fn writes_of_the_guest_are_kept() {
    if !is_supported() {
        return;
    }
    let fixture = Fixture::new();
    let ram = blocks(MappingOptions::anonymous);
    let restore = start(&fixture.lazy(&ram));
    (0..PAGES).rev().for_each(|page| ram[0].write(page * PAGE + 100, &[page as u8 | 1]).unwrap());
    restore.wait().unwrap();
    let mut expected = fixture.content.clone();
    (0..PAGES).for_each(|page| expected[(page * PAGE + 100) as usize] = page as u8 | 1);
    assert!(ram[0].memory().to_vec() == expected);
}

#[test]
fn each_page_faults_once_on_demand() {
    if !is_supported() {
        return;
    }
    let fixture = Fixture::new();
    let ram = blocks(MappingOptions::anonymous);
    let restore = start(&fixture.lazy(&ram).on_demand());
    touch(&ram, 200);
    touch(&ram, 200);
    let LazyStatistics { faults, prefetched, placed } = restore.statistics();
    // The guest may see the last page before it is counted.
    assert!((faults, prefetched) == (200, 0) && (199..=200).contains(&placed), "{placed}");
    assert_eq!(restore.wait().unwrap_err().kind(), StoreErrorKind::Unsupported);
    restore.cancel();
    // The memory is usual memory again.
    assert_eq!(ram[0].memory().load(0), Some(mark(0, 0)));
    ram[1].write(PAGES * PAGE - 1, &[1]).unwrap();
}

#[test]
fn recorded_working_set_avoids_faults() {
    if !is_supported() {
        return;
    }
    let fixture = Fixture::new();
    for run in 0..3 {
        let ram = blocks(MappingOptions::anonymous);
        let restore = start(&fixture.lazy(&ram).on_demand());
        restore.wait_for_working_set().unwrap();
        touch(&ram, 300);
        let LazyStatistics { faults, prefetched, placed } = restore.statistics();
        assert_eq!((faults, prefetched), if run == 0 { (300, 0) } else { (0, 300) });
        assert!((299..=300).contains(&placed), "{placed}");
        restore.record_working_set().unwrap();
        restore.cancel();
    }
    // Deleting the snapshot deletes the working set.
    let working_set = fixture.working_set();
    assert!(working_set.exists());
    fixture.store.delete("boot").unwrap();
    assert!(!working_set.exists());
}

/// A guest that runs at once accesses pages in the order of the last time.
#[test]
fn working_set_has_the_order_of_accesses() {
    if !is_supported() {
        return;
    }
    let fixture = Fixture::new();
    for _ in 0..2 {
        let ram = blocks(MappingOptions::anonymous);
        let restore = start(&fixture.lazy(&ram).on_demand());
        restore.wait_for_working_set().unwrap();
        for page in [9, 10, 4, 300, 5] {
            assert_eq!(ram[0].memory().load((page * PAGE) as usize), Some(mark(0, page)));
        }
        // The guest may see the last page before it is counted.
        let deadline = std::time::Instant::now() + TIMEOUT;
        while restore.statistics().placed < 5 && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        restore.record_working_set().unwrap();
        restore.cancel();
        let set = WorkingSet::parse(&std::fs::read(fixture.working_set()).unwrap()).unwrap();
        let pages = set.ranges("ram", PAGES * PAGE, PAGE).map(|range| range.start / PAGE..range.end / PAGE);
        assert_eq!(pages.collect::<Vec<_>>(), [9..11, 4..5, 300..301, 5..6]);
    }
}

#[test]
fn complete_restore_records_its_faults() {
    if !is_supported() {
        return;
    }
    let fixture = Fixture::new();
    let ram = blocks(MappingOptions::anonymous);
    let restore = start(&fixture.lazy(&ram));
    touch(&ram, PAGES);
    restore.wait().unwrap();
    assert_eq!(fixture.working_set().exists(), restore.statistics().faults > 0);
}

#[test]
fn invalid_working_sets_are_ignored() {
    if !is_supported() {
        return;
    }
    let fixture = Fixture::new();
    let sets = [
        "",
        "nonsense",
        r#"{"format":9,"blocks":{}}"#,
        r#"{"format":1,"blocks":{"ram":[[0,18446744073709551615],[18446744073709551615,9],[4095,1]],"other":[[0,4096]]}}"#,
        &" ".repeat(17 << 20),
    ];
    for set in sets {
        std::fs::write(fixture.working_set(), set).unwrap();
        let ram = blocks(MappingOptions::anonymous);
        let restore = start(&fixture.lazy(&ram));
        restore.wait().unwrap();
        assert!(ram[0].memory().to_vec() == fixture.content);
    }
}

#[test]
fn deleted_snapshot_is_restored() {
    if !is_supported() {
        return;
    }
    let fixture = Fixture::new();
    let ram = blocks(MappingOptions::anonymous);
    let restore = start(&fixture.lazy(&ram).on_demand());
    fixture.store.delete("boot").unwrap();
    touch(&ram, 20);
    let error = restore.record_working_set().unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::NotFound, "{error}");
    // Another snapshot gets the id, and keeps its own set.
    machine().save_snapshot(&fixture.store, "boot", SaveOptions::new()).unwrap();
    assert!(restore.record_working_set().is_err());
    assert!(!fixture.working_set().exists());
    restore.cancel();
}

#[test]
fn failed_load_leaves_memory_unchanged() {
    if !is_supported() {
        return;
    }
    let fixture = Fixture::new();
    let content = std::fs::read(fixture.stream()).unwrap();
    let ram = blocks(MappingOptions::anonymous);
    ram.iter().for_each(|block| block.write(0, &[7; 3 * PAGE as usize]).unwrap());
    let before = hash(&ram);
    for length in [0, 8, 40, 100, 1 << 20, (1 << 20) + 5 * 4096, (2 << 20) + 1, content.len() - 1] {
        std::fs::write(fixture.stream(), &content[..length]).unwrap();
        let lazy = fixture.lazy(&ram);
        let loaded = load(&lazy);
        // The last byte is a part of the description, which is optional.
        assert_eq!(loaded.is_ok(), length == content.len() - 1, "{length}: {loaded:?}");
        drop(lazy);
        assert_eq!(hash(&ram), before, "{length}");
    }
    assert!(fixture.lazy(&ram).start(|_| ()).is_err(), "nothing was loaded");
}

#[test]
fn plain_stream_and_other_memory_are_rejected() {
    if !is_supported() {
        return;
    }
    let fixture = Fixture::new();
    let ram = blocks(MappingOptions::anonymous);
    let mut stream = Vec::new();
    let mut saved = machine();
    saved.register_ram(PageSize::DEFAULT, ram.clone()).unwrap();
    saved.save(&mut stream).unwrap();
    let path = fixture.stream();
    std::fs::write(&path, &stream).unwrap();
    let error = load(&fixture.lazy(&ram)).unwrap_err().to_string();
    assert!(error.contains("pages at fixed places of the file (mapped-ram)"), "{error}");

    // Memory whose pages cannot be missing.
    let fixture = Fixture::new();
    let file = || {
        let file = tempfile::tempfile().unwrap();
        file.set_len(PAGES * PAGE).unwrap();
        file
    };
    let ram =
        ["ram", "rom"].map(|name| Arc::new(MappingOptions::private_file(file()).map(name, PAGES * PAGE).unwrap()));
    let error = load(&fixture.lazy(&ram)).unwrap_err().to_string();
    assert!(error.contains("select memory that userfaultfd supports"), "{error}");

    // Memory that another handler has registered.
    let ram = blocks(MappingOptions::anonymous);
    let _other = MissingFaults::start(vec![ram[0].clone()], |_, _| ()).unwrap();
    let error = load(&fixture.lazy(&ram)).unwrap_err().to_string();
    assert!(error.contains("another userfaultfd or dirty log has registered its memory"), "{error}");
}

#[test]
fn files_without_a_store_are_restored() {
    if !is_supported() {
        return;
    }
    let fixture = Fixture::new();
    let ram = blocks(MappingOptions::anonymous);
    let source = LazySource::open(fixture.stream()).unwrap();
    assert!(source.snapshot().is_none());
    let lazy = LazyRam::new(source, PageSize::DEFAULT, vec![ram[0].clone(), ram[1].clone()]);
    start(&lazy).wait().unwrap();
    assert!(ram[0].memory().to_vec() == fixture.content);
    assert!(LazySource::open(fixture.stream().with_extension("none")).is_err());
}

/// The pages of three files, of which one clears pages that the first one has.
#[test]
fn chain_of_incremental_snapshots_is_restored() {
    use crate::memory::{Changes, Layout};
    use crate::snapshot::Details;

    if !is_supported() {
        return;
    }
    let fixture = Fixture::new();
    let guest = blocks(MappingOptions::anonymous);
    let mut saver = machine();
    saver.register_ram(PageSize::DEFAULT, guest.clone()).unwrap();
    saver.load_snapshot(&fixture.store, "boot", LoadOptions::new()).unwrap();
    let mut changes = Changes::new(&Layout::new(PageSize::DEFAULT, &guest).unwrap());
    let mut last = fixture.store.find("boot").unwrap();
    for (round, name) in [(1, "first"), (2, "second")] {
        changes.clear();
        for page in (round..PAGES).step_by(100) {
            let byte = if page % 200 == round { 0 } else { 0x50 + round as u8 };
            guest[0].write(page * PAGE, &[byte; PAGE as usize]).unwrap();
            changes.block("ram").unwrap().insert(page);
        }
        let details = Details::new(name).changes_since(&last, changes.clone());
        last = saver.save_snapshot(&fixture.store, details, SaveOptions::new()).unwrap();
    }
    for key in ["second", "first", "boot"] {
        let eager = blocks(MappingOptions::anonymous);
        let mut whole = machine();
        whole.register_ram(PageSize::DEFAULT, eager.clone()).unwrap();
        whole.load_snapshot(&fixture.store, key, LoadOptions::new()).unwrap();
        let ram = blocks(MappingOptions::memfd);
        let memory = ram.iter().cloned().map(|block| -> SharedBlock { block }).collect();
        let lazy = LazyRam::new(fixture.store.lazy_source(key).unwrap(), PageSize::DEFAULT, memory);
        let mut devices = machine();
        devices.add(lazy.registration()).unwrap();
        let options = || LoadOptions::new().mapped_ram();
        lazy.source().load(&mut |reader| devices.load_with(reader, options()).map(drop)).unwrap();
        let restore = lazy.start(|error| panic!("{error}")).unwrap();
        std::thread::scope(|scope| {
            (0..2).for_each(|_| drop(scope.spawn(|| ram[0].memory().to_vec())));
        });
        restore.wait().unwrap();
        assert_eq!(hash(&ram), hash(&eager), "{key}");
        assert_eq!(hash(&ram) == hash(&guest), key == "second", "{key}");
    }
    assert!(load(&fixture.lazy(&guest)).is_ok());
    let lazy = LazyRam::new(fixture.store.lazy_source("second").unwrap(), PageSize::DEFAULT, Vec::new());
    assert!(load(&lazy).is_err(), "the file alone is not a stream");
}
