//! The run states and the events of both sides at each step of a migration, of the board and of QEMUs.

use serde_json::json;

use super::sides::{Kind, Side, Start};
use super::table::{Difference, Table, compare};

/// A bandwidth at which the zero pages of the guest take seconds.
const SLOW: u64 = 20_000;
const FINAL: &[&str] = &["completed", "failed", "cancelled"];

/// A migration whose steps are recorded.
struct Run {
    scenario: String,
    uri: String,
    source: Side,
    destination: Side,
    table: Table,
}

impl Run {
    fn new(scenario: &str, version: &str, kinds: (Kind, Kind), start: Start) -> Self {
        let source = Side::new(kinds.0, version, start);
        let destination = Side::new(kinds.1, version, Start::Incoming);
        let (scenario, uri) = (format!("{scenario}, {start:?}"), destination.socket("guest"));
        let mut run = Self { scenario, uri, source, destination, table: Table::new() };
        run.events();
        run.record("before");
        run
    }

    /// Forgets the events so far, such as the start of the guest.
    fn events(&mut self) {
        self.source.events();
        self.destination.events();
    }

    /// Records the states of both sides, and their events since the last step.
    fn record(&mut self, step: &str) {
        for (name, side) in [("source", &mut self.source), ("destination", &mut self.destination)] {
            let (state, events) = (side.run_state(), side.events().join(" "));
            let has_ended = state == "ended";
            self.table.insert(format!("{}, {step}, {name}: state", self.scenario), state);
            // The last events of a process may be lost with it.
            if !has_ended {
                self.table.insert(format!("{}, {step}, {name}: events", self.scenario), events);
            }
        }
    }

    /// Continues the guest at both sides, and records the answers and the states.
    fn cont(&mut self, step: &str) {
        for (name, side) in [("source", &mut self.source), ("destination", &mut self.destination)] {
            if side.run_state() == "ended" {
                continue;
            }
            let answer = side.attempt("cont", &json!({})).err().unwrap_or_else(|| "ok".to_owned());
            self.table.insert(format!("{}, {step}, {name}: cont", self.scenario), answer);
        }
        self.record(&format!("cont {step}"));
    }

    fn set_bandwidth(&mut self, bandwidth: u64) {
        self.source.execute("migrate-set-parameters", &json!({ "max-bandwidth": bandwidth }));
    }

    fn begin(&mut self) {
        self.destination.execute("migrate-incoming", &json!({ "uri": self.uri }));
        let state = self.destination.run_state();
        self.table.insert(format!("{}, listening, destination: state", self.scenario), state);
        self.set_bandwidth(SLOW);
        self.source.execute("migrate", &json!({ "uri": self.uri }));
        self.source.wait_for(&["active"]);
        self.destination.wait_for(&["active"]);
        self.record("active");
    }

    /// Waits for the end on both sides.
    fn end(&mut self) {
        self.source.wait_for(FINAL);
        self.destination.wait_for(FINAL);
        self.source.wait_for_run_state(&["running", "paused", "prelaunch", "postmigrate"]);
        self.destination.wait_for_run_state(&["running", "paused", "prelaunch"]);
        self.record("end");
        self.cont("after the end");
    }

    fn moved(mut self) -> Table {
        self.begin();
        self.set_bandwidth(0);
        self.end();
        self.table
    }

    fn continued(mut self) -> Table {
        self.source.enable(&["pause-before-switchover"]);
        self.begin();
        self.set_bandwidth(0);
        self.source.wait_for(&["pre-switchover"]);
        self.record("pre-switchover");
        self.cont("in pre-switchover");
        self.source.execute("migrate-continue", &json!({ "state": "pre-switchover" }));
        self.end();
        self.table
    }

    fn cancelled(mut self) -> Table {
        self.begin();
        self.source.execute("migrate_cancel", &json!({}));
        self.end();
        self.table
    }

    fn cancelled_late(mut self) -> Table {
        self.source.enable(&["pause-before-switchover"]);
        self.begin();
        self.set_bandwidth(0);
        self.source.wait_for(&["pre-switchover"]);
        self.source.execute("migrate_cancel", &json!({}));
        self.end();
        self.table
    }

    fn failed(mut self) -> Table {
        self.begin();
        self.destination.kill();
        self.end();
        self.table
    }

    fn unconnected(mut self) -> Table {
        self.source.execute("migrate", &json!({ "uri": self.uri }));
        self.source.wait_for(FINAL);
        self.record("end");
        self.table
    }

    /// Stops the guest during its migration.
    fn stopped(mut self) -> Table {
        self.begin();
        self.source.execute("stop", &json!({}));
        self.record("stop");
        self.set_bandwidth(0);
        self.end();
        self.table
    }

    /// Stops the awaited guest.
    fn awaited(mut self) -> Table {
        self.destination.execute("stop", &json!({}));
        self.record("stop");
        self.begin();
        self.set_bandwidth(0);
        self.end();
        self.table
    }
}

type Steps = fn(Run) -> Table;

const SCENARIOS: &[(&str, Steps)] = &[
    ("moved", Run::moved),
    ("continued", Run::continued),
    ("cancelled", Run::cancelled),
    ("cancelled late", Run::cancelled_late),
    ("failed", Run::failed),
    ("unconnected", Run::unconnected),
    ("stopped", Run::stopped),
    ("awaited", Run::awaited),
];

/// A difference of the source after the guest has moved.
const fn second_guest(rows: &'static str) -> Difference {
    Difference { versions: &["7.2", "10.0", "11.1"], rows, reason: "`cont` runs a second guest in QEMU", always: true }
}

const DIFFERENCES: &[Difference] = &[
    second_guest("moved, * after the end, source: *"),
    second_guest("continued, * after the end, source: *"),
    second_guest("stopped, * after the end, source: *"),
    second_guest("awaited, * after the end, source: *"),
    Difference {
        versions: &["7.2"],
        rows: "cancelled late, *, source: state",
        reason: "7.2 can leave a stopped guest in `postmigrate`, so that it cannot be migrated again",
        always: false,
    },
    Difference {
        versions: &["7.2"],
        rows: "cancelled late, Paused, end, source: events",
        reason: "7.2 can enter `device` after the cancellation",
        always: false,
    },
];

/// Compares both sides of the board with a QEMU's, each with a QEMU as the peer.
fn assert_equal(version: &str) {
    let (mut theirs, mut ours) = (Table::new(), Table::new());
    for (name, steps) in SCENARIOS {
        for start in [Start::Running, Start::Paused] {
            let run = |source, destination| steps(Run::new(name, version, (source, destination), start));
            theirs.extend(run(Kind::Qemu, Kind::Qemu));
            for (source, destination, side) in
                [(Kind::Board, Kind::Qemu, ", source:"), (Kind::Qemu, Kind::Board, ", destination:")]
            {
                ours.extend(run(source, destination).into_iter().filter(|(row, _)| row.contains(side)));
            }
        }
    }
    compare(version, &theirs, &ours, DIFFERENCES);
}

#[test]
fn run_states_equal_qemu_7_2() {
    assert_equal("7.2");
}

#[test]
fn run_states_equal_qemu_10_0() {
    assert_equal("10.0");
}

#[test]
fn run_states_equal_qemu_11_1() {
    assert_equal("11.1");
}
