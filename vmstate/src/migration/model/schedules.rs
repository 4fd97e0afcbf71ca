//! Random schedules of steps, losses, timeouts and commands.

use super::pair::Pair;
use super::random::Random;
use crate::migration::destination::DestinationConfig;
use crate::migration::source::{SourceConfig, SourceControl};
use crate::migration::{MigrationStatus, OnDoubt};

/// Carries out one random step. Faults are rare, so that schedules reach the switchover.
fn step(pair: &mut Pair, random: &mut Random) {
    match random.below(200) {
        0 => {
            if let Some(connection) = &mut pair.connection {
                connection.cut();
            }
        }
        1 => cancel(pair),
        2 => pair.cancel_destination(),
        3 => recover(pair),
        4 => drop(pair.time_out_source()),
        5 => drop(pair.time_out_destination()),
        6..70 => drop(pair.step_source()),
        70..130 => drop(pair.step_destination()),
        130..195 => drop(pair.deliver_back(usize::try_from(random.below(12)).unwrap() + 1)),
        _ => drop(pair.pass_slice()),
    }
}

/// Cancels the migration, if the source allows it.
fn cancel(pair: &mut Pair) {
    let _ = pair.source.command(pair.now, SourceControl::Cancel);
}

/// Asks the destination, if the source is in doubt.
fn recover(pair: &mut Pair) {
    // Other states reject the command.
    let _ = pair.source.command(pair.now, SourceControl::Recover);
}

/// Ends the migration without more faults. A source in doubt asks its peer.
fn settle(pair: &mut Pair) {
    for _ in 0..20 {
        pair.run();
        let waits = pair.time_out_source() | pair.time_out_destination();
        if pair.source_status() == MigrationStatus::Doubt {
            recover(pair);
        } else if !waits && pair.source.is_finished() {
            return;
        }
    }
}

/// Runs a schedule. Returns the final state of the source, and whether the guest runs on either side.
fn schedule(seed: u64, with_handshake: bool) -> (MigrationStatus, bool) {
    let destination = DestinationConfig { without_handshake: !with_handshake, ..DestinationConfig::default() };
    let mut pair = Pair::new(SourceConfig::new(0, seed), destination);
    let mut random = Random::new(seed);
    for _ in 0..random.below(400) + 50 {
        step(&mut pair, &mut random);
    }
    settle(&mut pair);
    (pair.source_status(), pair.source_runs || pair.destination_runs)
}

const SCHEDULES: u64 = if cfg!(miri) { 20 } else { 5_000 };

/// Two guests never run ([`Pair`] checks it after each step). None is lost, except that the destination of a completed
/// migration has no listener to answer a source that missed its last answer.
#[test]
fn handshake_never_runs_two_guests() {
    let mut outcomes = std::collections::BTreeMap::new();
    for seed in 0..SCHEDULES {
        let (status, runs) = schedule(seed, true);
        assert!(runs || status == MigrationStatus::Doubt, "schedule {seed}: no guest runs, {status}");
        *outcomes.entry(status.name()).or_insert(0) += 1;
    }
    for status in ["completed", "failed", "cancelled"] {
        assert!(outcomes.get(status).is_some_and(|count| *count > SCHEDULES / 100), "{outcomes:?}");
    }
}

#[test]
fn source_never_runs_with_a_qemu_destination() {
    for seed in 0..SCHEDULES {
        let (status, runs) = schedule(seed, false);
        assert!(runs || status != MigrationStatus::Failed, "schedule {seed}: no guest runs, {status}");
    }
    assert_eq!(OnDoubt::default(), OnDoubt::Stay, "the schedules use the default");
}
