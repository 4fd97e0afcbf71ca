//! Recorded streams of three releases pass the relay, with the rules that are generated from them.

use vmstate::Reader;
use vmstate::dynamic::{StreamDecoder, rewrite};
use vmstate::migration::relay::{Relay, RelayFindingKind, RelayPhase, RelayRules};
use vmstate::schema::vmdesc::{Document, SentBody, SentStruct};
use vmstate::stream::{Decoded, ItemDecoder};
use vmstate_tests::streams;

const ANSWER: &[u8] = b"\0\x02\0\x04vmr\x02";
/// The size of the command with which the relay asks for the answer.
const QUESTION: usize = 9;

fn stream(version: &str, machine: &str) -> Vec<u8> {
    streams::named(&format!("qemu-{version}-{machine}")).bytes
}

/// Inserts the command that opens the return path, which recorded streams do not have.
fn with_return_path(stream: &[u8]) -> Vec<u8> {
    let Decoded::Item((), size) = ItemDecoder::new().decode_header(stream, 0).unwrap() else { panic!("no header") };
    [&stream[..size], b"\x08\0\x01\0\0", &stream[size..]].concat()
}

/// Passes a stream through a relay.
fn relayed(mut relay: Relay, stream: &[u8]) -> Result<Vec<u8>, String> {
    let mut sent = Vec::new();
    for piece in with_return_path(stream).chunks(100_000) {
        relay.source_bytes(piece).map_err(|error| error.to_string())?;
        sent.extend(relay.for_destination());
    }
    assert_eq!(relay.phase(), RelayPhase::Asking);
    sent.truncate(sent.len() - QUESTION);
    relay.destination_bytes(ANSWER).unwrap();
    sent.extend(relay.for_destination());
    Ok(sent)
}

fn generate(old: &[u8], new: &[u8]) -> (RelayRules, Vec<(RelayFindingKind, String)>) {
    let description = |stream: &[u8]| Document::from_stream(stream).unwrap();
    let (mut left, mut right) = (Reader::from_slice(old), Reader::from_slice(new));
    let mut left = StreamDecoder::new(&mut left, description(old)).unwrap();
    let mut right = StreamDecoder::new(&mut right, description(new)).unwrap();
    let (rules, findings) = RelayRules::generate(&mut left, &mut right).unwrap();
    (rules, findings.into_iter().map(|finding| (finding.kind, finding.path)).collect())
}

/// Returns the description of the processor.
fn processor(stream: &[u8]) -> SentStruct {
    let document = Document::from_stream(stream).unwrap().unwrap();
    let found = document.devices.into_iter().find(|device| &*device.name == "cpu").unwrap();
    let SentBody::State(state) = found.body else { panic!("no state") };
    state
}

#[test]
fn streams_pass_unchanged() {
    for stream in streams::all() {
        let sent = relayed(Relay::new(), &stream.bytes).unwrap_or_else(|error| panic!("{}: {error}", stream.name));
        assert!(sent == with_return_path(&stream.bytes), "{}: the stream differs", stream.name);
    }
}

#[test]
fn same_release_needs_no_changes() {
    for machine in ["virt", "pc", "q35"] {
        let stream = stream("10.0", machine);
        let (rules, findings) = generate(&stream, &stream);
        assert_eq!(findings, []);
        let sent = relayed(Relay::new().rules(rules), &stream).unwrap();
        assert!(rewrite(&sent, |_, _| Ok(())).unwrap() == sent, "{machine}: the stream is not whole");
        assert_eq!(processor_size(&sent), processor_size(&stream), "{machine}");
    }
}

fn processor_size(stream: &[u8]) -> Vec<Option<u64>> {
    let document = Document::from_stream(stream).unwrap().unwrap();
    document.devices.iter().map(vmstate::schema::vmdesc::SentSection::wire_size).collect()
}

/// The processor of each release has the layout of the other one after the relay, and the other devices are unchanged.
#[test]
fn processors_get_the_layout_of_the_other_release() {
    // Other releases lack the states of counters, the timer's deadline, or a block of memory.
    for (from, to, is_lost) in [
        ("7.2", "10.0", true),
        ("10.0", "7.2", true),
        ("10.0", "11.1", false),
        ("11.1", "10.0", true),
        ("7.2", "11.1", true),
        ("11.1", "7.2", true),
    ] {
        let (old, new) = (stream(from, "virt"), stream(to, "virt"));
        let (rules, findings) = generate(&old, &new);
        let lost: Vec<_> = findings.iter().filter(|(kind, _)| *kind == RelayFindingKind::Lost).collect();
        assert_eq!(!lost.is_empty(), is_lost, "{from} to {to}: {lost:?}");
        let rules = RelayRules::parse(rules.to_text().as_bytes()).unwrap();
        let sent = relayed(Relay::new().rules(rules), &old).unwrap_or_else(|error| panic!("{from} to {to}: {error}"));
        assert!(rewrite(&sent, |_, _| Ok(())).unwrap() == sent, "{from} to {to}: the stream is not whole");
        let (found, expected) = (processor(&sent), processor(&new));
        assert_eq!(found.version, expected.version);
        assert_eq!(found.fields, expected.fields, "{from} to {to}");
        let is_older = found.version < processor(&old).version;
        for inner in &found.subsections {
            let other = expected.subsections.iter().find(|other| other.vmsd_name == inner.vmsd_name);
            assert!(other.map_or(!is_older, |other| other == inner), "{from} to {to}: {}", inner.vmsd_name);
        }
    }
}

#[test]
fn rules_for_another_release_are_rejected() {
    let [oldest, old, new] = ["7.2", "10.0", "11.1"].map(|version| stream(version, "virt"));
    let error = relayed(Relay::new().rules(generate(&old, &new).0), &oldest).unwrap_err();
    assert_eq!(error, "the rules: `cpu`: expected version 10, found 5; generate rules for this release");
    let error = relayed(Relay::new().rules(generate(&old, &new).0), &stream("10.0", "spike")).unwrap_err();
    assert_eq!(error, "the rules: expected the machine type `virt`, found \"spike\"");
}
