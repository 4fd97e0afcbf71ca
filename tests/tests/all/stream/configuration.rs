//! The configuration section and its subsections.

use super::*;

const MACHINE: &[u8] = b"\x07\0\0\0\x02pc";
const PAGE_BITS: &[u8] = b"\x05\x1econfiguration/target-page-bits\0\0\0\x01\0\0\0\x0e";
const CAPABILITIES: &[u8] = b"\x05\x1aconfiguration/capabilities\0\0\0\x01\0\0\0\x02\x0fx-ignore-shared\x0amapped-ram";
const UUID: &[u8] = b"\x05\x12configuration/uuid\0\0\0\x010123456789abcdef";
const END: &[u8] = &[0];

fn configuration(parts: &[&[u8]]) -> Configuration {
    let bytes = stream(&[&parts.concat(), END]);
    let configuration = walk(&bytes).unwrap().configuration.unwrap();
    let mut out = Writer::new();
    let mut again = StreamWriter::new(&mut out);
    again.header();
    again.configuration(&configuration);
    again.eof();
    assert_eq!(out.pending(), bytes, "written again");
    configuration
}

#[test]
fn every_configuration_is_read_and_written() {
    let plain = configuration(&[MACHINE]);
    assert_eq!(plain, Configuration::new("pc"));
    let whole = configuration(&[MACHINE, PAGE_BITS, CAPABILITIES, UUID]);
    assert_eq!(
        (whole.machine.as_str(), whole.target_page_bits, whole.uuid),
        ("pc", Some(14), Some(*b"0123456789abcdef"))
    );
    assert_eq!(whole.capabilities.unwrap(), ["x-ignore-shared", "mapped-ram"]);
    assert_eq!(configuration(&[MACHINE, UUID]).uuid, Some(*b"0123456789abcdef"));
}

#[test]
fn unknown_subsection_is_rejected() {
    let bytes = stream(&[MACHINE, b"\x05\x13configuration/moods\0\0\0\x01"]);
    let expected = "`configuration/target-page-bits`, `configuration/capabilities` or `configuration/uuid`, version 1";
    let error = refusal(&bytes, Blame::Peer, 15, expected, "\"configuration/moods\", version 1");
    assert_eq!(error.location().unwrap().to_string(), "the configuration");
    let bytes = stream(&[MACHINE, b"\x05\x12configuration/uuid\0\0\0\x020123456789abcdef"]);
    refusal(&bytes, Blame::Peer, 15, expected, "\"configuration/uuid\", version 2");
}

#[test]
fn duplicate_subsection_is_rejected() {
    for subsection in [PAGE_BITS, CAPABILITIES, UUID] {
        let name = String::from_utf8_lossy(&subsection[2..2 + usize::from(subsection[1])]);
        let bytes = stream(&[MACHINE, subsection, subsection, END]);
        let offset = 15 + subsection.len();
        refusal(&bytes, Blame::Bytes, offset, "distinct subsections", &format!("duplicate subsection {name:?}"));
    }
}

#[test]
fn oversized_lengths_are_rejected() {
    let bytes = stream(&[b"\x07\xff\xff\xff\xffpc"]);
    let error = refusal(&bytes, Blame::Bytes, 13, "4294967295 bytes", "the end of the stream after 2");
    assert_eq!(error.path(), "name");
    let capabilities = b"\x05\x1aconfiguration/capabilities\0\0\0\x01";
    let bytes = stream(&[MACHINE, capabilities, b"\0\0\x01\0\x01a"]);
    let error = refusal(&bytes, Blame::Bytes, bytes.len(), "1 byte", "the end of the stream after 0");
    assert_eq!((error.path(), error.is_truncated()), ("capabilities".into(), true));
    let bytes = stream(&[MACHINE, capabilities, b"\0\0\x01\x01\x01a"]);
    let error = refusal(&bytes, Blame::Bytes, bytes.len() - 6, "at most 256 capabilities", "257");
    assert_eq!(error.path(), "capabilities");
}

#[test]
fn machine_name_must_be_utf_8() {
    let error = refusal(&stream(&[b"\x07\0\0\0\x01\xff"]), Blame::Bytes, 13, "a machine name in UTF-8", "\"\\xff\"");
    assert_eq!(error.path(), "name");
}

#[test]
fn late_configuration_is_rejected() {
    let bytes = stream(&[MACHINE, MACHINE]);
    let expected = "a section (0x01 to 0x04), a command (0x08) or the end (0x00)";
    refusal(&bytes, Blame::Bytes, 15, expected, "0x07");
}
