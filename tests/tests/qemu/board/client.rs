//! QEMU's client library (`qemu.qmp` of Python) moves a guest between two boards, and saves snapshots.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use vmstate_tests::board::BoardProcess;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("qemu")
}

/// Returns the Python that has the library.
fn python() -> PathBuf {
    let installed = std::env::var_os("VMSTATE_QEMU_DIR").map(PathBuf::from);
    let installed = installed.unwrap_or_else(|| folder().join("../../target/qemu"));
    let python = installed.join("client/bin/python");
    assert!(python.exists(), "this test needs QEMU's client library; run tests/qemu/install");
    python
}

/// Runs a script with the library, and returns its results.
fn run(script: &str, monitors: &[PathBuf]) -> Value {
    let mut client = Command::new(python());
    client.arg(folder().join(script)).args(monitors);
    let output = client.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn client_library_of_qemu_saves_and_loads_snapshots() {
    let store = TempDir::new().unwrap();
    let mut board = BoardProcess::running(&["--snapshots", store.path().to_str().unwrap()]);
    let results = run("snapshot-client", &[board.release_monitor()]);
    let stopped = ["created", "running", "STOP", "RESUME", "waiting", "pending", "concluded", "null"];
    let deleted = ["created", "running", "waiting", "pending", "concluded", "null"];
    let failed = ["created", "running", "aborting", "concluded", "null"];
    for (step, events, error) in [
        ("save", &stopped[..], Value::Null),
        ("save again", &failed, json!("Snapshot 'boot' already exists in one or more devices")),
        ("load", &stopped, Value::Null),
        ("load missing", &failed, json!("Snapshot '../boot' does not exist in one or more devices")),
        ("delete", &deleted, Value::Null),
        ("delete missing", &failed, json!("Snapshot 'boot' does not exist in one or more devices")),
    ] {
        assert_eq!(results[step], json!({"events": events, "error": error}), "{step}");
    }
    assert!(results["list"].as_str().unwrap().contains("--      boot"), "{results}");
    assert_eq!(results["empty"], concat!("There is", " no snapshot available.\r\n"));
    assert_eq!(results["status"], "running");
    board.assert_right();
}

#[test]
fn client_library_of_qemu_moves_the_guest() {
    let mut source = BoardProcess::running(&[]);
    let mut destination = BoardProcess::start(&["--incoming", "defer"]);
    let results = run("client", &[source.release_monitor(), destination.release_monitor()]);
    assert_eq!(results["error"], "File descriptor named 'missing' has not been found");
    assert_eq!(results["source"]["status"], "postmigrate");
    let events = results["source"]["events"].as_array().unwrap();
    let ends = (&events[..2], events.last());
    let first = [json!("MIGRATION setup"), json!("MIGRATION_PASS 1")];
    assert_eq!(ends, (&first[..], Some(&json!("MIGRATION completed"))), "{results}");
    assert_eq!(results["destination"]["status"], "running");
    let arrival = ["MIGRATION setup", "MIGRATION active", "RESUME", "MIGRATION completed"];
    assert_eq!(results["destination"]["events"], json!(arrival));
    assert!(results["schema"].as_u64().unwrap() > 50, "{results}");
    destination.assert_right();
    assert!(source.ended().success(), "the client has ended it");
}
