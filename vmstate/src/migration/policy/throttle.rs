//! Slows a guest down that writes memory faster than it is sent (capability `auto-converge`).
//!
//! (QEMU: `mig_throttle_guest_down` in `migration/ram.c`, and `migration/cpu-throttle.c`.)

use std::time::Duration;

use super::pressure::{Excess, Pressure};
use crate::migration::parameter::Parameters;

/// The throttle of a guest: the percentage of time for which its vCPUs sleep.
///
/// ```
/// use std::time::Duration;
///
/// use vmstate::migration::Parameters;
/// use vmstate::migration::policy::Throttle;
///
/// let (mut throttle, parameters) = (Throttle::default(), Parameters::default());
/// // The guest writes as much as is sent in each second: the second such period throttles.
/// let mut percent = Vec::new();
/// for second in 1..=4 {
///     percent.push(throttle.synchronized(&parameters, Duration::from_secs(second), 1 << 20, 1 << 20));
/// }
/// assert_eq!(percent, [None, Some(20), None, Some(30)]);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Throttle {
    pressure: Pressure,
    percent: Option<u8>,
}

impl Throttle {
    /// Returns the throttle in percent, if the guest is throttled.
    #[must_use]
    pub fn percent(&self) -> Option<u8> {
        self.percent
    }

    /// Records a synchronization of the dirty log at time `now`, which has found `dirtied` bytes, after `sent` bytes since
    /// the synchronization before. Returns the new throttle if it changes.
    pub fn synchronized(&mut self, parameters: &Parameters, now: Duration, dirtied: u64, sent: u64) -> Option<u8> {
        let excess = self.pressure.synchronized(parameters, now, dirtied, sent)?;
        let next = match self.percent {
            None => parameters.cpu_throttle_initial,
            Some(percent) => percent.saturating_add(increment(parameters, percent, excess)),
        };
        let next = next.min(parameters.max_cpu_throttle);
        (self.percent.replace(next) != Some(next)).then_some(next)
    }
}

/// Returns the increase. With `cpu-throttle-tailslow` it is limited to the throttle at which the dirty rate would just
/// meet the threshold, if it were proportional to the guest's time.
fn increment(parameters: &Parameters, percent: u8, Excess { dirtied, limit }: Excess) -> u8 {
    let increment = parameters.cpu_throttle_increment;
    if !parameters.cpu_throttle_tailslow {
        return increment;
    }
    let now = u128::from(100_u8.saturating_sub(percent));
    let ideal = (now * limit).checked_div(dirtied.into()).unwrap_or(now);
    increment.min(u8::try_from(now.saturating_sub(ideal)).unwrap_or(u8::MAX)).max(1)
}

#[cfg(test)]
mod tests {
    use super::super::pressure::PERIOD;
    use super::*;

    /// The recorded throttles of QEMU: 20 %, then 10 % more each, then 99 %.
    #[test]
    fn throttle_grows_to_the_maximum() {
        let (mut throttle, parameters) = (Throttle::default(), Parameters::default());
        let periods = (1..40).map(Duration::from_secs);
        let changes: Vec<_> =
            periods.filter_map(|now| throttle.synchronized(&parameters, now, 11 << 20, 16 << 20)).collect();
        assert_eq!(changes, [20, 30, 40, 50, 60, 70, 80, 90, 99]);
    }

    #[test]
    fn slow_guest_is_not_throttled() {
        let (mut throttle, parameters) = (Throttle::default(), Parameters::default());
        for now in (1..10).map(Duration::from_secs) {
            assert_eq!(throttle.synchronized(&parameters, now, 8 << 20, 16 << 20), None);
        }
    }

    #[test]
    fn short_periods_are_joined() {
        let (mut throttle, parameters) = (Throttle::default(), Parameters::default());
        let changes: Vec<_> = (1..=40)
            .filter_map(|tenth| throttle.synchronized(&parameters, Duration::from_millis(100 * tenth), 100, 100))
            .collect();
        assert_eq!(changes, [20, 30]);
    }

    #[test]
    fn tailslow_limits_the_increment() {
        let parameters = Parameters { cpu_throttle_tailslow: true, ..Parameters::default() };
        let mut throttle = Throttle { percent: Some(80), ..Throttle::default() };
        // 55 % of the sent bytes at 20 % of the time: 18.2 % of the time would meet the threshold.
        assert_eq!(throttle.synchronized(&parameters, PERIOD, 55, 100), None);
        assert_eq!(throttle.synchronized(&parameters, PERIOD * 2, 55, 100), Some(82));
    }
}
