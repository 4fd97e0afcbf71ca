//! Lazy restores of snapshots, compared with loads of the whole memory in alternating runs, and background snapshots.
//!
//!     cargo bench -p vmstate-tests --bench snapshot
//!
//! `VMSTATE_BENCH_MIB` is the largest memory, 4096 if unset; half of it has content. The snapshots are in the folder of
//! temporary files, and stay in the page cache.

#[cfg(target_os = "linux")]
mod linux {
    use std::sync::Arc;
    use std::time::{Duration, Instant};

    use vmstate::machine::{LoadOptions, Machine, SaveOptions};
    use vmstate::memory::{Mapping, MappingOptions, PageSize, RamBlock};
    use vmstate::snapshot::{BackgroundRam, Details, Folder, LazyRam, LazyRestore, Store};

    const PAGE: usize = 4096;
    /// The pages that the guest accesses: 8 MiB.
    const WORK: usize = 2048;
    const RUNS: usize = 9;

    fn map(size: usize) -> Arc<Mapping> {
        Arc::new(MappingOptions::anonymous().map("ram", size as u64).expect("address space"))
    }

    fn filled(size: usize) -> Arc<Mapping> {
        let ram = map(size);
        for start in (0..size / 2).step_by(PAGE) {
            ram.memory().store(start, (start as u64 + 1).to_ne_bytes()).expect("a page");
        }
        ram
    }

    fn save(store: &Folder, size: usize) {
        let ram = filled(size);
        let mut machine = Machine::with_type("board");
        machine.register_ram(PageSize::DEFAULT, [ram]).expect("one section");
        machine.save_snapshot(store, "boot", SaveOptions::new()).expect("a snapshot");
    }

    /// Accesses pages all over the memory as a guest would: each twice, with some work.
    fn work(ram: &Mapping) {
        let pages = ram.size() as usize / 2 / PAGE;
        for number in 0..2 * WORK {
            let start = number % WORK * 7919 % pages * PAGE;
            assert_eq!(ram.memory().load(start), Some((start as u64 + 1).to_ne_bytes()));
            let page = ram.memory().get(start..start + PAGE).expect("a page").to_vec();
            std::hint::black_box(page.iter().fold(0_u64, |sum, byte| sum.rotate_left(3) ^ u64::from(*byte)));
        }
    }

    /// The times since the start of a restore until the first access and until the work is done, and the faults.
    struct Times {
        first: Duration,
        done: Duration,
        faults: u64,
    }

    fn eager(store: &Folder, size: usize) -> Times {
        let ram = map(size);
        let start = Instant::now();
        let mut machine = Machine::with_type("board");
        machine.register_ram(PageSize::DEFAULT, [ram.clone()]).expect("one section");
        machine.load_snapshot(store, "boot", LoadOptions::new().without_rollback()).expect("a load");
        run(&ram, start, || 0)
    }

    fn lazy(store: &Folder, size: usize) -> Times {
        let ram = map(size);
        let start = Instant::now();
        let restore = restore(store, &ram);
        let times = run(&ram, start, || restore.statistics().faults);
        restore.wait().expect("all pages");
        times
    }

    /// Only accessed pages are read. Records them.
    fn on_demand(store: &Folder, size: usize) -> Times {
        let ram = map(size);
        let start = Instant::now();
        let lazy = LazyRam::new(store.lazy_source("boot").expect("a snapshot"), PageSize::DEFAULT, vec![ram.clone()]);
        let restore = begin(&lazy.on_demand());
        let times = run(&ram, start, || restore.statistics().faults);
        restore.record_working_set().expect("a file");
        restore.cancel();
        times
    }

    fn restore(store: &Folder, ram: &Arc<Mapping>) -> LazyRestore {
        begin(&LazyRam::new(store.lazy_source("boot").expect("a snapshot"), PageSize::DEFAULT, vec![ram.clone()]))
    }

    fn begin(lazy: &LazyRam) -> LazyRestore {
        let mut machine: Machine<'_> = Machine::with_type("board");
        machine.add(lazy.registration()).expect("one section");
        machine.load_file(lazy.source().file(), 0, LoadOptions::new()).expect("a load");
        lazy.start(|error| panic!("{error}")).expect("a start")
    }

    fn run(ram: &Mapping, start: Instant, faults: impl Fn() -> u64) -> Times {
        assert_eq!(ram.memory().load(0), Some(1_u64.to_ne_bytes()));
        let first = start.elapsed();
        work(ram);
        Times { first, done: start.elapsed(), faults: faults() }
    }

    fn median<T: Ord + Copy>(times: &[Times], column: impl Fn(&Times) -> T) -> T {
        let mut values: Vec<_> = times.iter().map(column).collect();
        values.sort();
        values[values.len() / 2]
    }

    fn row(name: &str, times: &[Times]) {
        let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
        let (first, done) = (median(times, |times| times.first), median(times, |times| times.done));
        let longest = times.iter().map(|times| times.first).max().unwrap_or_default();
        let [first, longest, done] = [first, longest, done].map(milliseconds);
        println!("  {name:44} {first:10.2} {longest:10.2} {done:10.2} {:10}", median(times, |times| times.faults));
    }

    /// Saves a snapshot in the background, whose guest writes before its pages are saved. Returns milliseconds of the
    /// protection, the pause and the rest, and microseconds of the median and the 99th percentile of the first writes.
    fn background(store: &Folder, ram: &Arc<Mapping>) -> [f64; 5] {
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
            writes = first_writes(ram);
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
    fn first_writes(ram: &Mapping) -> Vec<f64> {
        let pages = ram.size() as usize / 2 / PAGE;
        let write = |number: usize| {
            let page = number * 7919 % pages * PAGE;
            let start = Instant::now();
            ram.memory().store(page + 8, [1; 8]).expect("a page");
            start.elapsed().as_secs_f64() * 1e6
        };
        let mut times: Vec<_> = (0..WORK).map(write).collect();
        times.sort_by(f64::total_cmp);
        times
    }

    pub(crate) fn measure_background() {
        println!("\nbackground snapshots; median and longest of {RUNS} runs");
        println!("  {:12} {:>24} {:>24} {:>12}", "", "protect (ms)", "pause (ms)", "rest (ms)");
        println!("  {:12} {:>24} {:>24}", "", "first write (us)", "99th percentile (us)");
        for mib in sizes() {
            let folder = tempfile::tempdir().expect("a folder");
            let (store, ram) = (Folder::open(folder.path()).expect("a folder"), filled(mib << 20));
            let runs: Vec<_> = (0..RUNS).map(|_| background(&store, &ram)).collect();
            let column = |index: usize| {
                let mut values: Vec<_> = runs.iter().map(|run| run[index]).collect();
                values.sort_by(f64::total_cmp);
                format!("{:.3} / {:.3}", values[RUNS / 2], values[RUNS - 1])
            };
            println!("  {:12} {:>24} {:>24} {:>12}", format!("{mib} MiB"), column(0), column(1), column(2));
            println!("  {:12} {:>24} {:>24}", "", column(3), column(4));
        }
    }

    fn sizes() -> impl Iterator<Item = usize> {
        let most = std::env::var("VMSTATE_BENCH_MIB").map_or(4096, |text| text.parse().expect("a number of MiB"));
        [64, 256, 1024, 4096].into_iter().filter(move |mib| *mib <= most)
    }

    pub(crate) fn measure_lazy() {
        for mib in sizes() {
            let folder = tempfile::tempdir().expect("a folder");
            let store = Folder::open(folder.path()).expect("a folder");
            let size = mib << 20;
            save(&store, size);
            let working_set = store.stream_path("boot").expect("a snapshot").with_extension("working-set");
            let mut times: [Vec<Times>; 4] = Default::default();
            for _ in 0..RUNS {
                times[0].push(eager(&store, size));
                // A working set does not exist in the first run.
                let _ = std::fs::remove_file(&working_set);
                times[1].push(lazy(&store, size));
                let _ = std::fs::remove_file(&working_set);
                times[2].push(on_demand(&store, size));
                times[3].push(lazy(&store, size));
            }
            println!("\n{mib} MiB; {WORK} pages of work");
            println!("  {:44} {:>10} {:>10} {:>10} {:>10}", "(ms)", "first", "longest", "done", "faults");
            let names = ["whole memory", "lazy", "lazy, on demand", "lazy, with a recorded working set"];
            names.iter().zip(&times).for_each(|(name, times)| row(name, times));
        }
    }
}

#[cfg(target_os = "linux")]
fn main() {
    match vmstate::memory::MissingFaults::start(Vec::new(), |_, _| ()) {
        Ok(_) => {
            linux::measure_lazy();
            linux::measure_background();
        }
        Err(error) => println!("NOT MEASURED: {error}"),
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("NOT MEASURED: it requires Linux");
}
