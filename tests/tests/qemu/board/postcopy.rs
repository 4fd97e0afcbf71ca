//! Running guests move by postcopy between boards and real QEMUs.

use std::time::{Duration, Instant};

use serde_json::json;
use vmstate_tests::board::BoardProcess;
use vmstate_tests::transport::Program;

use super::live::Guest;

const PLAIN: &[&str] = &["postcopy-ram"];
/// Requested pages have a channel.
const PREEMPT: &[&str] = &["postcopy-ram", "postcopy-preempt"];

fn enable(program: &mut dyn Program, capabilities: &[&str]) {
    let changes: Vec<_> =
        capabilities.iter().map(|capability| json!({ "capability": capability, "state": true })).collect();
    program.execute("migrate-set-capabilities", json!({ "capabilities": changes }));
}

/// Begins a migration, and moves the guest after a part of its memory.
fn begin(source: &mut dyn Program, destination: &mut dyn Program, uri: &str, capabilities: &[&str], bandwidth: u64) {
    enable(source, capabilities);
    enable(destination, capabilities);
    source.execute("migrate-set-parameters", json!({ "max-bandwidth": bandwidth }));
    destination.execute("migrate-incoming", json!({ "uri": uri }));
    source.execute("migrate", json!({ "uri": uri }));
    wait_for(source, "active");
    source.execute("migrate-start-postcopy", json!({}));
}

fn wait_for(program: &mut dyn Program, status: &str) {
    let start = Instant::now();
    loop {
        let found = program.execute("query-migrate", json!({}));
        if found["status"] == status {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "not {status}: {found}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Moves the guest: a part of it in precopy, and the rest while it runs.
fn migrate(source: &mut dyn Program, destination: &mut dyn Program, uri: &str, capabilities: &[&str]) {
    begin(source, destination, uri, capabilities, 300_000);
    source.wait_until_complete();
    destination.wait_until_complete();
}

/// Moves the guest from QEMU to the board and back.
fn round_trip(version: &str, capabilities: &[&str]) {
    let mut guest = Guest::started(version);
    for _ in 0..2 {
        let mut board = BoardProcess::start(&["--incoming", "defer", "--qemu", version]);
        let uri = format!("unix:{}", board.path("guest").display());
        migrate(&mut guest.qemu, &mut board, &uri, capabilities);
        assert_eq!((guest.qemu.status().as_str(), board.status().as_str()), ("postmigrate", "running"));
        board.assert_right();
        let mut next = Guest::new(version, &["-incoming", "defer"]);
        let uri = format!("unix:{}", next.folder.path().join("guest").display());
        migrate(&mut board, &mut next.qemu, &uri, capabilities);
        assert_eq!((board.status().as_str(), next.qemu.status().as_str()), ("postmigrate", "running"));
        next.assert_right();
        board.assert_silent();
        guest = next;
    }
}

#[test]
fn guest_moves_to_qemu_7_2_and_back() {
    round_trip("7.2", PLAIN);
}

#[test]
fn guest_moves_to_qemu_10_0_and_back() {
    round_trip("10.0", PLAIN);
}

#[test]
fn guest_moves_to_qemu_11_1_and_back() {
    round_trip("11.1", PLAIN);
}

#[test]
fn guest_moves_with_preempt_channel_and_qemu_7_2() {
    round_trip("7.2", PREEMPT);
}

#[test]
fn guest_moves_with_preempt_channel_and_qemu_10_0() {
    round_trip("10.0", PREEMPT);
}

#[test]
fn guest_moves_with_preempt_channel_and_qemu_11_1() {
    round_trip("11.1", PREEMPT);
}

/// Moves the guest over two connections: the second one has another channel for requested pages. Returns `false` if the
/// migration has completed before it could be interrupted.
fn recover<D: Program>(source: &mut dyn Program, destination: &mut D, uri: &str, pause: fn(&mut D) -> bool) -> bool {
    // Most of the memory is left when the connection breaks, also if this process has to wait for a processor: the zero
    // pages alone take about two seconds.
    source.execute("migrate-set-parameters", json!({ "max-postcopy-bandwidth": 20_000 }));
    begin(source, destination, uri, PREEMPT, 20_000);
    if !pause(destination) {
        source.wait_until_complete();
        destination.wait_until_complete();
        return false;
    }
    wait_for(destination, "postcopy-paused");
    wait_for(source, "postcopy-paused");
    let uri = format!("{uri}-again");
    destination.execute("migrate-recover", json!({ "uri": uri }));
    source.execute("migrate", json!({ "uri": uri, "resume": true }));
    wait_for(source, "postcopy-active");
    wait_for(destination, "postcopy-active");
    source.execute("migrate-set-parameters", json!({ "max-postcopy-bandwidth": 0 }));
    source.wait_until_complete();
    destination.wait_until_complete();
    true
}

/// Interrupts a migration to a board as soon as it can be.
fn pause_board(board: &mut BoardProcess) -> bool {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        if board.try_execute("migrate-pause", &json!({})).is_ok() {
            return true;
        }
        if board.migration() == "completed" {
            return false;
        }
    }
    panic!("the migration neither begins postcopy nor completes");
}

fn pause_qemu(qemu: &mut vmstate_tests::qemu::Qemu) -> bool {
    wait_for(qemu, "postcopy-active");
    qemu.execute("migrate-pause", json!({}));
    true
}

/// Moves the guest from QEMU to the board and back, and breaks each connection. A QEMU can complete before that.
fn recovered_round_trip(version: &str) {
    let mut guest = Guest::started(version);
    for _ in 0..20 {
        let mut board = BoardProcess::start(&["--incoming", "defer", "--qemu", version]);
        let uri = format!("unix:{}", board.path("guest").display());
        let interrupted = recover(&mut guest.qemu, &mut board, &uri, pause_board);
        board.assert_right();
        let mut next = Guest::new(version, &["-incoming", "defer"]);
        let uri = format!("unix:{}", next.folder.path().join("guest").display());
        recover(&mut board, &mut next.qemu, &uri, pause_qemu);
        next.assert_right();
        board.assert_silent();
        if interrupted {
            return;
        }
        guest = next;
    }
    panic!("all migrations have completed before they were interrupted");
}

#[test]
fn preempt_channel_recovers_with_qemu_7_2() {
    recovered_round_trip("7.2");
}

#[test]
fn preempt_channel_recovers_with_qemu_10_0() {
    recovered_round_trip("10.0");
}

#[test]
fn preempt_channel_recovers_with_qemu_11_1() {
    recovered_round_trip("11.1");
}

/// One connection is not enough, and QEMU reports it with the same words. 7.2 accepts the address, and fails later.
#[test]
fn addresses_of_one_connection_are_rejected() {
    for version in ["10.0", "11.1"] {
        let mut guest = Guest::new(version, &[]);
        let mut board = BoardProcess::start(&["--qemu", version]);
        enable(&mut guest.qemu, PREEMPT);
        enable(&mut board, PREEMPT);
        let theirs = guest.qemu.error_of("migrate", &json!({ "uri": "exec:cat" }));
        let ours = board.try_execute("migrate", &json!({ "uri": "exec:cat" })).unwrap_err();
        assert_eq!(ours, theirs, "{version}");
    }
}
