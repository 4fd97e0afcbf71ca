//! QEMU's client library (`qemu.qmp` of Python) moves a guest between two boards.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};
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

#[test]
fn client_library_of_qemu_moves_the_guest() {
    let mut source = BoardProcess::running(&[]);
    let mut destination = BoardProcess::start(&["--incoming", "defer"]);
    let mut client = Command::new(python());
    client.arg(folder().join("client")).args([source.release_monitor(), destination.release_monitor()]);
    let output = client.stdin(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results: Value = serde_json::from_slice(&output.stdout).unwrap();
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
