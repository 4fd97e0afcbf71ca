//! Threads that share devices and memory with the saving thread.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread;

use vmstate::machine::SaveOptions;
use vmstate::memory::{DirtyBitmap, DirtyLog, MemoryError, PageSize, RamBlock, VecBlock};
use vmstate::prelude::*;
use vmstate::ram::Ram;
use vmstate::registry::Registration;
use vmstate::section::Output;

/// Both fields are the same, but for the moment in which a thread changes them.
#[derive(VmState, Debug, Default)]
#[vmstate(name = "pair", pre_load = Self::change)]
struct Pair {
    one: u32,
    other: u32,
}

impl Pair {
    fn change(&mut self) {
        self.one += 1;
        thread::yield_now();
        self.other += 1;
    }

    fn is_whole(&self) -> bool {
        self.one == self.other
    }
}

#[test]
fn no_thread_sees_a_half_loaded_device() {
    let locked = Arc::new(Mutex::new(Pair::default()));
    let written = Arc::new(RwLock::new(Pair::default()));
    let (stop, mut streams) = (AtomicBool::new(false), Vec::new());
    let mut machine = Machine::new();
    machine.register("locked", locked.clone()).unwrap();
    machine.register("written", written.clone()).unwrap();
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    locked.lock().unwrap().change();
                    written.write().unwrap().change();
                    assert!(locked.lock().unwrap().is_whole() && written.read().unwrap().is_whole());
                }
            });
        }
        for number in 0..400 {
            let mut stream = Vec::new();
            machine.save(&mut stream).unwrap();
            // Failed loads roll back while the others continue.
            let cut = if number % 2 == 0 { stream.len() } else { 40 };
            assert_eq!(machine.load(&stream[..cut]).is_ok(), number % 2 == 0);
            streams.push(stream);
        }
        stop.store(true, Ordering::Relaxed);
    });
    for stream in streams {
        let (mut first, mut second) = (Pair::default(), Pair::default());
        let mut loading = Machine::new();
        loading.register("locked", &mut first).unwrap();
        loading.register("written", &mut second).unwrap();
        loading.load(&stream[..]).unwrap();
        drop(loading);
        assert!(first.is_whole() && second.is_whole(), "{first:?} {second:?}");
    }
}

const PAGE: usize = 256;
const PAGES: usize = 16;

/// Memory that is written by other threads, and a log of the pages: as a VMM has it with KVM's.
struct Guest {
    bytes: Vec<AtomicU8>,
    dirty: Vec<AtomicBool>,
}

impl Guest {
    /// Writes like a vCPU with a dirty log: first the byte, then its bit in the log.
    fn poke(&self, place: usize, value: u8) {
        self.bytes[place].store(value, Ordering::Relaxed);
        self.dirty[place / PAGE].store(true, Ordering::Release);
    }
}

struct Shared(Arc<Guest>);

impl RamBlock for Shared {
    fn idstr(&self) -> &str {
        "guest"
    }

    fn size(&self) -> u64 {
        self.0.bytes.len() as u64
    }

    fn read(&self, offset: u64, page: &mut [u8]) -> Result<(), MemoryError> {
        let start = self.range(offset, page.len())?.start;
        for (into, byte) in page.iter_mut().zip(&self.0.bytes[start..]) {
            *into = byte.load(Ordering::Relaxed);
        }
        Ok(())
    }

    fn write(&self, _: u64, _: &[u8]) -> Result<(), MemoryError> {
        Err(MemoryError::custom("memory that is only sent"))
    }
}

impl DirtyLog for Guest {
    fn start(&self) -> Result<(), MemoryError> {
        self.dirty.iter().for_each(|dirty| dirty.store(false, Ordering::Relaxed));
        Ok(())
    }

    fn collect(&self, _: usize, pages: Range<u64>, dirty: &DirtyBitmap) -> Result<(), MemoryError> {
        for page in pages {
            if self.dirty[usize::try_from(page).unwrap()].swap(false, Ordering::Acquire) {
                dirty.insert(page);
            }
        }
        Ok(())
    }

    fn put_back(&self, _: usize, _: &DirtyBitmap) -> Result<(), MemoryError> {
        Ok(())
    }

    fn stop(&self) -> Result<(), MemoryError> {
        Ok(())
    }
}

/// The dirty log is synchronized before the pages are read, so that no concurrent write is lost.
#[test]
fn concurrent_guest_writes_arrive() {
    for round in 0..50 {
        let bytes = (0..PAGES * PAGE).map(|_| AtomicU8::new(0)).collect();
        let guest = Arc::new(Guest { bytes, dirty: (0..PAGES).map(|_| AtomicBool::new(false)).collect() });
        let mut machine = Machine::new();
        let ram = Ram::new(PageSize::new(PAGE as u64).unwrap(), [Shared(guest.clone())]).dirty_log(guest.clone());
        machine.add(Registration::live("ram", vmstate::ram::VERSION, ram)).unwrap();
        let (mut writer, mut stream) = (Writer::new(), Vec::new());
        let mut saving = machine.start_saving(Output::new(&mut writer, Some(&mut stream)), SaveOptions::new()).unwrap();
        thread::scope(|scope| {
            for vcpu in 0..2_usize {
                let guest = &guest;
                scope.spawn(move || {
                    for step in 0..3000_usize {
                        guest.poke((step * 97 + vcpu * 31 + round) % (PAGES * PAGE), (step % 251) as u8);
                    }
                });
            }
            for _ in 0..30 {
                saving.pending_exact();
                saving.iterate(3 * PAGE as u64).unwrap();
            }
        });
        // The vCPUs have stopped.
        saving.complete().unwrap();
        let mut copy = [VecBlock::new("guest", vec![0xee; PAGES * PAGE])];
        let mut other = Machine::new();
        other.register_ram(PageSize::new(PAGE as u64).unwrap(), &mut copy[..]).unwrap();
        other.load(&stream[..]).unwrap();
        drop(other);
        let theirs: Vec<_> = guest.bytes.iter().map(|byte| byte.load(Ordering::Relaxed)).collect();
        assert!(copy[0].bytes() == theirs, "round {round}");
    }
}

fn assert_send<T: Send>(value: T) -> T {
    value
}

#[test]
fn machine_moves_to_another_thread() {
    let mut machine = assert_send(Machine::new());
    let pair = Arc::new(Mutex::new(Pair { one: 5, other: 5 }));
    machine.register("pair", pair.clone()).unwrap();
    let stream = thread::spawn(move || {
        let mut stream = Vec::new();
        machine.save(&mut stream).map(|_| stream)
    });
    let stream = stream.join().unwrap().unwrap();
    *pair.lock().unwrap() = Pair::default();
    let mut machine = Machine::new();
    machine.register("pair", pair.clone()).unwrap();
    machine.load(&stream[..]).unwrap();
    assert_eq!(pair.lock().unwrap().one, 5);
}
