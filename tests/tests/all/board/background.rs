//! Background snapshots of a running board as streams: the guest stays, and a copy of it runs elsewhere.

use std::io::Read;
use std::os::unix::net::UnixListener;

use serde_json::json;
use vmstate::snapshot::{Details, Folder, Store};
use vmstate_tests::board::BoardProcess;
use vmstate_tests::transport::Transport;

/// Switches the capability on. Returns whether the system can protect memory; `VMSTATE_REQUIRE_USERFAULTFD` requires it.
fn enable(board: &mut BoardProcess) -> bool {
    let change = json!([{ "capability": "background-snapshot", "state": true }]);
    let Err(error) = board.try_execute("migrate-set-capabilities", &json!({ "capabilities": change })) else {
        return true;
    };
    assert!(error.starts_with("Background-snapshot is not supported by host kernel: "), "{error}");
    assert!(std::env::var_os("VMSTATE_REQUIRE_USERFAULTFD").is_none(), "{error}");
    eprintln!("NOT TESTED: {error}");
    false
}

fn source() -> Option<BoardProcess> {
    source_with(&[])
}

fn source_with(arguments: &[&str]) -> Option<BoardProcess> {
    let mut board = BoardProcess::running(arguments);
    enable(&mut board).then_some(board)
}

fn without_passes(board: &BoardProcess) -> Vec<&str> {
    board.events.iter().filter(|event| !event.starts_with("pass")).map(String::as_str).collect()
}

#[test]
fn guest_is_copied_over_every_transport() {
    for transport in Transport::ALL {
        let Some(mut source) = source() else { return };
        let mut copy = BoardProcess::start(&["--incoming", "defer"]);
        let folder = tempfile::tempdir().unwrap();
        transport.migrate(&mut source, &mut copy, folder.path());
        assert_eq!(without_passes(&source), ["setup", "active", "STOP", "RESUME", "completed"], "{transport:?}");
        assert_eq!((source.status().as_str(), copy.status().as_str()), ("running", "running"));
        let statistics = source.execute("query-migrate", json!({}));
        let ram = &statistics["ram"];
        let pages = ram["normal"].as_u64().unwrap() + ram["duplicate"].as_u64().unwrap();
        assert_eq!(pages * 4096, ram["total"].as_u64().unwrap(), "each page was sent once: {statistics}");
        assert_eq!((&ram["remaining"], &ram["dirty-sync-count"]), (&json!(0), &json!(0)), "{statistics}");
        assert!(statistics["downtime"].as_u64() < statistics["total-time"].as_u64(), "{statistics}");
        source.assert_right();
        copy.assert_right();
        println!("{transport:?}: paused for {} of {} ms", statistics["downtime"], statistics["total-time"]);
    }
}

#[test]
fn guest_is_copied_to_fixed_places() {
    let Some(mut source) = source() else { return };
    source.enable("mapped-ram");
    let uri = json!({ "uri": format!("file:{},offset=0x2000", source.path("places").display()) });
    source.execute("migrate", uri.clone());
    source.wait_for(&["completed"]);
    let transferred = source.execute("query-migrate", json!({}))["ram"]["transferred"].as_u64().unwrap();
    assert!(transferred > 4096, "{transferred}");
    let mut copy = BoardProcess::start(&["--incoming", "defer"]);
    copy.enable("mapped-ram");
    copy.execute("migrate-incoming", uri);
    copy.wait_for(&["completed"]);
    copy.assert_right();
    source.assert_right();
}

/// Its stream has no end of the memory.
#[test]
fn background_snapshot_is_restored_lazily() {
    let Some(mut source) = source() else { return };
    source.enable("mapped-ram");
    let file = source.path("places");
    source.execute("migrate", json!({ "uri": format!("file:{}", file.display()) }));
    source.wait_for(&["completed"]);
    let folder = tempfile::tempdir().unwrap();
    let store = Folder::open(folder.path()).unwrap();
    store.insert(&Details::new("copy"), &mut std::fs::File::open(file).unwrap()).unwrap();
    for option in ["--lazy", "--mapped"] {
        let mut copy = BoardProcess::start(&["--restore", &format!("{}#copy", folder.path().display()), option]);
        copy.assert_right();
    }
}

#[test]
fn paused_guest_stays_paused() {
    let Some(mut source) = source() else { return };
    source.execute("stop", json!({}));
    let (mut copy, uri) = BoardProcess::awaiting(&[]);
    source.execute("migrate", json!({ "uri": uri }));
    copy.wait_for(&["completed"]);
    source.wait_for(&["completed"]);
    assert_eq!((source.status().as_str(), copy.status().as_str()), ("paused", "paused"));
    for board in [&mut source, &mut copy] {
        board.execute("cont", json!({}));
        board.assert_right();
    }
}

/// The guest runs on although nothing reads the stream, and its next snapshots are possible after each end.
#[test]
fn unread_stream_does_not_stop_the_guest() {
    // The records of its zero pages alone do not fit into the buffers of a socket.
    let memory = ["--memory", "512M"];
    let Some(mut source) = source_with(&memory) else { return };
    for _ in 0..2 {
        let path = source.path("unread");
        let listener = UnixListener::bind(&path).unwrap();
        source.execute("migrate", json!({ "uri": format!("unix:{}", path.display()) }));
        let (mut connection, _) = listener.accept().unwrap();
        source.wait_for(&["RESUME"]);
        source.assert_right();
        assert_eq!(source.migration(), "active");
        source.execute("stop", json!({}));
        source.execute("cont", json!({}));
        source.execute("migrate_cancel", json!({}));
        source.wait_for(&["cancelled"]);
        source.assert_right();

        source.execute("migrate", json!({ "uri": format!("unix:{}", path.display()) }));
        let (second, _) = listener.accept().unwrap();
        source.wait_for(&["RESUME"]);
        drop(second);
        source.wait_for(&["failed"]);
        let reply = source.execute("query-migrate", json!({}));
        assert!(reply["error-desc"].as_str().unwrap().contains("Broken pipe"), "{reply}");
        source.assert_right();
        std::fs::remove_file(&path).unwrap();
        connection.read_to_end(&mut Vec::new()).unwrap();
    }
    let (mut copy, uri) = BoardProcess::awaiting(&memory);
    source.execute("migrate", json!({ "uri": uri }));
    copy.wait_for(&["completed"]);
    copy.assert_right();
}

/// Another log of the kernel excludes it. The reason is reported before the guest is paused.
#[test]
fn tracked_memory_is_rejected_with_the_reason() {
    let mut source = BoardProcess::running(&["--dirty-rate"]);
    if !enable(&mut source) || source.log().contains("log not available") {
        return;
    }
    source.execute("migrate", json!({ "uri": "exec:cat >/dev/null" }));
    source.wait_for(&["failed"]);
    let reply = source.execute("query-migrate", json!({}));
    let error = reply["error-desc"].as_str().unwrap();
    assert!(error.contains("another userfaultfd or dirty log has registered its memory"), "{error}");
    assert!(!source.events.contains(&"STOP".to_owned()), "{:?}", source.events);
    source.assert_right();
}
