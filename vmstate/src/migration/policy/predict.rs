//! The default rule: predicts the downtime with all of its parts, and switches over at a local minimum.

use std::time::Duration;

use super::{Decision, Goal, History, is_overdue, overdue};
use crate::migration::parameter::OnStall;
use crate::migration::status::Prediction;

/// The number of passes among which the smallest one is a good moment for a switchover that is overdue.
const WINDOW: usize = 8;
/// The number of passes that are compared with as many passes before them to detect a stall.
const STALL: usize = 4;
/// The part of [`Goal::max_duration`] that an overdue migration waits for a good moment, as a divisor.
const PATIENCE: u32 = 4;

/// Predicts the downtime if the guest were stopped now.
pub(super) fn downtime(goal: &Goal, history: &History) -> Prediction {
    downtime_of(goal, history, history.remaining())
}

/// Predicts the downtime if the guest were stopped with `remaining` bytes of memory to send.
fn downtime_of(goal: &Goal, history: &History, remaining: u64) -> Prediction {
    let memory = match goal.switchover_bandwidth.or_else(|| history.bandwidth()) {
        _ if remaining == 0 => Duration::ZERO,
        Some(bandwidth) => duration(remaining, bandwidth),
        None => Duration::MAX,
    };
    Prediction::new(memory, history.devices(), history.handshake())
}

/// Returns the time to send `bytes`.
fn duration(bytes: u64, bandwidth: u64) -> Duration {
    let nanos = (u128::from(bytes) * 1_000_000_000).checked_div(bandwidth.into());
    nanos.and_then(|nanos| u64::try_from(nanos).ok()).map_or(Duration::MAX, Duration::from_nanos)
}

pub(super) fn decide(goal: &Goal, history: &History, now: Duration) -> Decision {
    // Synchronizing earlier would send the pages again that a guest writes all the time, before the others were sent once.
    let expected = if history.is_exact() { 0 } else { history.expected_dirty(now) };
    let remaining = history.remaining().saturating_add(expected);
    let fits = downtime_of(goal, history, remaining).total() <= goal.downtime_limit;
    let pays = !is_overdue(goal, now) && another_pass_pays(goal, history, now, remaining);
    match history.is_exact() {
        true if fits && pays => Decision::Send,
        true if fits => Decision::SwitchOver,
        // Devices alone exceed the limit: sending more memory cannot help. The time of the handshake is an upper bound,
        // because the first answer of a destination takes longer than the later ones.
        true if history.remaining() == 0 && history.devices() > goal.downtime_limit => overdue(goal),
        true if history.remaining() == 0 => Decision::SwitchOver,
        true if is_overdue(goal, now) => decide_overdue(goal, history, now),
        true => Decision::Send,
        // A pass that has ended needs it anyway.
        false if history.remaining() == 0 => Decision::Synchronize,
        // Only the dirty log tells whether it fits.
        false if fits && !pays => Decision::Synchronize,
        // The end of an overdue migration is decided on exact numbers, too.
        false if is_overdue(goal, now) => Decision::Synchronize,
        false => Decision::Send,
    }
}

/// Returns whether the end of the current pass is a better moment for the switchover than now, when `remaining` bytes would
/// have to be sent: it halves them, and they are not negligible besides the other parts of the downtime.
///
/// Passes that pay take half as long as the one before them, because the guest is expected to write as fast as in it. So
/// there are few of them for every guest.
fn another_pass_pays(goal: &Goal, history: &History, now: Duration, remaining: u64) -> bool {
    let Prediction { memory, devices, handshake } = downtime_of(goal, history, remaining);
    let to_send = downtime_of(goal, history, history.remaining()).memory;
    let at_end = history.expected_dirty(now.saturating_add(to_send));
    memory > devices + handshake && at_end <= remaining / 2
}

/// Decides about a migration that has reached its longest duration: it fails, or switches over at a local minimum.
fn decide_overdue(goal: &Goal, history: &History, now: Duration) -> Decision {
    let patience = goal.max_duration.map_or(Duration::ZERO, |limit| limit + limit / PATIENCE);
    match goal.on_stall {
        OnStall::SwitchOver if now < patience && !is_local_minimum(history) => Decision::Send,
        _ => overdue(goal),
    }
}

/// Returns whether the smallest of the last passes is not at least a tenth smaller than the smallest of the passes before
/// them, and does not fit into the limit.
pub(super) fn is_stalled(goal: &Goal, history: &History) -> bool {
    let mut passes = history.passes().map(|pass| pass.remaining);
    let (recent, before): (Vec<_>, Vec<_>) = (passes.by_ref().take(STALL).collect(), passes.take(STALL).collect());
    let (Some(recent), Some(smallest)) = (recent.into_iter().min(), before.iter().min()) else { return false };
    let is_smaller = recent < smallest.saturating_sub(smallest / 10);
    before.len() == STALL && !is_smaller && downtime_of(goal, history, recent).total() > goal.downtime_limit
}

/// Returns whether the last pass has less to send than the passes before it, give or take a tenth.
fn is_local_minimum(history: &History) -> bool {
    let smallest = history.passes().take(WINDOW).map(|pass| pass.remaining).min().unwrap_or(u64::MAX);
    history.remaining() <= smallest.saturating_add(smallest / 10)
}
