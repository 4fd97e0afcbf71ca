//! Saves of a stopped and of a running guest over a Unix socket, until the peer has read everything.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use vmstate::machine::SaveOptions;
use vmstate::memory::{DirtyLog, Layout, Mapping, MappingOptions, Marked, PageSize, RamBlock, WriteProtect};
use vmstate::prelude::*;
use vmstate::ram::Ram;
use vmstate::registry::Registration;
use vmstate::section::Output;

use crate::plain::{alternate, size, table};

/// The log of the running guest.
#[derive(Clone, Copy)]
enum Log {
    Marked,
    WriteProtect,
}

/// The name of a measurement, its log, and the guest's writes.
const ROWS: [(&str, Log, bool); 3] = [
    ("marked, no writes", Log::Marked, false),
    ("marked, 1,000 writes a second", Log::Marked, true),
    ("write-protect, 1,000 writes a second", Log::WriteProtect, true),
];

pub(crate) fn measure() {
    for (row, log, writes) in ROWS {
        let stopped = || vec![speed(|out| save_stopped(&mut filled(), out))];
        let running = || vec![speed(|out| save_running(&Arc::new(filled()), log, writes, &out))];
        table("a save over a Unix socket (GB/s)", ["stopped", "running"], &[row], &alternate(7, stopped, running));
    }
}

/// Memory without zero pages.
fn filled() -> Mapping {
    let mut ram = MappingOptions::anonymous().map("ram", size() as u64).expect("memory");
    for (number, word) in (1_u64..).zip(ram.exclusive().expect("one owner").as_chunks_mut().0) {
        *word = number.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_ne_bytes();
    }
    ram
}

/// Returns the throughput from the start that `save` returns to the last byte that another thread reads. The end of the log
/// follows: it delays neither the peer nor a guest that continues there.
fn speed(save: impl FnOnce(UnixStream) -> Instant) -> f64 {
    let (out, mut input) = UnixStream::pair().expect("two sockets");
    let reader = thread::spawn(move || {
        let (mut buffer, mut end) = (vec![0; 1 << 20], None);
        while input.read(&mut buffer).expect("bytes") > 0 {
            end = Some(Instant::now());
        }
        end.expect("a stream")
    });
    let start = save(out);
    let taken = reader.join().expect("the reader is well") - start;
    size() as f64 / taken.as_secs_f64() / 1e9
}

fn save_stopped(ram: &mut Mapping, out: UnixStream) -> Instant {
    let mut machine = Machine::with_type("all-memory");
    machine.register_ram(PageSize::DEFAULT, std::slice::from_mut(ram)).expect("the only section");
    let start = Instant::now();
    machine.save(out).expect("a machine that can be saved");
    start
}

fn save_running(ram: &Arc<Mapping>, log: Log, writes: bool, out: &UnixStream) -> Instant {
    let layout = Layout::new(PageSize::DEFAULT, [ram]).expect("a block");
    let marked = Arc::new(Marked::new(&layout));
    let log: Arc<dyn DirtyLog> = match log {
        Log::Marked => marked.clone(),
        Log::WriteProtect => Arc::new(WriteProtect::new(&layout, vec![ram.clone()]).expect("a mapping")),
    };
    let stop = AtomicBool::new(!writes);
    thread::scope(|scope| {
        scope.spawn(|| write_pages(ram, &marked, &stop));
        let mut machine = Machine::with_type("all-memory");
        let section = Ram::new(PageSize::DEFAULT, [ram.clone()]).dirty_log(log);
        machine.add(Registration::live("ram", vmstate::ram::VERSION, section)).expect("the only section");
        let mut writer = Writer::new();
        let start = Instant::now();
        let mut saving = machine.start_saving(Output::to_file(&mut writer, out), SaveOptions::new()).expect("a start");
        while saving.pending_exact().total() > 1 << 20 {
            saving.iterate(u64::MAX).expect("a part");
        }
        stop.store(true, Ordering::Relaxed);
        saving.complete().expect("an end");
        start
    })
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
