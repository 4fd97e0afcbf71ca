//! Migrations between two processes, each with one fault: exactly one guest runs afterwards, or it has died with its process.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use vmstate_tests::board::BoardProcess;
use vmstate_tests::proxy::{Direction, Fault, Plan, Proxy};

use super::postcopy::is_supported;

/// The kinds of migrations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Precopy,
    Multifd,
    Postcopy,
}

const KINDS: [Kind; 3] = [Kind::Precopy, Kind::Multifd, Kind::Postcopy];

/// The faults, before it is known which process is which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    Cut,
    Stall,
    Throttle,
    KillSource,
    KillDestination,
}

const TROUBLES: [Trouble; 5] =
    [Trouble::Cut, Trouble::Stall, Trouble::Throttle, Trouble::KillSource, Trouble::KillDestination];

/// The final state of the guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outcome {
    Moved,
    Stayed,
    /// The process that had the guest was killed.
    Died,
}

/// One migration, determined by a number, except for the phase that the byte of the fault belongs to.
struct Case {
    number: u64,
    kind: Kind,
    trouble: Trouble,
    direction: Direction,
    after: u64,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, kind, trouble, direction, after } = self;
        write!(f, "case {number}: {kind:?}, {trouble:?} after {after} bytes {direction:?}")
    }
}

impl Case {
    fn new(number: u64) -> Self {
        let random = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let kinds = if is_supported() { &KINDS[..] } else { &KINDS[..2] };
        let kind = kinds[usize::try_from(number).expect("small") % kinds.len()];
        let trouble = TROUBLES[usize::try_from(number).expect("small") / kinds.len() % TROUBLES.len()];
        // The phases around the switchover, on the return path and at the end of the stream, are as likely as all others.
        let direction = if (random >> 32).is_multiple_of(2) { Direction::Forward } else { Direction::Back };
        let total = lengths(kind)[direction as usize];
        let part = (random >> 34) % total;
        let after = if (random >> 33).is_multiple_of(2) { part } else { total - 1 - part % total.min(300) };
        Self { number, kind, trouble, direction, after }
    }
}

/// Returns the lengths of a migration's conversation in both directions.
fn lengths(kind: Kind) -> [u64; 2] {
    static LENGTHS: OnceLock<BTreeMap<Kind, [u64; 2]>> = OnceLock::new();
    let measure = |kind| {
        let mut setting = Setting::new(kind, None);
        assert_eq!(setting.settle(), Outcome::Moved, "a {kind:?} without a fault");
        setting.proxy.as_ref().expect("a proxy").passed()
    };
    let kinds = KINDS.into_iter().filter(|kind| *kind != Kind::Postcopy || is_supported());
    LENGTHS.get_or_init(|| kinds.map(|kind| (kind, measure(kind))).collect())[&kind]
}

/// Two boards and the proxy between them.
struct Setting {
    source: BoardProcess,
    destination: BoardProcess,
    proxy: Option<Proxy>,
    started: Instant,
    /// The numbers of events of both sides, and the time at which they were seen first.
    last_change: ((usize, usize), Instant),
}

const PATIENCE: Duration = Duration::from_secs(120);
/// The time after which an operator interrupts a migration.
const STALL: Duration = Duration::from_secs(2);

impl Setting {
    fn new(kind: Kind, case: Option<&Case>) -> Self {
        let mut source = BoardProcess::running(&[]);
        let mut destination = BoardProcess::start(&["--incoming", "defer"]);
        for board in [&mut source, &mut destination] {
            match kind {
                Kind::Precopy => {}
                Kind::Multifd => {
                    board.enable("multifd");
                    board.execute("migrate-set-parameters", json!({ "multifd-channels": 2 }));
                }
                Kind::Postcopy => board.enable("postcopy-ram"),
            }
            let timeouts = json!({ "x-answer-timeout": 5_000, "x-progress-timeout": 5_000, "x-run-timeout": 5_000 });
            board.execute("migrate-set-parameters", timeouts);
        }
        let path = destination.path("guest");
        let uri = format!("unix:{}", path.display());
        destination.execute("migrate-incoming", json!({ "uri": uri, "exit-on-error": false }));
        let plan = case.map(|case| Plan {
            direction: case.direction,
            after: case.after,
            fault: match case.trouble {
                Trouble::Cut => Fault::Cut,
                Trouble::Stall => Fault::Stall,
                Trouble::Throttle => Fault::Throttle,
                Trouble::KillSource => Fault::Kill(source.id()),
                Trouble::KillDestination => Fault::Kill(destination.id()),
            },
        });
        let proxy = Proxy::start(&source.path("proxy"), path, plan);
        let now = Instant::now();
        let mut setting = Self { source, destination, proxy: Some(proxy), started: now, last_change: ((0, 0), now) };
        setting.begin(kind);
        setting
    }

    fn address(&self) -> String {
        format!("unix:{}", self.source.path("proxy").display())
    }

    fn begin(&mut self, kind: Kind) {
        if kind == Kind::Postcopy {
            // A slice of memory and a pause: the rest follows when the guest runs on the destination.
            let limits = json!({ "max-bandwidth": 100_000, "max-postcopy-bandwidth": 200_000 });
            self.source.execute("migrate-set-parameters", limits);
        }
        let uri = self.address();
        // The process may be killed before it replies.
        let started = self.source.attempt_with("migrate", &json!({ "uri": uri })).is_some();
        assert!(started || self.source.surviving_migration().is_none(), "`migrate` is rejected");
        if kind == Kind::Postcopy {
            while self.source.surviving_migration().as_deref() == Some("setup") {
                std::thread::sleep(Duration::from_millis(2));
            }
            // The migration may have ended, and its process, too.
            let _ = self.source.attempt("migrate-start-postcopy");
        }
    }

    /// Follows the guide as an operator would, until the fate of the guest is clear, and checks it.
    fn settle(&mut self) -> Outcome {
        loop {
            assert!(self.started.elapsed() < PATIENCE, "no decision: {}", self.describe());
            let (source, destination) = (self.source.surviving_migration(), self.destination.surviving_migration());
            match (source.as_deref(), destination.as_deref()) {
                (None, None) => panic!("both processes have ended: {}", self.describe()),
                (Some("completed"), Some("completed")) => return self.moved(),
                (Some("completed"), None) => return Outcome::Died,
                (Some("failed" | "cancelled"), other) => return self.stayed(other.is_some()),
                (None, Some("completed")) => return self.moved_from_dead(),
                (None, Some("failed" | "postcopy-paused" | "setup")) => return self.died(),
                (None, Some(_)) => drop(self.destination.attempt("x-force-run")),
                (Some("postcopy-paused"), None) => drop(self.source.attempt("x-force-run")),
                (Some("postcopy-paused"), Some("completed")) => drop(self.source.attempt("x-abandon")),
                (Some("postcopy-paused"), Some("failed")) => drop(self.source.attempt("x-force-run")),
                (Some("postcopy-paused"), Some("postcopy-active" | "postcopy-recover")) => {
                    let _ = self.destination.attempt("migrate-pause");
                }
                (Some("postcopy-paused"), Some(_)) => self.resume(),
                (Some(status), _) => self.interrupt_if_stalled(status),
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn resume(&mut self) {
        let arguments = json!({ "uri": self.address(), "resume": true });
        // It may have been recovered or killed meanwhile.
        let _ = self.source.attempt_with("migrate", &arguments);
    }

    /// Interrupts a migration whose states have not changed for long.
    fn interrupt_if_stalled(&mut self, status: &str) {
        let states = (self.source.events.len(), self.destination.events.len());
        if self.last_change.0 != states {
            self.last_change = (states, Instant::now());
        }
        let has_failed = self.proxy.as_ref().is_some_and(Proxy::has_failed);
        if has_failed && self.last_change.1.elapsed() > STALL {
            let command = if status.starts_with("postcopy") { "migrate-pause" } else { "migrate_cancel" };
            let _ = self.source.attempt(command);
        }
    }

    #[track_caller]
    fn moved(&mut self) -> Outcome {
        self.destination.assert_right();
        self.source.assert_silent();
        Outcome::Moved
    }

    #[track_caller]
    fn moved_from_dead(&mut self) -> Outcome {
        self.destination.assert_right();
        Outcome::Moved
    }

    #[track_caller]
    fn stayed(&mut self, destination_lives: bool) -> Outcome {
        self.source.assert_right();
        if destination_lives {
            self.destination.assert_silent();
        }
        Outcome::Stayed
    }

    /// The guest, or pages of it, were only in the source.
    #[track_caller]
    fn died(&mut self) -> Outcome {
        if self.destination.surviving_migration().as_deref() == Some("failed") {
            self.destination.assert_silent();
        }
        Outcome::Died
    }

    fn describe(&mut self) -> String {
        let states = (self.source.surviving_migration(), self.destination.surviving_migration());
        let events = (&self.source.events, &self.destination.events);
        format!("{states:?} {events:?}\nsource: {}\ndestination: {}", self.source.log(), self.destination.log())
    }
}

/// Runs one migration. Returns whether the fault has happened, and the outcome.
fn run(number: u64) -> (bool, Outcome) {
    let case = Case::new(number);
    println!("{case}");
    let mut setting = Setting::new(case.kind, Some(&case));
    let outcome = setting.settle();
    let has_failed = setting.proxy.as_ref().is_some_and(Proxy::has_failed);
    // A killed process may take the guest with it, but no other fault may.
    let may_die = matches!(case.trouble, Trouble::KillSource | Trouble::KillDestination);
    assert!(outcome != Outcome::Died || may_die, "{case}: the guest is lost: {}", setting.describe());
    println!("{case}: {outcome:?} after {:?}", setting.started.elapsed());
    (has_failed, outcome)
}

/// Runs migrations on several threads, and counts the outcomes.
fn run_all(numbers: std::ops::Range<u64>, threads: usize) -> BTreeMap<Outcome, usize> {
    let next = AtomicU64::new(numbers.start);
    let work = || {
        let mut outcomes = BTreeMap::<_, usize>::new();
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= numbers.end {
                return outcomes;
            }
            let (has_failed, outcome) = run(number);
            if has_failed {
                *outcomes.entry(outcome).or_default() += 1;
            }
        }
    };
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = BTreeMap::new();
        for worker in workers {
            for (outcome, count) in worker.join().expect("no migration loses a guest") {
                *all.entry(outcome).or_default() += count;
            }
        }
        all
    })
}

#[test]
fn no_fault_loses_or_duplicates_a_guest() {
    let outcomes = run_all(0..15, 1);
    println!("{outcomes:?}");
    assert!(outcomes.values().sum::<usize>() >= 10, "faults are rare: {outcomes:?}");
}

/// The connection is lost before the source knows that the guest runs on the destination: only the source has the pages that
/// are missing there.
#[test]
fn source_in_doubt_keeps_the_missing_pages() {
    if is_supported() {
        run(167);
    }
}

/// `VMSTATE_CHAOS=1000 cargo test --release -p vmstate-tests --test all chaos -- --ignored --nocapture`
#[test]
#[ignore = "takes as long as asked for"]
fn no_fault_loses_or_duplicates_a_guest_in_many_cases() {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let first = number("VMSTATE_CHAOS_FIRST").unwrap_or(15);
    let outcomes = run_all(first..first + number("VMSTATE_CHAOS").unwrap_or(100), 2);
    println!("{outcomes:?}");
}
