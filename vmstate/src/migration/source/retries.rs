//! Attempts to recover an interrupted migration without a command.

use std::time::{Duration, Instant};

use crate::migration::parameter::Parameters;

/// The longest delay, unless the first one is longer.
const LONGEST: Duration = Duration::from_secs(60);

/// The attempts since the last connection that lasted.
#[derive(Debug, Clone, Default)]
pub(super) struct Retries {
    count: u32,
}

impl Retries {
    /// Returns the time of the next attempt, if there is one, and counts it.
    pub(super) fn next(&mut self, parameters: &Parameters, now: Instant) -> Option<Instant> {
        let first = parameters.recover_interval;
        if first.is_zero() {
            return None;
        }
        let delay = first.saturating_mul(2_u32.saturating_pow(self.count)).min(LONGEST.max(first));
        self.count = self.count.saturating_add(1);
        now.checked_add(delay)
    }

    /// Records a connection over which the migration continues.
    pub(super) fn reset(&mut self) {
        self.count = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delays(first: Duration, count: usize) -> Vec<Option<Duration>> {
        let (now, mut retries) = (Instant::now(), Retries::default());
        let parameters = Parameters { recover_interval: first, ..Parameters::default() };
        (0..count).map(|_| retries.next(&parameters, now).map(|at| at - now)).collect()
    }

    #[test]
    fn delays_double_up_to_a_minute() {
        let seconds = delays(Duration::from_secs(7), 6).into_iter().map(|delay| delay.unwrap().as_secs());
        assert_eq!(seconds.collect::<Vec<_>>(), [7, 14, 28, 56, 60, 60]);
        assert_eq!(delays(Duration::from_secs(90), 2), [Some(Duration::from_secs(90)); 2]);
        assert_eq!(delays(Duration::from_millis(1), 200)[199], Some(LONGEST));
        assert_eq!(delays(Duration::ZERO, 3), [None; 3]);
        assert_eq!(delays(Duration::MAX, 2), [None; 2], "later than any time");
    }

    #[test]
    fn lasting_connection_begins_again() {
        let (now, mut retries) = (Instant::now(), Retries::default());
        let parameters = Parameters { recover_interval: Duration::from_secs(1), ..Parameters::default() };
        assert_eq!(retries.next(&parameters, now), Some(now + Duration::from_secs(1)));
        assert_eq!(retries.next(&parameters, now), Some(now + Duration::from_secs(2)));
        retries.reset();
        assert_eq!(retries.next(&parameters, now), Some(now + Duration::from_secs(1)));
    }
}
