//! Predicted and actual downtimes of guests that write their memory in five patterns.

use std::time::Duration;

use tempfile::TempDir;
use vmstate::migration::Parameters;

use crate::host::{Guest, PAGE, Pattern, address, migrate};

const SIZE: usize = 256 << 20;
const PAGES: u64 = SIZE as u64 / PAGE;
const ROUNDS: usize = 5;
const LIMIT: Duration = Duration::from_millis(20);

/// A generator of reproducible numbers (Knuth's MMIX constants).
fn random() -> impl FnMut() -> u64 + Send {
    let mut state = 1_u64;
    move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % PAGES
    }
}

fn patterns() -> [(&'static str, Pattern); 5] {
    let (mut next, mut any, mut some) = (0, random(), random());
    let linear = move |_| {
        next = (next + 16) % (PAGES - 16);
        (next..next + 16).collect()
    };
    let alternating = move |now: Duration| {
        let is_busy = now.as_millis() % 1000 < 300;
        (0..if is_busy { 4096 } else { 0 }).map(|_| some()).collect()
    };
    [
        ("idle", Box::new(|_| vec![0])),
        ("linear, 16 pages per ms", Box::new(linear)),
        ("random, 16 pages per ms", Box::new(move |_| (0..16).map(|_| any()).collect())),
        ("hot set of 512 pages", Box::new(|_| (0..512).collect())),
        ("alternating, 4096 pages per ms or none", Box::new(alternating)),
    ]
}

pub(crate) fn measure() {
    let folder = TempDir::new().expect("a folder");
    println!("  {:44} {:>10} {:>10} {:>8}", "downtime in ms, median of 5", "predicted", "actual", "ratio");
    let runs: Vec<_> = (0..ROUNDS).map(|_| run(&folder)).collect();
    for (place, (name, _)) in patterns().iter().enumerate() {
        let mut pairs: Vec<_> = runs.iter().map(|run| run[place]).collect();
        pairs.sort_by(|left, right| (left.0 / left.1).total_cmp(&(right.0 / right.1)));
        let (predicted, actual) = pairs[pairs.len() / 2];
        println!("  {name:44} {predicted:10.2} {actual:10.2} {:8.2}", predicted / actual);
    }
}

/// Returns the predicted and the actual downtime of each pattern.
fn run(folder: &TempDir) -> Vec<(f64, f64)> {
    let uri = address("unix", folder.path());
    let moved = patterns().map(|(_, pattern)| {
        let (mut source, mut destination) = (Guest::new(SIZE), Guest::new(SIZE));
        source.randomize();
        source.run(pattern);
        let mut parameters = Parameters::default();
        (parameters.max_bandwidth, parameters.downtime_limit) = (0, LIMIT);
        let statistics = migrate(&uri, &mut source, &mut destination, parameters);
        let predicted = statistics.predicted.expect("a prediction").total();
        (predicted.as_secs_f64() * 1e3, statistics.downtime.expect("a downtime").as_secs_f64() * 1e3)
    });
    moved.into()
}
