//! Dirty tracking by write protection.

use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use vmstate::memory::{DirtyLog, Layout, MappingOptions, PageSize, WriteProtect};

use crate::plain::{Plain, alternate, size, table};

const PAGE: usize = 4096;
const ROWS: [&str; 6] = [
    "first write to a protected page (us)",
    "collect, all pages dirty (ms/GiB)",
    "collect, no page dirty (ms/GiB)",
    "collect, 1 % of the pages dirty (ms/GiB)",
    "start (ms/GiB)",
    "stop (ms/GiB)",
];

pub(crate) fn measure() {
    let plain = Plain::compile("track");
    let arguments = [size().to_string()];
    let times = alternate(9, || units(&plain.run(&arguments)), || units(&ours()));
    table("private memory in pages of 4 KiB", ["C", "vmstate"], &ROWS, &times);
}

/// Converts nanoseconds for the whole memory.
fn units(times: &[f64]) -> Vec<f64> {
    let (pages, gib) = ((size() / PAGE) as f64, size() as f64 / f64::from(1 << 30));
    times.iter().enumerate().map(|(row, time)| if row == 0 { time / 1e3 / pages } else { time / 1e6 / gib }).collect()
}

/// Returns the nanoseconds that this thread has run, which other programs on the machine hardly affect.
pub(crate) fn spent() -> f64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).expect("a positive time").as_nanos() as f64
}

/// Returns the nanoseconds of each row, as the C program does.
fn ours() -> Vec<f64> {
    let ram = Arc::new(MappingOptions::anonymous().map("ram", size() as u64).expect("memory"));
    let memory = ram.memory();
    let layout = Layout::new(PageSize::DEFAULT, [&ram]).expect("a block");
    let log = WriteProtect::new(&layout, vec![ram.clone()]).expect("a mapping");
    (0..size()).step_by(PAGE).for_each(|page| memory.store(page, [1]).expect("a place"));
    let start = spent();
    log.start().expect("a new log");
    let started = spent() - start;

    let dirty = layout.bitmaps();
    let collect = |expected: usize| {
        let start = spent();
        log.collect(0, 0..layout.pages(0), &dirty[0]).expect("a running log");
        let taken = spent() - start;
        assert_eq!(dirty[0].count(), expected as u64);
        dirty[0].clear();
        taken
    };
    let start = spent();
    (0..size()).step_by(PAGE).for_each(|page| memory.store(page, [2]).expect("a place"));
    let written = spent() - start;
    let all = collect(size() / PAGE);
    // An interrupt takes as long as a scan.
    let clean = (0..32).map(|_| collect(0)).fold(f64::INFINITY, f64::min);
    (0..size()).step_by(100 * PAGE).for_each(|page| memory.store(page, [3]).expect("a place"));
    let sparse = collect((size() / PAGE).div_ceil(100));
    let start = spent();
    log.stop().expect("a running log");
    vec![written, all, clean, sparse, started, spent() - start]
}
