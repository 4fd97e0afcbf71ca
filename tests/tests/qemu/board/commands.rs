//! Commands that cannot be executed, and migrations that cannot begin, of the board and of QEMUs.

use std::net::TcpListener;
use std::thread::sleep;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::sides::{Kind, Side, Start};
use super::table::{Difference, Table, compare};

const FINAL: &[&str] = &["completed", "failed", "cancelled"];
/// The timeout of the last event.
const PATIENCE: Duration = Duration::from_secs(120);

/// A command with its arguments, and the capabilities that are switched on for it.
struct Case {
    name: &'static str,
    capabilities: &'static [&'static str],
    command: &'static str,
    arguments: Value,
}

fn case(name: &'static str, command: &'static str, arguments: Value) -> Case {
    Case { name, capabilities: &[], command, arguments }
}

fn to(name: &'static str, uri: &str) -> Case {
    case(name, "migrate", json!({ "uri": uri }))
}

fn from(name: &'static str, uri: &str) -> Case {
    case(name, "migrate-incoming", json!({ "uri": uri }))
}

fn with(capabilities: &'static [&'static str], case: Case) -> Case {
    Case { capabilities, ..case }
}

/// The commands for a program with a guest.
fn of_sources() -> Vec<Case> {
    let channel = json!({"channel-type": "main", "addr": {"transport": "socket", "type": "unix", "path": "/no/x"}});
    let mapping = |node: &str, alias: &str| json!({"node-name": node, "alias": alias, "bitmaps": []});
    let mappings = |list: [Value; 2]| json!({ "block-bitmap-mapping": list });
    let bitmap = json!({"name": "b", "alias": "c"});
    let bitmaps = json!({"node-name": "n", "alias": "a", "bitmaps": [bitmap, bitmap]});
    vec![
        to("no listener", "tcp:127.0.0.1:1"),
        to("no socket", "unix:/no/x"),
        to("unknown protocol", "bogus:1"),
        to("empty", ""),
        to("deferred", "defer"),
        to("no host", "tcp:"),
        to("no port", "tcp:host"),
        to("unknown descriptor", "fd:nofd"),
        to("no folder", "file:/no/x"),
        to("bad offset", "file:x,offset=abc"),
        case("no address", "migrate", json!({})),
        case("no channels", "migrate", json!({ "channels": [] })),
        case("two channels", "migrate", json!({ "channels": [channel, channel] })),
        case("channel", "migrate", json!({ "channels": [channel] })),
        with(&["mapped-ram"], to("places over tcp", "tcp:127.0.0.1:1")),
        with(&["mapped-ram"], to("places over unix", "unix:/no/x")),
        with(&["mapped-ram"], to("places over exec", "exec:cat")),
        with(&["mapped-ram"], to("places over fd", "fd:nofd")),
        with(&["multifd"], to("data channels to a file", "file:/no/x")),
        with(&["multifd"], to("data channels to a program", "exec:cat >/dev/null")),
        case("not awaited", "migrate-incoming", json!({ "uri": "unix:/no/x" })),
        case("nothing waits", "migrate-continue", json!({ "state": "pre-switchover" })),
        case("no postcopy", "migrate-start-postcopy", json!({})),
        case("nothing to resume", "migrate", json!({ "uri": "unix:/no/x", "resume": true })),
        case("nothing to recover", "migrate-recover", json!({ "uri": "unix:/no/x" })),
        case("nothing to pause", "migrate-pause", json!({})),
        case("nothing to cancel", "migrate_cancel", json!({})),
        case("nothing to yank", "yank", json!({ "instances": [{ "type": "migration" }] })),
        case(
            "nothing to yank twice",
            "yank",
            json!({ "instances": [{ "type": "migration" }, { "type": "migration" }] }),
        ),
        case("no character device", "yank", json!({ "instances": [{ "type": "chardev", "id": "c" }] })),
        case("node mapped twice", "migrate-set-parameters", mappings([mapping("n", "a"), mapping("n", "b")])),
        case("alias mapped twice", "migrate-set-parameters", mappings([mapping("n", "a"), mapping("m", "a")])),
        case("bitmap mapped twice", "migrate-set-parameters", json!({ "block-bitmap-mapping": [bitmaps] })),
    ]
}

/// The commands for programs that await a guest: one program for each list.
fn of_destinations(used: u16) -> Vec<Vec<Case>> {
    vec![
        vec![
            to("awaits a guest", "unix:/no/x"),
            case("nothing waits", "migrate-continue", json!({ "state": "pre-switchover" })),
            case("nothing to pause", "migrate-pause", json!({})),
            case("nothing to recover", "migrate-recover", json!({ "uri": "unix:/no/x" })),
            case("nothing to cancel", "migrate_cancel", json!({})),
            case("nothing to yank", "yank", json!({ "instances": [{ "type": "migration" }] })),
        ],
        vec![from("no folder", "unix:/no/x"), from("after no folder", "tcp:127.0.0.1:0")],
        vec![from("unknown protocol", "bogus:1")],
        vec![from("deferred", "defer")],
        vec![from("no host", "tcp:")],
        vec![from("port in use", &format!("tcp:127.0.0.1:{used}"))],
        vec![from("unknown descriptor", "fd:nofd")],
        vec![from("no file", "file:/no/x")],
        vec![from("listens", "tcp:127.0.0.1:0"), from("listens already", "tcp:127.0.0.1:0")],
        while_listening(),
    ]
}

fn while_listening() -> Vec<Case> {
    let enable = |name: &'static str| {
        case(name, "migrate-set-capabilities", json!({ "capabilities": [{ "capability": name, "state": true }] }))
    };
    let instance = json!({ "type": "migration" });
    vec![
        from("listens first", "tcp:127.0.0.1:0"),
        enable("multifd"),
        enable("postcopy-ram"),
        enable("postcopy-preempt"),
        enable("validate-uuid"),
        case("channels while it listens", "migrate-set-parameters", json!({ "multifd-channels": 4 })),
        case("cancelled while it listens", "migrate_cancel", json!({})),
        case("postcopy while it listens", "migrate-start-postcopy", json!({})),
        case("yanked twice while it listens", "yank", json!({ "instances": [instance, instance] })),
        case("yanked while it listens", "yank", json!({ "instances": [instance] })),
        from("listens after that", "tcp:127.0.0.1:0"),
    ]
}

/// Starts a migration that fails, so that each command finds the same state.
fn reset(side: &mut Side) {
    side.execute("migrate", &json!({ "uri": "unix:/no/reset" }));
    last_events(side);
}

/// Returns the events up to the end of a migration.
fn last_events(side: &mut Side) -> Vec<String> {
    let (start, mut events) = (Instant::now(), side.events());
    while !events.iter().any(|event| FINAL.contains(&event.as_str())) {
        assert!(start.elapsed() < PATIENCE, "no end after {events:?}");
        sleep(Duration::from_millis(5));
        events.extend(side.events());
    }
    events
}

/// Executes a command, and records the answer, and the outcome of a migration that has begun.
fn execute(table: &mut Table, side: &mut Side, name: &str, case: &Case) {
    side.enable(case.capabilities);
    side.events();
    let answer = side.attempt(case.command, &case.arguments);
    let begun = answer.is_ok() && case.command == "migrate";
    let events = if begun { last_events(side) } else { side.events() };
    let found = side.statistics().unwrap_or_default();
    let member = |name: &str| found[name].as_str().unwrap_or("none").to_owned();
    for (column, value) in [
        ("answer", answer.err().unwrap_or_else(|| "ok".to_owned())),
        ("events", events.join(" ")),
        ("status", member("status")),
        ("error-desc", member("error-desc")),
    ] {
        table.insert(format!("{name}, {}: {column}", case.name), value);
    }
    side.disable(case.capabilities);
}

fn observe(kind: Kind, version: &str) -> Table {
    let (mut table, mut source) = (Table::new(), Side::new(kind, version, Start::Paused));
    let exists = |case: &&Case| version != "7.2" || !case.capabilities.contains(&"mapped-ram");
    for case in of_sources().iter().filter(exists) {
        reset(&mut source);
        execute(&mut table, &mut source, "source", case);
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    for cases in of_destinations(listener.local_addr().unwrap().port()) {
        let mut destination = Side::new(kind, version, Start::Incoming);
        cases.iter().for_each(|case| execute(&mut table, &mut destination, "destination", case));
    }
    table
}

/// A difference of releases.
const fn differs(versions: &'static [&'static str], rows: &'static str, reason: &'static str) -> Difference {
    Difference { versions, rows, reason, always: true }
}

const ALL: &[&str] = &["7.2", "10.0", "11.1"];
const NEW: &[&str] = &["10.0", "11.1"];
const OLD: &[&str] = &["7.2"];
const FILES: &str = "clients of 7.2 can use files, too";
const LATE: &str = "7.2 fails a migration that it has not begun; later releases reject only the command";
const STUCK: &str = "QEMU enters `setup` before it knows whether it can listen; later releases stay there for ever";

const FIXED: &str = "a destination that listens knows the number of connections that it awaits";

const DIFFERENCES: &[Difference] = &[
    differs(OLD, "destination, multifd: answer", FIXED),
    differs(OLD, "destination, postcopy-preempt: answer", FIXED),
    differs(OLD, "source, no folder: *", FILES),
    differs(OLD, "source, bad offset: answer", FILES),
    differs(OLD, "source, data channels to a file: answer", FILES),
    differs(OLD, "destination, no file: answer", FILES),
    differs(OLD, "source, data channels to a program: *", "7.2 finds the conflict when the migration has begun"),
    differs(OLD, "source, *: events", LATE),
    differs(OLD, "source, *: error-desc", LATE),
    differs(ALL, "destination, *: events", STUCK),
    differs(NEW, "destination, *: status", STUCK),
    differs(NEW, "destination, after no folder: answer", STUCK),
];

fn assert_equal(version: &str) {
    compare(version, &observe(Kind::Qemu, version), &observe(Kind::Board, version), DIFFERENCES);
}

#[test]
fn errors_of_commands_equal_qemu_7_2() {
    assert_equal("7.2");
}

#[test]
fn errors_of_commands_equal_qemu_10_0() {
    assert_equal("10.0");
}

#[test]
fn errors_of_commands_equal_qemu_11_1() {
    assert_equal("11.1");
}
