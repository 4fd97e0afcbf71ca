//! Addresses that cannot be used.

use serde_json::json;

use super::Program;

#[test]
fn address_without_a_peer_fails_at_once() {
    for (uri, error) in [
        ("file:/nowhere/x", "Could not create '/nowhere/x': No such file or directory"),
        ("fd:x", "File descriptor named 'x' has not been found"),
    ] {
        let mut source = Program::source();
        assert_eq!(source.execute("migrate", &json!({ "uri": uri })).unwrap_err(), error);
        let found = source.run("query-migrate", &json!({}));
        assert_eq!((&found["status"], &found["error-desc"]), (&json!("failed"), &json!(error)));
        assert_eq!(source.events, ["setup", "failed"]);
    }
}

#[test]
fn unusable_address_leaves_the_destination_waiting() {
    let mut destination = Program::destination();
    for (uri, error) in [
        ("file:/nowhere/x", "Could not open '/nowhere/x': No such file or directory"),
        ("unix:/nowhere/x", "Failed to bind socket to /nowhere/x: No such file or directory"),
        ("fd:x", "File descriptor named 'x' has not been found"),
        ("defer", "unknown migration protocol: defer"),
    ] {
        assert_eq!(destination.execute("migrate-incoming", &json!({ "uri": uri })).unwrap_err(), error);
        assert_eq!(destination.run("query-migrate", &json!({})), json!({}));
    }
    destination.run("migrate-incoming", &json!({ "uri": "tcp:127.0.0.1:0" }));
}
