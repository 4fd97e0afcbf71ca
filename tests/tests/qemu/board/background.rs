//! Background snapshots of running guests, which boards and real QEMUs load from each other.

use serde_json::{Value, json};
use vmstate_tests::board::BoardProcess;
use vmstate_tests::qemu::{Qemu, VERSIONS};
use vmstate_tests::transport::{Program, Transport};

use super::live::Guest;

fn capability(name: &str, on: bool) -> Value {
    json!({ "capabilities": [{ "capability": name, "state": on }] })
}

fn enable(program: &mut dyn Program) {
    program.execute("migrate-set-capabilities", capability("background-snapshot", true));
}

/// Returns the members of `query-migrate` that do not depend on the speed of the machine or the guest's memory.
fn statistics(program: &mut dyn Program) -> Value {
    let reply = program.execute("query-migrate", json!({}));
    let ram = &reply["ram"];
    let members = ["remaining", "dirty-sync-count", "postcopy-requests", "page-size", "total"];
    let ram: Vec<_> = members.map(|name| ram[name].clone()).to_vec();
    assert!(reply["downtime"].as_u64() <= reply["total-time"].as_u64(), "{reply}");
    json!({ "status": reply["status"], "ram": ram })
}

/// Saves QEMU's guest in the background, and runs the copy on the board.
fn copy_to_board(guest: &mut Guest, transport: Transport, version: &str) -> BoardProcess {
    let mut board = BoardProcess::start(&["--incoming", "defer", "--qemu", version]);
    transport.migrate(&mut guest.qemu, &mut board, guest.folder.path());
    assert_eq!((guest.qemu.status().as_str(), board.status().as_str()), ("running", "running"), "{transport:?}");
    board.assert_right();
    board
}

/// Saves the board's guest in the background, and runs the copy in QEMU.
fn copy_to_qemu(board: &mut BoardProcess, transport: Transport, version: &str) -> Guest {
    let mut guest = Guest::new(version, &["-incoming", "defer"]);
    transport.migrate(board, &mut guest.qemu, guest.folder.path());
    assert_eq!((board.status().as_str(), guest.qemu.status().as_str()), ("running", "running"), "{transport:?}");
    guest.assert_right();
    guest
}

/// Copies the guest from QEMU to the board, and from there to QEMU. Each copy runs on, but no more guests than two at a time:
/// they use all of a processor.
fn copies(version: &str) {
    let mut guest = Guest::started(version);
    enable(&mut guest.qemu);
    for transport in [Transport::Unix, Transport::Exec] {
        let mut board = copy_to_board(&mut guest, transport, version);
        guest.assert_right();
        guest.qemu.execute("stop", json!({}));
        enable(&mut board);
        let mut copy = copy_to_qemu(&mut board, transport, version);
        board.assert_right();
        copy.assert_right();
        assert_eq!(statistics(&mut board), statistics(&mut guest.qemu), "{version} {transport:?}");
        guest.qemu.execute("cont", json!({}));
    }
}

#[test]
fn guest_is_copied_to_qemu_7_2_and_back() {
    copies("7.2");
}

#[test]
fn guest_is_copied_to_qemu_10_0_and_back() {
    copies("10.0");
}

#[test]
fn guest_is_copied_to_qemu_11_1_and_back() {
    copies("11.1");
}

/// Both sides report the same events.
#[test]
fn events_equal_qemu() {
    for version in VERSIONS {
        let mut guest = Guest::started(version);
        let mut board = BoardProcess::running(&["--qemu", version]);
        for program in [&mut guest.qemu as &mut dyn Program, &mut board] {
            enable(program);
            program.execute("migrate-set-capabilities", capability("events", true));
            program.execute("migrate", json!({ "uri": "exec:cat >/dev/null" }));
            program.wait_until_complete();
        }
        assert_eq!(board.events, guest.qemu.events(), "{version}");
    }
}

/// The capabilities that exclude it have QEMU's messages, and the others are accepted by both.
#[test]
fn combinations_are_rejected_as_by_qemu() {
    for version in VERSIONS {
        let mut qemu = Qemu::start(version, "riscv64", &["-M", "virt", "-m", "16M", "-bios", "none"]);
        let mut board = BoardProcess::running(&["--qemu", version]);
        let names = qemu.execute("query-migrate-capabilities", json!({}));
        let off = |name: &str| json!({ "capability": name, "state": false });
        // The board's defaults are on.
        let defaults = json!({ "capabilities": [off("return-path"), off("events")] });
        board.execute("migrate-set-capabilities", defaults);
        let mut rejected = 0;
        let names = names.as_array().unwrap().iter().map(|row| row["capability"].as_str().unwrap());
        // QEMU supports `dirty-limit` only with KVM.
        for name in names.filter(|name| *name != "dirty-limit") {
            let on = |name: &str| json!({ "capability": name, "state": true });
            let both = json!({ "capabilities": [on("background-snapshot"), on(name)] });
            match board.try_execute("migrate-set-capabilities", &both) {
                Ok(_) => {
                    qemu.execute("migrate-set-capabilities", both);
                    for program in [&mut qemu as &mut dyn Program, &mut board] {
                        let both = json!({ "capabilities": [off("background-snapshot"), off(name)] });
                        program.execute("migrate-set-capabilities", both);
                    }
                }
                Err(ours) if ours.contains("not implemented") => println!("{version} {name}: {ours}"),
                Err(ours) => {
                    assert_eq!(ours, qemu.error_of("migrate-set-capabilities", &both), "{version} {name}");
                    rejected += 1;
                }
            }
        }
        assert!(rejected >= 13, "{version}: {rejected}");
    }
}
