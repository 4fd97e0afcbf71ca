//! Sequences of events: success, cancellation and failure in each state.

use std::time::Duration;

use super::pair::{Pair, Step, names};
use crate::migration::destination::{DestinationAction, DestinationConfig, Item};
use crate::migration::source::{SourceConfig, SourceControl};
use crate::migration::{Capabilities, Capability, Event, MachineSwitches, MigrationStatus, OnDoubt, QemuRelease};
use crate::stream::{Command, DestinationState};

fn config() -> SourceConfig {
    SourceConfig::new(0, 42)
}

fn own() -> Pair {
    Pair::new(config(), DestinationConfig::default())
}

/// A pair whose destination behaves as a QEMU.
fn qemu(config: SourceConfig) -> Pair {
    Pair::new(config, DestinationConfig { without_handshake: true, ..DestinationConfig::default() })
}

/// Runs both sides until the source has this status.
fn run_until(pair: &mut Pair, status: MigrationStatus) {
    for _ in 0..10_000 {
        if pair.source_status() == status {
            return;
        }
        let progress = pair.step_source() | pair.deliver_back(usize::MAX) | pair.step_destination();
        assert!(progress || pair.pass_slice(), "stuck in {}", pair.source_status());
    }
    panic!("{status} is not reached");
}

const PRECOPY: &str = "setup pass active pass";

#[test]
fn handshake_ends_with_one_running_guest() {
    let mut pair = own();
    pair.run();
    assert_eq!(names(&pair.source_events), format!("{PRECOPY} STOP device pass completed"));
    assert_eq!(names(&pair.destination_events), "setup active loaded RESUME completed");
    assert!(pair.source_events.contains(&Event::OwnPeer));
    assert_eq!((pair.source_runs, pair.destination_runs), (false, true));
    assert_eq!(pair.destination.session(), Some((42, DestinationState::Running)));
    let statistics = pair.source.statistics(pair.now);
    assert_eq!(statistics.parts.unwrap().total(), statistics.downtime.unwrap());
}

#[test]
fn qemu_destination_confirms_before_the_end() {
    let mut pair = qemu(config());
    pair.run();
    assert_eq!(names(&pair.source_events), format!("{PRECOPY} STOP device pass completed"));
    assert_eq!(names(&pair.destination_events), "setup active RESUME completed");
    assert!(!pair.source_events.contains(&Event::OwnPeer));
}

#[test]
fn releases_have_their_own_sequences() {
    let mut pair = qemu(SourceConfig { release: QemuRelease::V7_2, ..config() });
    pair.run();
    assert_eq!(names(&pair.source_events), format!("{PRECOPY} STOP pass completed"));

    let mut pair = Pair::new(SourceConfig { release: QemuRelease::V11_1, ..config() }, DestinationConfig::default());
    pair.reject = Some(DestinationAction::Commit);
    pair.run();
    assert_eq!(names(&pair.source_events), "setup active pass STOP device failing RESUME failed");
    let numbers = pair.source_events.iter().filter_map(|event| match event {
        Event::Pass { number, .. } => Some(*number),
        _ => None,
    });
    let numbers: Vec<_> = numbers.collect();
    assert_eq!(numbers.first(), Some(&2), "the first pass has no event");
    let counted = pair.source.statistics(pair.now).ram.unwrap().dirty_sync_count;
    assert_eq!(numbers.last(), Some(&counted), "the synchronization after the stop is not counted");
}

#[test]
fn stopped_guest_stays_stopped_at_the_source() {
    let mut pair = Pair::new(SourceConfig { guest_runs: false, ..config() }, DestinationConfig::default());
    pair.run();
    assert_eq!(names(&pair.source_events), format!("{PRECOPY} device pass completed"));
}

#[test]
fn silent_destination_completes_at_the_end() {
    let mut pair = Pair::new(SourceConfig { can_answer: false, ..config() }, DestinationConfig::default());
    pair.run();
    assert_eq!(pair.source_status(), MigrationStatus::Completed);
    assert_eq!(names(&pair.destination_events), "setup active RESUME completed");
}

#[test]
fn pause_waits_for_the_command() {
    let capabilities = Capabilities::default().with(Capability::PauseBeforeSwitchover);
    let mut pair = Pair::new(SourceConfig { capabilities, ..config() }, DestinationConfig::default());
    assert!(pair.source.command(pair.now, SourceControl::Continue).is_err());
    pair.run();
    assert_eq!(pair.source_status(), MigrationStatus::PreSwitchover);
    pair.source.command(pair.now, SourceControl::Continue).unwrap();
    pair.run();
    assert_eq!(names(&pair.source_events), format!("{PRECOPY} STOP pre-switchover device pass completed"));

    let mut pair = Pair::new(SourceConfig { capabilities, ..config() }, DestinationConfig::default());
    pair.run();
    pair.source.command(pair.now, SourceControl::Cancel).unwrap();
    pair.run();
    let expected = format!("{PRECOPY} STOP pre-switchover cancelling RESUME cancelled");
    assert_eq!(names(&pair.source_events), expected);
    assert!(pair.source_runs);
}

/// A 11.1 machine sends an approval only for a device that needs it, and waits for none.
#[test]
fn new_machine_types_need_no_approval() {
    let capabilities = Capabilities::default().with(Capability::SwitchoverAck);
    let release = QemuRelease::V11_1;
    let source = SourceConfig { capabilities, release, ..config() }.switches(MachineSwitches::new("microvm", release));
    let destination = DestinationConfig { capabilities, legacy_approval: false, ..DestinationConfig::default() };
    let mut pair = Pair::new(source, destination);
    pair.run();
    assert_eq!(pair.source_status(), MigrationStatus::Completed);
}

/// Without the barrier, a rejection after the end mark is a doubt: the bytes do not show whether QEMU runs the guest.
#[test]
fn rejection_without_the_barrier_is_undecided() {
    for (barrier, expected) in [(true, MigrationStatus::Failed), (false, MigrationStatus::Doubt)] {
        let mut pair = qemu(SourceConfig { barrier, ..config() });
        run_until(&mut pair, MigrationStatus::Device);
        pair.reject = Some(DestinationAction::Load);
        pair.run();
        assert_eq!(pair.source_status(), expected);
        assert!(!pair.destination_runs);
    }
}

#[test]
fn endless_writer_is_reported_once() {
    let mut config = config();
    // As long as the devices take: no byte of memory fits.
    config.parameters.downtime_limit = Duration::from_millis(1);
    let mut pair = Pair::new(config, DestinationConfig::default());
    pair.dirty_per_pass = 1 << 20;
    for _ in 0..2000 {
        let progress = pair.step_source() | pair.deliver_back(usize::MAX) | pair.step_destination();
        assert!(progress || pair.pass_slice());
    }
    assert_eq!(pair.source_status(), MigrationStatus::Active);
    let stalls = pair.source_events.iter().filter(|event| matches!(event, Event::Stalled { .. }));
    assert_eq!(stalls.count(), 1);
}

#[test]
fn switchover_waits_for_the_approval() {
    let capabilities = Capabilities::default().with(Capability::SwitchoverAck);
    let source = SourceConfig { capabilities, ..config() };
    let mut pair = Pair::new(source.clone(), DestinationConfig { capabilities, ..DestinationConfig::default() });
    pair.run();
    assert_eq!(pair.source_status(), MigrationStatus::Completed);

    let mut pair = Pair::new(source.clone(), DestinationConfig::default());
    for _ in 0..1000 {
        let progress = pair.step_source() | pair.deliver_back(usize::MAX) | pair.step_destination();
        assert!(progress || pair.pass_slice());
    }
    assert_eq!(pair.source_status(), MigrationStatus::Active, "it goes on for ever, as in QEMU");

    // A command stops the guest during the migration.
    pair.is_paused = true;
    pair.run();
    assert_eq!(pair.source_status(), MigrationStatus::Completed, "nothing waits for a paused guest");

    let stopped = SourceConfig { guest_runs: false, ..source };
    let mut pair = Pair::new(stopped, DestinationConfig::default());
    pair.run();
    assert_eq!(pair.source_status(), MigrationStatus::Completed, "nothing waits for a stopped guest");
}

#[test]
fn cancel_resumes_the_guest_in_each_state() {
    for (status, expected) in [
        (MigrationStatus::Setup, "setup cancelling cancelled".to_owned()),
        (MigrationStatus::Active, "setup pass active cancelling cancelled".to_owned()),
        (MigrationStatus::Device, format!("{PRECOPY} STOP device cancelling RESUME cancelled")),
    ] {
        let mut pair = own();
        run_until(&mut pair, status);
        pair.source.command(pair.now, SourceControl::Cancel).unwrap();
        pair.run();
        assert_eq!(names(&pair.source_events), expected);
        assert!(pair.source_runs && !pair.destination_runs);
        assert!(!names(&pair.destination_events).contains("RESUME"));
    }
}

#[test]
fn rejecting_destination_reports_its_reason() {
    let mut pair = own();
    pair.reject = Some(DestinationAction::Commit);
    pair.run();
    let error = pair.source.statistics(pair.now).error.unwrap();
    assert_eq!(error, "the destination has declined: rejected");
    assert_eq!(names(&pair.source_events), format!("{PRECOPY} STOP device pass RESUME failed"));

    let mut pair = own();
    // Until the second answer, which accepts the handshake.
    let is_answer = |step: &&Step| matches!(step, Step::Destination(DestinationAction::Answer(_)));
    while pair.steps.iter().filter(is_answer).count() < 2 {
        assert!(pair.step_source() | pair.step_destination());
    }
    pair.reject = Some(DestinationAction::Load);
    pair.run();
    let error = pair.source.statistics(pair.now).error.unwrap();
    assert_eq!(error, "the destination has declined: rejected", "before the switchover");
    assert!(pair.source_runs);

    let mut pair = qemu(config());
    pair.reject = Some(DestinationAction::Load);
    pair.run();
    assert_eq!(pair.source_status(), MigrationStatus::Failed);
    assert!(pair.source_runs);
}

/// Runs until RUN is on its way.
fn run_until_committed(pair: &mut Pair) {
    while !pair.in_flight(&Command::Run) {
        let progress = pair.step_source() || pair.deliver_back(usize::MAX) || pair.step_destination();
        assert!(progress || pair.pass_slice());
    }
}

/// Runs until the source knows that the machine is loaded, and has not sent RUN yet.
fn run_until_loaded(pair: &mut Pair) {
    let is_loaded = |pair: &Pair| pair.destination.session() == Some((42, DestinationState::Loaded));
    while !is_loaded(pair) || pair.deliver_back(usize::MAX) {
        let progress = pair.deliver_back(usize::MAX) || pair.step_destination() || pair.step_source();
        assert!(progress || pair.pass_slice());
    }
}

#[test]
fn guest_stays_if_run_cannot_be_sent() {
    let mut pair = own();
    run_until_loaded(&mut pair);
    pair.connection.as_mut().unwrap().cut();
    pair.step_source();
    pair.run();
    assert_eq!(pair.source_status(), MigrationStatus::Failed);
    assert!(pair.source_runs && !pair.destination_runs);

    let mut pair = own();
    run_until_loaded(&mut pair);
    pair.source.command(pair.now, SourceControl::Cancel).unwrap();
    pair.run();
    assert_eq!(pair.source_status(), MigrationStatus::Cancelled);
    assert!(pair.source_runs && !pair.destination_runs);
}

#[test]
fn lost_run_is_decided_by_asking_again() {
    let mut pair = own();
    run_until_committed(&mut pair);
    pair.connection.as_mut().unwrap().cut();
    pair.run();
    assert_eq!(pair.source_status(), MigrationStatus::Doubt);
    assert!(!pair.source_runs && !pair.destination_runs);
    pair.source.command(pair.now, SourceControl::Recover).unwrap();
    pair.run();
    assert_eq!(pair.source_status(), MigrationStatus::Completed);
    assert!(pair.destination_runs);
}

#[test]
fn lost_run_can_be_taken_back() {
    let mut pair = own();
    run_until_committed(&mut pair);
    pair.connection.as_mut().unwrap().cut();
    pair.run();
    pair.source.command(pair.now, SourceControl::Cancel).unwrap();
    pair.run();
    assert_eq!(pair.source_status(), MigrationStatus::Cancelled);
    assert!(pair.source_runs && !pair.destination_runs);
}

#[test]
fn cancel_after_run_is_too_late() {
    let mut pair = own();
    run_until_committed(&mut pair);
    pair.source.command(pair.now, SourceControl::Cancel).unwrap();
    pair.run();
    assert_eq!(pair.source_status(), MigrationStatus::Completed);
    assert!(pair.destination_runs);
}

#[test]
fn end_of_a_stream_to_qemu_is_the_point_of_no_return() {
    for (on_doubt, expected) in [(OnDoubt::Stay, MigrationStatus::Doubt), (OnDoubt::Resume, MigrationStatus::Failed)] {
        let mut source = config();
        source.parameters.on_doubt = on_doubt;
        let mut pair = qemu(source);
        // The destination reads everything but is cut off before its confirmation arrives.
        while !pair
            .connection
            .as_ref()
            .is_some_and(|connection| connection.forward.contains(&Item::End { described: true }))
        {
            let progress = pair.step_source() || pair.deliver_back(usize::MAX) || pair.step_destination();
            assert!(progress || pair.pass_slice());
        }
        assert_eq!(pair.source.command(pair.now, SourceControl::Cancel).is_ok(), on_doubt == OnDoubt::Resume);
        if on_doubt == OnDoubt::Stay {
            pair.connection.as_mut().unwrap().cut();
        }
        pair.run();
        assert_eq!(pair.source_status(), expected);
        assert_eq!(pair.source_runs, on_doubt == OnDoubt::Resume);
        assert!(!pair.destination_runs);
        if on_doubt == OnDoubt::Stay {
            assert!(pair.source.command(pair.now, SourceControl::Recover).is_err(), "a QEMU cannot be asked");
            pair.source.command(pair.now, SourceControl::ForceRun).unwrap();
            pair.run();
            assert!(pair.source_runs);
        }
    }
}

#[test]
fn unanswered_source_fails_before_the_switchover() {
    let mut pair = own();
    for _ in 0..2000 {
        if !pair.step_source() {
            pair.time_out_source();
        }
    }
    assert_eq!(pair.source_status(), MigrationStatus::Failed);
    assert!(pair.source_runs);
    assert!(pair.source.statistics(pair.now).error.unwrap().contains("return-path"));
}

#[test]
fn blocked_machines_are_rejected_with_all_reasons() {
    let capabilities = Capabilities::default().with(Capability::ReleaseRam);
    let blockers = vec!["device `nvme` is not migratable".to_owned()];
    let mut config = SourceConfig { capabilities, blockers, ..config() };
    config.parameters.set("mode", "cpr-exec".into(), QemuRelease::V11_1).unwrap();
    let error = crate::migration::source::Source::new(config, std::time::Instant::now()).unwrap_err();
    assert_eq!(error.reasons().len(), 3);
}
