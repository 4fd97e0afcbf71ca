//! The properties of an address that capabilities require.

use super::MigrationError;
use crate::migration::capability::{Capabilities, Capability};
use crate::migration::parameter::{Compression, Mode, Parameters};
use crate::migration::source::SourceConfig;
use crate::migration::uri::Uri;

/// Checks that an address has the properties that the capabilities require, with QEMU's messages
/// (`migration_transport_compatible` in `migration/migration.c`).
pub(super) fn check(capabilities: Capabilities, parameters: &Parameters, uri: &Uri) -> Result<(), MigrationError> {
    capabilities.check_combinations().map_err(|conflict| MigrationError::new("migration", &conflict))?;
    let is_file = matches!(uri, Uri::File { .. });
    let has_places = capabilities.has(Capability::MappedRam);
    if has_places && !is_file {
        return Err(MigrationError::new("mapped-ram", &"Migration requires seekable transport (e.g. file)"));
    }
    let has_channels = capabilities.has(Capability::Multifd);
    // Without places, several channels would overwrite each other's bytes in a file.
    if has_channels && !has_places && !has_connections(uri) {
        return Err(MigrationError::new("multifd", &"Migration requires multi-channel URIs (e.g. tcp)"));
    }
    if has_channels && has_places && parameters.multifd_compression != Compression::None {
        return Err(MigrationError::new("mapped-ram", &NO_COMPRESSION));
    }
    Ok(())
}

const NO_COMPRESSION: &str = "Cannot use compression with mapped-ram";

/// Returns whether several connections to an address can be made.
fn has_connections(uri: &Uri) -> bool {
    matches!(uri, Uri::Tcp(_) | Uri::Unix(_) | Uri::Vsock { .. })
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
    if !has_connections(uri) {
        return fail("Migration requires multi-channel URIs (e.g. tcp)");
    }
    match parameters.tls_creds.is_empty() {
        true => Ok(()),
        false => fail("`postcopy-preempt` is not implemented with TLS; switch it off, or clear `tls-creds`"),
    }
}

/// Checks the configuration of a source (`migrate_prepare` in QEMU's `migration/migration.c`).
pub(super) fn check_source(config: &SourceConfig, uri: &Uri) -> Result<(), MigrationError> {
    let SourceConfig { capabilities, parameters, .. } = config;
    check(*capabilities, parameters, uri)?;
    check_mode(config)?;
    let fail = |reason: &str| Err(MigrationError::new("mapped-ram", &reason));
    match capabilities.has(Capability::MappedRam) {
        true if !parameters.tls_creds.is_empty() => fail("Cannot use TLS with mapped-ram"),
        // QEMU checks it without data channels, too.
        true if parameters.multifd_compression != Compression::None => fail(NO_COMPRESSION),
        _ => Ok(()),
    }
}

/// Checks the mode (`migrate_prepare` and `qmp_migrate` in QEMU's `migration/migration.c`).
fn check_mode(config: &SourceConfig) -> Result<(), MigrationError> {
    let mode = config.parameters.mode;
    let fail = |reason: &str| Err(MigrationError::new("mode", &reason));
    let has = |capability| config.capabilities.has(capability);
    match mode {
        Mode::CprTransfer if config.descriptors.is_none() => fail("missing 'cpr' migration channel"),
        mode if mode.stops_first() && has(Capability::PostcopyRam) => fail("Cannot use postcopy with CPR"),
        mode if mode.stops_first() && has(Capability::BackgroundSnapshot) => {
            fail("Cannot use background snapshot with CPR")
        }
        Mode::CprTransfer if has(Capability::XIgnoreShared) => {
            fail("all memory is handed over in the mode `cpr-transfer`; switch `x-ignore-shared` off")
        }
        Mode::CprTransfer if has(Capability::MappedRam) => {
            fail("all memory is handed over in the mode `cpr-transfer`; switch `mapped-ram` off")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rejection(capability: Capability, uri: &str) -> Option<String> {
        let capabilities = Capabilities::none().with(capability);
        let checked = check(capabilities, &Parameters::default(), &uri.parse().unwrap());
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
    fn data_channels_of_a_file_do_not_compress() {
        let (file, socket) = ("file:/path".parse().unwrap(), "unix:/path".parse().unwrap());
        let channels = Capabilities::none().with(Capability::Multifd);
        let both = channels.with(Capability::MappedRam);
        for compression in [Compression::None, Compression::Zlib, Compression::Zstd] {
            let parameters = Parameters { multifd_compression: compression, ..Parameters::default() };
            let expected = (compression != Compression::None).then_some(NO_COMPRESSION);
            let checked = check(both, &parameters, &file);
            assert_eq!(checked.as_ref().err().map(MigrationError::reason), expected);
            check(channels, &parameters, &socket).unwrap();
            let places = Capabilities::none().with(Capability::MappedRam);
            check(places, &parameters, &file).unwrap();
            let source = SourceConfig { capabilities: places, parameters, ..SourceConfig::new(0, 0) };
            let checked = check_source(&source, &file);
            assert_eq!(checked.as_ref().err().map(MigrationError::reason), expected);
        }
    }
}
