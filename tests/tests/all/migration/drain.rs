//! The wait of a source for its destination to read everything, before the guest stops.

use std::time::{Duration, Instant};

use vmstate::migration::MigrationStatus;
use vmstate::migration::source::{Done, Source, SourceAction, SourceConfig, SourceInput};
use vmstate::stream::Command;

/// The PONGs with which a destination of this library accepts the handshake, and its PONG after it has read all.
const ACCEPTED: &[u8] = b"\0\x02\0\x04vms\x81\0\x02\0\x04vms\x01";
const DRAINED: &[u8] = b"\0\x02\0\x04vms\x03";
/// The number of the PING before the switchover.
const PING_DRAINED: u32 = 0x766d_7303;

/// A source that has sent its memory, and the PING after it.
struct Waiting {
    source: Source,
    now: Instant,
    /// The first action after the wait began.
    next: Option<SourceAction>,
}

impl Waiting {
    /// Sends `bytes` in the first pass. Returns the source when it waits for the PONG, or when it stops the guest.
    fn after(bytes: u64) -> Self {
        let mut now = Instant::now();
        let mut source = Source::new(SourceConfig::new(bytes, 1), now).unwrap();
        loop {
            now += Duration::from_millis(1);
            let Some(action) = source.poll_action(now) else {
                return Self { source, now, next: None };
            };
            if action == SourceAction::Stop {
                return Self { source, now, next: Some(action) };
            }
            let mut done = Done::default();
            if matches!(action, SourceAction::Iterate { .. }) {
                done.bytes = bytes;
            }
            source.handle(now, SourceInput::Done(done));
            if matches!(action, SourceAction::Begin { .. }) {
                source.handle(now, SourceInput::Received(ACCEPTED));
            }
            if action == SourceAction::Send(Command::Ping(PING_DRAINED)) {
                return Self { next: source.poll_action(now), source, now };
            }
        }
    }
}

#[test]
fn small_rest_is_not_waited_for() {
    assert_eq!(Waiting::after(4096).next, Some(SourceAction::Stop));
}

#[test]
fn destination_that_has_read_all_gets_the_guest() {
    let Waiting { mut source, now, next } = Waiting::after(1 << 20);
    assert_eq!(next, None);
    source.handle(now, SourceInput::Received(DRAINED));
    // The guest has written meanwhile.
    assert_eq!(source.poll_action(now), Some(SourceAction::Synchronize));
    source.handle(now, SourceInput::Done(Done::default()));
    assert_eq!(source.poll_action(now), Some(SourceAction::Stop));
}

/// The peer neither reads nor closes the connection. The guest has not stopped, and goes on.
#[test]
fn destination_that_stops_reading_fails_in_time() {
    let Waiting { mut source, now, next } = Waiting::after(1 << 20);
    assert_eq!(next, None);
    let deadline = source.poll_timeout().expect("a deadline");
    let patience = source.parameters().progress_timeout;
    assert!(deadline <= now + patience && deadline > now + patience / 2, "{deadline:?}");
    source.handle(deadline - Duration::from_millis(1), SourceInput::Timeout);
    assert_eq!(source.statistics(now).status, MigrationStatus::Active);
    assert_eq!(source.poll_action(now), None);
    source.handle(deadline, SourceInput::Timeout);
    let mut actions = Vec::new();
    while let Some(action) = source.poll_action(deadline) {
        source.handle(deadline, SourceInput::Done(Done::default()));
        actions.push(action);
    }
    assert!(source.is_finished());
    // A destination that reads on must not run the guest.
    let revocation = SourceAction::Send(Command::Revoke("the destination does not answer".to_owned()));
    assert_eq!(actions, [revocation, SourceAction::Close]);
    let statistics = source.statistics(deadline);
    assert_eq!(statistics.status, MigrationStatus::Failed);
    assert_eq!(statistics.error.as_deref(), Some("the destination does not answer"));
}
