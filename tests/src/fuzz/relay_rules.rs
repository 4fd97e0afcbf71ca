//! The relay with rules, a source and a destination, all untrusted.

use vmstate::Writer;
use vmstate::migration::QemuRelease;
use vmstate::migration::relay::{
    MergeStep, PageBatch, PageMerger, PageSplitter, Relay, RelayError, RelayPhase, RelayRules, SplitTask,
};

use super::{Target, seeds};

/// The target.
pub const TARGET: Target = Target { name: "relay_rules", run, seeds: examples, fixed: 1 << 20, per_byte: 4096 };

/// The question of the relay, and its answer.
const ANSWER: &[u8] = b"\0\x02\0\x04vmr\x02";
/// The size of the length of the rules.
const SIZE: usize = 2;
/// The command that opens the return path, and memory without blocks: its start and its end.
const BEGINNING: &[u8] = b"\x08\0\x01\0\0\
    \x01\0\0\0\x02\x03ram\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x04\0\0\0\0\0\0\0\x10\x7e\0\0\0\x02\
    \x03\0\0\0\x02\0\0\0\0\0\0\0\x10\x7e\0\0\0\x02";

/// The input is the length of rules in two bytes, the rules, and a stream.
fn run(bytes: &[u8]) {
    let Some((rules, stream)) = parts(bytes) else { return };
    let whole = relayed(rules.as_ref(), stream, stream.len().max(1));
    assert_eq!(relayed(rules.as_ref(), stream, 13), whole, "the size of pieces does not matter");
    for release in [QemuRelease::V7_2, QemuRelease::V11_1] {
        divide(release, stream);
    }
}

/// The main connection and the packets of a stream, up to an error. `None` is a synchronization point.
type Divided = (Vec<u8>, Vec<Option<PageBatch>>);

/// Sends the pages over data channels, and inserts them again. Tests with valid streams compare the pages that arrive.
fn divide(release: QemuRelease, stream: &[u8]) {
    let (divided, _) = split(release, stream, stream.len().max(1));
    split(release, stream, 13);
    merge(&divided);
}

fn split(release: QemuRelease, stream: &[u8], piece: usize) -> (Divided, Option<RelayError>) {
    let (mut splitter, mut packets) = (PageSplitter::new(release), Vec::new());
    let mut error = None;
    'pieces: for mut piece in stream.chunks(piece) {
        loop {
            match splitter.advance(&mut piece) {
                Ok(Some(SplitTask::Send(batch))) => packets.push(Some(batch)),
                Ok(Some(_)) => packets.push(None),
                Ok(None) => break,
                Err(found) => {
                    error = Some(found);
                    break 'pieces;
                }
            }
        }
    }
    ((splitter.main().take(), packets), error)
}

/// Inserts the packets at synchronization points, which the splitter has written.
fn merge((main, packets): &Divided) {
    let (mut merger, mut out) = (PageMerger::new(), Writer::new());
    let (mut bytes, mut packets) = (main.as_slice(), packets.iter());
    while let Ok(MergeStep::Synchronize) = merger.advance(&mut bytes, &mut out) {
        for batch in packets.by_ref().map_while(Option::as_ref) {
            // The splitter accepts streams that the merger rejects.
            let _ = merger.insert(batch.pages(), &mut out);
        }
    }
}

fn parts(bytes: &[u8]) -> Option<(Option<RelayRules>, &[u8])> {
    let (size, rest) = bytes.split_at_checked(SIZE)?;
    let size = usize::from(u16::from_be_bytes(size.try_into().ok()?));
    let (rules, stream) = rest.split_at_checked(size)?;
    Some((RelayRules::parse(rules).ok(), stream))
}

/// Returns everything for the destination, the error, and whether the guest was handed over.
fn relayed(rules: Option<&RelayRules>, stream: &[u8], piece: usize) -> (Vec<u8>, Option<String>, bool) {
    let mut relay = Relay::new();
    if let Some(rules) = rules {
        relay = relay.rules(rules.clone());
    }
    let mut sent = Vec::new();
    for piece in stream.chunks(piece) {
        let forwarded = relay.source_bytes(piece);
        sent.extend(relay.for_destination());
        assert!(
            matches!(relay.phase(), RelayPhase::Passing | RelayPhase::Ending | RelayPhase::Asking)
                || relay.is_end_to_end()
        );
        if let Err(error) = forwarded {
            return (Vec::new(), Some(error.to_string()), false);
        }
    }
    let answered = relay.destination_bytes(ANSWER);
    sent.extend(relay.for_destination());
    assert!(relay.for_source().len() <= ANSWER.len());
    (sent, answered.err().map(|error| error.to_string()), relay.phase() == RelayPhase::Committed)
}

/// A stream with a return path for each recorded one, with rules for one of its devices.
fn examples() -> Vec<Vec<u8>> {
    let rules = br#"{"format":"vmstate relay rules 1","sections":[{"name":"timer","from":2,"to":3}]}"#;
    let size = u16::try_from(rules.len()).unwrap_or_default().to_be_bytes();
    let with = |stream: Vec<u8>| [&size[..], rules, &with_return_path(&stream)].concat();
    seeds::streams().into_iter().map(with).collect()
}

/// Inserts the beginning of a migration after the header and the configuration.
fn with_return_path(stream: &[u8]) -> Vec<u8> {
    let mut decoder = vmstate::stream::ItemDecoder::new();
    let place = match decoder.decode_header(stream, 0) {
        Ok(vmstate::stream::Decoded::Item((), size)) => size,
        _ => 0,
    };
    let (header, rest) = stream.split_at_checked(place).unwrap_or_default();
    [header, BEGINNING, rest].concat()
}
