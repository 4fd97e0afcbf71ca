//! The encryption of migrations, from the arguments.

use std::path::Path;

use vmstate::migration::destination::DestinationConfig;
use vmstate::migration::source::SourceConfig;
use vmstate::migration::{TlsCredentials, TlsEndpoint, TlsError};

use crate::failure::Failure;

/// Encrypts the channels of a destination, which accepts only the client `name`, if there is one.
pub(crate) fn encrypt_destination(
    config: &mut DestinationConfig,
    folder: Option<&Path>,
    name: Option<&str>,
) -> Result<(), Failure> {
    let Some(folder) = folder else { return Ok(()) };
    let credentials = TlsCredentials::x509(folder, TlsEndpoint::Server).map_err(|error| failed(&error))?;
    config.objects.add_credentials("tls", credentials).map_err(|error| failed(&error))?;
    config.parameters.tls_creds = "tls".to_owned();
    if let Some(name) = name.map(str::to_owned) {
        config.objects.add_authorization("authz", move |client| client == name).map_err(|error| failed(&error))?;
        config.parameters.tls_authz = "authz".to_owned();
    }
    Ok(())
}

/// Encrypts the channels of a source, whose destination has a certificate with the name `host`.
pub(crate) fn encrypt_source(
    config: &mut SourceConfig,
    folder: Option<&Path>,
    host: Option<&str>,
) -> Result<(), Failure> {
    let Some(folder) = folder else { return Ok(()) };
    let credentials = TlsCredentials::x509(folder, TlsEndpoint::Client).map_err(|error| failed(&error))?;
    config.objects.add_credentials("tls", credentials).map_err(|error| failed(&error))?;
    config.parameters.tls_creds = "tls".to_owned();
    config.parameters.tls_hostname = host.unwrap_or_default().to_owned();
    Ok(())
}

fn failed(error: &TlsError) -> Failure {
    Failure::usage(error.to_string())
}
