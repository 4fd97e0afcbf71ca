//! Cost of worst-case inputs: a curve of inputs that double in size for each case.
//!
//!     cargo bench -p vmstate-tests --bench hostile [-- WORDS]      only cases with these words in their names
//!
//! A curve is linear if `growth`, the ratio of the times of an input and of one half as large, stays near 2.

use std::env;
use std::time::{Duration, Instant};

use vmstate_tests::hostile::{Case, cases};

/// The number of doublings.
const DOUBLINGS: u32 = 3;
/// The fastest of so many runs counts.
const RUNS: usize = 3;

fn main() {
    let words: Vec<_> = env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    println!("{:56} {:>10} {:>12} {:>12} {:>12} {:>12}  growth", "", "bytes", "n", "2n", "4n", "8n");
    for case in cases().iter().filter(|case| words.iter().all(|word| case.name.contains(word.as_str()))) {
        curve(case);
    }
}

fn curve(case: &Case) {
    let inputs: Vec<_> = (0..=DOUBLINGS).map(|doublings| (case.make)(case.small << doublings)).collect();
    let times: Vec<_> = inputs.iter().map(|input| fastest(case, input)).collect();
    let growth: Vec<_> = times.array_windows().map(|[less, more]| more.as_secs_f64() / less.as_secs_f64()).collect();
    let times: Vec<_> = times.iter().map(|time| format!("{time:>10.2?}")).collect();
    let growth: Vec<_> = growth.iter().map(|growth| format!("{growth:.1}")).collect();
    println!("{:56} {:>10} {}  {}", case.name, inputs[0].len(), times.join("   "), growth.join(" "));
}

fn fastest(case: &Case, input: &[u8]) -> Duration {
    let run = || {
        let start = Instant::now();
        // Rejecting the input is fine, if it is fast.
        let _ = (case.read)(input);
        start.elapsed()
    };
    (0..RUNS).map(|_| run()).min().unwrap_or_default()
}
