//! The relay with streams in pieces, and with peers that fail, decline or deviate.

use super::*;
use crate::Writer;
use crate::ram::{Record, write_record};
use crate::stream::{Command, DestinationState, ReturnPathMessage, SectionHeader, SectionKind, StreamWriter};

const PONG: ReturnPathMessage = ReturnPathMessage::Pong(0x766d_7202);

fn commands(commands: &[Command]) -> Vec<u8> {
    let mut out = Writer::new();
    let mut stream = StreamWriter::new(&mut out);
    for command in commands {
        stream.command(command).unwrap();
    }
    out.take()
}

/// A stream with some memory and a device, without its end.
fn stream(first: &[Command], pages: u64) -> Vec<u8> {
    let mut out = Writer::new();
    StreamWriter::new(&mut out).header();
    out.bytes(&commands(first));
    let start = SectionHeader { kind: SectionKind::Start, ..SectionHeader::full(2, "ram", 0, 4) };
    let mut writer = StreamWriter::new(&mut out);
    writer.begin_section(&start);
    writer.payload().u64((pages * 4096) | 4);
    writer.payload().bytes(b"\x03ram");
    writer.payload().u64(pages * 4096);
    writer.payload().u64(0x10);
    writer.end_section();
    for (kind, parts) in [(SectionKind::Part, 0..pages / 2), (SectionKind::End, pages / 2..pages)] {
        writer.begin_section(&SectionHeader { kind, ..start.clone() });
        for page in parts {
            let same_block = page % (pages / 2) > 0;
            let record = if page % 4 == 3 {
                Record::Zero { offset: page * 4096, same_block, fill: 0 }
            } else {
                Record::Page { offset: page * 4096, same_block }
            };
            write_record(writer.payload(), &record, "ram");
            if matches!(record, Record::Page { .. }) {
                writer.payload().bytes(&[u8::try_from(page % 251).unwrap(); 4096]);
            }
        }
        writer.payload().u64(0x10);
        writer.end_section();
    }
    writer.begin_section(&SectionHeader::full(3, "serial", 0, 3));
    writer.payload().bytes(b"\x7e\0\0\0\x03 is no footer");
    writer.end_section();
    out.take()
}

const END: &[u8] = b"\0\x06\0\0\0\x02{}";

fn message(message: &ReturnPathMessage) -> Vec<u8> {
    let mut out = Writer::new();
    message.encode(&mut out);
    out.take()
}

fn start() -> [Command; 2] {
    [Command::OpenReturnPath, Command::Ping(1)]
}

/// Feeds a relay in pieces, and returns it with everything that it has sent to the destination.
fn fed(bytes: &[u8], piece: usize) -> (Relay, Vec<u8>) {
    let (mut relay, mut sent) = (Relay::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        relay.source_bytes(piece).unwrap();
        sent.extend(relay.for_destination());
    }
    (relay, sent)
}

#[test]
fn end_is_held_until_the_destination_has_loaded() {
    let body = stream(&start(), 16);
    for piece in [1, 7, 4096, usize::MAX] {
        let (mut relay, sent) = fed(&[&body, END].concat(), piece);
        assert_eq!(sent, [body.clone(), commands(&[Command::Ping(0x766d_7202)])].concat(), "{piece}");
        relay.destination_bytes(&message(&ReturnPathMessage::Pong(1))).unwrap();
        assert_eq!(relay.for_source(), message(&ReturnPathMessage::Pong(1)));
        assert_eq!((relay.phase(), relay.for_destination()), (RelayPhase::Asking, Vec::new()));
        relay.destination_bytes(&message(&PONG)).unwrap();
        assert_eq!(
            (relay.phase(), relay.for_destination(), relay.for_source()),
            (RelayPhase::Committed, END.to_vec(), vec![])
        );
        relay.destination_bytes(&message(&ReturnPathMessage::Shut(0))).unwrap();
        assert_eq!(relay.phase(), RelayPhase::Confirmed);
        let figures = relay.figures();
        assert_eq!((figures.pages, figures.zero_pages, figures.devices, figures.memory), (12, 4, 1, 65536));
    }
}

/// A stream that is cut anywhere never reaches the destination as a whole.
#[test]
fn cut_stream_is_never_complete() {
    let body = stream(&start(), 4);
    let whole = [&body, END].concat();
    let middle = (300..whole.len() - 300).step_by(97);
    for cut in (0..300).chain(middle).chain(whole.len() - 300..whole.len()) {
        let (relay, sent) = fed(&whole[..cut], usize::MAX);
        assert!(sent.len() <= body.len(), "{cut}");
        assert!(matches!(relay.phase(), RelayPhase::Passing | RelayPhase::Ending), "{cut}: {:?}", relay.phase());
    }
}

#[test]
fn memory_passes_without_being_collected() {
    const PIECE: usize = 10_000;
    let bytes = stream(&start(), 4096);
    let (mut relay, mut sent, mut most) = (Relay::new(), 0, 0);
    for piece in bytes.chunks(PIECE) {
        relay.source_bytes(piece).unwrap();
        most = most.max(relay.buffered());
        sent += relay.for_destination().len();
    }
    assert_eq!(sent + relay.buffered(), bytes.len());
    assert!(bytes.len() > 12 << 20 && most <= 2 * PIECE, "{most}");
}

#[test]
fn content_of_pages_is_not_copied() {
    let bytes = stream(&start(), 4096);
    let (mut relay, mut sent, mut copied, mut out) = (Relay::new(), Vec::new(), 0, Vec::new());
    for piece in bytes.chunks(100_000) {
        let direct = relay.pass(piece).unwrap();
        relay.swap_for_destination(&mut out);
        copied += out.len();
        sent.extend_from_slice(&out);
        sent.extend_from_slice(direct);
    }
    assert!(bytes.starts_with(&sent) && copied < sent.len() / 1000, "{copied} of {}", sent.len());
}

#[test]
fn capabilities_that_cannot_be_relayed_are_named() {
    let first = |command: Command| stream(&[Command::OpenReturnPath, command], 4);
    for (bytes, name) in [
        (first(Command::PostcopyAdvise(None)), "postcopy"),
        (first(Command::EnableColo), "COLO"),
        (stream(&[], 4), "a migration without return path"),
    ] {
        let mut relay = Relay::new();
        let error = relay.source_bytes(&bytes).unwrap_err().to_string();
        assert!(error.starts_with(name) && error.contains("switch"), "{error}");
        assert!(relay.for_destination().len() < 32, "memory was sent");
    }
}

#[test]
fn rejections_reach_the_source() {
    let (mut relay, _) = fed(&stream(&start(), 4), usize::MAX);
    let shut = message(&ReturnPathMessage::Shut(1));
    assert!(matches!(relay.destination_bytes(&shut), Err(RelayError::Rejected(1))));
    assert_eq!(relay.for_source(), shut);
}

#[test]
fn unfounded_confirmations_do_not_reach_the_source() {
    for end in [&b""[..], &END[..1], END] {
        let (mut relay, _) = fed(&[&stream(&start(), 4), end].concat(), usize::MAX);
        let error = relay.destination_bytes(&message(&ReturnPathMessage::Shut(0))).unwrap_err();
        assert!(matches!(error, RelayError::Premature));
        assert!(relay.for_source().is_empty());
    }
}

/// A destination that rejects the machine after its end may run it, so the source must not resume.
#[test]
fn late_rejections_do_not_reach_the_source() {
    let (mut relay, _) = fed(&[&stream(&start(), 4), END].concat(), usize::MAX);
    relay.destination_bytes(&message(&PONG)).unwrap();
    relay.destination_bytes(&message(&ReturnPathMessage::Shut(1))).unwrap_err();
    assert_eq!((relay.for_source(), relay.phase()), (vec![], RelayPhase::Committed));
}

#[test]
fn missing_descriptions_are_not_awaited_forever() {
    let (mut relay, _) = fed(&[&stream(&start(), 4), &END[..1]].concat(), usize::MAX);
    assert!(relay.source_is_idle().unwrap() && !relay.source_is_idle().unwrap());
    assert!(relay.for_destination().ends_with(&commands(&[Command::Ping(0x766d_7202)])));
    relay.destination_bytes(&message(&PONG)).unwrap();
    assert_eq!(relay.for_destination(), [0]);

    let (mut relay, _) = fed(&[&stream(&start(), 4), &END[..3]].concat(), usize::MAX);
    assert!(!relay.source_is_idle().unwrap());
    let (mut relay, _) = fed(&stream(&start(), 4), usize::MAX);
    assert!(relay.source_bytes(b"\0\x08\0\x03\0\0").unwrap_err().to_string().contains("description"));
}

#[test]
fn handshake_of_the_library_passes_at_once() {
    let first = [Command::OpenReturnPath, Command::Ping(1), Command::Ping(0x766d_7301), Command::Session(7)];
    let whole = [stream(&first, 4), END.to_vec(), commands(&[Command::Run])].concat();
    let (mut relay, sent) = fed(&whole, usize::MAX);
    assert!(relay.is_end_to_end() && sent == whole);
    let status = message(&ReturnPathMessage::Status { state: DestinationState::Running, reason: String::new() });
    relay.destination_bytes(&status).unwrap();
    assert_eq!((relay.phase(), relay.for_source()), (RelayPhase::Confirmed, status));
}

#[test]
fn malformed_peers_are_named() {
    let error = Relay::new().source_bytes(b"GET / HTTP/1.1\r\n").unwrap_err().to_string();
    assert!(error.starts_with("the source's stream: "), "{error}");
    let error = Relay::new().destination_bytes(b"HTTP/1.1 200 OK\r\n").unwrap_err().to_string();
    assert!(error.starts_with("the destination's answers: "), "{error}");
}
