//! Background snapshots.

use std::sync::Arc;
use std::time::{Duration, Instant};

use vmstate::machine::{Machine, SaveOptions};
use vmstate::memory::{Mapping, PageSize};
use vmstate::snapshot::{BackgroundRam, Details, Folder, Store};

use crate::guest::{PAGE, filled, pages, sizes};

/// The pages that the guest writes.
const WRITES: usize = 2048;
const RUNS: usize = 9;

/// Saves a snapshot in the background, whose guest writes before its pages are saved, and announces its writes or not. Returns
/// milliseconds of the protection, the pause and the rest, and microseconds of the median and the 99th percentile of the
/// first writes.
fn background(store: &Folder, ram: &Arc<Mapping>, announces: bool) -> [f64; 5] {
    let start = Instant::now();
    let background = BackgroundRam::start(PageSize::DEFAULT, vec![ram.clone()]).expect("protected memory");
    let protected = start.elapsed();
    let (mut pause, mut rest, mut writes) = (Duration::ZERO, Duration::ZERO, Vec::new());
    let saved = store.save(&Details::new("background").replace(), &mut |out| {
        let start = Instant::now();
        let mut machine: Machine<'_> = Machine::with_type("board");
        machine.add(background.registration()).expect("one section");
        machine.start_saving(out, SaveOptions::new())?.complete()?;
        pause = start.elapsed();
        writes = first_writes(ram, announces.then_some(&background));
        let start = Instant::now();
        background.finish()?;
        rest = start.elapsed();
        Ok(())
    });
    saved.expect("a snapshot");
    let [protected, pause, rest] = [protected, pause, rest].map(|duration| duration.as_secs_f64() * 1e3);
    [protected, pause, rest, writes[writes.len() / 2], writes[writes.len() * 99 / 100]]
}

/// Writes to pages all over the memory. Returns the sorted times in microseconds.
fn first_writes(ram: &Mapping, announced: Option<&BackgroundRam>) -> Vec<f64> {
    let pages = pages(ram);
    let write = |number: usize| {
        let page = number * 7919 % pages * PAGE;
        let start = Instant::now();
        if let Some(background) = announced {
            background.before_write(0, page as u64 + 8..page as u64 + 16);
        }
        ram.memory().store(page + 8, [1; 8]).expect("a page");
        start.elapsed().as_secs_f64() * 1e6
    };
    let mut times: Vec<_> = (0..WRITES).map(write).collect();
    times.sort_by(f64::total_cmp);
    times
}

pub(crate) fn measure() {
    println!("\nbackground snapshots; median and longest of {RUNS} runs");
    println!("  {:12} {:>24} {:>24} {:>12}", "", "protect (ms)", "pause (ms)", "rest (ms)");
    println!("  {:12} {:>24} {:>24}", "", "first write (us)", "99th percentile (us)");
    println!("  {:12} {:>24} {:>24}", "", "announced write (us)", "99th percentile (us)");
    for mib in sizes() {
        let folder = tempfile::tempdir().expect("a folder");
        let (store, ram) = (Folder::open(folder.path()).expect("a folder"), filled(mib << 20));
        let runs: Vec<_> =
            (0..RUNS).map(|_| [false, true].map(|announces| background(&store, &ram, announces))).collect();
        let column = |announces: bool, index: usize| {
            let mut values: Vec<_> = runs.iter().map(|run| run[usize::from(announces)][index]).collect();
            values.sort_by(f64::total_cmp);
            format!("{:.3} / {:.3}", values[RUNS / 2], values[RUNS - 1])
        };
        let [protect, pause, rest] = [0, 1, 2].map(|index| column(false, index));
        println!("  {:12} {protect:>24} {pause:>24} {rest:>12}", format!("{mib} MiB"));
        for announces in [false, true] {
            println!("  {:12} {:>24} {:>24}", "", column(announces, 3), column(announces, 4));
        }
    }
}
