//! Certificates and keys in a folder, with the file names of QEMU's `tls-creds-x509`.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::authorization::Authorization;
use super::verifier::{Authorizing, Denied, Unverified};

/// The protocol (ALPN) of peers that use this library, in which the destination confirms the handshake.
pub(in crate::migration) const PROTOCOL: &[u8] = b"vmstate-migration";

/// The side of a connection for which credentials are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum TlsEndpoint {
    /// The source of a migration.
    #[default]
    Client,
    /// The destination of a migration.
    Server,
}

impl TlsEndpoint {
    /// Returns QEMU's name, `client` or `server`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Client => "client",
            Self::Server => "server",
        }
    }
}

/// The reason why credentials cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot use TLS credentials: {0}")]
pub struct TlsError(pub(super) String);

/// A certificate authority, and the certificate and key of one side.
///
/// ```no_run
/// use vmstate::migration::{Objects, TlsCredentials, TlsEndpoint};
///
/// let objects = Objects::new();
/// objects.add_credentials("tls0", TlsCredentials::x509("/etc/pki/qemu", TlsEndpoint::Server)?)?;
/// # Ok::<(), vmstate::migration::TlsError>(())
/// ```
pub struct TlsCredentials {
    endpoint: TlsEndpoint,
    verify_peer: bool,
    roots: Arc<RootCertStore>,
    revocations: Vec<CertificateRevocationListDer<'static>>,
    /// The certificate of this side. Only sources can do without.
    identity: Option<Arc<SingleCertAndKey>>,
}

impl fmt::Debug for TlsCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { endpoint, verify_peer, .. } = self;
        f.debug_struct("TlsCredentials")
            .field("endpoint", endpoint)
            .field("verify_peer", verify_peer)
            .finish_non_exhaustive()
    }
}

impl TlsCredentials {
    /// Reads the files of a folder: `ca-cert.pem`; `server-cert.pem` and `server-key.pem`, or `client-cert.pem` and
    /// `client-key.pem`, which a source needs if its destination verifies it; and the revocation list `ca-crl.pem`, if it
    /// exists.
    ///
    /// # Errors
    /// Returns an error if a required file is missing, or a file is malformed, or a key does not belong to its certificate.
    pub fn x509(folder: impl AsRef<Path>, endpoint: TlsEndpoint) -> Result<Self, TlsError> {
        let folder = folder.as_ref();
        let authorities: Vec<CertificateDer<'static>> = read_all(&folder.join("ca-cert.pem"))?;
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots.add(authority).map_err(|error| in_file(&folder.join("ca-cert.pem"), &error))?;
        }
        let credentials = Self {
            endpoint,
            verify_peer: true,
            roots: Arc::new(roots),
            revocations: if_exists(read_all(&folder.join("ca-crl.pem")))?.unwrap_or_default(),
            identity: read_identity(folder, endpoint)?,
        };
        // Errors of the revocation list appear here, instead of at the first migration.
        match endpoint {
            TlsEndpoint::Client => credentials.client_config().map(drop),
            TlsEndpoint::Server => credentials.server_config(None, &Denied::default()).map(drop),
        }?;
        Ok(credentials)
    }

    /// Sets whether the peer must have a certificate of the authority. It is `true` by default. Without it, anyone who
    /// reaches the connection can read or replace the guest.
    #[must_use]
    pub fn verify_peer(mut self, verify: bool) -> Self {
        self.verify_peer = verify;
        self
    }

    /// Returns the side for which the credentials are used.
    #[must_use]
    pub fn endpoint(&self) -> TlsEndpoint {
        self.endpoint
    }

    /// Returns whether the peer must have a certificate of the authority.
    #[must_use]
    pub fn verifies_peer(&self) -> bool {
        self.verify_peer
    }

    pub(in crate::migration) fn client_config(&self) -> Result<ClientConfig, TlsError> {
        let provider = provider();
        let verifier: Arc<dyn ServerCertVerifier> = if self.verify_peer {
            WebPkiServerVerifier::builder_with_provider(Arc::clone(&self.roots), Arc::clone(&provider))
                .with_crls(self.revocations.clone())
                .allow_unknown_revocation_status()
                .build()
                .map_err(|error| failed(&error))?
        } else {
            Arc::new(Unverified(Arc::clone(&provider)))
        };
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| failed(&error))?.dangerous().with_custom_certificate_verifier(verifier);
        let mut config = match &self.identity {
            Some(identity) => builder.with_client_cert_resolver(Arc::clone(identity) as _),
            None => builder.with_no_client_auth(),
        };
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(config)
    }

    /// Returns the configuration of one connection, which notes a client that is not authorized in `denied`.
    pub(in crate::migration) fn server_config(
        &self,
        authorization: Option<Authorization>,
        denied: &Denied,
    ) -> Result<ServerConfig, TlsError> {
        let provider = provider();
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
        let builder = builder.map_err(|error| failed(&error))?;
        let builder = if self.verify_peer {
            let inner = WebPkiClientVerifier::builder_with_provider(Arc::clone(&self.roots), provider)
                .with_crls(self.revocations.clone())
                .allow_unknown_revocation_status()
                .build()
                .map_err(|error| failed(&error))?;
            builder.with_client_cert_verifier(Arc::new(Authorizing { inner, authorization, denied: denied.clone() }))
        } else {
            builder.with_no_client_auth()
        };
        let identity = self.identity.clone().ok_or_else(|| TlsError("missing `server-cert.pem`".to_owned()))?;
        let mut config = builder.with_cert_resolver(identity);
        // A QEMU without the return path reads nothing. Unread tickets would reset the connection when it closes it, and
        // discard the end of its stream.
        config.send_tls13_tickets = 0;
        config.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(config)
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn failed(error: &impl ToString) -> TlsError {
    TlsError(error.to_string())
}

fn in_file(path: &Path, error: &impl ToString) -> TlsError {
    TlsError(format!("`{}`: {}", path.display(), error.to_string()))
}

/// An error of a file, which may be optional.
enum FileError {
    Missing(PathBuf),
    Other(TlsError),
}

impl From<FileError> for TlsError {
    fn from(error: FileError) -> Self {
        match error {
            FileError::Missing(path) => in_file(&path, &"missing file"),
            FileError::Other(error) => error,
        }
    }
}

impl FileError {
    fn new(path: &Path, error: &pem::Error) -> Self {
        match error {
            pem::Error::Io(error) if error.kind() == io::ErrorKind::NotFound => Self::Missing(path.to_owned()),
            pem::Error::NoItemsFound => Self::Other(in_file(path, &"found nothing in PEM format")),
            error => Self::Other(in_file(path, error)),
        }
    }
}

fn if_exists<T>(read: Result<T, FileError>) -> Result<Option<T>, TlsError> {
    match read {
        Ok(content) => Ok(Some(content)),
        Err(FileError::Missing(_)) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Reads all items of a kind; a file has at least one.
fn read_all<T: PemObject>(path: &Path) -> Result<Vec<T>, FileError> {
    let items: Result<Vec<T>, _> = T::pem_file_iter(path).and_then(Iterator::collect);
    match items {
        Ok(items) if items.is_empty() => Err(FileError::new(path, &pem::Error::NoItemsFound)),
        Ok(items) => Ok(items),
        Err(error) => Err(FileError::new(path, &error)),
    }
}

fn read_identity(folder: &Path, endpoint: TlsEndpoint) -> Result<Option<Arc<SingleCertAndKey>>, TlsError> {
    let file = |kind: &str| folder.join(format!("{}-{kind}.pem", endpoint.name()));
    let (certificate, key) = (file("cert"), file("key"));
    let chain: Vec<CertificateDer<'static>> = match (if_exists(read_all(&certificate))?, endpoint) {
        (Some(chain), _) => chain,
        (None, TlsEndpoint::Client) if !key.exists() => return Ok(None),
        (None, _) => return Err(FileError::Missing(certificate).into()),
    };
    let der = PrivateKeyDer::from_pem_file(&key).map_err(|error| FileError::new(&key, &error))?;
    let certified = CertifiedKey::from_der(chain, der, &provider()).map_err(|error| in_file(&key, &error))?;
    Ok(Some(Arc::new(certified.into())))
}
