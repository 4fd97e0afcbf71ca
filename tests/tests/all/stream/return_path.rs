//! The return path: recorded messages of QEMU, and wrong ones.

use std::fs;
use std::path::Path;

use vmstate::stream::{Decoded, DestinationState, ReceivedBitmap, ReturnPathMessage};

use super::*;

/// The bytes that a destination sent, from `tests/return-path`.
fn recorded(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("return-path").join(format!("{name}.bin"));
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A message of a recording, with the bitmap that follows it.
type Recorded = (ReturnPathMessage, Option<ReceivedBitmap>);

/// The target pages of a block of the recorded guests.
fn pages_of(block: &str) -> u64 {
    if block == "microvm.ram" { 1024 } else { 64 }
}

/// Decodes an item at the front of `bytes`. Each byte arrives only when it was asked for.
fn decode<T>(bytes: &mut &[u8], decode: impl Fn(&[u8]) -> Result<Decoded<T>, LoadError>) -> T {
    let mut arrived = 0;
    loop {
        match decode(&bytes[..arrived]).unwrap() {
            Decoded::Item(item, used) => {
                assert_eq!(used, arrived, "asked for exactly the item's bytes");
                *bytes = &bytes[used..];
                return item;
            }
            Decoded::Need(more) => arrived += more.get(),
        }
    }
}

fn messages(mut bytes: &[u8]) -> Vec<Recorded> {
    let mut messages = Vec::new();
    while !bytes.is_empty() {
        let message = decode(&mut bytes, |bytes| ReturnPathMessage::decode(bytes, 0));
        let bitmap = match &message {
            ReturnPathMessage::RecvBitmap(block) => {
                Some(decode(&mut bytes, |bytes| ReceivedBitmap::decode(bytes, 0, pages_of(block))))
            }
            _ => None,
        };
        messages.push((message, bitmap));
    }
    messages
}

fn names(messages: &[Recorded]) -> Vec<&'static str> {
    let mut names: Vec<_> = messages.iter().map(|(message, _)| message.name()).collect();
    names.dedup();
    names
}

#[test]
fn recorded_messages_are_written_again() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("return-path");
    let mut files = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "bin") {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let mut out = Writer::new();
        for (message, bitmap) in messages(&bytes) {
            message.encode(&mut out);
            if let Some(bitmap) = bitmap {
                bitmap.encode(&mut out);
            }
        }
        assert_eq!(out.pending(), bytes, "{}", path.display());
        files += 1;
    }
    assert!(files >= 10, "{files}");
}

#[test]
fn precopy_ends_with_shut() {
    let plain = |name| messages(&recorded(name)).into_iter().map(|(message, _)| message).collect::<Vec<_>>();
    let loaded = [ReturnPathMessage::Pong(1), ReturnPathMessage::Shut(0)];
    assert_eq!(plain("qemu-7.2-precopy"), loaded);
    assert_eq!(plain("qemu-10.0-precopy"), loaded);
    assert_eq!(plain("qemu-10.0-refused"), [ReturnPathMessage::Pong(1), ReturnPathMessage::Shut(1)]);
    let acknowledged = [ReturnPathMessage::SwitchoverAck, ReturnPathMessage::Pong(1), ReturnPathMessage::Shut(0)];
    assert_eq!(plain("qemu-10.0-switchover-ack"), acknowledged);
}

#[test]
fn postcopy_requests_name_the_block_once() {
    let messages = messages(&recorded("qemu-10.0-postcopy"));
    assert_eq!(names(&messages), ["PONG", "REQ_PAGES_ID", "REQ_PAGES", "SHUT"]);
    let expected = ReturnPathMessage::ReqPagesId { block: "pc.bios".into(), start: 0, length: 0x1000 };
    assert_eq!(messages[4].0, expected);
    assert_eq!(messages[6].0, ReturnPathMessage::ReqPages { start: 0x1b_5000, length: 0x1000 });
}

#[test]
fn recovered_postcopy_sends_bitmaps() {
    let messages = messages(&recorded("qemu-10.0-recovered"));
    assert_eq!(names(&messages), ["RECV_BITMAP", "RESUME_ACK", "REQ_PAGES_ID", "REQ_PAGES", "SHUT"]);
    let (first, bitmap) = &messages[0];
    assert_eq!(*first, ReturnPathMessage::RecvBitmap("microvm.ram".into()));
    let bitmap = bitmap.as_ref().unwrap();
    // When the connection was cut, the first pages had been placed in order, and 32 more from a requested one on.
    let first_missing = (0..1024).find(|page| !bitmap.contains(*page));
    assert_eq!(first_missing, Some(315));
    assert_eq!((0..1024).filter(|page| bitmap.contains(*page)).count(), 315 + 32);
}

/// Decodes a message that is wrong, from a slice and from a reader.
#[track_caller]
fn rejected(bytes: &[u8], offset: u64, expected: &str, found: &str) -> LoadError {
    let error = ReturnPathMessage::decode(bytes, 0).expect_err("the message is wrong");
    assert_eq!((error.offset(), error.expected(), error.found()), (Some(offset), expected, found), "{error}");
    let other = ReturnPathMessage::read(&mut Reader::from_read(OneByte(bytes))).unwrap_err();
    assert_eq!(other.to_string(), error.to_string());
    error
}

#[test]
fn wrong_messages_are_rejected_as_in_qemu() {
    let error = rejected(b"\0\x09\0\0", 0, "a message between 1 and 7", "0x9, length 0");
    assert_eq!(error.qemu_message(), Some("Received invalid message 0x0009 length 0x0000"));
    rejected(b"\0\0\0\0", 0, "a message between 1 and 7", "0x0, length 0");
    let error = rejected(b"\0\x02\0\x02", 2, "4 bytes of data for `PONG`", "2");
    let qemu = "Received 'PONG' message (0x0002) withincorrect length 2 expecting 4";
    assert_eq!(error.qemu_message(), Some(qemu));
    rejected(b"\0\x05\x02\x01", 2, "at most 512 bytes of data for `RECV_BITMAP`", "513");
    rejected(b"\0\x06\0\x04\0\0\0\x02", 4, "1", "2");
    // A name that is longer or shorter than the message.
    let request = b"\0\x03\0\x0f\0\0\0\0\0\0\0\0\0\0\x10\0\x01ab";
    let error = rejected(request, 18, "the end of the data", "more data");
    assert_eq!(error.path(), "REQ_PAGES_ID");
    rejected(b"\0\x05\0\x02\x02a", 5, "2 bytes more of the data", "the end of its 2 bytes");
}

#[test]
fn truncated_message_is_an_error() {
    let bytes = recorded("qemu-10.0-postcopy");
    for length in 33..52 {
        let mut reader = Reader::from_slice_at(&bytes[32..length], 32);
        let error = ReturnPathMessage::read(&mut reader).unwrap_err();
        assert!(error.is_truncated(), "{error}");
        assert_eq!(reader.offset(), 32, "nothing is consumed");
    }
}

#[test]
fn status_has_a_state_and_a_short_reason() {
    let message = ReturnPathMessage::Status { state: DestinationState::Loaded, reason: String::new() };
    let mut out = Writer::new();
    message.encode(&mut out);
    assert_eq!(out.pending(), b"\x76\x01\0\x01\x02");
    rejected(b"\x76\x01\0\x01\x06", 4, "a state between 0 and 5", "6");

    let long = ReturnPathMessage::Status { state: DestinationState::Declined, reason: "é".repeat(300) };
    let mut out = Writer::new();
    long.encode(&mut out);
    let mut bytes = out.pending();
    let shortened = ReturnPathMessage::Status { state: DestinationState::Declined, reason: "é".repeat(250) };
    assert_eq!(decode(&mut bytes, |bytes| ReturnPathMessage::decode(bytes, 0)), shortened);
}

#[test]
fn bitmap_of_another_size_allocates_nothing() {
    let bytes = [&u64::MAX.to_be_bytes()[..], &[0; 8]].concat();
    let error = ReceivedBitmap::decode(&bytes, 0, 65).unwrap_err();
    assert_eq!((error.expected(), error.offset()), ("a bitmap of 16 bytes", Some(0)));
    let wrong_end = [&8_u64.to_be_bytes()[..], &[0xff; 16]].concat();
    assert_eq!(ReceivedBitmap::decode(&wrong_end, 0, 1).unwrap_err().offset(), Some(16));
}

fn any_message() -> impl Strategy<Value = ReturnPathMessage> {
    prop_oneof![
        any::<u32>().prop_map(ReturnPathMessage::Shut),
        any::<u32>().prop_map(ReturnPathMessage::Pong),
        ("[a-z/@.]{0,255}", any::<u64>(), any::<u32>())
            .prop_map(|(block, start, length)| ReturnPathMessage::ReqPagesId { block, start, length }),
        (any::<u64>(), any::<u32>()).prop_map(|(start, length)| ReturnPathMessage::ReqPages { start, length }),
        "[a-z/@.]{0,255}".prop_map(ReturnPathMessage::RecvBitmap),
        Just(ReturnPathMessage::ResumeAck),
        Just(ReturnPathMessage::SwitchoverAck),
        ("[a-z ]{0,500}").prop_map(|reason| ReturnPathMessage::Status { state: DestinationState::Declined, reason }),
    ]
}

proptest! {
    #[test]
    fn messages_round_trip(message in any_message()) {
        let mut out = Writer::new();
        message.encode(&mut out);
        let mut bytes = out.pending();
        prop_assert_eq!(decode(&mut bytes, |bytes| ReturnPathMessage::decode(bytes, 0)), message);
        prop_assert!(bytes.is_empty());
    }

    #[test]
    fn no_bytes_make_the_return_path_panic(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        let _ = ReturnPathMessage::decode(&bytes, 0);
        let _ = ReceivedBitmap::decode(&bytes, 0, 100);
    }
}
