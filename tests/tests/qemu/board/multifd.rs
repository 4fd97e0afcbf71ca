//! Running guests move over data channels between boards and real QEMUs.

use serde_json::json;
use vmstate_tests::board::BoardProcess;
use vmstate_tests::transport::{Program, Transport};

use super::live::Guest;

/// Switches data channels on, with a compression.
fn enable(program: &mut dyn Program, compression: &str) {
    let change = json!([{ "capability": "multifd", "state": true }]);
    program.execute("migrate-set-capabilities", json!({ "capabilities": change }));
    program.execute("migrate-set-parameters", json!({ "multifd-channels": 3, "multifd-compression": compression }));
}

fn migrate(source: &mut dyn Program, destination: &mut Guest, transport: Transport, compression: &str) {
    enable(source, compression);
    enable(&mut destination.qemu, compression);
    transport.migrate(source, &mut destination.qemu, destination.folder.path());
    destination.assert_right();
}

/// Moves the guest from QEMU to the board and back, with each compression.
fn round_trips(version: &str) {
    let mut guest = Guest::started(version);
    for (compression, transport) in [("none", Transport::Tcp), ("zlib", Transport::Unix), ("zstd", Transport::Tcp)] {
        let mut board = BoardProcess::start(&["--incoming", "defer", "--qemu", version]);
        enable(&mut guest.qemu, compression);
        enable(&mut board, compression);
        transport.migrate(&mut guest.qemu, &mut board, guest.folder.path());
        assert_eq!((guest.qemu.status().as_str(), board.status().as_str()), ("postmigrate", "running"));
        board.assert_right();
        let mut next = Guest::new(version, &["-incoming", "defer"]);
        migrate(&mut board, &mut next, transport, compression);
        let reply = board.execute("query-migrate", json!({}));
        assert!(reply["ram"]["multifd-bytes"].as_u64().unwrap() > 1000, "{reply}");
        assert_eq!((board.status().as_str(), next.qemu.status().as_str()), ("postmigrate", "running"));
        board.assert_silent();
        guest = next;
    }
}

#[test]
fn guest_moves_to_qemu_7_2_and_back() {
    round_trips("7.2");
}

#[test]
fn guest_moves_to_qemu_10_0_and_back() {
    round_trips("10.0");
}

#[test]
fn guest_moves_to_qemu_11_1_and_back() {
    round_trips("11.1");
}
