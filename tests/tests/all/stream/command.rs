//! Commands, with right and with wrong data.

use vmstate::stream::{Command, DiscardRange, PostcopyAdvice};

use super::*;

/// Returns the bytes of a command in a stream.
fn bytes_of(number: u16, data: &[u8]) -> Vec<u8> {
    let length = u16::try_from(data.len()).unwrap();
    [&[0x08][..], &number.to_be_bytes(), &length.to_be_bytes(), data].concat()
}

/// All commands but PACKAGED, each with its data.
fn commands() -> Vec<(u16, Vec<u8>, Command)> {
    let advise = PostcopyAdvice::new(0x1000, 0x100);
    let ranges = vec![DiscardRange::new(0x1000, 0x2000), DiscardRange::new(0x8000, 0x100)];
    let ranges_bytes = [0x1000_u64, 0x2000, 0x8000, 0x100].map(u64::to_be_bytes).concat();
    vec![
        (1, vec![], Command::OpenReturnPath),
        (2, vec![0, 0, 0, 0x42], Command::Ping(0x42)),
        (3, vec![], Command::PostcopyAdvise(None)),
        (3, [0x1000_u64, 0x100].map(u64::to_be_bytes).concat(), Command::PostcopyAdvise(Some(advise))),
        (4, vec![], Command::PostcopyListen),
        (5, vec![], Command::PostcopyRun),
        (6, b"\0\x03ram\0".to_vec(), Command::RamDiscard { block: "ram".into(), ranges: vec![] }),
        (6, [&b"\0\x03ram\0"[..], &ranges_bytes].concat(), Command::RamDiscard { block: "ram".into(), ranges }),
        (8, vec![], Command::EnableColo),
        (9, vec![], Command::PostcopyResume),
        (10, b"\x06pc.ram".to_vec(), Command::RecvBitmap("pc.ram".into())),
        (11, vec![], Command::SwitchoverStart),
        (0x7601, b"\x01\x23\x45\x67\x89\xab\xcd\xef".to_vec(), Command::Session(0x0123_4567_89ab_cdef)),
        (0x7602, vec![], Command::Run),
        (0x7603, b"cancelled".to_vec(), Command::Revoke("cancelled".into())),
    ]
}

#[test]
fn each_command_round_trips() {
    for (number, data, command) in commands() {
        let bytes = stream(&[&bytes_of(number, &data), &[0]]);
        assert_eq!(walk(&bytes).unwrap().items, [StreamItem::Command(command.clone())]);
        assert_eq!(command.number(), number);
        let mut out = Writer::new();
        let mut again = StreamWriter::new(&mut out);
        again.header();
        again.command(&command).unwrap();
        again.eof();
        assert_eq!(out.pending(), bytes, "{command:?}");
    }
}

#[test]
fn wrong_lengths() {
    let cases = [
        (1, "0", "OPEN_RETURN_PATH"),
        (2, "4", "PING"),
        (3, "0 or 16", "POSTCOPY_ADVISE"),
        (4, "0", "POSTCOPY_LISTEN"),
        (5, "0", "POSTCOPY_RUN"),
        (7, "4", "PACKAGED"),
        (8, "0", "ENABLE_COLO"),
        (9, "0", "POSTCOPY_RESUME"),
        (11, "0", "SWITCHOVER_START"),
        (0x7601, "8", "SESSION"),
        (0x7602, "0", "RUN"),
    ];
    for (number, lengths, name) in cases {
        let right: Vec<usize> = lengths.split(" or ").map(|length| length.parse().unwrap()).collect();
        for wrong in (0..20).filter(|length| !right.contains(length)) {
            let bytes = stream(&[&bytes_of(number, &vec![0; wrong]), &[0]]);
            let expected = format!("{lengths} bytes of data for `{name}`");
            let error = refusal(&bytes, Blame::Bytes, 11, &expected, &wrong.to_string());
            let qemu = format!("{name} received with bad length - expecting {}, got {wrong}", right[0]);
            assert_eq!(error.qemu_message(), Some(&*qemu));
        }
    }
}

#[test]
fn unknown_command_is_rejected() {
    for number in [0, 12, 0x100, 0xffff] {
        let bytes = stream(&[&bytes_of(number, &[1, 2]), &[0]]);
        let found = format!("{number:#x}, length 2");
        let error = refusal(&bytes, Blame::Peer, 9, "a command between 1 and 11", &found);
        assert_eq!(error.qemu_message(), Some(&*format!("MIG_CMD 0x{number:x} unknown (len 0x2)")));
    }
}

#[test]
fn malformed_reason_is_rejected() {
    for (reason, expected) in [(vec![b'a'; 501], "a reason of at most 500 bytes"), (vec![0xff], "a reason in UTF-8")] {
        let bytes = stream(&[&bytes_of(0x7603, &reason), &[0]]);
        assert_eq!(walk(&bytes).unwrap_err().expected(), expected);
    }
}

#[test]
fn malformed_discard_is_rejected() {
    let refusal = |data: &[u8], blame, offset, expected: &str, found: &str| {
        let bytes = stream(&[&bytes_of(6, data), &[0]]);
        let error = refusal(&bytes, blame, offset, expected, found);
        assert_eq!(error.path(), "POSTCOPY_RAM_DISCARD");
    };
    refusal(b"\x01\x03ram\0", Blame::Peer, 13, "version 0", "version 1");
    refusal(b"\0\x03ram!", Blame::Bytes, 18, "a zero after the name", "0x21");
    // Half a range.
    let start = 8 + 5 + 6;
    refusal(
        b"\0\x03ram\0\0\0\0\0\0\0\0\x01",
        Blame::Bytes,
        start + 8,
        "8 bytes more of the data",
        "the end of its 14 bytes",
    );
    refusal(b"\0\x03ra", Blame::Bytes, 15, "3 bytes more of the data", "the end of its 4 bytes");
    refusal(b"", Blame::Bytes, 13, "1 byte more of the data", "the end of its 0 bytes");
}

#[test]
fn bytes_after_a_name_are_rejected() {
    let bytes = stream(&[&bytes_of(10, b"\x03ram!"), &[0]]);
    let error = refusal(&bytes, Blame::Bytes, 17, "the end of the data", "more data");
    assert_eq!(error.path(), "RECV_BITMAP");
}

#[test]
fn truncated_command_is_rejected() {
    for (number, data, _) in commands() {
        let bytes = stream(&[&bytes_of(number, &data)]);
        for length in 9..bytes.len() {
            let error = walk(&bytes[..length]).unwrap_err();
            assert!(error.is_truncated() && error.offset().unwrap() <= length as u64, "{error}");
        }
    }
}

#[test]
fn oversized_command_is_not_written() {
    let ranges = |count| vec![DiscardRange::new(0, 256); count];
    let discard = |count| Command::RamDiscard { block: "ram".into(), ranges: ranges(count) };
    let mut out = Writer::new();
    assert!(StreamWriter::new(&mut out).command(&discard(4095)).is_ok());
    let written = out.offset();
    let error = StreamWriter::new(&mut out).command(&discard(4096)).unwrap_err();
    let text = "expected at most 65535 bytes of data for `POSTCOPY_RAM_DISCARD`, found 65542; split the command";
    assert_eq!((error.to_string().as_str(), out.offset()), (text, written));
}
