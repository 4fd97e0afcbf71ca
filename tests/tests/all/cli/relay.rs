//! `vmstate relay`, with peers of this library and with connections that imitate QEMU.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use vmstate::Writer;
use vmstate::ram::{BlockHeader, Record, write_record};
use vmstate::stream::{SectionHeader, SectionKind, StreamWriter};
use vmstate_tests::certificates::Authority;
use vmstate_tests::tool::Started;

use super::*;

/// The exit status if the destination may run the guest, and the source, too.
const IN_DOUBT: i32 = 3;
/// A stream without sections, up to its end, and its end.
pub(super) const STREAM: (&[u8], &[u8]) = (b"QEVM\0\0\0\x03\x08\0\x01\0\0", b"\0\x06\0\0\0\x02{}");
pub(super) const QUESTION: &[u8] = b"\x08\0\x02\0\x04vmr\x02";
pub(super) const ANSWER: &[u8] = b"\0\x02\0\x04vmr\x02";
pub(super) const SHUT: &[u8] = b"\0\x01\0\x04\0\0\0\0";

#[test]
fn guest_moves_between_peers_of_the_library() {
    let folder = Folder::new();
    let (near, far, out) = (folder.path("near"), folder.path("far"), folder.path("out"));
    let input = folder.put("in", &streams::named("qemu-10.0-q35").bytes);
    let receive = Started::new(&["receive", &format!("unix:{far}"), "-o", &out, "--json"]);
    receive.await_file(&far);
    let relay = Started::new(&["relay", &format!("unix:{near}"), &format!("unix:{far}"), "--json"]);
    relay.await_file(&near);
    let sent = json_of(&vmstate(["send", &input, &format!("unix:{near}"), "--json"]));
    let (received, relayed) = (json_of(&receive.finish()), json_of(&relay.finish()));
    assert_eq!((&sent["status"], &received["source"]), (&json!("completed"), &json!("confirmed")));
    assert_eq!((&relayed["outcome"], &relayed["machine"]), (&json!("completed"), &sent["machine"]));
    for key in ["memory", "devices"] {
        assert_eq!(relayed[key], received[key], "{key}");
    }
    assert_eq!(vmstate(["diff", &input, &out]).code, 0);
}

#[test]
fn sides_have_other_channels_and_encryption() {
    let folder = Folder::new();
    let (near, far, out, right) = (folder.path("near"), folder.path("far"), folder.path("out"), folder.path("right"));
    Authority::new("Authority").write_to(Path::new(&right));
    let input = folder.put("in", &streams::named("qemu-10.0-pc").bytes);
    let (from, to) = (format!("unix:{near}"), format!("unix:{far}"));
    let receive = Started::new(&["receive", &to, "-o", &out, "--json", "--multifd", "3", "--tls-creds", &right]);
    receive.await_file(&far);
    let channels = ["--listen-multifd", "2", "--connect-multifd", "3"];
    let tls = ["--listen-tls-creds", &right, "--connect-tls-creds", &right, "--connect-tls-hostname", "localhost"];
    let relay = Started::new(&[&["relay", &from, &to, "--json"], &channels[..], &tls[..]].concat());
    relay.await_file(&near);
    // A source without certificate is rejected, and another one is accepted.
    let send = |more: &[&str]| vmstate([&["send", &input, &from, "--json", "--multifd", "2"], more].concat());
    assert_eq!(send(&[]).code, 2);
    let sent = json_of(&send(&["--tls-creds", &right, "--tls-hostname", "localhost"]));
    let (received, relayed) = (json_of(&receive.finish()), relay.finish());
    assert_eq!((&sent["status"], &received["source"]), (&json!("completed"), &json!("confirmed")));
    assert!(relayed.stderr.contains("warning: connection rejected: "), "{}", relayed.stderr);
    assert_eq!(relayed.code, 0);
    assert_eq!(vmstate(["diff", &input, &out]).code, 0);
}

/// A relay between connections of the test.
pub(super) struct Ends {
    pub(super) tool: Started,
    pub(super) near: SocketAddr,
    pub(super) source: TcpStream,
    listener: TcpListener,
}

impl Ends {
    pub(super) fn new(options: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        // A port that is free now, and that the relay listens at next.
        let near = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let target = format!("tcp:{}", listener.local_addr().unwrap());
        let tool = Started::new(&[&["relay", &format!("tcp:{near}"), &target], options].concat());
        let start = Instant::now();
        let source = loop {
            match TcpStream::connect(near) {
                Ok(source) => break patient(source),
                Err(error) => assert!(start.elapsed() < Duration::from_secs(60), "{error}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        Self { tool, near, source, listener }
    }

    /// Sends bytes, and returns the connection that they open.
    pub(super) fn opened(&mut self, bytes: &[u8]) -> TcpStream {
        self.source.write_all(bytes).unwrap();
        self.accepted()
    }

    pub(super) fn accepted(&self) -> TcpStream {
        patient(self.listener.accept().unwrap().0)
    }

    /// Sends a stream, and has the destination answer up to the confirmation.
    fn confirmed(options: &[&str]) -> (Self, TcpStream) {
        let mut ends = Self::new(options);
        let mut destination = ends.opened(&[STREAM.0, STREAM.1].concat());
        expect(&mut destination, &[STREAM.0, QUESTION].concat());
        destination.write_all(ANSWER).unwrap();
        expect(&mut destination, STREAM.1);
        destination.write_all(SHUT).unwrap();
        (ends, destination)
    }
}

/// Limits the time of reads.
pub(super) fn patient(socket: TcpStream) -> TcpStream {
    socket.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    socket
}

#[track_caller]
pub(super) fn expect(socket: &mut TcpStream, expected: &[u8]) {
    let mut bytes = vec![0; expected.len()];
    socket.read_exact(&mut bytes).unwrap();
    assert_eq!(bytes, expected);
}

#[test]
fn destination_sees_the_end_after_the_source() {
    let (mut ends, mut destination) = Ends::confirmed(&[]);
    expect(&mut ends.source, SHUT);
    destination.set_nonblocking(true).unwrap();
    assert_eq!(destination.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::WouldBlock);
    destination.set_nonblocking(false).unwrap();
    drop(ends.source);
    assert_eq!(destination.read(&mut [0; 1]).unwrap(), 0);
    assert!(ends.tool.finish().fine().starts_with("relayed guest: "));
}

/// A source that is cancelled while the confirmation is on its way resumes, so the destination must not see an orderly end.
#[test]
fn unread_confirmation_resets_the_destination() {
    let (ends, mut destination) = Ends::confirmed(&[]);
    while ends.source.peek(&mut [0; 8]).unwrap() < 8 {}
    drop(ends.source);
    assert_eq!(destination.read(&mut [0; 1]).unwrap_err().kind(), ErrorKind::ConnectionReset);
    let output = ends.tool.finish();
    assert_eq!(output.code, IN_DOUBT, "{}", output.stderr);
    assert!(output.stderr.contains("the source may not know"), "{}", output.stderr);
}

#[test]
fn source_that_leaves_early_keeps_the_guest() {
    for bytes in [STREAM.0.to_vec(), [STREAM.0, &STREAM.1[..4]].concat(), [STREAM.0, STREAM.1].concat()] {
        let mut ends = Ends::new(&[]);
        let mut destination = ends.opened(&bytes);
        expect(&mut destination, STREAM.0);
        ends.source.shutdown(Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        // An end, or a reset.
        let _ = destination.read_to_end(&mut rest);
        assert!(rest.is_empty() || rest == QUESTION, "{rest:?}");
        let error = ends.tool.finish().error();
        assert!(error.contains("the guest stays at the source: the source has ended the connection"), "{error}");
    }
}

#[test]
fn silent_destination_ends_the_migration() {
    let mut ends = Ends::new(&["--timeout", "1"]);
    let _destination = ends.opened(&[STREAM.0, STREAM.1].concat());
    assert_eq!(ends.source.read(&mut [0; 1]).unwrap(), 0);
    let error = ends.tool.finish().error();
    assert!(error.contains("the destination has not loaded the devices in 1 seconds"), "{error}");
}

#[test]
fn streams_without_description_are_relayed() {
    let mut ends = Ends::new(&[]);
    let mut destination = ends.opened(&[STREAM.0, &STREAM.1[..1]].concat());
    expect(&mut destination, &[STREAM.0, QUESTION].concat());
    destination.write_all(ANSWER).unwrap();
    expect(&mut destination, &STREAM.1[..1]);
    destination.write_all(SHUT).unwrap();
    expect(&mut ends.source, SHUT);
    drop(ends.source);
    assert_eq!(ends.tool.finish().code, 0);
}

#[test]
fn unknown_connections_are_declined() {
    for (bytes, message) in [
        (&b"\x16\x03\x01\x02\0"[..], "the relay has no certificate; clear `tls-creds`"),
        (b"GET / HTTP/1.1\r\n\r\n", "unknown connection of the source"),
        (b"QEVM\0\0\0\x02\0", "the source's stream: "),
    ] {
        let mut ends = Ends::new(&[]);
        ends.source.write_all(bytes).unwrap();
        let error = ends.tool.finish().error();
        assert!(error.contains(message), "{error}");
    }
    for arguments in [["relay", "exec:cat", "unix:x"], ["relay", "unix:x", "file:y"]] {
        assert!(vmstate(arguments).error().contains("expected an address"));
    }
}

/// The handshake of a data channel can end before the one of the main connection, which destinations before QEMU 8.0 expect
/// first.
#[test]
fn main_connection_is_the_first_one() {
    let hello = [&[0x11, 0x22, 0x33, 0x44, 0, 0, 0, 1][..], &[0; 56]].concat();
    let mut ends = Ends::new(&[]);
    let mut channel = TcpStream::connect(ends.near).unwrap();
    channel.write_all(&hello).unwrap();
    ends.listener.set_nonblocking(true).unwrap();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(ends.listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    ends.listener.set_nonblocking(false).unwrap();
    let mut destination = ends.opened(STREAM.0);
    expect(&mut destination, STREAM.0);
    expect(&mut ends.accepted(), &hello);
}

#[test]
fn data_channels_without_main_connection_are_declined() {
    let mut ends = Ends::new(&["--timeout", "1"]);
    ends.source.write_all(&[0x11, 0x22, 0x33, 0x44]).unwrap();
    let error = ends.tool.finish().error();
    assert!(error.contains("the source has opened data channels only"), "{error}");
}

/// A section of memory with pages that are not zero.
fn memory(out: &mut Writer, kind: SectionKind, pages: Range<u64>) {
    let mut header = SectionHeader::full(2, "ram", 0, 4);
    header.kind = kind;
    let mut stream = StreamWriter::new(out);
    stream.begin_section(&header);
    for page in pages {
        write_record(stream.payload(), &Record::Page { offset: page * 4096, same_block: false }, "ram");
        stream.payload().bytes(&[7; 4096]);
    }
    write_record(stream.payload(), &Record::EndOfSection, "ram");
    stream.end_section();
}

/// The relay holds bytes in flight, not the guest: also if the destination reads more slowly than the source sends.
#[test]
fn memory_does_not_depend_on_the_guest() {
    const PART: u64 = 256;
    const PARTS: u64 = 256;
    /// The bytes of a process without a migration, and of the bytes in flight, with room.
    const LIMIT: u64 = 48 << 20;
    let ends = Ends::new(&[]);
    let mut source = ends.source.try_clone().unwrap();
    let writer = std::thread::spawn(move || {
        let mut out = Writer::new();
        let mut header = SectionHeader::full(2, "ram", 0, 4);
        header.kind = SectionKind::Start;
        out.bytes(STREAM.0);
        let mut stream = StreamWriter::new(&mut out);
        stream.begin_section(&header);
        write_record(stream.payload(), &Record::BlockList(PART * PARTS * 4096), "");
        write_record(stream.payload(), &Record::Block(BlockHeader::new("ram", PART * PARTS * 4096)), "");
        write_record(stream.payload(), &Record::EndOfSection, "");
        stream.end_section();
        source.write_all(&out.take()).unwrap();
        for part in 0..PARTS {
            let kind = if part + 1 == PARTS { SectionKind::End } else { SectionKind::Part };
            memory(&mut out, kind, part * PART..(part + 1) * PART);
            source.write_all(&out.take()).unwrap();
        }
        source.write_all(STREAM.1).unwrap();
    });
    let mut destination = ends.accepted();
    // It reads nothing, until the source can send nothing more.
    std::thread::sleep(Duration::from_millis(500));
    assert!(!writer.is_finished());
    let held = ends.tool.peak_memory();
    let (mut bytes, mut read) = (vec![0; 1 << 20], 0);
    while read < PART * PARTS * 4096 {
        let count = destination.read(&mut bytes).unwrap() as u64;
        assert!(count > 0, "the relay has ended");
        read += count;
    }
    writer.join().unwrap();
    let peak = ends.tool.peak_memory();
    assert!(held < LIMIT && peak < LIMIT, "{held} and {peak} bytes for {read}");
}
