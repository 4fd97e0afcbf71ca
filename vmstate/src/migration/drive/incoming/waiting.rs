//! The configuration of a destination that waits for its source, which commands can change.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::migration::capability::Capability;
use crate::migration::destination::DestinationConfig;
use crate::migration::drive::{MigrationError, transport};
use crate::migration::uri::Uri;

/// The configuration, until the source has connected.
#[derive(Debug, Default)]
pub(super) struct Waiting(Mutex<Option<State>>);

#[derive(Debug)]
struct State {
    uri: Uri,
    config: DestinationConfig,
    is_replaced: bool,
}

impl Waiting {
    pub(super) fn new(uri: Uri, config: DestinationConfig) -> Self {
        Self(Mutex::new(Some(State { uri, config, is_replaced: false })))
    }

    fn lock(&self) -> MutexGuard<'_, Option<State>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces the configuration.
    pub(super) fn replace(&self, config: DestinationConfig) -> Result<(), MigrationError> {
        let mut state = self.lock();
        let state = state.as_mut().ok_or_else(|| fail("the source has connected already"))?;
        check_fixed(&state.config, &config)?;
        transport::check(config.capabilities, &config.parameters, &state.uri)?;
        (state.config, state.is_replaced) = (config, true);
        Ok(())
    }

    /// Returns the number of data channels, and the time within which they have to arrive.
    pub(super) fn channels(&self) -> Option<(u8, Duration)> {
        let state = self.lock();
        state.as_ref().map(|State { config: DestinationConfig { parameters, .. }, .. }| {
            (parameters.multifd_channels, parameters.answer_timeout)
        })
    }

    /// Ends the wait, because the source has connected. Returns the configuration if it was replaced.
    pub(super) fn end(&self) -> Option<DestinationConfig> {
        self.lock().take().filter(|state| state.is_replaced).map(|state| state.config)
    }
}

/// Checks that settings are the same which decide about the connections that are accepted (`migrate_caps_check` in QEMU's
/// `migration/options.c`).
fn check_fixed(old: &DestinationConfig, new: &DestinationConfig) -> Result<(), MigrationError> {
    let differs = |capability| old.capabilities.has(capability) != new.capabilities.has(capability);
    if differs(Capability::Multifd) {
        return Err(fail("Multifd must be set before incoming starts"));
    }
    if differs(Capability::PostcopyPreempt) {
        return Err(fail("Postcopy preempt must be set before incoming starts"));
    }
    let encryption = |config: &DestinationConfig| {
        let parameters = &config.parameters;
        (parameters.tls_creds.clone(), parameters.tls_authz.clone())
    };
    match encryption(old) == encryption(new) {
        true => Ok(()),
        false => Err(fail("`tls-creds` and `tls-authz` must be set before incoming starts")),
    }
}

fn fail(reason: &str) -> MigrationError {
    MigrationError::new("incoming migration", &reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migration::capability::Capabilities;

    fn config(capabilities: &[Capability]) -> DestinationConfig {
        let mut set = Capabilities::default();
        capabilities.iter().for_each(|capability| set.set(*capability, true));
        DestinationConfig { capabilities: set, ..DestinationConfig::default() }
    }

    #[test]
    fn configuration_changes_until_the_source_connects() {
        let new = || Waiting::new("unix:/x".parse().unwrap(), config(&[]));
        assert!(new().end().is_none());
        let waiting = new();
        waiting.replace(config(&[Capability::PostcopyRam])).unwrap();
        let mut last = config(&[Capability::Xbzrle]);
        last.parameters.multifd_channels = 7;
        waiting.replace(last).unwrap();
        assert_eq!(waiting.channels().map(|(channels, _)| channels), Some(7));
        let used = waiting.end().unwrap().capabilities;
        assert!(used.has(Capability::Xbzrle) && !used.has(Capability::PostcopyRam));
        let error = waiting.replace(config(&[])).unwrap_err();
        assert_eq!(error.reason(), "the source has connected already");
    }

    #[test]
    fn settings_of_connections_are_fixed() {
        let waiting = Waiting::new("unix:/x".parse().unwrap(), config(&[]));
        let error = |config| waiting.replace(config).unwrap_err().reason().to_owned();
        assert_eq!(error(config(&[Capability::Multifd])), "Multifd must be set before incoming starts");
        let preempt = config(&[Capability::PostcopyRam, Capability::PostcopyPreempt]);
        assert_eq!(error(preempt), "Postcopy preempt must be set before incoming starts");
        let mut encrypted = config(&[]);
        encrypted.parameters.tls_creds = "creds".to_owned();
        assert_eq!(error(encrypted), "`tls-creds` and `tls-authz` must be set before incoming starts");
        assert_eq!(error(config(&[Capability::MappedRam])), "Migration requires seekable transport (e.g. file)");
        assert!(waiting.end().is_none());
    }
}
