//! Messages of the return path, as a source handles them while the guest runs and after the end.

use std::time::{Duration, Instant};

use vmstate::migration::MigrationStatus::{self, Completed, Doubt, Failed};
use vmstate::migration::source::{Done, Source, SourceAction, SourceConfig, SourceInput};

use super::verdict::Verdict::{self, Differs, Same};

/// The moment at which bytes arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// After the first commands.
    Active,
    /// After the end of the stream.
    End,
}

use Moment::{Active, End};

const PONG: &[u8] = b"\0\x02\0\x04vms\x01";
const BARRIER: &[u8] = b"\0\x02\0\x04vms\x02";
const SHUT: &[u8] = b"\0\x01\0\x04\0\0\0\0";

/// Runs a source whose destination sends `bytes`, and ends the connection afterwards if `ends` is set. Deadlines pass.
fn run(moment: Moment, bytes: &[u8], ends: bool) -> (MigrationStatus, String) {
    let mut now = Instant::now();
    let mut source = Source::new(SourceConfig::new(4096, 0), now).unwrap();
    for _ in 0..1000 {
        now += Duration::from_millis(1);
        let Some(action) = source.poll_action(now) else {
            let Some(deadline) = source.poll_timeout() else { break };
            now = now.max(deadline);
            source.handle(now, SourceInput::Timeout);
            continue;
        };
        source.handle(now, SourceInput::Done(Done::default()));
        let answer = match &action {
            SourceAction::Begin { .. } if moment == Active => bytes,
            SourceAction::Begin { .. } => PONG,
            SourceAction::Send(_) => BARRIER,
            SourceAction::End if moment == End => bytes,
            SourceAction::End => SHUT,
            _ => continue,
        };
        let is_moment = matches!((&action, moment), (SourceAction::Begin { .. }, Active) | (SourceAction::End, End));
        source.handle(now, SourceInput::Received(answer));
        if is_moment && ends {
            source.handle(now, SourceInput::Lost("connection closed".to_owned()));
        }
    }
    let statistics = source.statistics(now);
    (statistics.status, statistics.error.unwrap_or_default())
}

/// Moment, bytes, whether the connection ends, status and error, comparison.
type Row = (&'static str, Moment, Vec<u8>, bool, MigrationStatus, &'static str, Verdict);

const AT_ONCE: Verdict = Differs("QEMU 10.0 and 11.1 continue to the end, when the destination may run the guest");
const STAYS: Verdict = Differs("QEMU continues its guest, although the destination may run it");

fn rows() -> Vec<Row> {
    let after_pong = |bytes: &[u8]| [PONG, bytes].concat();
    vec![
        ("PONG", Active, PONG.to_vec(), false, Completed, "", Same),
        ("PONG of another number", Active, after_pong(b"\0\x02\0\x04\0\0\0\x63"), false, Completed, "", Same),
        (
            "no answer",
            Active,
            Vec::new(),
            false,
            Failed,
            "does not answer",
            Differs("QEMU needs no PONG; a link that loses it is not trusted with the guest"),
        ),
        (
            "early SHUT 0",
            Active,
            after_pong(SHUT),
            false,
            Failed,
            "early",
            Differs("7.2 fails, 10.0 and 11.1 complete"),
        ),
        ("SHUT 1", Active, after_pong(b"\0\x01\0\x04\0\0\0\x01"), false, Failed, "error 1", AT_ONCE),
        ("message 0", Active, after_pong(b"\0\0\0\0"), false, Failed, "0", AT_ONCE),
        ("message 9", Active, after_pong(b"\0\x09\0\0"), false, Failed, "9", AT_ONCE),
        ("PONG of 2 bytes", Active, after_pong(b"\0\x02\0\x02\0\0"), false, Failed, "PONG", AT_ONCE),
        (
            "unasked SWITCHOVER_ACK",
            Active,
            after_pong(b"\0\x07\0\0"),
            false,
            Completed,
            "",
            Differs("an error in 11.1, after which both guests run; ignored in 10.0"),
        ),
        ("unasked RESUME_ACK", Active, after_pong(b"\0\x06\0\x04\0\0\0\x01"), false, Completed, "", Same),
        (
            "REQ_PAGES_ID with a wrong length",
            Active,
            after_pong(b"\0\x03\0\x1c\0\0\0\0\0\0\0\0\0\0\0\0\x0bmicrovm.ram\0\0\0\0"),
            false,
            Failed,
            "REQ_PAGES_ID",
            AT_ONCE,
        ),
        ("end of file", Active, PONG.to_vec(), true, Failed, "closed", AT_ONCE),
        ("SHUT 0 at the end", End, SHUT.to_vec(), true, Completed, "", Same),
        ("SHUT 1 at the end", End, b"\0\x01\0\x04\0\0\0\x01".to_vec(), true, Doubt, "error 1", STAYS),
        ("end of file at the end", End, Vec::new(), true, Doubt, "closed", STAYS),
        (
            "no answer at the end",
            End,
            Vec::new(),
            false,
            Doubt,
            "does not answer",
            Differs("QEMU waits without a limit, with a stopped guest"),
        ),
    ]
}

#[test]
fn messages_of_the_return_path_are_handled() {
    for (name, moment, bytes, ends, status, error, verdict) in rows() {
        let (found, message) = run(moment, &bytes, ends);
        assert_eq!(found, status, "{name} ({verdict:?}): {message}");
        assert!(message.contains(error), "{name}: {message}");
    }
}
