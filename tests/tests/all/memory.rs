//! Memory of running guests: dirty logs under load, and saves while other threads write.

#![cfg(target_os = "linux")]

use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vmstate::machine::SaveOptions;
use vmstate::memory::{
    CombinedLog, DirtyLog, HugePages, Layout, Mapping, MappingOptions, Marked, PageSize, RamBlock, Scatter, VecBlock,
    WriteProtect, read_scattered,
};
use vmstate::prelude::*;
use vmstate::ram::Ram;
use vmstate::registry::Registration;
use vmstate::section::Output;

const PAGE: usize = 4096;
const SIZE: usize = 16 << 20;

/// Each kind of mapping that write protection supports. Kinds that this system lacks are reported.
fn kinds() -> Vec<(&'static str, Arc<Mapping>)> {
    let file = || {
        let file = tempfile::tempfile().unwrap();
        file.set_len(SIZE as u64).unwrap();
        file
    };
    let kinds = [
        ("anonymous", MappingOptions::anonymous()),
        ("transparent huge pages", MappingOptions::anonymous().huge_pages(HugePages::Transparent).prefault(true)),
        ("reserved huge pages", MappingOptions::anonymous().huge_pages(HugePages::Of2Mib)),
        ("memfd", MappingOptions::memfd()),
        ("memfd in reserved huge pages", MappingOptions::memfd().huge_pages(HugePages::Of2Mib)),
        ("private file", MappingOptions::private_file(file())),
        ("shared file", MappingOptions::shared_file(file())),
    ];
    let map = |(name, options): (&'static str, MappingOptions)| match options.map("ram", SIZE as u64) {
        Ok(ram) => Some((name, Arc::new(ram))),
        Err(error) => {
            eprintln!("NOT TESTED: {name}: {error}");
            None
        }
    };
    kinds.into_iter().filter_map(map).collect()
}

/// Returns the log, or `None` and a message if the kernel lacks it.
fn write_protect(ram: &Arc<Mapping>, layout: &Layout) -> Option<Arc<WriteProtect>> {
    let probe = WriteProtect::probe();
    assert!(probe.is_ok() || std::env::var_os("VMSTATE_REQUIRE_USERFAULTFD").is_none(), "{probe:?}");
    match probe {
        Ok(()) => Some(Arc::new(WriteProtect::new(layout, vec![ram.clone()]).unwrap())),
        Err(error) => {
            eprintln!("NOT TESTED: {error}");
            None
        }
    }
}

/// Writes random words at random places.
fn write_words(ram: &Mapping, seed: u64, stop: &AtomicBool) -> u64 {
    let (mut state, mut count) = (seed, 0);
    while !stop.load(Ordering::Relaxed) {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let place = usize::try_from(state >> 33).unwrap() % (SIZE - 8);
        ram.memory().store(place, state.to_ne_bytes()).unwrap();
        count += 1;
    }
    count
}

/// Has the kernel write pages, as system calls of devices do.
fn read_into(ram: &Mapping, stop: &AtomicBool) -> u64 {
    let (random, mut count) = (File::open("/dev/urandom").unwrap(), 0);
    while !stop.load(Ordering::Relaxed) {
        let start = count * 977 * PAGE % (SIZE - 3 * PAGE);
        let memory = ram.memory().get(start + 100..start + 2 * PAGE + 200).unwrap();
        read_scattered(random.as_fd(), &mut [Scatter::from(memory)]).unwrap();
        count += 1;
    }
    count as u64
}

/// A collector that copies each reported page has the same memory in the end: no write was lost.
///
/// `VMSTATE_STRESS_SECONDS` is the duration for each kind of memory; see `tests/memory-stress`.
#[test]
fn no_page_is_lost_under_load() {
    let seconds = std::env::var("VMSTATE_STRESS_SECONDS").map_or(0.3, |text| text.parse().unwrap());
    for (name, ram) in kinds() {
        let layout = Layout::new(PageSize::DEFAULT, [&ram]).unwrap();
        let Some(log) = write_protect(&ram, &layout) else { return };
        log.start().unwrap();
        let (stop, mut copy) = (AtomicBool::new(false), vec![0; SIZE]);
        let (mut rounds, mut pages, mut writes) = (0_u64, 0_u64, 0);
        let mut round = || {
            let dirty = &layout.bitmaps()[0];
            // In two parts, as two workers would.
            let middle = layout.pages(0) / 3;
            log.collect(0, 0..middle, dirty).unwrap();
            log.collect(0, middle..layout.pages(0), dirty).unwrap();
            for run in dirty.runs() {
                let range = usize::try_from(run.start).unwrap() * PAGE..usize::try_from(run.end).unwrap() * PAGE;
                ram.memory().read(range.start, &mut copy[range]).unwrap();
            }
            rounds += 1;
            pages += dirty.count();
        };
        thread::scope(|scope| {
            let start = Instant::now();
            let writers = [1, 2].map(|seed| {
                let (ram, stop) = (&ram, &stop);
                scope.spawn(move || write_words(ram, seed, stop))
            });
            let reader = scope.spawn(|| read_into(&ram, &stop));
            while start.elapsed().as_secs_f64() < seconds {
                round();
            }
            stop.store(true, Ordering::Relaxed);
            writes = writers.into_iter().chain([reader]).map(|writer| writer.join().unwrap()).sum();
        });
        round();
        let memory = ram.memory().to_vec();
        let differences = copy.chunks(PAGE).zip(memory.chunks(PAGE)).filter(|(ours, theirs)| ours != theirs);
        assert_eq!(differences.count(), 0, "{name}: pages differ");
        println!("{name}: {writes} writes, {rounds} rounds, {pages} pages copied, 0 pages lost");
    }
}

/// Saves over a socket while the memory is written, and returns the stream's memory when the guest has stopped.
#[test]
fn running_guest_is_saved_from_its_place() {
    for (name, ram) in kinds() {
        let layout = Layout::new(PageSize::DEFAULT, [&ram]).unwrap();
        let marked = Arc::new(Marked::new(&layout));
        let Some(kernel) = write_protect(&ram, &layout) else { return };
        // The emulator's own log alone must suffice for the first writer, and the kernel's for the second.
        for (log, by_kernel) in [(marked.clone() as Arc<dyn DirtyLog>, false), (kernel, true)] {
            let (out, mut input) = UnixStream::pair().unwrap();
            let receiver = thread::spawn(move || {
                let mut stream = Vec::new();
                input.read_to_end(&mut stream).unwrap();
                stream
            });
            save_while_written(&ram, log, (!by_kernel).then_some(&*marked), &out);
            drop(out);
            let mut copy = [VecBlock::new("ram", vec![0; SIZE])];
            let mut machine = Machine::new();
            machine.register_ram(PageSize::DEFAULT, &mut copy[..]).unwrap();
            machine.load(&receiver.join().unwrap()[..]).unwrap();
            drop(machine);
            assert!(copy[0].to_vec() == ram.memory().to_vec(), "{name} {by_kernel}");
        }
    }
}

fn save_while_written(ram: &Arc<Mapping>, log: Arc<dyn DirtyLog>, marked: Option<&Marked>, out: &UnixStream) {
    let stop = AtomicBool::new(false);
    let mut machine = Machine::new();
    let section = Ram::new(PageSize::DEFAULT, [ram.clone()]).dirty_log(Arc::new(CombinedLog::new(vec![log])));
    machine.add(Registration::live("ram", vmstate::ram::VERSION, section)).unwrap();
    let mut writer = Writer::new();
    let mut saving = machine.start_saving(Output::to_file(&mut writer, out), SaveOptions::new()).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0_u64.. {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                let place = number.wrapping_mul(7_368_787) % (SIZE as u64 - 8);
                ram.write(place, &number.to_ne_bytes()).unwrap();
                if let Some(marked) = marked {
                    marked.mark(0, place, 8);
                }
                thread::sleep(Duration::from_micros(50));
            }
        });
        for _ in 0..30 {
            saving.iterate(1 << 20).unwrap();
            saving.pending_exact();
        }
        stop.store(true, Ordering::Relaxed);
    });
    saving.complete().unwrap();
}

/// A save fails before it sends anything, and succeeds when the other log has stopped.
#[test]
fn block_in_use_elsewhere_is_reported() {
    let (_, ram) = kinds().remove(0);
    let layout = Layout::new(PageSize::DEFAULT, [&ram]).unwrap();
    let Some(first) = write_protect(&ram, &layout) else { return };
    first.start().unwrap();
    let second: Arc<dyn DirtyLog> = Arc::new(WriteProtect::new(&layout, vec![ram.clone()]).unwrap());
    let mut machine = Machine::new();
    let section = Ram::new(PageSize::DEFAULT, [ram]).dirty_log(second);
    machine.add(Registration::live("ram", vmstate::ram::VERSION, section)).unwrap();
    let error = machine.save(Vec::new()).unwrap_err().to_string();
    assert!(error.contains("another userfaultfd or dirty log tracks its memory; stop that first"), "{error}");
    first.stop().unwrap();
    machine.save(Vec::new()).unwrap();
}
