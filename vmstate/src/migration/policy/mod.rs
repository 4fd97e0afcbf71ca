//! Decides when to synchronize the dirty log, to stop the guest, to throttle it, and to give up.
//!
//! All of it are pure functions of the [`History`] of passes, so that recorded and synthetic histories test them. The
//! engine carries the decisions out.

mod dirty_limit;
mod history;
#[cfg(test)]
pub(super) mod patterns;
mod predict;
mod pressure;
mod qemu;
mod throttle;
#[cfg(test)]
mod workloads;

use std::time::Duration;

pub use self::dirty_limit::{DirtyLimit, WriteLimit};
pub use self::history::{History, Pass};
pub use self::throttle::Throttle;
use super::parameter::{OnStall, Parameters, Policy};
use super::release::QemuRelease;
use super::status::Prediction;

/// The decision about the next step of a running migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Decision {
    /// Send more of the current pass.
    Send,
    /// Synchronize the dirty log, which begins a new pass.
    Synchronize,
    /// Stop the guest and send the rest.
    SwitchOver,
    /// Let the guest run on the destination before all pages have arrived.
    StartPostcopy,
    /// Give up: the downtime limit is out of reach.
    GiveUp,
}

/// The goal of a migration, from its parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Goal {
    /// The rule.
    pub policy: Policy,
    /// The release whose rule [`Policy::Qemu`] follows.
    pub release: QemuRelease,
    /// The longest time for which the guest may be stopped.
    pub downtime_limit: Duration,
    /// The longest duration of the migration, if there is a limit.
    pub max_duration: Option<Duration>,
    /// The behavior after this duration.
    pub on_stall: OnStall,
    /// The bandwidth that is available while the guest is stopped, in bytes per second, if it is known.
    pub switchover_bandwidth: Option<u64>,
}

impl Goal {
    /// Creates the goal of `parameters`.
    #[must_use]
    pub fn new(parameters: &Parameters, release: QemuRelease) -> Self {
        Self {
            policy: parameters.policy,
            release,
            downtime_limit: parameters.downtime_limit,
            max_duration: Some(parameters.max_duration).filter(|duration| !duration.is_zero()),
            on_stall: parameters.on_stall,
            switchover_bandwidth: Some(parameters.avail_switchover_bandwidth).filter(|bandwidth| *bandwidth != 0),
        }
    }
}

/// Decides about the next step, at time `now` since the start of the migration.
#[must_use]
pub fn decide(goal: &Goal, history: &History, now: Duration) -> Decision {
    match goal.policy {
        Policy::Predict => predict::decide(goal, history, now),
        Policy::Qemu => match qemu::decide(goal, history) {
            // The limit of the duration is an extension, so that it applies to both rules.
            Decision::Send | Decision::Synchronize if is_overdue(goal, now) => overdue(goal),
            decision => decision,
        },
    }
}

/// Predicts the downtime if the guest were stopped now.
#[must_use]
pub fn predict(goal: &Goal, history: &History) -> Prediction {
    predict::downtime(goal, history)
}

/// Returns whether the passes do not get smaller, although the downtime limit is not reached.
#[must_use]
pub fn is_stalled(goal: &Goal, history: &History) -> bool {
    predict::is_stalled(goal, history)
}

fn is_overdue(goal: &Goal, now: Duration) -> bool {
    goal.max_duration.is_some_and(|limit| now >= limit)
}

fn overdue(goal: &Goal) -> Decision {
    match goal.on_stall {
        OnStall::Fail => Decision::GiveUp,
        OnStall::SwitchOver => Decision::SwitchOver,
        OnStall::Postcopy => Decision::StartPostcopy,
    }
}
