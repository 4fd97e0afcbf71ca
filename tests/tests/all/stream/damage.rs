//! Streams with something wrong between or around their sections.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;

use super::*;

#[test]
fn other_magic_numbers() {
    let error = refusal(b"QEVN\0\0\0\x03\0", Blame::Bytes, 0, "the magic number 0x5145564d (\"QEVM\")", "0x5145564e");
    let text = "\
cannot load the header
  at        byte 0x0 of the stream
  expected  the magic number 0x5145564d (\"QEVM\")
  found     0x5145564e
  advice    this is not a migration stream
  in QEMU   Not a migration stream";
    assert_eq!(error.report().to_string(), text);
}

#[test]
fn other_file_formats_are_recognized() {
    let files: [(&[u8], &str); 6] = [
        (b"\x1f\x8b\x08\x00", "gzip -d"),
        (b"\xfd7zXZ", "xz -d"),
        (b"\x28\xb5\x2f\xfd", "zstd -d"),
        (b"BZh9", "bzip2 -d"),
        (b"\x04\x22\x4d\x18", "lz4 -d"),
        (b"QFI\xfb", "a qcow2 image"),
    ];
    for (bytes, what) in files {
        let error = walk(bytes).unwrap_err();
        assert!(error.advice().is_some_and(|advice| advice.contains(what)), "{error}");
    }
    // A stream that was packed is recognized, too.
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(&stream(&[&full(3)])).unwrap();
    assert!(walk(&packed.finish().unwrap()).unwrap_err().advice().unwrap().contains("gzip"));
}

#[test]
fn other_versions() {
    let expected = "version 3";
    let error = refusal(b"QEVM\0\0\0\x02\0", Blame::Peer, 4, expected, "version 2");
    assert_eq!(error.qemu_message(), Some("SaveVM v2 format is obsolete and don't work anymore"));
    assert_eq!(error.kind(), LoadErrorKind::UnsupportedVersion { found: 2, oldest: 3, newest: 3 });
    let error = refusal(b"QEVM\0\0\0\x04\0", Blame::Peer, 4, expected, "version 4");
    assert_eq!(error.qemu_message(), Some("Unsupported migration stream version"));
}

#[test]
fn truncated_stream_is_rejected() {
    for (configuration, footers) in [(true, true), (false, true), (true, false), (false, false)] {
        let bytes = whole_stream(configuration, footers, true);
        let end = walk(&bytes[..bytes.len() - 40]).unwrap_err();
        assert!(end.is_truncated());
        for length in 0..bytes.len() {
            match walk(&bytes[..length]) {
                Ok(walk) => assert!(walk.description.is_none() && bytes[length] == 0x06, "complete at {length:#x}"),
                Err(error) => assert_cut(&error, length),
            }
        }
    }
}

/// Checks that the error is about the end of a stream of `length` bytes.
#[track_caller]
fn assert_cut(error: &LoadError, length: usize) {
    assert_eq!((error.is_truncated(), error.blame()), (true, Blame::Bytes), "{error}");
    assert!(error.location().is_some(), "{error}");
    let offset = usize::try_from(error.offset().unwrap()).unwrap();
    let available: usize = error.found().strip_prefix("the end of the stream after ").unwrap().parse().unwrap();
    assert_eq!(offset + available, length, "{error}");
}

#[test]
fn truncated_payload_error_names_the_section() {
    let bytes = stream(&[&full(3)]);
    let error = walk(&bytes[..bytes.len() - 1]).unwrap_err();
    let text = "\
cannot load section \"dev\" (instance 0, section id 3, version 1)
  at        byte 0x19 of the stream, byte 0 of the section
  expected  4 bytes
  found     the end of the stream after 3";
    assert_eq!(error.report().to_string(), text);
}

#[test]
fn missing_footer_is_rejected() {
    let bytes = stream(&[&full(1), &footer(1), &full(2), &[0]]);
    let error = refusal(&bytes, Blame::Bytes, bytes.len() - 1, "the footer 0x7e of section 2", "0x00");
    let text = "\
cannot load section \"dev\" (instance 0, section id 2, version 1)
  at        byte 0x37 of the stream, byte 4 of the section
  expected  the footer 0x7e of section 2
  found     0x00
  advice    the payload was not read to its end, or beyond: source and destination disagree on its layout
  in QEMU   Missing section footer for dev";
    assert_eq!(error.report().to_string(), text);
}

#[test]
fn footer_of_another_section_is_rejected() {
    let bytes = stream(&[&full(1), &footer(9), &[0]]);
    let error = refusal(&bytes, Blame::Bytes, bytes.len() - 5, "section id 1 in the footer", "section id 9");
    assert_eq!(error.qemu_message(), Some("Mismatched section id in footer for dev - read 0x9 expected 0x1"));
}

#[test]
fn truncated_footer_is_rejected() {
    let bytes = stream(&[&full(1), &[0x7e, 0, 0]]);
    assert_cut(&walk(&bytes).unwrap_err(), bytes.len());
}

#[test]
fn unexpected_footer_is_rejected() {
    let bytes = stream(&[&full(1), &full(2), &footer(2), &[0]]);
    let expected = "a section (0x01 to 0x04), a command (0x08) or the end (0x00)";
    refusal(&bytes, Blame::Bytes, bytes.len() - 6, expected, "0x7e");
}

#[test]
fn unread_payload_is_rejected() {
    let bytes = stream(&[&full(1), &footer(1), &full(2), &[0xbb], &footer(2), &[0]]);
    refusal(&bytes, Blame::Bytes, bytes.len() - 7, "the footer 0x7e of section 2", "0xbb");
    // Without a preceding footer, the next item has to be valid.
    let bytes = stream(&[&full(1), &[0xbb], &footer(1), &[0]]);
    refusal(&bytes, Blame::Bytes, bytes.len() - 7, "the footer 0x7e of section 1", "0xbb");
}

#[test]
fn invalid_section_types_are_rejected() {
    let expected = "a section (0x01 to 0x04), a command (0x08) or the end (0x00)";
    for tag in (5..=0xff).filter(|tag| *tag != 0x08) {
        // Directly after the header 07 is a configuration.
        let bytes = stream(&[&full(1), &footer(1), &[tag]]);
        let error = refusal(&bytes, Blame::Bytes, bytes.len() - 1, expected, &format!("{tag:#04x}"));
        assert_eq!(error.qemu_message(), Some(&*format!("Unknown savevm section type {tag}")));
        assert_eq!(error.location().unwrap().to_string(), "the stream between sections");
    }
}

#[test]
fn part_before_its_start_is_rejected() {
    for (kind, name) in [(SectionKind::Part, "part"), (SectionKind::End, "end")] {
        let bytes = stream(&[&section(kind, 5)]);
        let expected = "a section that has started";
        let error = refusal(&bytes, Blame::Bytes, 9, expected, &format!("{name} of section 5"));
        assert_eq!(error.qemu_message(), Some("Unknown savevm section 5"));

        let started = section(SectionKind::Start, 2);
        let bytes = stream(&[&started, &footer(2), &section(kind, 5)]);
        let expected = "the id of a section that has started: 2";
        refusal(&bytes, Blame::Bytes, 14 + started.len(), expected, &format!("{name} of section 5"));
    }
}

#[test]
fn part_after_its_end_is_rejected() {
    let ended = [section(SectionKind::Start, 2), footer(2), section(SectionKind::End, 2), footer(2)].concat();
    let bytes = stream(&[&ended, &section(SectionKind::Part, 2)]);
    let expected = "a section that has started";
    refusal(&bytes, Blame::Bytes, 9 + ended.len(), expected, "part of section 2");
    // A full section is complete: it has no parts.
    let bytes = stream(&[&full(2), &footer(2), &section(SectionKind::Part, 2)]);
    refusal(&bytes, Blame::Bytes, 9 + full(2).len() + 5, expected, "part of section 2");
}

#[test]
fn duplicate_start_is_rejected() {
    let started = [section(SectionKind::Start, 2), footer(2)].concat();
    let bytes = stream(&[&started, &started]);
    refusal(&bytes, Blame::Bytes, 9 + started.len(), "an unused section id", "2");
}

#[test]
fn name_must_be_utf_8() {
    let bytes = stream(&[b"\x04\0\0\0\x01\x02\xc3\x28\0\0\0\0\0\0\0\x01"]);
    let error = refusal(&bytes, Blame::Bytes, 13, "a name in UTF-8", "\"\\xc3(\"");
    assert_eq!(error.path(), "name");
    assert_eq!(error.qemu_message(), Some("Unable to read ID string for section 1"));
}

#[test]
fn unknown_data_after_the_end_is_rejected() {
    let bytes = stream(&[&[0, 0x09]]);
    let error = refusal(&bytes, Blame::Bytes, 9, "0x06, or the end of the stream", "0x09");
    assert_eq!(error.qemu_message(), Some("Expected vmdescription section, but got 9"));
}

#[test]
fn malformed_description_is_rejected() {
    let bytes = stream(&[b"\0\x06\0\0\0\x03{\xff}"]);
    let error = refusal(&bytes, Blame::Bytes, 15, "text in UTF-8", "other bytes");
    assert_eq!(error.location().unwrap().to_string(), "the description");
    let bytes = stream(&[b"\0\x06\xff\xff\xff\xff{}"]);
    let error = refusal(&bytes, Blame::Bytes, 14, "4294967295 bytes", "the end of the stream after 2");
    assert!(error.is_truncated());
}
