//! The rule of QEMU (`migration_iteration_run` in `migration/migration.c`).

use super::{Decision, Goal, History};

/// Decides as QEMU does: the rest must fit into the downtime limit at the bandwidth of the last slice.
pub(super) fn decide(goal: &Goal, history: &History) -> Decision {
    let (remaining, threshold) = (history.remaining(), threshold(goal, history));
    match history.is_exact() {
        true if remaining < threshold || remaining == 0 => Decision::SwitchOver,
        true => Decision::Send,
        // `ram_state_pending_exact` synchronizes only below the threshold.
        false if remaining < threshold => Decision::Synchronize,
        false if remaining > 0 => Decision::Send,
        // The threshold is 0 in the first slice, so 10.0 stops a guest whose memory is sent by then without looking at
        // its new writes. 11.1 always looks.
        false if goal.release.behavior().always_synchronizes => Decision::Synchronize,
        false => Decision::SwitchOver,
    }
}

/// Returns the bytes that can be sent in the downtime (`threshold_size`); 0 before the first slice has ended.
fn threshold(goal: &Goal, history: &History) -> u64 {
    let Some(measured) = history.slice_bandwidth() else { return 0 };
    let bandwidth = goal.switchover_bandwidth.unwrap_or(measured);
    let millis = goal.downtime_limit.as_millis();
    u64::try_from(u128::from(bandwidth) / 1000 * millis).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::migration::{Parameters, Policy, QemuRelease};

    fn goal(downtime: u64, release: QemuRelease) -> Goal {
        let downtime_limit = Duration::from_millis(downtime);
        Goal { policy: Policy::Qemu, downtime_limit, ..Goal::new(&Parameters::default(), release) }
    }

    const SLICE: Duration = Duration::from_millis(100);

    /// A guest with 11 MiB that are written at 1,500 pages per second, at 16 MiB/s with a downtime limit of 20 ms, as
    /// recorded from QEMU 10.0: passes at 992, 462 and 130 pages, and the switchover at 0.
    #[test]
    fn recorded_passes_of_a_converging_guest_match() {
        let goal = goal(20, QemuRelease::V10_0);
        let mut history = History::new(11 << 20, None);
        history.slice_ended(1_690_375, SLICE);
        assert_eq!(threshold(&goal, &history), 338_060);
        for dirty_pages in [992_u64, 462, 130] {
            assert_eq!(decide(&goal, &history), Decision::Send);
            let left = history.remaining() - 300_000;
            history.sent(left, left, SLICE);
            assert_eq!(decide(&goal, &history), Decision::Synchronize, "near the end of the pass");
            history.synchronized(SLICE, dirty_pages * 4096 - 300_000);
            assert_eq!(history.remaining(), dirty_pages * 4096);
        }
        assert_eq!(decide(&goal, &history), Decision::Send, "532,480 bytes are above the threshold");
        history.sent(history.remaining(), 532_480, SLICE);
        assert_eq!(decide(&goal, &history), Decision::Synchronize);
        history.synchronized(SLICE, 0);
        assert_eq!(decide(&goal, &history), Decision::SwitchOver);
    }

    #[test]
    fn first_slice_has_no_threshold() {
        for (release, expected) in [
            (QemuRelease::V7_2, Decision::SwitchOver),
            (QemuRelease::V10_0, Decision::SwitchOver),
            (QemuRelease::V11_1, Decision::Synchronize),
        ] {
            let mut history = History::new(4096, None);
            assert_eq!(decide(&goal(300, release), &history), Decision::Send);
            history.sent(4096, 4104, SLICE);
            assert_eq!(decide(&goal(300, release), &history), expected, "{release}");
        }
    }

    #[test]
    fn known_bandwidth_replaces_the_measured_one() {
        let mut history = History::new(1 << 30, None);
        let goal = Goal { switchover_bandwidth: Some(1 << 30), ..goal(100, QemuRelease::V10_0) };
        assert_eq!(threshold(&goal, &history), 0);
        history.slice_ended(1000, SLICE);
        assert_eq!(threshold(&goal, &history), 107_374_100);
    }
}
