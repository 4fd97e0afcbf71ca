//! A running guest moves to another process before its memory has arrived.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vmstate::memory::{MappingOptions, MemoryError, MissingFaults};
use vmstate_tests::board::BoardProcess;

/// Returns whether the system handles page faults in user space.
pub(super) fn is_supported() -> bool {
    let block = std::sync::Arc::new(MappingOptions::anonymous().map("ram", 4096).unwrap());
    match MissingFaults::start(vec![block], |_, _| {}) {
        Ok(_) => true,
        Err(error @ MemoryError::Unsupported { .. }) => {
            assert!(std::env::var_os("VMSTATE_REQUIRE_USERFAULTFD").is_none(), "{error}");
            eprintln!("NOT TESTED: {error}");
            false
        }
        Err(error) => panic!("{error}"),
    }
}

/// Starts a board that waits for a guest by postcopy, and a migration to it that stays in precopy.
fn begin(source: &mut BoardProcess) -> BoardProcess {
    begin_with(source, &[])
}

/// As [`begin`], with more capabilities of the destination.
fn begin_with(source: &mut BoardProcess, capabilities: &[&str]) -> BoardProcess {
    let mut destination = BoardProcess::start(&["--incoming", "defer"]);
    capabilities.iter().for_each(|capability| destination.enable(capability));
    for board in [&mut *source, &mut destination] {
        board.enable("postcopy-ram");
    }
    // A PART and a pause: nothing else is sent before postcopy starts.
    source.execute("migrate-set-parameters", json!({ "max-bandwidth": 100_000 }));
    let uri = format!("unix:{}", destination.path("guest").display());
    destination.execute("migrate-incoming", json!({ "uri": uri }));
    source.execute("migrate", json!({ "uri": uri }));
    source.wait_for(&["active"]);
    destination
}

/// The capabilities of postcopy with a channel for requested pages.
const PREEMPT: [&str; 2] = ["postcopy-ram", "postcopy-preempt"];

/// As [`begin`], with a channel for requested pages.
fn begin_preempt(source: &mut BoardProcess) -> BoardProcess {
    PREEMPT.iter().for_each(|capability| source.enable(capability));
    begin_with(source, &PREEMPT)
}

/// Returns a number of `query-migrate`.
fn number(board: &mut BoardProcess, name: &str) -> u64 {
    let found = board.execute("query-migrate", json!({}));
    found["ram"][name].as_u64().unwrap_or_else(|| panic!("no {name} in {found}"))
}

#[track_caller]
fn assert_moved(source: &mut BoardProcess, destination: &mut BoardProcess) {
    destination.assert_right();
    source.assert_silent();
    assert_eq!((source.status().as_str(), destination.status().as_str()), ("postmigrate", "running"));
}

fn states(board: &BoardProcess) -> Vec<&str> {
    board.events.iter().filter(|event| !event.starts_with("pass")).map(String::as_str).collect()
}

#[test]
fn guest_runs_before_its_pages_arrive() {
    if !is_supported() {
        return;
    }
    let mut source = BoardProcess::running(&[]);
    let mut destination = begin_with(&mut source, &["postcopy-blocktime"]);
    source.execute("migrate-start-postcopy", json!({}));
    source.wait_for(&["completed"]);
    destination.wait_for(&["completed"]);
    assert_moved(&mut source, &mut destination);
    let found = destination.execute("query-migrate", json!({}));
    assert_eq!(found["postcopy-vcpu-blocktime"].as_array().map(Vec::len), Some(1), "{found}");
    assert!(found["postcopy-blocktime"].is_u64(), "{found}");
    assert_eq!(states(&source), ["setup", "active", "STOP", "device", "postcopy-active", "completed"]);
    assert_eq!(states(&destination), ["setup", "active", "RESUME", "postcopy-active", "completed"]);
    let found = source.execute("query-migrate", json!({}));
    println!("{found}");
    assert!(found["downtime"].as_u64().unwrap() < 1000, "{found}");
    assert!(found["ram"]["postcopy-bytes"].as_u64().unwrap() > 0, "{found}");
    assert_eq!(found["ram"]["remaining"], 0, "{found}");
}

/// The guest verifies itself while nearly all of its pages are missing: each of them is requested.
#[test]
fn requested_pages_precede_the_limited_background() {
    if !is_supported() {
        return;
    }
    request_pages(begin);
    request_pages(begin_preempt);
}

fn request_pages(begin: impl FnOnce(&mut BoardProcess) -> BoardProcess) {
    let mut source = BoardProcess::running(&[]);
    let mut destination = begin(&mut source);
    source.execute("migrate-set-parameters", json!({ "max-postcopy-bandwidth": 50_000 }));
    source.execute("migrate-start-postcopy", json!({}));
    source.wait_for(&["postcopy-active"]);
    let start = Instant::now();
    destination.assert_right();
    println!("the guest answers after {:?}", start.elapsed());
    assert_eq!(source.migration(), "postcopy-active");
    // The guest is small: it needs five pages.
    let requests = number(&mut source, "postcopy-requests");
    assert!(requests > 1, "{requests}");
    assert!(start.elapsed() < Duration::from_secs(40), "{:?}", start.elapsed());
    source.execute("migrate-set-parameters", json!({ "max-postcopy-bandwidth": 0 }));
    source.wait_for(&["completed"]);
    destination.wait_for(&["completed"]);
    assert_moved(&mut source, &mut destination);
}

#[test]
fn interrupted_guest_recovers() {
    if !is_supported() {
        return;
    }
    recover(begin);
}

#[test]
fn interrupted_guest_recovers_with_preempt_channel() {
    if !is_supported() {
        return;
    }
    recover(begin_preempt);
}

fn recover(begin: impl FnOnce(&mut BoardProcess) -> BoardProcess) {
    let mut source = BoardProcess::running(&[]);
    let mut destination = begin(&mut source);
    source.execute("migrate-set-parameters", json!({ "max-postcopy-bandwidth": 20_000 }));
    source.execute("migrate-start-postcopy", json!({}));
    source.wait_for(&["postcopy-active"]);
    destination.wait_for(&["postcopy-active"]);
    for round in 0..3 {
        let (first, second) =
            if round == 1 { (&mut source, &mut destination) } else { (&mut destination, &mut source) };
        first.execute("migrate-pause", json!({}));
        first.wait_for(&["postcopy-paused"]);
        second.wait_for(&["postcopy-paused"]);
        assert_eq!(source.status(), "finish-migrate");
        let error = source.try_execute("migrate_cancel", &Value::Null);
        assert_eq!(source.migration(), "postcopy-paused", "{error:?}");
        // The second time to another address.
        let uri = format!("unix:{}", destination.path(&format!("again{round}")).display());
        destination.execute("migrate-recover", json!({ "uri": uri }));
        source.execute("migrate", json!({ "uri": uri, "resume": true }));
        source.wait_for(&["postcopy-active"]);
        destination.wait_for(&["postcopy-active"]);
        destination.assert_right();
    }
    source.execute("migrate-set-parameters", json!({ "max-postcopy-bandwidth": 0 }));
    source.wait_for(&["completed"]);
    destination.wait_for(&["completed"]);
    assert_moved(&mut source, &mut destination);
}

#[test]
fn interrupted_guest_recovers_without_a_command() {
    if !is_supported() {
        return;
    }
    let mut source = BoardProcess::running(&[]);
    source.execute("migrate-set-parameters", json!({ "x-recover-interval": 100 }));
    let mut destination = begin(&mut source);
    source.execute("migrate-set-parameters", json!({ "max-postcopy-bandwidth": 20_000 }));
    source.execute("migrate-start-postcopy", json!({}));
    for _ in 0..3 {
        source.wait_for(&["postcopy-active"]);
        destination.wait_for(&["postcopy-active"]);
        destination.execute("migrate-pause", json!({}));
        source.wait_for(&["postcopy-paused"]);
        destination.wait_for(&["postcopy-paused"]);
    }
    source.wait_for(&["postcopy-active"]);
    destination.wait_for(&["postcopy-active"]);
    destination.assert_right();
    source.execute("migrate-set-parameters", json!({ "max-postcopy-bandwidth": 0 }));
    source.wait_for(&["completed"]);
    destination.wait_for(&["completed"]);
    assert_moved(&mut source, &mut destination);
}

/// With the machine type of QEMU 7.2, the channel is connected at the start, and a record ends it.
#[test]
fn preempt_channel_of_qemu_7_2_moves_the_guest() {
    if !is_supported() {
        return;
    }
    let mut source = BoardProcess::running(&["--qemu", "7.2"]);
    let mut destination = begin_preempt(&mut source);
    source.execute("migrate-start-postcopy", json!({}));
    source.wait_for(&["completed"]);
    destination.wait_for(&["completed"]);
    assert_moved(&mut source, &mut destination);
}

/// Nothing is lost if only one side has the channel: the guest continues on the source.
#[test]
fn preempt_channel_of_one_side_is_rejected_early() {
    if !is_supported() {
        return;
    }
    for (ours, theirs, expected) in [
        (&PREEMPT[..], &PREEMPT[..1], "unexpected channel for requested pages"),
        (&PREEMPT[..1], &PREEMPT[..], "the channel for requested pages is missing"),
    ] {
        let mut source = BoardProcess::running(&[]);
        ours.iter().for_each(|capability| source.enable(capability));
        let mut destination = begin_with(&mut source, theirs);
        // The wait for the channel that is missing.
        destination.execute("migrate-set-parameters", json!({ "x-answer-timeout": 2000 }));
        source.execute("migrate-start-postcopy", json!({}));
        source.wait_for(&["failed"]);
        let error = source.execute("query-migrate", json!({}))["error-desc"].to_string();
        assert!(error.contains(expected), "{error}");
        source.assert_right();
        assert_eq!(destination.ended().code(), Some(2));
        let log = destination.log();
        assert!(log.contains("set `postcopy-preempt` to the same value on both sides"), "{log}");
    }
}

/// A stranger connects before the channel for requested pages, and is taken for it. Nothing is lost: the migration pauses and
/// recovers.
#[test]
fn broken_preempt_channel_pauses_and_recovers() {
    if !is_supported() {
        return;
    }
    let mut source = BoardProcess::running(&[]);
    let mut destination = begin_preempt(&mut source);
    let mut stranger = UnixStream::connect(destination.path("guest")).unwrap();
    source.execute("migrate-set-parameters", json!({ "max-postcopy-bandwidth": 20_000 }));
    source.execute("migrate-start-postcopy", json!({}));
    source.wait_for(&["postcopy-active"]);
    destination.wait_for(&["postcopy-active"]);
    stranger.write_all(&[0xff; 64]).unwrap();
    destination.wait_for(&["postcopy-paused"]);
    source.wait_for(&["postcopy-paused"]);
    let uri = format!("unix:{}", destination.path("again").display());
    destination.execute("migrate-recover", json!({ "uri": uri }));
    source.execute("migrate", json!({ "uri": uri, "resume": true }));
    source.wait_for(&["postcopy-active"]);
    destination.wait_for(&["postcopy-active"]);
    destination.assert_right();
    source.execute("migrate-set-parameters", json!({ "max-postcopy-bandwidth": 0 }));
    source.wait_for(&["completed"]);
    destination.wait_for(&["completed"]);
    assert_moved(&mut source, &mut destination);
}

#[test]
fn destination_without_postcopy_changes_nothing() {
    let mut source = BoardProcess::running(&[]);
    source.enable("postcopy-ram");
    let (mut destination, uri) = BoardProcess::awaiting(&[]);
    source.execute("migrate", json!({ "uri": uri }));
    source.wait_for(&["failed"]);
    source.assert_right();
    assert_eq!(destination.ended().code(), Some(2));
    assert!(
        destination.log().contains("switch `postcopy-ram` off at the source, or on at the destination"),
        "{}",
        destination.log()
    );
}

/// QEMU's documentation starts the destination with its address, and sets the capability afterwards.
#[test]
fn destination_gets_settings_while_it_listens() {
    let mut source = BoardProcess::running(&[]);
    source.enable("postcopy-ram");
    let (mut destination, uri) = BoardProcess::awaiting(&[]);
    destination.enable("postcopy-ram");
    source.execute("migrate", json!({ "uri": uri }));
    source.wait_for(&["completed"]);
    destination.assert_right();
    destination.wait_for(&["completed"]);

    let mut next = BoardProcess::start(&["--incoming", "defer"]);
    for side in [&mut destination, &mut next] {
        let capabilities = json!([
            { "capability": "postcopy-ram", "state": false },
            { "capability": "multifd", "state": true },
        ]);
        side.execute("migrate-set-capabilities", json!({ "capabilities": capabilities }));
    }
    let uri = format!("unix:{}", next.path("guest").display());
    next.execute("migrate-incoming", json!({ "uri": uri }));
    for side in [&mut next, &mut destination] {
        side.execute("migrate-set-parameters", json!({ "multifd-channels": 4 }));
    }
    destination.execute("migrate", json!({ "uri": uri }));
    destination.wait_for(&["completed"]);
    next.assert_right();
}

#[test]
fn postcopy_needs_its_capability_and_a_migration() {
    let mut board = BoardProcess::running(&[]);
    let error =
        |board: &mut BoardProcess, command: &str, arguments: Value| board.try_execute(command, &arguments).unwrap_err();
    let refused = error(&mut board, "migrate-start-postcopy", json!({}));
    assert_eq!(refused, "Enable postcopy with migrate_set_capability before the start of migration");
    board.enable("postcopy-ram");
    let refused = error(&mut board, "migrate-start-postcopy", json!({}));
    assert_eq!(refused, "Postcopy must be started after migration has been started");
    let uri = format!("file:{}", board.path("file").display());
    let refused = error(&mut board, "migrate", json!({ "uri": uri }));
    assert!(refused.contains("needs a destination that can answer"), "{refused}");
    board.execute("migrate-set-parameters", json!({ "x-on-stall": "postcopy" }));
    let capabilities = json!([{ "capability": "postcopy-ram", "state": false }]);
    board.execute("migrate-set-capabilities", json!({ "capabilities": capabilities }));
    let refused = error(&mut board, "migrate", json!({ "uri": uri }));
    assert!(refused.contains("`x-on-stall` = `postcopy` needs the capability `postcopy-ram`"), "{refused}");
    board.assert_right();
}
