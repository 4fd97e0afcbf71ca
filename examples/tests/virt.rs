//! The command line of the program `virt`.

use std::io::Write;
use std::process::{Child, Command, Output, Stdio};

/// Starts `virt` with these arguments and types `keys`.
fn virt(arguments: &[&str], keys: &[u8]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_virt"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(keys).unwrap();
    child
}

fn stdout(output: &Output) -> String {
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Returns the message of a command that fails.
fn failure(arguments: &[&str]) -> String {
    let output = virt(arguments, b"").wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn run_ends_with_the_guest() {
    let printed = stdout(&virt(&["run"], b"\rvq").wait_with_output().unwrap());
    assert!(printed.starts_with("hasher: "), "{printed}");
    let verdict = printed.lines().find(|line| line.contains("keys"));
    assert!(verdict.is_some_and(|line| line.starts_with("right: ")), "{printed}");
}

#[test]
fn demo_prints_hops_and_failures() {
    let output = virt(&["demo", "--hops", "4"], b"").wait_with_output().unwrap();
    let printed = stdout(&output);
    for event in ["MIGRATION setup", "MIGRATION_PASS 2", "STOP", "MIGRATION completed"] {
        assert!(printed.contains(event), "{event}: {printed}");
    }
    assert_eq!(printed.matches("right: ").count(), 4, "{printed}");
    assert!(printed.ends_with("\n4 hops, 0 failures\n"), "{printed}");
}

#[test]
fn failed_command_exits_with_status_2() {
    let missing = "No such file or directory";
    assert_eq!(failure(&["run", "--image", "/nowhere"]), format!("virt: /nowhere: {missing} (os error 2)\n"));
    let printed = failure(&["run", "--incoming", "file:/nowhere"]);
    assert_eq!(printed, format!("virt: Could not open '/nowhere': {missing}\n"));
    assert!(failure(&["run", "--memory", "5000"]).contains("expected a multiple of 4K, such as 16M"));
    assert!(failure(&["run", "--qmp", "tcp:x"]).contains("expected unix:PATH"));
}
