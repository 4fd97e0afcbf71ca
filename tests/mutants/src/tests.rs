//! Runs the tests that reach a mutant.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The modules of the tests that run.
const MODULES: [&str; 15] = [
    "walk",
    "info",
    "ram::",
    "stream::",
    "dynamic::",
    "wire",
    "registry::",
    "derive::",
    "machine::",
    "laws",
    "devices::",
    "diff::",
    "rewind",
    "migration::",
    "snapshot::background::",
];

/// Modules whose names contain others. They compile programs or run them; the simulations in `model` take minutes.
const SKIPPED: [&str; 3] = ["board::", "cli::", "migration::model::"];

/// A test, and the time that it takes without a mutant.
struct Test {
    program: PathBuf,
    name: String,
    time: Duration,
}

/// All tests, and the mutants that each of them reaches.
pub struct Tests {
    /// The folder of the package with the tests, which read files relative to it.
    folder: PathBuf,
    /// The fastest ones first.
    tests: Vec<Test>,
    /// For each mutant, the indices of the tests that reach it, in ascending order.
    reaching: HashMap<u32, Vec<usize>>,
}

impl Tests {
    /// Runs each test without a mutant, and records the mutants in a file at `reached` whose name has a suffix.
    ///
    /// # Panics
    /// Panics if a test fails.
    pub fn measure(programs: &[PathBuf], folder: &Path, reached: &Path) -> Self {
        let names: Vec<_> = programs.iter().flat_map(|program| list(program, folder)).collect();
        let indices: Vec<_> = (0..names.len()).collect();
        let mut measured = in_parallel(&indices, |&index| {
            let (program, name) = &names[index];
            measure(program, name, folder, &reached.with_extension(index.to_string()))
        });
        measured.sort_by_key(|(test, _)| test.time);
        let mut reaching = HashMap::<u32, Vec<usize>>::new();
        for (index, (_, mutants)) in measured.iter().enumerate() {
            mutants.iter().for_each(|mutant| reaching.entry(*mutant).or_default().push(index));
        }
        let tests: Vec<_> = measured.into_iter().map(|(test, _)| test).collect();
        let time: Duration = tests.iter().map(|test| test.time).sum();
        println!("{} tests, {:.0} s; {} reached mutants", tests.len(), time.as_secs_f32(), reaching.len());
        Self { folder: folder.to_path_buf(), tests, reaching }
    }

    /// Returns whether a test fails, or does not end, if `mutant` is selected.
    pub fn kill(&self, mutant: u32) -> bool {
        let mut rest = self.reaching.get(&mutant).map_or(&[][..], |indices| indices);
        // Most mutants are killed by the first test that reaches them. More and more tests share a process.
        let mut size = 1;
        while !rest.is_empty() {
            let (batch, next) = rest.split_at(size.min(rest.len()));
            let batch: Vec<_> = batch.iter().map(|index| &self.tests[*index]).collect();
            if !self.passes(mutant, &batch) {
                return true;
            }
            rest = next;
            size *= 2;
        }
        false
    }

    fn passes(&self, mutant: u32, batch: &[&Test]) -> bool {
        let mut programs: Vec<_> = batch.iter().map(|test| &test.program).collect();
        programs.sort();
        programs.dedup();
        programs.into_iter().all(|program| {
            let tests: Vec<_> = batch.iter().filter(|test| test.program == *program).collect();
            let time: Duration = tests.iter().map(|test| test.time).sum();
            let mut command = command(program, &self.folder);
            command.args(tests.iter().map(|test| &test.name)).env("VMSTATE_MUTANT", mutant.to_string());
            let end = run(command.spawn().expect("a test program"), &Limits::of(time));
            if end == End::Waits {
                println!("waits: {mutant}");
            }
            end == End::Passes
        })
    }
}

/// Returns the program and the name of each test in it.
fn list(program: &Path, folder: &Path) -> Vec<(PathBuf, String)> {
    let mut command = Command::new(program);
    command.args(MODULES).args(SKIPPED.iter().flat_map(|name| ["--skip", name]));
    command.args(["--list", "--format=terse"]).current_dir(folder);
    let output = command.output().expect("a test program");
    let names = String::from_utf8_lossy(&output.stdout).into_owned();
    let names = names.lines().filter_map(|line| line.strip_suffix(": test"));
    names.map(|name| (program.to_path_buf(), name.to_owned())).collect()
}

fn measure(program: &Path, name: &str, folder: &Path, reached: &Path) -> (Test, Vec<u32>) {
    let start = Instant::now();
    let mut command = command(program, folder);
    let child = command.arg(name).env("VMSTATE_REACHED", reached).spawn().expect("a test program");
    let limit = Duration::from_secs(600);
    let end = run(child, &Limits { processor: limit, total: limit });
    assert!(end == End::Passes, "`{name}` fails without a mutant");
    let time = start.elapsed();
    let mutants = fs::read_to_string(reached).unwrap_or_default();
    let _ = fs::remove_file(reached);
    let mutants = mutants.lines().filter_map(|line| line.parse().ok()).collect();
    (Test { program: program.to_path_buf(), name: name.to_owned(), time }, mutants)
}

fn command(program: &Path, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command.args(["--exact", "--quiet", "--test-threads=1"]).current_dir(folder);
    // Random tests must not depend on luck.
    command.env("PROPTEST_CASES", "32").env("PROPTEST_RNG_SEED", "7").env("RUST_BACKTRACE", "0");
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// The end of a run of tests.
#[derive(PartialEq, Eq)]
enum End {
    Passes,
    Fails,
    /// It uses the processor for much longer than without a mutant.
    Loops,
    /// It waits for much longer. A busy machine can be the reason.
    Waits,
}

/// The time after which a run does not terminate.
struct Limits {
    /// The time of the processor, which other processes do not extend.
    processor: Duration,
    total: Duration,
}

impl Limits {
    /// Returns the limits of tests that take this time without a mutant.
    fn of(time: Duration) -> Self {
        Self { processor: time * 8 + Duration::from_secs(5), total: time * 16 + Duration::from_secs(40) }
    }
}

fn run(mut child: Child, limits: &Limits) -> End {
    let start = Instant::now();
    loop {
        if let Some(status) = child.try_wait().expect("a child process") {
            return if status.success() { End::Passes } else { End::Fails };
        }
        let waits = start.elapsed() > limits.total;
        if waits || processor_time(child.id()) > limits.processor {
            let _ = child.kill();
            let _ = child.wait();
            return if waits { End::Waits } else { End::Loops };
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Returns the time that all threads of a process have run.
fn processor_time(process: u32) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name in parentheses may contain spaces. User and system time are fields 14 and 15, in hundredths of a second.
    let after = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks: u64 = after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Calls `run` for all items on all processors, and returns the results in order.
pub fn in_parallel<T: Sync, R: Send>(items: &[T], run: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let claim = || Some(next.fetch_add(1, Ordering::Relaxed)).filter(|index| *index < items.len());
        std::iter::from_fn(claim).map(|index| (index, run(&items[index]))).collect::<Vec<_>>()
    };
    let mut results: Vec<_> = thread::scope(|scope| {
        let count = thread::available_parallelism().map_or(1, usize::from);
        let workers: Vec<_> = (0..count).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("no panic in a worker")).collect()
    });
    results.sort_by_key(|(index, _)| *index);
    results.into_iter().map(|(_, result)| result).collect()
}
