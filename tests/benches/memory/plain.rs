//! The C programs, and alternating runs of two implementations.

use std::env;
use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

/// A compiled C program.
pub(crate) struct Plain {
    folder: TempDir,
}

impl Plain {
    /// Compiles `tests/benches/memory/NAME.c`.
    pub(crate) fn compile(name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/memory").join(format!("{name}.c"));
        let compiler = env::var("CC").unwrap_or_else(|_| "cc".to_owned());
        let program = folder.path().join("plain");
        let status = Command::new(compiler).args(["-O2", "-pthread", "-o"]).arg(program).arg(source).status();
        assert!(status.expect("a C compiler").success(), "{name}.c compiles");
        Self { folder }
    }

    /// Runs the program, which prints numbers.
    pub(crate) fn run(&self, arguments: &[String]) -> Vec<f64> {
        let output = Command::new(self.folder.path().join("plain")).args(arguments).output().expect("the program");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).expect("numbers");
        text.split_whitespace().map(|word| word.parse().expect("a number")).collect()
    }
}

/// Runs both implementations in turns. Each returns one number for each row. Returns the medians.
pub(crate) fn alternate(
    rounds: usize,
    first: impl FnMut() -> Vec<f64>,
    second: impl FnMut() -> Vec<f64>,
) -> [Vec<f64>; 2] {
    runs(rounds, first, second).map(|runs| columns(&runs, 0.5))
}

/// Runs both implementations in turns. Returns the numbers of all runs.
pub(crate) fn runs(
    rounds: usize,
    mut first: impl FnMut() -> Vec<f64>,
    mut second: impl FnMut() -> Vec<f64>,
) -> [Vec<Vec<f64>>; 2] {
    let (mut firsts, mut seconds) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        let (one, two) = (first(), second());
        // The first round warms up.
        if round > 0 {
            firsts.push(one);
            seconds.push(two);
        }
    }
    [firsts, seconds]
}

/// Returns a quantile of each column: 0.5 is the median, 1 the maximum.
pub(crate) fn columns(rounds: &[Vec<f64>], quantile: f64) -> Vec<f64> {
    let column = |index: usize| {
        let mut values: Vec<_> = rounds.iter().map(|round| round[index]).collect();
        values.sort_by(f64::total_cmp);
        values[(values.len() - 1) * (quantile * 100.0) as usize / 100]
    };
    (0..rounds[0].len()).map(column).collect()
}

/// Prints a row for each measurement, with the ratio of the second to the first.
pub(crate) fn table(unit: &str, names: [&str; 2], rows: &[&str], [first, second]: &[Vec<f64>; 2]) {
    println!("  {:44} {:>12} {:>12} {:>7}", unit, names[0], names[1], "ratio");
    for ((row, first), second) in rows.iter().zip(first).zip(second) {
        println!("  {row:44} {first:12.3} {second:12.3} {:7.2}", second / first);
    }
}

/// The size of the memory.
pub(crate) fn size() -> usize {
    env::var("VMSTATE_BENCH_MIB").map_or(256, |text| text.parse::<usize>().expect("a number of MiB")) << 20
}
