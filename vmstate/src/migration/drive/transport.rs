//! The properties of an address that capabilities require.

use super::MigrationError;
use crate::migration::capability::{Capabilities, Capability};
use crate::migration::parameter::Parameters;
use crate::migration::source::SourceConfig;
use crate::migration::uri::Uri;

/// Checks that an address has the properties that the capabilities require, with QEMU's messages
/// (`migration_transport_compatible` in `migration/migration.c`).
pub(super) fn check(capabilities: Capabilities, uri: &Uri) -> Result<(), MigrationError> {
    capabilities.check_combinations().map_err(|conflict| MigrationError::new("migration", &conflict))?;
    let is_file = matches!(uri, Uri::File { .. });
    if capabilities.has(Capability::MappedRam) && !is_file {
        return Err(MigrationError::new("mapped-ram", &"Migration requires seekable transport (e.g. file)"));
    }
    // Several connections to the same file would overwrite each other's bytes.
    if capabilities.has(Capability::Multifd) && !matches!(uri, Uri::Tcp(_) | Uri::Unix(_) | Uri::Vsock { .. }) {
        return Err(MigrationError::new("multifd", &"Migration requires multi-channel URIs (e.g. tcp)"));
    }
    Ok(())
}

/// Checks that the channel for requested pages can be opened to an address, if it is wanted.
pub(super) fn check_preempt(
    capabilities: Capabilities,
    parameters: &Parameters,
    uri: &Uri,
) -> Result<(), MigrationError> {
    if !capabilities.has(Capability::PostcopyPreempt) {
        return Ok(());
    }
    let fail = |reason: &str| Err(MigrationError::new("postcopy-preempt", &reason));
    if !matches!(uri, Uri::Tcp(_) | Uri::Unix(_) | Uri::Vsock { .. }) {
        return fail("Migration requires multi-channel URIs (e.g. tcp)");
    }
    match parameters.tls_creds.is_empty() {
        true => Ok(()),
        false => fail("`postcopy-preempt` is not implemented with TLS; switch it off, or clear `tls-creds`"),
    }
}

/// Checks the configuration of a source (`migrate_prepare` in QEMU's `migration/migration.c`).
pub(super) fn check_source(config: &SourceConfig, uri: &Uri) -> Result<(), MigrationError> {
    check(config.capabilities, uri)?;
    if config.capabilities.has(Capability::MappedRam) && !config.parameters.tls_creds.is_empty() {
        return Err(MigrationError::new("mapped-ram", &"Cannot use TLS with mapped-ram"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(capability: Capability, uri: &str) -> Option<String> {
        let checked = check(Capabilities::none().with(capability), &uri.parse().unwrap());
        checked.err().map(|error| error.reason().to_owned())
    }

    #[test]
    fn addresses_have_the_properties_of_capabilities() {
        let seekable = Some("Migration requires seekable transport (e.g. file)".to_owned());
        let several = Some("Migration requires multi-channel URIs (e.g. tcp)".to_owned());
        for uri in ["tcp:host:1", "unix:/path", "vsock:1:2"] {
            assert_eq!(rejection(Capability::MappedRam, uri), seekable, "{uri}");
            assert_eq!(rejection(Capability::Multifd, uri), None, "{uri}");
        }
        for uri in ["exec:cat", "fd:7"] {
            assert_eq!(rejection(Capability::MappedRam, uri), seekable, "{uri}");
            assert_eq!(rejection(Capability::Multifd, uri), several, "{uri}");
        }
        assert_eq!(rejection(Capability::MappedRam, "file:/path,offset=7"), None);
        assert_eq!(rejection(Capability::Multifd, "file:/path"), several);
    }

    #[test]
    fn places_exclude_encryption() {
        let mut config = SourceConfig::new(0, 0);
        config.capabilities.set(Capability::MappedRam, true);
        let file = "file:/path".parse().unwrap();
        check_source(&config, &file).unwrap();
        config.parameters.tls_creds = "tls0".to_owned();
        assert_eq!(check_source(&config, &file).unwrap_err().reason(), "Cannot use TLS with mapped-ram");
        let socket = "unix:/path".parse().unwrap();
        let seekable = "Migration requires seekable transport (e.g. file)";
        assert_eq!(check_source(&config, &socket).unwrap_err().reason(), seekable);
    }

    #[test]
    fn places_exclude_data_channels_by_name() {
        let both = Capabilities::none().with(Capability::MappedRam).with(Capability::Multifd);
        let error = check(both, &"file:/path".parse().unwrap()).unwrap_err().to_string();
        assert!(error.contains("`mapped-ram` is not implemented together with `multifd`"), "{error}");
    }
}
