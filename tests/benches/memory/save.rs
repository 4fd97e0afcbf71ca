//! Saves of a stopped and of a running guest over a Unix socket, until the peer has read everything.

use std::io::Read;
use std::ops::Range;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vmstate::machine::SaveOptions;
use vmstate::memory::{
    DirtyBitmap, DirtyLog, HugePages, Layout, Mapping, MappingOptions, Marked, MemoryError, PageSize, RamBlock,
    WriteProtect,
};
use vmstate::prelude::*;
use vmstate::ram::Ram;
use vmstate::registry::Registration;
use vmstate::section::Output;

use crate::plain::{columns, runs, size, table};
use crate::track::spent;

/// The log of the running guest.
#[derive(Clone, Copy)]
enum Log {
    Marked,
    WriteProtect,
}

/// The name of a measurement, its log, the guest's writes, and the pages of both guests. QEMU uses transparent huge pages.
const ROWS: [(&str, Log, bool, HugePages); 4] = [
    ("marked, no writes", Log::Marked, false, HugePages::Default),
    ("marked, 1,000 writes a second", Log::Marked, true, HugePages::Default),
    ("write-protect, 1,000 writes a second", Log::WriteProtect, true, HugePages::Default),
    ("write-protect, huge pages, 1,000 writes a s", Log::WriteProtect, true, HugePages::Transparent),
];

pub(crate) fn measure() {
    for (row, log, writes, pages) in ROWS {
        let stopped = || speed(|out| save_stopped(&mut filled(pages), out));
        let running = || speed(|out| save_running(&Arc::new(filled(pages)), log, writes, &out));
        let speeds = runs(15, stopped, running);
        let medians = speeds.each_ref().map(|runs| columns(runs, 0.5));
        table(row, ["stopped", "running"], &["GB/s, median", "GB/s of processor time, median"], &medians);
        table(row, ["stopped", "running"], &["GB/s, fastest run"], &speeds.map(|runs| columns(&runs, 1.0)));
    }
}

/// Memory without zero pages.
fn filled(pages: HugePages) -> Mapping {
    let mut ram = MappingOptions::anonymous().huge_pages(pages).map("ram", size() as u64).expect("memory");
    for (number, word) in (1_u64..).zip(ram.exclusive().expect("one owner").as_chunks_mut().0) {
        *word = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_ne_bytes();
    }
    ram
}

/// The start of a save, and the processor time in nanoseconds that it has taken.
struct Save {
    start: Instant,
    spent: f64,
}

/// Returns the throughput until another thread has read the last byte, and the throughput relative to the processor time of
/// the thread that saves, which other programs on the machine hardly affect.
fn speed(save: impl FnOnce(UnixStream) -> Save) -> Vec<f64> {
    let (out, mut input) = UnixStream::pair().expect("two sockets");
    let reader = thread::spawn(move || {
        let (mut buffer, mut end) = (vec![0; 1 << 20], None);
        while input.read(&mut buffer).expect("bytes") > 0 {
            end = Some(Instant::now());
        }
        end.expect("a stream")
    });
    let save = save(out);
    let taken = reader.join().expect("the reader is well") - save.start;
    vec![size() as f64 / taken.as_secs_f64() / 1e9, size() as f64 / save.spent]
}

fn save_stopped(ram: &mut Mapping, out: UnixStream) -> Save {
    let mut machine = Machine::with_type("all-memory");
    machine.register_ram(PageSize::DEFAULT, std::slice::from_mut(ram)).expect("the only section");
    let (start, before) = (Instant::now(), spent());
    machine.save(out).expect("a machine that can be saved");
    Save { start, spent: spent() - before }
}

fn save_running(ram: &Arc<Mapping>, log: Log, writes: bool, out: &UnixStream) -> Save {
    let layout = Layout::new(PageSize::DEFAULT, [ram]).expect("a block");
    let marked = Arc::new(Marked::new(&layout));
    let log: Arc<dyn DirtyLog> = match log {
        Log::Marked => marked.clone(),
        Log::WriteProtect => Arc::new(WriteProtect::new(&layout, vec![ram.clone()]).expect("a mapping")),
    };
    let log = Arc::new(StoppedLater(log));
    let stop = AtomicBool::new(!writes);
    thread::scope(|scope| {
        scope.spawn(|| write_pages(ram, &marked, &stop));
        let mut machine = Machine::with_type("all-memory");
        let section = Ram::new(PageSize::DEFAULT, [ram.clone()]).dirty_log(log.clone());
        machine.add(Registration::live("ram", vmstate::ram::VERSION, section)).expect("the only section");
        let mut writer = Writer::new();
        let (start, before) = (Instant::now(), spent());
        let mut saving = machine.start_saving(Output::to_file(&mut writer, out), SaveOptions::new()).expect("a start");
        while saving.pending_exact().total() > 1 << 20 {
            saving.iterate(u64::MAX).expect("a part");
        }
        stop.store(true, Ordering::Relaxed);
        saving.complete().expect("an end");
        let spent = spent() - before;
        log.0.stop().expect("a running log");
        Save { start, spent }
    })
}

/// A log whose end is not part of the save: it delays neither the peer nor a guest that continues there. The row `stop` of the
/// subject `track` measures it.
struct StoppedLater(Arc<dyn DirtyLog>);

impl DirtyLog for StoppedLater {
    fn start(&self) -> Result<(), MemoryError> {
        self.0.start()
    }

    fn collect(&self, block: usize, pages: Range<u64>, dirty: &DirtyBitmap) -> Result<(), MemoryError> {
        self.0.collect(block, pages, dirty)
    }

    fn put_back(&self, block: usize, pages: &DirtyBitmap) -> Result<(), MemoryError> {
        self.0.put_back(block, pages)
    }

    fn stop(&self) -> Result<(), MemoryError> {
        Ok(())
    }
}

fn write_pages(ram: &Mapping, marked: &Marked, stop: &AtomicBool) {
    let mut place = 0;
    while !stop.load(Ordering::Relaxed) {
        place = (place + 977 * 4096) % (size() - 8);
        ram.memory().store(place, [1; 8]).expect("a place");
        marked.mark(0, place as u64, 8);
        thread::sleep(Duration::from_millis(1));
    }
}
