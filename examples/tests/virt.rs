//! The program `virt`, as its users see it.

use std::io::Write;
use std::process::{Command, Stdio};

#[test]
fn runs_the_guest_until_it_quits() {
    let mut virt = Command::new(env!("CARGO_BIN_EXE_virt"));
    let mut child = virt.arg("run").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"\rvq").unwrap();
    let output = child.wait_with_output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{}", output.status);
    assert!(printed.starts_with("hasher: "), "{printed}");
    let verdict = printed.lines().find(|line| line.contains("keys"));
    assert!(verdict.is_some_and(|line| line.starts_with("right: ")), "{printed}");
}

#[test]
fn says_what_is_wrong_with_an_image() {
    let output = Command::new(env!("CARGO_BIN_EXE_virt")).args(["run", "/nowhere"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "virt: /nowhere: No such file or directory (os error 2)\n");
}
