//! All members of `query-migrate` in each phase, of the board and of QEMUs.

use serde_json::{Value, json};

use super::sides::{Kind, Side, Start};
use super::table::{Difference, Table, compare};

/// A bandwidth at which the zero pages of the guest take seconds.
const SLOW: u64 = 20_000;

/// The members whose values are compared.
const EXACT: &[&str] = &[
    "status",
    "socket-address.type",
    "ram.total",
    "ram.page-size",
    "ram.dirty-sync-missed-zero-copy",
    "ram.skipped",
    "xbzrle-cache.cache-size",
    "xbzrle-cache.overflow",
];

/// The members of which it is compared whether they are zero, once no page is on its way.
const COUNTED: &[&str] = &[
    // A busy machine synchronizes more often.
    "ram.dirty-sync-count",
    "ram.remaining",
    "ram.transferred",
    "ram.normal",
    "ram.normal-bytes",
    "ram.duplicate",
    "ram.precopy-bytes",
    "ram.downtime-bytes",
    "ram.postcopy-bytes",
    "ram.multifd-bytes",
    "ram.dirty-pages-rate",
    "xbzrle-cache.cache-miss-rate",
    "xbzrle-cache.encoding-rate",
    "xbzrle-cache.bytes",
    "xbzrle-cache.pages",
];

/// Adds a row for each member. Of the others, only the presence is compared.
fn record(table: &mut Table, row: &str, path: &str, value: &Value) {
    let text = match value {
        Value::Object(members) => {
            let path = if path.is_empty() { String::new() } else { format!("{path}.") };
            for (name, value) in members.iter().filter(|(name, _)| !name.starts_with("x-")) {
                record(table, row, &format!("{path}{name}"), value);
            }
            return;
        }
        Value::Array(list) if path == "socket-address" => {
            return list.iter().for_each(|address| record(table, row, path, address));
        }
        _ if EXACT.contains(&path) => value.to_string(),
        _ if COUNTED.contains(&path) && !row.contains("active") => {
            let is_zero = value.as_f64() == Some(0.0);
            String::from(if is_zero { "zero" } else { "positive" })
        }
        _ => "present".to_owned(),
    };
    table.insert(format!("{row}: {path}"), text);
}

/// A migration: the capabilities of the source, and of both sides.
struct Scenario {
    name: &'static str,
    capabilities: &'static [&'static str],
    run: fn(&mut Run),
}

/// A migration whose phases are recorded.
struct Run {
    scenario: &'static str,
    uri: String,
    source: Side,
    destination: Side,
    table: Table,
}

impl Run {
    fn of(scenario: &Scenario, version: &str, source: Kind, destination: Kind) -> Table {
        let mut source = Side::new(source, version, Start::Paused);
        let mut destination = Side::new(destination, version, Start::Incoming);
        source.enable(scenario.capabilities);
        destination.enable(scenario.capabilities);
        let uri = destination.socket("guest");
        let mut run = Self { scenario: scenario.name, uri, source, destination, table: Table::new() };
        (scenario.run)(&mut run);
        run.table
    }

    /// Records the statistics of a side that has reached a state. They are absent after the end of its process.
    fn record(&mut self, phase: &str, side: &str, found: Option<Value>) {
        let row = format!("{}, {phase}, {side}", self.scenario);
        record(&mut self.table, &row, "", &found.unwrap_or_default());
    }

    fn source(&mut self, status: &str) {
        let found = self.source.wait_for(&[status]);
        self.record(status, "source", found);
    }

    fn destination(&mut self, status: &str) {
        let found = self.destination.wait_for(&[status]);
        self.record(status, "destination", found);
    }

    fn set(&mut self, parameters: &Value) {
        self.source.execute("migrate-set-parameters", parameters);
    }

    fn begin(&mut self) {
        let uri = json!({ "uri": self.uri });
        self.destination.execute("migrate-incoming", &uri);
        self.set(&json!({ "max-bandwidth": SLOW }));
        self.source.execute("migrate", &uri);
        self.source("active");
    }

    fn finish(&mut self) {
        self.set(&json!({ "max-bandwidth": 0 }));
        self.source("completed");
        self.destination("completed");
    }

    fn plain(&mut self) {
        for (name, side) in [("source", true), ("destination", false)] {
            let side = if side { &mut self.source } else { &mut self.destination };
            let found = side.statistics();
            self.record("none", name, found);
        }
        self.destination.execute("migrate-incoming", &json!({ "uri": self.uri }));
        let found = self.destination.statistics();
        self.record("listening", "destination", found);
        self.set(&json!({ "max-bandwidth": SLOW }));
        self.source.execute("migrate", &json!({ "uri": self.uri }));
        self.source("active");
        self.destination("active");
        self.finish();
    }

    fn paused(&mut self) {
        self.begin();
        self.set(&json!({ "max-bandwidth": 0 }));
        self.source("pre-switchover");
        self.source.execute("migrate-continue", &json!({ "state": "pre-switchover" }));
        self.source("completed");
    }

    fn moved(&mut self) {
        self.begin();
        self.finish();
    }

    fn cancelled(&mut self) {
        self.begin();
        self.source.execute("migrate_cancel", &json!({}));
        self.source("cancelled");
    }

    fn failed(&mut self) {
        self.begin();
        self.destination.kill();
        self.source("failed");
    }

    fn unconnected(&mut self) {
        self.source.execute("migrate", &json!({ "uri": self.uri }));
        self.source("failed");
    }

    fn postcopy(&mut self) {
        self.destination.enable(&["postcopy-blocktime"]);
        self.set(&json!({ "max-postcopy-bandwidth": SLOW }));
        self.begin();
        self.source.execute("migrate-start-postcopy", &json!({}));
        self.source("postcopy-active");
        self.destination("postcopy-active");
        self.set(&json!({ "max-postcopy-bandwidth": 0 }));
        self.source("completed");
        self.destination("completed");
    }
}

const SCENARIOS: &[Scenario] = &[
    Scenario { name: "plain", capabilities: &[], run: Run::plain },
    Scenario { name: "pause", capabilities: &["pause-before-switchover"], run: Run::paused },
    Scenario { name: "multifd", capabilities: &["multifd"], run: Run::moved },
    Scenario { name: "xbzrle", capabilities: &["xbzrle"], run: Run::moved },
    Scenario { name: "auto-converge", capabilities: &["auto-converge"], run: Run::moved },
    Scenario { name: "cancelled", capabilities: &[], run: Run::cancelled },
    Scenario { name: "failed", capabilities: &[], run: Run::failed },
    Scenario { name: "unconnected", capabilities: &[], run: Run::unconnected },
    Scenario { name: "postcopy", capabilities: &["postcopy-ram"], run: Run::postcopy },
];

const DIFFERENCES: &[Difference] = &[Difference {
    versions: &["10.0", "11.1"],
    rows: "cancelled, cancelled, source: error-desc",
    reason: "the error of QEMU is an effect of the cancellation",
    always: true,
}];

/// Compares both sides of the board with a QEMU's, each with a QEMU as the peer.
fn assert_equal(version: &str) {
    let (mut theirs, mut ours) = (Table::new(), Table::new());
    for scenario in SCENARIOS {
        theirs.extend(Run::of(scenario, version, Kind::Qemu, Kind::Qemu));
        for (source, destination, side) in
            [(Kind::Board, Kind::Qemu, ", source:"), (Kind::Qemu, Kind::Board, ", destination:")]
        {
            let table = Run::of(scenario, version, source, destination);
            ours.extend(table.into_iter().filter(|(row, _)| row.contains(side)));
        }
    }
    compare(version, &theirs, &ours, DIFFERENCES);
}

#[test]
fn statistics_equal_qemu_7_2() {
    assert_equal("7.2");
}

#[test]
fn statistics_equal_qemu_10_0() {
    assert_equal("10.0");
}

#[test]
fn statistics_equal_qemu_11_1() {
    assert_equal("11.1");
}
