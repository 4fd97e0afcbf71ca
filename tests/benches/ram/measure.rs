//! Several ways to do the same, measured in turns.

use std::env;
use std::time::{Duration, Instant};

/// A way to do it, and how long that took each time.
pub(crate) struct Way<'w> {
    name: String,
    run: Box<dyn FnMut() -> Duration + 'w>,
    times: Vec<Duration>,
}

impl<'w> Way<'w> {
    /// `run` returns its duration, so that preparation and checks are not measured.
    pub(crate) fn new(name: impl Into<String>, run: impl FnMut() -> Duration + 'w) -> Self {
        Self { name: name.into(), run: Box::new(run), times: Vec::new() }
    }
}

/// Runs all implementations in turns and prints their throughput. The first one is the baseline.
pub(crate) fn compare(bytes: usize, rounds: usize, mut ways: Vec<Way<'_>>) {
    for way in &mut ways {
        (way.run)();
    }
    for _ in 0..rounds {
        for way in &mut ways {
            way.times.push((way.run)());
        }
    }
    println!("  {:44} {:>10} {:>10}   {:>9}", "GB/s", "best", "median", "of first");
    let mut first = None;
    for way in &mut ways {
        way.times.sort_unstable();
        let speed = |time: Duration| bytes as f64 / time.as_secs_f64() / 1e9;
        let (best, median) = (speed(way.times[0]), speed(way.times[way.times.len() / 2]));
        let (of_best, of_median) = *first.get_or_insert((best, median));
        println!("  {:44} {best:10.2} {median:10.2}   {:.2} {:.2}", way.name, best / of_best, median / of_median);
    }
}

/// Returns the duration of `work`.
pub(crate) fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// The size of the memory.
pub(crate) fn size() -> usize {
    let mib = env::var("VMSTATE_BENCH_MIB").map_or(1024, |text| text.parse().expect("a number of MiB"));
    mib << 20
}
