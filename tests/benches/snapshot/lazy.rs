//! Restores whose guest runs before its memory is read.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use vmstate::machine::{LoadOptions, Machine};
use vmstate::memory::{Mapping, PageSize};
use vmstate::snapshot::{Folder, LazyRam, LazyRestore};

use crate::guest::{PAGE, filled, map, pages, save, sizes};

/// The pages that the guest accesses: 8 MiB.
const WORK: usize = 2048;
const RUNS: usize = 9;

/// The times since the start of a restore until the first access and until the work is done, and the faults.
struct Times {
    first: Duration,
    done: Duration,
    faults: u64,
}

/// A snapshot, and the file of its working set.
struct Saved {
    store: Folder,
    size: usize,
    working_set: PathBuf,
}

type Options = fn(LazyRam) -> LazyRam;

impl Saved {
    fn eager(&self) -> Times {
        let ram = map(self.size);
        let start = Instant::now();
        let mut machine = Machine::with_type("board");
        machine.register_ram(PageSize::DEFAULT, [ram.clone()]).expect("one section");
        machine.load_snapshot(&self.store, "boot", LoadOptions::new().without_rollback()).expect("a load");
        run(&ram, start, || 0)
    }

    fn lazy(&self, options: Options) -> Times {
        let ram = map(self.size);
        let start = Instant::now();
        let restore = self.restore(&ram, options);
        let times = run(&ram, start, || restore.statistics().faults);
        restore.wait().expect("all pages");
        times
    }

    /// Only accessed pages are read. Records them, if none were recorded before.
    fn on_demand(&self, waits: bool) -> Times {
        let ram = map(self.size);
        let start = Instant::now();
        let restore = self.restore(&ram, LazyRam::on_demand);
        if waits {
            restore.wait_for_working_set().expect("a working set");
        }
        let times = run(&ram, start, || restore.statistics().faults);
        if !self.working_set.exists() {
            restore.record_working_set().expect("a file");
        }
        restore.cancel();
        times
    }

    fn restore(&self, ram: &Arc<Mapping>, options: Options) -> LazyRestore {
        let source = self.store.lazy_source("boot").expect("a snapshot");
        let lazy = options(LazyRam::new(source, PageSize::DEFAULT, vec![ram.clone()]));
        let mut machine: Machine<'_> = Machine::with_type("board");
        machine.add(lazy.registration()).expect("one section");
        machine.load_file(lazy.source().file(), 0, LoadOptions::new()).expect("a load");
        lazy.start(|error| panic!("{error}")).expect("a start")
    }

    fn forget(&self) {
        // It does not exist in the first run.
        let _ = std::fs::remove_file(&self.working_set);
    }
}

fn run(ram: &Mapping, start: Instant, faults: impl Fn() -> u64) -> Times {
    assert_eq!(ram.memory().load(0), Some(1_u64.to_ne_bytes()));
    let first = start.elapsed();
    work(ram);
    Times { first, done: start.elapsed(), faults: faults() }
}

/// Accesses pages all over the memory as a guest would: each twice, with some work.
fn work(ram: &Mapping) {
    let pages = pages(ram);
    for number in 0..2 * WORK {
        let start = number % WORK * 7919 % pages * PAGE;
        assert_eq!(ram.memory().load(start), Some((start as u64 + 1).to_ne_bytes()));
        let page = ram.memory().get(start..start + PAGE).expect("a page").to_vec();
        std::hint::black_box(page.iter().fold(0_u64, |sum, byte| sum.rotate_left(3) ^ u64::from(*byte)));
    }
}

fn median<T: Ord + Copy>(times: &[Times], column: impl Fn(&Times) -> T) -> T {
    let mut values: Vec<_> = times.iter().map(column).collect();
    values.sort();
    values[values.len() / 2]
}

/// Prints the medians. Faults are avoided compared with all accessed pages.
fn row(name: &str, times: &[Times]) {
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
    let (first, done) = (median(times, |times| times.first), median(times, |times| times.done));
    let longest = times.iter().map(|times| times.first).max().unwrap_or_default();
    let [first, longest, done] = [first, longest, done].map(milliseconds);
    let faults = median(times, |times| times.faults);
    let avoided = 100.0 - faults as f64 * 100.0 / WORK as f64;
    println!("  {name:44} {first:10.2} {longest:10.2} {done:10.2} {faults:8} {avoided:8.1} %");
}

pub(crate) fn measure() {
    for mib in sizes() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = Folder::open(folder.path()).expect("a folder");
        let size = mib << 20;
        save(&store, &filled(size));
        let working_set = store.stream_path("boot").expect("a snapshot").with_extension("working-set");
        let saved = Saved { store, size, working_set };
        let names = [
            "whole memory",
            "lazy",
            "lazy, on demand",
            "lazy, recorded working set, at once",
            "on demand, recorded working set, at once",
            "on demand, recorded working set, waited for",
            "mapped",
        ];
        let mut times: [Vec<Times>; 7] = Default::default();
        for _ in 0..RUNS {
            times[0].push(saved.eager());
            saved.forget();
            times[1].push(saved.lazy(|lazy| lazy));
            saved.forget();
            times[2].push(saved.on_demand(false));
            times[3].push(saved.lazy(|lazy| lazy));
            saved.forget();
            saved.on_demand(false);
            times[4].push(saved.on_demand(false));
            times[5].push(saved.on_demand(true));
            times[6].push(saved.lazy(LazyRam::mapped));
        }
        println!("\n{mib} MiB; {WORK} pages of work; median of {RUNS} runs");
        println!("  {:44} {:>10} {:>10} {:>10} {:>8} {:>10}", "(ms)", "first", "longest", "done", "faults", "avoided");
        names.iter().zip(&times).for_each(|(name, times)| row(name, times));
    }
}
