//! `vmstate receive` and `vmstate send`, with each other.

use vmstate_tests::certificates::Authority;
use vmstate_tests::tool::Started;

use super::*;

/// The exit status for a guest that the peer may run, too.
const IN_DOUBT: i32 = 3;

#[test]
fn guest_moves_from_file_to_file() {
    let folder = Folder::new();
    let (socket, out, again) = (folder.path("socket"), folder.path("out"), folder.path("again"));
    let input = folder.put("in", &streams::named("qemu-7.2-q35").bytes);
    for (index, output) in [&out, &again].into_iter().enumerate() {
        let receive = Started::new(&["receive", &format!("unix:{socket}"), "-o", output, "--json"]);
        receive.await_file(&socket);
        let input = if index == 0 { &input } else { &out };
        let sent = json_of(&vmstate(["send", input, &format!("unix:{socket}"), "--json"]));
        let received = json_of(&receive.finish());
        assert_eq!((&sent["status"], &received["source"]), (&json!("completed"), &json!("confirmed")));
        for key in ["machine", "memory", "devices"] {
            assert_eq!(sent[key], received[key], "{key}");
        }
        assert_eq!(received["machine"], "pc-q35-7.2");
    }
    assert_eq!(vmstate(["diff", &input, &out]).answer(0), vmstate(["diff", &out, &again]).answer(0));
    assert!(fs::read(&out).unwrap() == fs::read(&again).unwrap(), "the streams differ");
}

#[test]
fn every_form_is_received_and_sent() {
    let folder = Folder::new();
    let socket = folder.path("socket");
    fs::create_dir(folder.path("store")).unwrap();
    let input = folder.put("in", &streams::named("qemu-10.0-uno").bytes);
    let plain = folder.path("plain");
    let program = format!("exec:cat '{input}'");
    let received = vmstate(["receive", &program, "-o", &plain]);
    assert!(received.stderr.contains("warning: the source did not wait"), "{}", received.stderr);
    assert_eq!(received.code, 0);
    let store = format!("{}#boot", folder.path("store"));
    for (output, options) in [(&folder.path("mapped"), &["--format", "mapped-ram"][..]), (&store, &[])] {
        assert_eq!(vmstate([&["receive", &program, "-o", output], options].concat()).code, 0);
        let last = folder.path("last");
        let receive = Started::new(&["receive", &format!("unix:{socket}"), "-o", &last]);
        receive.await_file(&socket);
        assert!(vmstate(["send", output, &format!("unix:{socket}")]).fine().starts_with("sent arduino-uno: "));
        assert!(receive.finish().fine().starts_with("received arduino-uno: "));
        assert!(fs::read(&plain).unwrap() == fs::read(&last).unwrap(), "{output}: the streams differ");
    }
    let error = vmstate(["receive", &program, "-o", &store]).error();
    assert!(error.contains("snapshot `boot` already exists") && error.contains("--replace"), "{error}");
    assert_eq!(vmstate(["receive", &program, "-o", &store, "--replace"]).code, 0);
    let piped = vmstate(["receive", &program]);
    assert!(piped.stdout == fs::read(&plain).unwrap(), "the streams differ");
    assert!(piped.stderr.contains("received arduino-uno"), "{}", piped.stderr);
}

#[test]
fn guest_moves_over_tls() {
    let folder = Folder::new();
    let (socket, output) = (folder.path("socket"), folder.path("out"));
    let input = folder.put("in", &streams::named("qemu-10.0-uno").bytes);
    let (right, foreign) = (folder.path("right"), folder.path("foreign"));
    Authority::new("Authority").write_to(Path::new(&right));
    Authority::new("Foreign").write_to(Path::new(&foreign));
    let uri = format!("unix:{socket}");
    let name = ["--tls-authz", r"C=AQ,O=Example\, Ltd.,CN=source"];
    let receive = Started::new(&[&["receive", &uri, "-o", &output, "--tls-creds", &right], &name[..]].concat());
    receive.await_file(&socket);
    let send = |more: &[&str]| vmstate([&["send", &input, &uri], more].concat());
    let error = send(&["--tls-creds", &foreign, "--tls-hostname", "localhost"]).error();
    assert!(error.contains("not issued by an authority in `ca-cert.pem`"), "{error}");
    let error = send(&["--tls-creds", &right]).error();
    assert!(error.contains("has no host name; set `tls-hostname`"), "{error}");
    let error = send(&[]).error();
    assert!(error.contains("the destination does not have the guest"), "{error}");
    let sent = send(&["--tls-creds", &right, "--tls-hostname", "localhost"]);
    assert!(sent.fine().starts_with("sent arduino-uno: "));
    let received = receive.finish();
    let rejected = received.stderr.matches("warning: connection rejected: TLS handshake failed: ").count();
    assert_eq!((received.code, rejected), (0, 2), "{}", received.stderr);
}

#[test]
fn failed_commands_change_nothing() {
    let folder = Folder::new();
    let stream = streams::named("qemu-10.0-uno").bytes;
    let cut = folder.put("cut", &stream[..stream.len() / 2]);
    let output = folder.put("out", b"old");
    let error = vmstate(["receive", &format!("exec:cat '{cut}'"), "-o", &output]).error();
    assert!(error.contains("connection lost") || error.contains("expected"), "{error}");
    assert_eq!(fs::read(&output).unwrap(), b"old");
    let whole = folder.put("whole", &stream);
    let limit = ["receive", &format!("exec:cat '{whole}'"), "-o", &output, "--max-memory", "0"];
    let error = vmstate(limit).error();
    assert!(error.contains("found more; raise the limit"), "{error}");
    let sent = vmstate(["send", &whole, &format!("unix:{}", folder.path("nobody"))]).error();
    assert!(sent.contains("No such file or directory"), "{sent}");
    for arguments in [
        &["receive", "bogus:1"][..],
        &["receive", "defer", "-o", &output],
        &["receive", "unix:x", "-o", "/dev/null", "--format", "mapped-ram"],
        &["send", &whole, "unix:x", "--uuid", "12"],
        &["send", &whole, "unix:x", "--release", "9"],
        &["receive", "unix:x", "--page-size", "100"],
        &["receive", "unix:x", "--multifd", "0"],
    ] {
        vmstate(arguments).error();
    }
    assert_eq!(fs::read(&output).unwrap(), b"old");
    assert_eq!(folder.names(), ["cut", "out", "whole"]);
}

#[test]
fn lost_answer_has_its_exit_status() {
    let folder = Folder::new();
    let socket = folder.path("socket");
    let input = folder.put("in", &streams::named("qemu-10.0-uno").bytes);
    // A destination that ends after the last byte, without an answer.
    let listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let destination = std::thread::spawn(move || {
        let (connection, _) = listener.accept().unwrap();
        answer_as_qemu(connection);
    });
    let sent = vmstate(["send", &input, &format!("unix:{socket}")]);
    destination.join().unwrap();
    assert_eq!(sent.code, IN_DOUBT, "{}", sent.stderr);
    assert!(sent.stderr.contains("may not have started it"), "{}", sent.stderr);
}

/// Answers each PING as a QEMU, and closes the connection when the description has arrived.
fn answer_as_qemu(mut connection: std::os::unix::net::UnixStream) {
    use std::io::{Read, Write};
    let (mut received, mut answered, mut buffer) = (Vec::new(), 0, vec![0; 65536]);
    loop {
        let count = connection.read(&mut buffer).unwrap();
        received.extend_from_slice(&buffer[..count]);
        while let Some(place) = received[answered..].windows(5).position(|part| part == b"\x08\0\x02\0\x04") {
            let number = answered + place + 5;
            let Some(bytes) = received.get(number..number + 4) else { break };
            connection.write_all(&[b"\0\x02\0\x04", bytes].concat()).unwrap();
            answered = number + 4;
        }
        if count == 0 || received.ends_with(b"}]}") {
            return;
        }
    }
}
