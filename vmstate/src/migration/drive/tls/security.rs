//! The encryption of a migration's channels, from its parameters.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use rustix::net::RecvFlags;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ServerConnection};

use super::explain::explain;
use super::handshake::wait;
use super::tunnel::Tunnel;
use crate::migration::destination::DestinationConfig;
use crate::migration::parameter::Parameters;
use crate::migration::source::SourceConfig;
use crate::migration::tls::{Authorization, Denied, TlsCredentials, TlsEndpoint};
use crate::migration::uri::Uri;

/// The encryption of a source's channels.
#[derive(Debug, Clone)]
pub(in crate::migration::drive) struct Client {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    limits: Limits,
}

/// The encryption of a destination's channels.
#[derive(Clone)]
pub(in crate::migration::drive) struct Server {
    credentials: Arc<TlsCredentials>,
    authorization: Option<Authorization>,
    limits: Limits,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    handshake: Duration,
    progress: Duration,
}

impl Limits {
    fn new(parameters: &Parameters) -> Self {
        Self { handshake: parameters.connect_timeout, progress: parameters.progress_timeout }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Server").field("credentials", &self.credentials).finish_non_exhaustive()
    }
}

impl Client {
    /// Returns the encryption of a migration to `uri`, or `None` without `tls-creds`.
    pub(in crate::migration::drive) fn new(config: &SourceConfig, uri: &Uri) -> Result<Option<Self>, String> {
        let parameters = &config.parameters;
        if parameters.tls_creds.is_empty() {
            return Ok(None);
        }
        check_transport(uri)?;
        let credentials = config.objects.credentials(&parameters.tls_creds, TlsEndpoint::Client)?;
        let mut client = credentials.client_config().map_err(|error| error.to_string())?;
        let name = match (expected_name(parameters, uri), credentials.verifies_peer()) {
            (Ok(name), _) => name,
            (Err(error), true) => return Err(error),
            // A name that nothing checks and that is not sent.
            (Err(_), false) => {
                client.enable_sni = false;
                ServerName::from(std::net::IpAddr::from([0, 0, 0, 0]))
            }
        };
        Ok(Some(Self { config: Arc::new(client), name, limits: Limits::new(parameters) }))
    }

    /// Encrypts a connected socket. Returns the socket for the migration.
    pub(in crate::migration::drive) fn secure(&self, socket: OwnedFd) -> io::Result<(Tunnel, OwnedFd)> {
        let connection =
            ClientConnection::new(Arc::clone(&self.config), self.name.clone()).map_err(io::Error::other)?;
        let deadline = Instant::now() + self.limits.handshake;
        Tunnel::open(connection.into(), socket, deadline, self.limits.progress).map_err(|reason| failed(&reason))
    }
}

/// Returns the name that the certificate of the destination must have.
fn expected_name(parameters: &Parameters, uri: &Uri) -> Result<ServerName<'static>, String> {
    let name = match uri {
        _ if !parameters.tls_hostname.is_empty() => &parameters.tls_hostname,
        Uri::Tcp(address) => &address.host,
        _ => return Err(format!("`{uri}` has no host name; set `tls-hostname` to the name in the peer's certificate")),
    };
    let invalid = || format!("`{}` is not a host name; set `tls-hostname`", name.escape_debug());
    ServerName::try_from(name.clone()).map_err(|_| invalid())
}

fn check_transport(uri: &Uri) -> Result<(), String> {
    match uri {
        Uri::File { .. } => Err("files are not encrypted; clear `tls-creds`".to_owned()),
        _ => Ok(()),
    }
}

impl Server {
    /// Returns the encryption of a destination, or `None` without `tls-creds`.
    pub(in crate::migration::drive) fn new(config: &DestinationConfig) -> Result<Option<Self>, String> {
        let parameters = &config.parameters;
        if parameters.tls_creds.is_empty() {
            return Ok(None);
        }
        let credentials = config.objects.credentials(&parameters.tls_creds, TlsEndpoint::Server)?;
        let authorization = match parameters.tls_authz.as_str() {
            "" => None,
            _ if !credentials.verifies_peer() => {
                return Err("`tls-authz` requires credentials with `verify-peer=on`".to_owned());
            }
            id => Some(config.objects.authorization(id)?),
        };
        Ok(Some(Self { credentials, authorization, limits: Limits::new(parameters) }))
    }

    /// Encrypts an accepted socket. Returns the socket for the migration.
    pub(in crate::migration::drive) fn secure(&self, socket: OwnedFd) -> io::Result<(Tunnel, OwnedFd)> {
        let denied = Denied::default();
        let config = self.credentials.server_config(self.authorization.clone(), &denied).map_err(io::Error::other)?;
        let connection = ServerConnection::new(Arc::new(config)).map_err(|error| failed(&explain(&error)))?;
        let deadline = Instant::now() + self.limits.handshake;
        Tunnel::open(connection.into(), socket, deadline, self.limits.progress).map_err(|reason| match denied.take() {
            Some(name) => failed(&format!("the client `{}` is not authorized", name.escape_debug())),
            None => failed(&reason),
        })
    }
}

impl Server {
    /// Waits for the first byte of the source. A QEMU verifies the certificate of the destination after the handshake, and
    /// closes the connection without an alert.
    pub(super) fn await_begin(&self, tunnel: &Tunnel, socket: &OwnedFd) -> io::Result<()> {
        let deadline = Instant::now() + self.limits.handshake;
        if !wait(socket, PollFlags::IN, deadline)? {
            return Err(failed("the source sends nothing after it"));
        }
        match rustix::net::recv(socket, &mut [0; 1][..], RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, 1..)) => Ok(()),
            _ => {
                let reason = tunnel.ending().reason();
                Err(failed(reason.as_deref().unwrap_or("the source has closed the connection after it")))
            }
        }
    }
}

fn failed(reason: &str) -> io::Error {
    io::Error::other(format!("TLS handshake failed: {reason}"))
}
