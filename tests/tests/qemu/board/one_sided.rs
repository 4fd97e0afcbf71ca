//! Capabilities that only one side has, of the board and of QEMUs.

use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::sides::{Kind, Side, Start};
use super::table::{Difference, Table, compare};

const FINAL: &[&str] = &["completed", "failed", "cancelled"];
/// A migration that has not ended by then waits for its peer.
const LIMIT: Duration = Duration::from_secs(2);
/// The time to its end at one side after the end at its peer.
const REST: Duration = Duration::from_millis(500);

/// The capabilities that change the stream, or the messages for which a side waits.
const CAPABILITIES: &[&str] = &[
    "xbzrle",
    "postcopy-ram",
    "return-path",
    "multifd",
    "x-ignore-shared",
    "validate-uuid",
    "switchover-ack",
    "mapped-ram",
];

/// The side that has a capability.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Source,
    Destination,
}

/// Migrates a guest that has not started, and returns the status of both sides.
fn observe(version: &str, kinds: (Kind, Kind), owner: Owner, capability: &str) -> Vec<(&'static str, String)> {
    let mut source = Side::new(kinds.0, version, Start::Paused);
    let mut destination = Side::new(kinds.1, version, Start::Incoming);
    if capability == "return-path" {
        source.disable(&[capability]);
        destination.disable(&[capability]);
    }
    let side = if owner == Owner::Source { &mut source } else { &mut destination };
    let change = json!({ "capabilities": [{ "capability": capability, "state": true }] });
    let set = outcome(side.attempt("migrate-set-capabilities", &change));
    let uri = destination.socket("guest");
    let awaited = outcome(destination.attempt("migrate-incoming", &json!({ "uri": uri })));
    if awaited != "ok" {
        return vec![("set", set), ("migrate-incoming", awaited)];
    }
    let begun = outcome(source.attempt("migrate", &json!({ "uri": uri })));
    let (start, mut first_end) = (Instant::now(), None);
    let [found, awaited] = loop {
        let found = [status(&mut source), status(&mut destination)];
        let ended = found.iter().filter(|status| has_ended(status)).count();
        if ended > 0 {
            first_end = first_end.or(Some(Instant::now()));
        }
        let waits = start.elapsed() > LIMIT || first_end.is_some_and(|end| end.elapsed() > REST);
        if ended == found.len() || waits {
            break found;
        }
        sleep(Duration::from_millis(10));
    };
    vec![("set", set), ("migrate", begun), ("source", found), ("destination", awaited)]
}

fn outcome(answer: Result<Value, String>) -> String {
    answer.err().unwrap_or_else(|| "ok".to_owned())
}

fn status(side: &mut Side) -> String {
    let found = side.statistics();
    found.map_or_else(|| "ended".to_owned(), |found| found["status"].as_str().unwrap_or("none").to_owned())
}

fn has_ended(status: &str) -> bool {
    status == "ended" || FINAL.contains(&status)
}

const DIFFERENCES: &[Difference] = &[
    Difference {
        versions: &["7.2"],
        rows: "multifd at the Source: destination",
        reason: "most destinations of 7.2 wait for ever",
        always: false,
    },
    Difference {
        versions: &["7.2"],
        rows: "multifd at the Source: source",
        reason: "some sources of 7.2 do not answer anymore",
        always: false,
    },
    Difference {
        versions: &["10.0", "11.1"],
        rows: "multifd at the Destination: *",
        reason: "QEMU waits for ever for the data channels, and its source does not answer anymore",
        always: true,
    },
];

fn assert_equal(version: &str) {
    let (mut theirs, mut ours) = (Table::new(), Table::new());
    for capability in CAPABILITIES {
        for owner in [Owner::Source, Owner::Destination] {
            let record = |table: &mut Table, kinds| {
                for (column, value) in observe(version, kinds, owner, capability) {
                    table.insert(format!("{capability} at the {owner:?}: {column}"), value);
                }
            };
            record(&mut theirs, (Kind::Qemu, Kind::Qemu));
            // The board is the side that has the capability, or is surprised by it.
            let kinds = if owner == Owner::Source { (Kind::Board, Kind::Qemu) } else { (Kind::Qemu, Kind::Board) };
            record(&mut ours, kinds);
        }
    }
    compare(version, &theirs, &ours, DIFFERENCES);
}

#[test]
fn one_sided_capabilities_equal_qemu_7_2() {
    assert_equal("7.2");
}

#[test]
fn one_sided_capabilities_equal_qemu_10_0() {
    assert_equal("10.0");
}

#[test]
fn one_sided_capabilities_equal_qemu_11_1() {
    assert_equal("11.1");
}
