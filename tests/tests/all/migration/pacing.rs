//! The rate of a source, compared with QEMU's.

use std::time::{Duration, Instant};

use vmstate::migration::source::{Done, Source, SourceAction, SourceConfig, SourceControl, SourceInput};
use vmstate::migration::{MigrationStatus, Parameters};

use super::verdict::Verdict::{Differs, Same};

const SLICE: Duration = Duration::from_millis(100);
/// More memory than is sent.
const MEMORY: u64 = 1 << 40;
/// The answer of a QEMU to the offer of the handshake.
const PONG: &[u8] = b"\0\x02\0\x04vms\x01";

fn limited(bandwidth: u64) -> Parameters {
    let mut parameters = Parameters::default();
    parameters.max_bandwidth = bandwidth;
    parameters
}

/// Returns the bytes that a source sends in each of the first `count` slices from the state `active` on. The limit changes in
/// the middle of slice 3.
fn sent(before: u64, after: u64, count: usize) -> Vec<u64> {
    let mut now = Instant::now();
    let mut config = SourceConfig::new(MEMORY, 0);
    config.parameters = limited(before);
    let mut source = Source::new(config, now).unwrap();
    let (mut slices, mut rest) = (Vec::new(), MEMORY);
    let mut start: Option<Instant> = None;
    while slices.len() <= count {
        let Some(action) = source.poll_action(now) else {
            now = source.poll_timeout().expect("the end of the slice");
            source.handle(now, SourceInput::Timeout);
            continue;
        };
        let mut done = Done::default();
        if let SourceAction::Iterate { budget } = action {
            let slice =
                usize::try_from((now - start.expect("an active source")).as_nanos() / SLICE.as_nanos()).unwrap();
            slices.resize(slices.len().max(slice + 1), 0);
            slices[slice] += budget;
            rest -= budget;
            done = Done::new(budget, rest);
            if slice == 3 {
                source.command(now, SourceControl::Set(Box::new(limited(after)))).unwrap();
            }
        }
        source.handle(now, SourceInput::Done(done));
        if matches!(action, SourceAction::Begin { .. }) {
            source.handle(now, SourceInput::Received(PONG));
        }
        if source.statistics(now).status == MigrationStatus::Active {
            start.get_or_insert(now);
        }
        now += Duration::from_micros(10);
    }
    slices.truncate(count);
    slices
}

#[test]
fn slices_have_a_tenth_of_the_bandwidth() {
    let limit = (8 << 20) / 10;
    // QEMU 10.0 sends 919,314 bytes: it counts flushed bytes. 7.2 sends 841,338.
    let verdict = Differs("no slice exceeds the limit");
    assert_eq!(sent(8 << 20, 8 << 20, 6), [limit; 6], "{verdict:?}");
}

#[test]
fn changed_bandwidth_applies_to_the_next_slice() {
    let (before, after) = ((8 << 20) / 10, (16 << 20) / 10);
    assert_eq!(sent(8 << 20, 16 << 20, 6), [before, before, before, before, after, after], "{Same:?}");
}
