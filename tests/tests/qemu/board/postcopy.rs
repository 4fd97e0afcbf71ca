//! Running guests move by postcopy between boards and real QEMUs.

use serde_json::json;
use vmstate_tests::board::BoardProcess;
use vmstate_tests::transport::Program;

use super::live::Guest;

fn enable(program: &mut dyn Program) {
    let change = json!([{ "capability": "postcopy-ram", "state": true }]);
    program.execute("migrate-set-capabilities", json!({ "capabilities": change }));
}

/// Moves the guest: a part of it in precopy, and the rest while it runs.
fn migrate(source: &mut dyn Program, destination: &mut dyn Program, uri: &str) {
    enable(source);
    enable(destination);
    source.execute("migrate-set-parameters", json!({ "max-bandwidth": 300_000 }));
    destination.execute("migrate-incoming", json!({ "uri": uri }));
    source.execute("migrate", json!({ "uri": uri }));
    while source.execute("query-migrate", json!({}))["status"] != "active" {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    source.execute("migrate-start-postcopy", json!({}));
    source.wait_until_complete();
    destination.wait_until_complete();
}

/// Moves the guest from QEMU to the board and back.
fn round_trip(version: &str) {
    let mut guest = Guest::started(version);
    for _ in 0..2 {
        let mut board = BoardProcess::start(&["--incoming", "defer", "--qemu", version]);
        let uri = format!("unix:{}", board.path("guest").display());
        migrate(&mut guest.qemu, &mut board, &uri);
        assert_eq!((guest.qemu.status().as_str(), board.status().as_str()), ("postmigrate", "running"));
        board.assert_right();
        let mut next = Guest::new(version, &["-incoming", "defer"]);
        let uri = format!("unix:{}", next.folder.path().join("guest").display());
        migrate(&mut board, &mut next.qemu, &uri);
        assert_eq!((board.status().as_str(), next.qemu.status().as_str()), ("postmigrate", "running"));
        next.assert_right();
        board.assert_silent();
        guest = next;
    }
}

#[test]
fn guest_moves_to_qemu_7_2_and_back() {
    round_trip("7.2");
}

#[test]
fn guest_moves_to_qemu_10_0_and_back() {
    round_trip("10.0");
}

#[test]
fn guest_moves_to_qemu_11_1_and_back() {
    round_trip("11.1");
}
