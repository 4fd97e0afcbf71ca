//! Limits the rate at which vCPUs write memory, if they write faster than it is sent (capability `dirty-limit`).
//!
//! (QEMU: `migration_dirty_limit_guest` in `migration/ram.c`.)

use std::time::Duration;

use super::pressure::Pressure;
use crate::migration::parameter::Parameters;

/// A limit of the rate at which each vCPU writes pages that it has not written before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DirtyLimit {
    /// The bytes of pages per second (`vcpu-dirty-limit`).
    pub rate: u64,
    /// The period in which the rate is measured (`x-vcpu-dirty-limit-period`).
    pub period: Duration,
}

impl DirtyLimit {
    /// Creates the limit of `parameters`.
    #[must_use]
    pub fn new(parameters: &Parameters) -> Self {
        let rate = parameters.vcpu_dirty_limit.saturating_mul(1 << 20);
        Self { rate, period: Duration::from_millis(parameters.x_vcpu_dirty_limit_period) }
    }
}

/// Decides when the vCPUs of a guest are limited.
///
/// ```
/// use std::time::Duration;
///
/// use vmstate::migration::Parameters;
/// use vmstate::migration::policy::WriteLimit;
///
/// let (mut limit, parameters) = (WriteLimit::default(), Parameters::default());
/// // The guest writes as much as is sent in each second: the second such period limits it.
/// let mut rates = Vec::new();
/// for second in 1..=4 {
///     let limit = limit.synchronized(&parameters, Duration::from_secs(second), 1 << 20, 1 << 20);
///     rates.push(limit.map(|limit| limit.rate));
/// }
/// assert_eq!(rates, [None, Some(1 << 20), None, None]);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteLimit {
    pressure: Pressure,
    limit: Option<DirtyLimit>,
}

impl WriteLimit {
    /// Returns the limit, if the guest is limited.
    #[must_use]
    pub fn limit(&self) -> Option<DirtyLimit> {
        self.limit
    }

    /// Records a synchronization of the dirty log at time `now`, which has found `dirtied` bytes, after `sent` bytes since
    /// the synchronization before. Returns the new limit if it changes: a changed parameter takes effect when the guest is
    /// too fast again.
    pub fn synchronized(
        &mut self,
        parameters: &Parameters,
        now: Duration,
        dirtied: u64,
        sent: u64,
    ) -> Option<DirtyLimit> {
        self.pressure.synchronized(parameters, now, dirtied, sent)?;
        let limit = DirtyLimit::new(parameters);
        (self.limit.replace(limit) != Some(limit)).then_some(limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn slow_guest_is_not_limited() {
        let (mut limit, parameters) = (WriteLimit::default(), Parameters::default());
        for second in 1..20 {
            assert_eq!(limit.synchronized(&parameters, SECOND * second, 8 << 20, 16 << 20), None);
        }
        assert_eq!(limit.limit(), None);
    }

    #[test]
    fn changed_parameter_takes_effect_at_the_next_excess() {
        let (mut limit, mut parameters) = (WriteLimit::default(), Parameters::default());
        let mut rates = Vec::new();
        for second in 1..=6 {
            if second == 4 {
                parameters.vcpu_dirty_limit = 3;
            }
            let changed = limit.synchronized(&parameters, SECOND * second, 9 << 20, 16 << 20);
            rates.push(changed.map(|limit| limit.rate >> 20));
        }
        assert_eq!(rates, [None, Some(1), None, Some(3), None, None]);
    }

    #[test]
    fn parameters_have_the_units_of_qemu() {
        let mut parameters = Parameters::default();
        (parameters.vcpu_dirty_limit, parameters.x_vcpu_dirty_limit_period) = (u64::MAX, 20);
        let limit = DirtyLimit::new(&parameters);
        assert_eq!((limit.rate, limit.period), (u64::MAX, Duration::from_millis(20)));
    }
}
