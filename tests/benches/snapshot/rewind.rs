//! A state for each frame at 60 Hz.

use std::time::{Duration, Instant};

use vmstate::memory::{DirtyBitmap, DirtyLog, Layout, Marked, PageSize};
use vmstate::rewind::Rewind;
use vmstate_examples::virt::{Board, BoardRewind};

use crate::guest::{PAGE, map};

const MIB: usize = 16;
const FRAMES: u64 = 600;
const FRAME: f64 = 1.0 / 60.0;

pub(crate) fn measure() {
    println!("\nrewind at 60 Hz: {MIB} MiB of memory, 1 % of its pages written in each frame; {FRAMES} frames");
    let (memory, devices) = (pages(), devices());
    for (name, time) in [("memory", memory), ("devices of the board", devices), ("sum", memory + devices)] {
        let (microseconds, share) = (time.as_secs_f64() * 1e6, time.as_secs_f64() * 100.0 / FRAME);
        println!("  {name:24} {microseconds:10.1} us for each frame, {share:6.2} % of a core");
    }
}

/// Returns the average time for the written pages of a frame.
fn pages() -> Duration {
    let ram = map(MIB << 20);
    let layout = Layout::new(PageSize::DEFAULT, [&ram]).expect("whole pages");
    let (log, count) = (Marked::new(&layout), layout.pages(0));
    log.start().expect("a log");
    let mut rewind = Rewind::new(64 << 20);
    rewind.push_bytes(&ram.memory().to_vec());
    let (mut taken, dirty) = (Duration::ZERO, DirtyBitmap::new(count));
    for frame in 0..FRAMES {
        for number in 0..count / 100 {
            let start = (frame * 37 + number * 97) % count * PAGE as u64;
            let bytes = [(frame % 251 + 1) as u8; PAGE];
            ram.memory().write(start as usize, &bytes).expect("a page");
            log.mark(0, start, PAGE as u64);
        }
        let start = Instant::now();
        dirty.clear();
        log.collect(0, 0..count, &dirty).expect("a running log");
        let page = |page: u64| {
            let start = page as usize * PAGE;
            (start, ram.memory().get(start..start + PAGE).expect("a page").to_vec())
        };
        let parts: Vec<_> = dirty.runs().flatten().map(page).collect();
        assert!(rewind.push_changes(MIB << 20, &parts), "a state");
        taken += start.elapsed();
    }
    taken / FRAMES as u32
}

/// Returns the average time for a frame in which the guest does not run.
fn devices() -> Duration {
    let (mut board, mut rewind) = (Board::new(MIB << 20), BoardRewind::new(64 << 20));
    rewind.push(&mut board).expect("a state");
    let start = Instant::now();
    (0..FRAMES).for_each(|_| rewind.push(&mut board).expect("a state"));
    start.elapsed() / FRAMES as u32
}
