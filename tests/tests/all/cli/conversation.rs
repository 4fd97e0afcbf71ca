//! `vmstate record` and `vmstate show`: scripted peers on both sides of a recorder, and recorded conversations.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::{fs, thread};

use rustix::process::Signal;
use serde_json::{Value, json};
use vmstate_tests::conversations::{file, source};
use vmstate_tests::recorder::Recorder;
use vmstate_tests::tool::{self, Folder, json_of, vmstate};

/// PONG 1 and SHUT 0.
const ANSWER: &[u8] = b"\0\x02\0\x04\0\0\0\x01\0\x01\0\x04\0\0\0\0";

fn connect(recorder: &Recorder) -> UnixStream {
    UnixStream::connect(recorder.path("source")).unwrap()
}

fn listen(recorder: &Recorder) -> UnixListener {
    UnixListener::bind(recorder.path("destination")).unwrap()
}

/// Reads to the end of a connection.
fn read(mut socket: &UnixStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    socket.read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn both_directions_pass_unchanged() {
    let mut recorder = Recorder::start();
    let listener = listen(&recorder);
    let stream = source("qemu-10.0-passes", 0);
    let sent = stream.clone();
    let mut from = connect(&recorder);
    let (mut to, _) = listener.accept().unwrap();
    let peer = thread::spawn(move || {
        let received = read(&to);
        // The source has ended its direction, and this one is still open.
        to.write_all(ANSWER).unwrap();
        received
    });
    from.write_all(&sent).unwrap();
    from.shutdown(Shutdown::Write).unwrap();
    assert_eq!(read(&from), ANSWER);
    assert!(peer.join().unwrap() == stream);
    let (code, printed) = recorder.finish();
    assert_eq!((code, &printed["outcome"], &printed["transferred"]), (0, &json!("completed"), &json!(stream.len())));
    assert_eq!(printed["pages"]["content"], json!(578));

    // The file has the same explanation.
    let shown = json_of(&vmstate(["show", "--json", &recorder.path("conversation")]));
    assert_eq!(shown, printed);
}

#[test]
fn killed_recorder_leaves_all_forwarded_bytes() {
    let mut recorder = Recorder::start();
    let listener = listen(&recorder);
    let stream = source("qemu-10.0-passes", 0);
    let sent = stream.clone();
    let mut from = connect(&recorder);
    let (mut to, _) = listener.accept().unwrap();
    // It cannot be sent to its end.
    let writer = thread::spawn(move || drop(from.write_all(&sent)));
    let mut received = vec![0; stream.len() / 2];
    to.read_exact(&mut received).unwrap();
    recorder.signal(Signal::KILL);
    recorder.wait();
    received.extend(read(&to));
    writer.join().unwrap();
    let shown = vmstate(["show", "--json", &recorder.path("conversation")]).answer(1);
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert!(shown["transferred"].as_u64().unwrap() >= received.len() as u64);
    assert!(received == stream[..received.len()]);
    assert_eq!(shown["outcome"], json!("unfinished"));
}

/// A postcopy that was cut and recovered, with the connections of its recording.
#[test]
fn recovery_is_part_of_the_conversation() {
    let mut recorder = Recorder::start();
    let listener = listen(&recorder);
    for connection in 0..2 {
        let answers = answers("qemu-10.0-recovered", connection);
        let stream = source("qemu-10.0-recovered", connection);
        let mut from = connect(&recorder);
        let (mut to, _) = listener.accept().unwrap();
        let reader = from.try_clone().unwrap();
        let length = answers.len();
        let received = thread::spawn(move || {
            let mut received = vec![0; length];
            (&reader).read_exact(&mut received).map(|()| received)
        });
        let size = stream.len();
        let peer = thread::spawn(move || {
            let mut received = vec![0; size];
            to.read_exact(&mut received).unwrap();
            // A real destination answers in between; the order of the directions has no influence here.
            to.write_all(&answers).unwrap();
            (to, received)
        });
        from.write_all(&stream).unwrap();
        let (to, arrived) = peer.join().unwrap();
        assert!(arrived == stream && received.join().unwrap().unwrap().len() == length);
        to.shutdown(Shutdown::Both).unwrap();
        from.shutdown(Shutdown::Both).unwrap();
    }
    let (code, printed) = recorder.finish();
    assert_eq!((code, &printed["outcome"]), (0, &json!("completed")), "{printed}");
    assert_eq!((&printed["postcopy"]["recoveries"], &printed["postcopy"]["requests"]), (&json!(1), &json!(18)));
    let purposes: Vec<_> = printed["connections"].as_array().unwrap().iter().map(|link| &link["purpose"]).collect();
    assert_eq!(purposes, [&json!("main"), &json!("recovery")]);
}

/// Returns everything that the destination has sent on a connection.
fn answers(name: &str, connection: u32) -> Vec<u8> {
    use vmstate::migration::Side;
    use vmstate::migration::conversation::{ConversationReader, EntryEvent};
    let file = file(name);
    let mut reader = ConversationReader::new(file.as_slice()).unwrap();
    let mut sent = Vec::new();
    while let Some(entry) = reader.next_entry().unwrap() {
        match entry.event {
            EntryEvent::Bytes(Side::Destination, bytes) if entry.connection == connection => sent.extend(bytes),
            _ => {}
        }
    }
    sent
}

#[test]
fn unreachable_destination_closes_the_connection() {
    let mut recorder = Recorder::start();
    let from = connect(&recorder);
    assert_eq!(read(&from), b"");
    let (code, printed) = recorder.finish();
    assert_eq!((code, &printed["outcome"]), (1, &json!("failed")));
    let cause = printed["cause"]["what"].as_str().unwrap();
    assert!(cause.starts_with("the destination cannot be reached: Failed to connect to "), "{cause}");
    assert!(cause.ends_with(": No such file or directory"), "{cause}");
}

/// A destination that closes its connection while the source sends.
#[test]
fn broken_connection_reaches_the_source() {
    let mut recorder = Recorder::start();
    let listener = listen(&recorder);
    let mut from = connect(&recorder);
    let (to, _) = listener.accept().unwrap();
    from.write_all(b"QEVM\0\0\0\x03\x07\0\0\0\x04none").unwrap();
    (&to).read_exact(&mut [0; 17]).unwrap();
    to.shutdown(Shutdown::Both).unwrap();
    drop(to);
    while from.write_all(&[0; 4096]).is_ok() {}
    drop(from);
    let (code, printed) = recorder.finish();
    assert_eq!((code, &printed["outcome"]), (1, &json!("failed")), "{printed}");
    assert_eq!(printed["cause"]["side"], json!("destination"), "{printed}");
}

#[test]
fn first_signal_waits_for_open_connections() {
    let mut recorder = Recorder::start();
    let listener = listen(&recorder);
    let mut from = connect(&recorder);
    let (to, _) = listener.accept().unwrap();
    recorder.signal(Signal::TERM);
    from.write_all(b"QEVM\0\0\0\x03\0").unwrap();
    from.shutdown(Shutdown::Both).unwrap();
    assert_eq!(read(&to), b"QEVM\0\0\0\x03\0");
    drop(to);
    let (code, printed) = recorder.finish();
    assert_eq!((code, &printed["outcome"]), (0, &json!("completed")), "{printed}");

    let mut idle = Recorder::start();
    idle.signal(Signal::INT);
    let (code, printed) = idle.finish();
    assert_eq!((code, &printed["outcome"]), (1, &json!("unfinished")), "{printed}");
}

#[test]
fn existing_files_and_odd_addresses_are_rejected() {
    let folder = Folder::new();
    let (existing, new) = (folder.put("existing", b"precious"), folder.path("new"));
    let [listen, connect] = ["a", "b"].map(|name| format!("unix:{}", folder.path(name)));
    let error = vmstate(["record", &listen, &connect, "-o", &existing]).error();
    assert!(error.contains("cannot create") && error.contains("File exists"), "{error}");
    assert_eq!(fs::read(&existing).unwrap(), b"precious");
    let error = vmstate(["record", "file:/x", &connect, "-o", &new]).error();
    assert!(
        error.contains("cannot record: expected an address `tcp:`, `unix:` or `vsock:`, found `file:/x`"),
        "{error}"
    );
    let error = vmstate(["record", "bogus:1", &connect, "-o", &new]).error();
    assert!(error.contains("unknown scheme") || error.contains("bogus:1"), "{error}");
    assert!(!folder.names().contains(&"new".to_owned()));
}

#[test]
fn show_prints_text_json_and_a_page() {
    let folder = Folder::new();
    let refused = folder.put("refused", &file("qemu-11.1-refused"));
    let text = vmstate(["show", &refused]).answer(1);
    assert!(text.starts_with("outcome      failed, after 512 \u{b5}s\ncause        SHUT 1: "), "{text}");
    assert_eq!(tool::piped(["show", "-"], &file("qemu-11.1-refused")).answer(1), text);
    let page = folder.path("page.html");
    assert_eq!(vmstate(["show", &refused, "--html", &page]).answer(1), text);
    let page = fs::read_to_string(page).unwrap();
    assert!(page.contains("<h1>failed</h1>") && page.ends_with("</html>\n"), "{page}");
    assert_eq!(vmstate(["show", &refused, "--html", "-"]).answer(1), page);
}

#[test]
fn damaged_conversations_are_rejected() {
    let folder = Folder::new();
    let mut bytes = file("qemu-10.0-precopy");
    let error = vmstate(["show", &folder.put("stream", b"QEVM\0\0\0\x03")]).error();
    assert!(error.contains("expected a conversation that `vmstate record` has written"), "{error}");
    bytes[13] = 9;
    let error = vmstate(["show", &folder.put("damaged", &bytes)]).error();
    assert!(error.contains("malformed conversation at offset 12: expected a side, 0 or 1"), "{error}");
}

/// Names of the peers cannot control the terminal.
#[test]
fn names_of_peers_are_escaped() {
    use std::time::Duration;
    use vmstate::migration::Side;
    use vmstate::migration::conversation::{ConversationWriter, Entry, EntryEvent};
    let mut out = ConversationWriter::new(Vec::new()).unwrap();
    let hostile = b"QEVM\0\0\0\x03\x07\0\0\0\x08\x1b[2J<i>\x07\x01\0\0\0\0\x04\x1b[2J\0\0\0\0\0\0\0\x01";
    for event in [EntryEvent::Connected, EntryEvent::Bytes(Side::Source, hostile)] {
        out.write(&Entry { at: Duration::ZERO, connection: 0, event }).unwrap();
    }
    let folder = Folder::new();
    let path = folder.put("hostile", &out.into_inner());
    for arguments in [&["show", &path][..], &["show", "--json", &path], &["show", "--html", "-", &path]] {
        let text = vmstate(arguments).answer(1);
        assert!(text.contains("[2J") && !text.contains('\u{1b}'), "{text}");
        assert!(!text.contains("<i>") || !arguments.contains(&"--html"), "{text}");
    }
}
