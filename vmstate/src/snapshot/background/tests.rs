use std::fs::File;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};
use vmstate_types::Writer;

use super::*;
use crate::machine::{LoadOptions, Machine, SaveOptions};
use crate::memory::{HostRange, Mapping, MappingOptions, RamBlock};
use crate::section::Output;
use crate::snapshot::{Details, Folder, Store, StoreErrorKind};

const PAGE: u64 = 4096;
const PAGES: u64 = 512;

fn blocks(options: fn() -> MappingOptions) -> [Arc<Mapping>; 2] {
    ["ram", "vram"].map(|name| Arc::new(options().map(name, PAGES * PAGE).unwrap()))
}

/// Starts a background snapshot. `VMSTATE_REQUIRE_USERFAULTFD` turns a missing feature into a failure.
fn started(ram: &[Arc<Mapping>]) -> Option<BackgroundRam> {
    let blocks = ram.iter().cloned().map(|block| -> SharedBlock { block }).collect();
    match BackgroundRam::start(PageSize::DEFAULT, blocks) {
        Ok(background) => Some(background),
        Err(error @ MemoryError::Unsupported { .. }) => {
            assert!(std::env::var_os("VMSTATE_REQUIRE_USERFAULTFD").is_none(), "{error}");
            eprintln!("NOT TESTED: {error}");
            None
        }
        Err(error) => panic!("{error}"),
    }
}

fn save(background: &BackgroundRam, out: Output<'_>) -> Result<(), SaveError> {
    let mut machine: Machine<'_> = Machine::with_type("board");
    machine.add(background.registration()).unwrap();
    machine.start_saving(out, SaveOptions::new())?.complete().map(drop)
}

fn contents(ram: &[Arc<Mapping>]) -> Vec<Vec<u8>> {
    ram.iter().map(|block| block.memory().to_vec()).collect()
}

fn load(store: &Folder, key: &str) -> Vec<Vec<u8>> {
    let loaded = blocks(MappingOptions::anonymous);
    let mut machine = Machine::with_type("board");
    machine.register_ram(PageSize::DEFAULT, loaded.clone()).unwrap();
    machine.load_snapshot(store, key, LoadOptions::new()).unwrap();
    contents(&loaded)
}

/// A guest that writes pages all over its memory, except while it is paused.
fn run_guest(ram: &[Arc<Mapping>], paused: &Mutex<()>, stop: &AtomicBool) {
    let mut state = 1_u64;
    while !stop.load(Relaxed) {
        let _running = paused.lock().unwrap();
        for _ in 0..16 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            // The last third of each block stays untouched.
            let page = (state >> 33) % (PAGES * 2 / 3);
            ram[(state >> 20) as usize % 2].write(page * PAGE + (state >> 50) % 4088, &state.to_ne_bytes()).unwrap();
        }
    }
}

#[test]
fn snapshot_has_the_memory_of_the_pause() {
    for options in [MappingOptions::anonymous as fn() -> MappingOptions, MappingOptions::memfd] {
        let ram = blocks(options);
        let folder = tempfile::tempdir().unwrap();
        let store = Folder::open(folder.path()).unwrap();
        let (paused, stop) = (Mutex::new(()), AtomicBool::new(false));
        std::thread::scope(|scope| {
            let _stop = StopOnDrop(&stop);
            scope.spawn(|| run_guest(&ram, &paused, &stop));
            for name in ["first", "second", "third"] {
                let Some(background) = started(&ram) else { return };
                let mut expected = Vec::new();
                let saved = store.save(&Details::new(name), &mut |out| {
                    let pause = paused.lock().unwrap();
                    expected = contents(&ram);
                    save(&background, out)?;
                    drop(pause);
                    background.finish()
                });
                saved.unwrap();
                assert!(load(&store, name) == expected, "{name}");
            }
        });
    }
}

/// Ends the guest even if an assertion fails.
struct StopOnDrop<'s>(&'s AtomicBool);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

#[test]
fn first_write_to_each_page_waits_once() {
    let ram = blocks(MappingOptions::anonymous);
    (0..PAGES / 2).for_each(|page| ram[0].write(page * PAGE, &[1]).unwrap());
    let before = contents(&ram);
    let Some(background) = started(&ram) else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    // Written before the pause: part of the snapshot, and no wait.
    ram[0].write(0, &[1]).unwrap();
    store
        .save(&Details::new("boot"), &mut |out| {
            save(&background, out)?;
            for _ in 0..2 {
                (0..PAGES).step_by(2).for_each(|page| ram[0].write(page * PAGE, &[2]).unwrap());
            }
            assert_eq!(background.waits(), PAGES / 2);
            background.finish()
        })
        .unwrap();
    assert!(load(&store, "boot") == before);
    (0..PAGES).for_each(|page| ram[1].write(page * PAGE, &[3]).unwrap());
    assert_eq!(background.waits(), PAGES / 2, "the snapshot is complete");
}

/// Announced writes before and after the pause, and of several pages.
#[test]
fn announced_writes_do_not_wait() {
    let ram = blocks(MappingOptions::anonymous);
    (0..PAGES / 2).for_each(|page| ram[0].write(page * PAGE, &[1]).unwrap());
    let Some(background) = started(&ram) else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    let write = |block: usize, bytes: Range<u64>, value: u8| {
        background.before_write(block, bytes.clone());
        ram[block].write(bytes.start, &vec![value; (bytes.end - bytes.start) as usize]).unwrap();
    };
    write(0, 0..8, 5);
    let before = contents(&ram);
    store
        .save(&Details::new("boot"), &mut |out| {
            save(&background, out)?;
            write(0, PAGE - 4..3 * PAGE + 4, 2);
            std::thread::scope(|scope| {
                let guest = scope.spawn(|| {
                    for block in [1, 0] {
                        (4..PAGES).rev().for_each(|page| write(block, page * PAGE..page * PAGE + 8, 3));
                    }
                });
                guest.join().unwrap();
                assert_eq!(background.waits(), 0);
                // Not announced: all others of the second block.
                (0..4).for_each(|page| ram[1].write(page * PAGE, &[4]).unwrap());
                assert_eq!(background.waits(), 4);
                background.finish()
            })
        })
        .unwrap();
    assert!(load(&store, "boot") == before);
    background.before_write(0, 0..PAGES * PAGE);
    background.before_write(0, u64::MAX - 1..u64::MAX);
    background.before_write(2, 0..8);
    assert!(started(&ram).is_some(), "the memory is free");
}

/// Memory whose first page can be read only while the gate is open.
struct Gated {
    memory: Arc<Mapping>,
    is_open: Mutex<bool>,
    changed: Condvar,
    /// Set when a read waits.
    waits: AtomicBool,
}

impl Gated {
    fn open(&self) {
        *self.is_open.lock().unwrap() = true;
        self.changed.notify_all();
    }

    fn is_open(&self) -> bool {
        *self.is_open.lock().unwrap()
    }
}

impl RamBlock for Gated {
    fn idstr(&self) -> &str {
        self.memory.idstr()
    }

    fn size(&self) -> u64 {
        self.memory.size()
    }

    fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        let mut is_open = self.is_open.lock().unwrap();
        while offset == 0 && !*is_open {
            self.waits.store(true, Relaxed);
            is_open = self.changed.wait(is_open).unwrap();
        }
        self.memory.read(offset, into)
    }

    fn write(&self, offset: u64, from: &[u8]) -> Result<(), MemoryError> {
        self.memory.write(offset, from)
    }

    fn host_range(&self, offset: u64, length: usize) -> Option<HostRange<'_>> {
        self.memory.host_range(offset, length)
    }
}

/// The thread of an announced write has taken the page, but not saved it yet.
#[test]
fn end_waits_for_announced_writes() {
    let ram = blocks(MappingOptions::anonymous);
    (0..PAGES).for_each(|page| ram[0].write(page * PAGE, &[1]).unwrap());
    let before = contents(&ram);
    let (is_open, changed, waits) = (Mutex::new(false), Condvar::new(), AtomicBool::new(false));
    let gated = Arc::new(Gated { memory: ram[0].clone(), is_open, changed, waits });
    let shared: Vec<SharedBlock> = vec![gated.clone(), ram[1].clone()];
    if started(&ram).is_none() {
        return;
    }
    let background = BackgroundRam::start(PageSize::DEFAULT, shared).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    store
        .save(&Details::new("boot"), &mut |out| {
            save(&background, out)?;
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    background.before_write(0, 0..8);
                    ram[0].write(0, &[2]).unwrap();
                });
                while !gated.waits.load(Relaxed) {
                    std::thread::yield_now();
                }
                scope.spawn(|| {
                    std::thread::sleep(Duration::from_millis(200));
                    gated.open();
                });
                let handled = background.handles_kernel_faults();
                assert!(handled || !rustix::process::geteuid().is_root(), "root handles all faults");
                let ended = background.finish();
                assert!(gated.is_open(), "the save ends after the write");
                assert!(!background.handles_kernel_faults(), "the save has ended");
                ended
            })
        })
        .unwrap();
    assert!(load(&store, "boot") == before);
}

/// The guest writes all pages while the background saves them.
#[test]
fn announced_writes_race_with_the_background() {
    let ram = blocks(MappingOptions::memfd);
    (0..PAGES).for_each(|page| ram[0].write(page * PAGE, &(page + 1).to_le_bytes()).unwrap());
    let before = contents(&ram);
    let folder = tempfile::tempdir().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    let Some(background) = started(&ram) else { return };
    store
        .save(&Details::new("boot"), &mut |out| {
            save(&background, out)?;
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    for page in (0..PAGES).rev() {
                        background.before_write(0, page * PAGE..page * PAGE + 1);
                        ram[0].write(page * PAGE, &[0xee]).unwrap();
                    }
                });
                background.finish()
            })
        })
        .unwrap();
    assert!(load(&store, "boot") == before);
}

fn memfd() -> File {
    memfd_create("snapshot", MemfdFlags::ALLOW_SEALING).unwrap().into()
}

#[test]
fn guest_continues_if_the_file_cannot_be_written() {
    let ram = blocks(MappingOptions::anonymous);
    (0..PAGES).for_each(|page| ram[0].write(page * PAGE, &[1]).unwrap());
    let Some(background) = started(&ram) else { return };
    let file = memfd();
    save(&background, Output::to_mapped_file(&mut Writer::new(), &file, 0)).unwrap();
    fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::FUTURE_WRITE).unwrap();
    ram[0].write(0, &[2]).unwrap();
    let error = background.finish().unwrap_err();
    assert!(std::error::Error::source(&error).is_some(), "{error}");
    background.before_write(0, PAGE..2 * PAGE);
    (0..PAGES).for_each(|page| ram[0].write(page * PAGE, &[2]).unwrap());
}

#[test]
fn failed_and_dropped_saves_release_the_memory() {
    let ram = blocks(MappingOptions::anonymous);
    let folder = tempfile::tempdir().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    let Some(background) = started(&ram) else { return };
    let failed = store.save(&Details::new("boot"), &mut |out| {
        save(&background, out)?;
        Err(SaveError::rejected("the device is busy"))
    });
    assert_eq!(failed.unwrap_err().kind(), StoreErrorKind::Save);
    assert!(store.list().unwrap().is_empty());
    drop(background);
    ram[0].write(0, &[2]).unwrap();
    started(&ram).expect("the memory is not registered anymore");
}

#[test]
fn wrong_order_is_an_error() {
    let ram = blocks(MappingOptions::anonymous);
    let Some(background) = started(&ram) else { return };
    let plain = save(&background, Output::new(&mut Writer::new(), None)).unwrap_err().to_string();
    assert!(plain.contains("use a `Folder`"), "{plain}");
    let file = memfd();
    save(&background, Output::to_mapped_file(&mut Writer::new(), &file, 0)).unwrap();
    let again = save(&background, Output::to_mapped_file(&mut Writer::new(), &file, 0)).unwrap_err().to_string();
    assert!(again.contains("start another one"), "{again}");
    background.finish().unwrap();
    assert!(background.finish().unwrap_err().to_string().contains("start another one"));

    let Some(unsaved) = started(&ram) else { return };
    assert!(unsaved.finish().unwrap_err().to_string().contains("save the machine before the memory"));
    let mut machine: Machine<'_> = Machine::with_type("board");
    machine.add(unsaved.registration()).unwrap();
    let error = machine.load_file(&file, 0, LoadOptions::new()).unwrap_err().to_string();
    assert!(error.contains("memory of a background snapshot, which is only saved"), "{error}");
}

/// The pages that the guest writes during the save have the content of the pause.
#[test]
fn incremental_snapshot_is_saved_in_the_background() {
    use crate::memory::{Changes, Layout};

    let ram = blocks(MappingOptions::anonymous);
    let Some(background) = started(&ram) else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    ram[0].write(0, &[1; 64 * PAGE as usize]).unwrap();
    let full = store.save(&Details::new("full"), &mut |out| {
        save(&background, out)?;
        background.finish()
    });
    let full = full.unwrap();
    drop(background);
    let changes = Changes::new(&Layout::new(PageSize::DEFAULT, &ram).unwrap());
    ram[0].write(10 * PAGE, &[2; 5 * PAGE as usize]).unwrap();
    ram[0].write(20 * PAGE, &[0; PAGE as usize]).unwrap();
    changes.block("ram").unwrap().insert_range(10..15);
    changes.block("ram").unwrap().insert(20);
    let expected = contents(&ram);
    let Some(background) = started(&ram) else { return };
    let details = Details::new("changes").changes_since(&full, changes);
    let saved = store.save(&details, &mut |out| {
        save(&background, out)?;
        // The guest goes on.
        ram[0].write(0, &[3; 64 * PAGE as usize]).unwrap();
        background.finish()
    });
    let saved = saved.unwrap();
    assert!(saved.size < full.size / 2, "{} and {} bytes", saved.size, full.size);
    assert!(load(&store, "changes") == expected);
    assert!(load(&store, "full") != expected);
}
