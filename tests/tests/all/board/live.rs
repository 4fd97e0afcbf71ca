//! A running guest moves between two processes, which are controlled only through their monitors.

use serde_json::json;
use vmstate_tests::board::BoardProcess;

/// Moves the guest over `uri`, and checks that it runs on exactly one side.
fn moves_over(destination: &mut BoardProcess, uri: &str) {
    let mut source = BoardProcess::running(&[]);
    source.execute("migrate", json!({ "uri": uri }));
    source.wait_for(&["completed"]);
    destination.wait_for(&["completed"]);
    assert_eq!((source.status().as_str(), destination.status().as_str()), ("postmigrate", "running"));
    destination.assert_right();
    source.assert_silent();
    let sent: Vec<_> = source.events.iter().filter(|event| !event.starts_with("pass")).map(String::as_str).collect();
    assert_eq!(sent, ["setup", "active", "STOP", "device", "completed"]);
    assert_eq!(destination.events, ["setup", "active", "RESUME", "completed"]);
    let statistics = source.execute("query-migrate", json!({}));
    println!("{uri}: {statistics}");
    assert!(statistics["ram"]["dirty-sync-count"].as_u64().unwrap() >= 2, "{statistics}");
}

#[test]
fn guest_moves_over_a_unix_socket() {
    let (mut destination, uri) = BoardProcess::awaiting(&[]);
    moves_over(&mut destination, &uri);
}
