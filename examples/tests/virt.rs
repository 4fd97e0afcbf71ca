//! The command line of the program `virt`.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
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

#[track_caller]
fn assert_right(printed: &str) {
    let verdict = printed.lines().find(|line| line.contains("keys"));
    assert!(verdict.is_some_and(|line| line.starts_with("right: ")), "{printed}");
}

#[test]
fn run_ends_with_the_guest() {
    let printed = stdout(&virt(&["run"], b"\rvq").wait_with_output().unwrap());
    assert!(printed.starts_with("hasher: "), "{printed}");
    assert_right(&printed);
}

#[test]
fn saved_guest_continues_after_load() {
    let folder = tempfile::tempdir().unwrap();
    for release in ["7.2", "10.0", "11.1"] {
        let file = folder.path().join(release).display().to_string();
        let output = virt(&["save", &file, "--after", "1", "--qemu", release], b"").wait_with_output().unwrap();
        assert!(stdout(&output).starts_with("hasher: "));
        let output = virt(&["load", &file], b"\rvq").wait_with_output().unwrap();
        assert_right(&stdout(&output));
    }
}

#[test]
fn sent_guest_continues_at_receiver() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket").display().to_string();
    let uri = format!("unix:{path}");
    let receiver = virt(&["receive", &uri], b"\rvq");
    while !Path::new(&path).exists() {
        std::thread::yield_now();
    }
    let output = virt(&["send", &uri, "--after", "1"], b"").wait_with_output().unwrap();
    assert!(String::from_utf8_lossy(&output.stderr).starts_with(&format!("sent to {uri}: ")));
    assert_right(&stdout(&receiver.wait_with_output().unwrap()));
}

#[test]
fn unreachable_destination_leaves_guest_at_source() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_virt"));
    command.args(["send", "unix:/nowhere", "--after", "0"]).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().unwrap();
    std::thread::sleep(std::time::Duration::from_millis(200));
    child.stdin.take().unwrap().write_all(b"\rvq").unwrap();
    let output = child.wait_with_output().unwrap();
    let message = String::from_utf8_lossy(&output.stderr);
    assert_eq!(message, "virt: cannot send to unix:/nowhere: No such file or directory (os error 2)\n");
    assert_right(&stdout(&output));
}

/// Writes the default program, followed by memory that it does not use.
fn large_image(folder: &Path) -> String {
    let noise = (0..8_u32 << 18).flat_map(|number| number.wrapping_mul(0x9e37_79b9).to_le_bytes());
    let image = [&include_bytes!("../guest/images/hasher.img")[..], &noise.collect::<Vec<_>>()].concat();
    let path = folder.join("image");
    fs::write(&path, image).unwrap();
    path.display().to_string()
}

/// Asserts that the sender reports one of `reasons`, and that its guest continues.
fn assert_stays(mut sender: Child, keys: &[u8], reasons: &[&str]) {
    let mut message = String::new();
    BufReader::new(sender.stderr.as_mut().unwrap()).read_line(&mut message).unwrap();
    assert!(message.starts_with("virt: cannot send to unix:"), "{message}");
    assert!(reasons.iter().any(|reason| message.contains(reason)), "{message}");
    sender.stdin.take().unwrap().write_all(keys).unwrap();
    assert_right(&stdout(&sender.wait_with_output().unwrap()));
}

fn start(arguments: &[&str]) -> Child {
    let mut command = Command::new(env!("CARGO_BIN_EXE_virt"));
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn wait_for(socket: &Path) {
    while !socket.exists() {
        std::thread::yield_now();
    }
}

#[test]
fn killed_receiver_leaves_guest_at_source() {
    let folder = tempfile::tempdir().unwrap();
    let (image, [near, far]) = (large_image(folder.path()), ["near", "far"].map(|name| folder.path().join(name)));
    let listener = UnixListener::bind(&near).unwrap();
    let mut receiver = start(&["receive", &format!("unix:{}", far.display())]);
    let sender = start(&["send", &format!("unix:{}", near.display()), &image, "--after", "0"]);
    wait_for(&far);
    // Forwards half of the memory before the receiver dies; buffered bytes are lost.
    let (mut from, mut to) = (listener.accept().unwrap().0, UnixStream::connect(&far).unwrap());
    let passed = std::io::copy(&mut Read::by_ref(&mut from).take(4 << 20), &mut to).unwrap();
    assert_eq!(passed, 4 << 20);
    assert!(receiver.try_wait().unwrap().is_none(), "it is still loading");
    receiver.kill().unwrap();
    receiver.wait().unwrap();
    std::io::copy(&mut from, &mut to).expect_err("the receiver is dead");
    drop((from, to));
    assert_stays(sender, b"\rvq", &["Broken pipe", "Connection reset"]);
}

#[test]
fn stopped_receiver_leaves_guest_at_source() {
    let folder = tempfile::tempdir().unwrap();
    let (image, socket) = (large_image(folder.path()), folder.path().join("socket"));
    let uri = format!("unix:{}", socket.display());
    let mut receiver = start(&["receive", &uri]);
    wait_for(&socket);
    let stopped = Command::new("sh").args(["-c", &format!("kill -STOP {}", receiver.id())]).status().unwrap();
    assert!(stopped.success());
    // The kernel accepts the connection, and bytes up to the size of its buffers.
    let sender = start(&["send", &uri, &image, "--after", "0"]);
    std::thread::sleep(std::time::Duration::from_secs(1));
    receiver.kill().unwrap();
    receiver.wait().unwrap();
    assert_stays(sender, b"\rvq", &["Broken pipe", "Connection reset", "Connection refused"]);
}

#[test]
fn demo_prints_hops_and_failures() {
    let output = virt(&["demo", "--hops", "4"], b"").wait_with_output().unwrap();
    let printed = stdout(&output);
    assert_eq!(printed.matches("right: ").count(), 4, "{printed}");
    assert!(printed.ends_with("\n4 hops, 0 failures\n"), "{printed}");
}

#[test]
fn missing_image_exits_with_status_2() {
    let output = Command::new(env!("CARGO_BIN_EXE_virt")).args(["run", "/nowhere"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "virt: /nowhere: No such file or directory (os error 2)\n");
}
