//! Guests move over encrypted channels, and peers that must not are rejected.

mod authority;
mod confirmations;
mod rejections;
mod strangers;

use authority::{Authority, Names, Validity};

use super::*;
use crate::migration::source::SourceConfig;
use crate::migration::{Capability, Objects, TlsCredentials, TlsEndpoint};

/// The folders with credentials of one authority, and a socket.
pub(super) struct Site {
    pub(super) folder: Folder,
    pub(super) authority: Authority,
}

impl Site {
    /// A destination `localhost`, which is also `127.0.0.1`, and a source.
    fn new() -> Self {
        let site = Self { folder: tempfile(), authority: Authority::new("Authority") };
        site.add_server("server", Validity::Now);
        site.add_client("client", "source");
        site
    }

    fn add_server(&self, folder: &str, validity: Validity) {
        let names = Names { common: "localhost", alternative: &["localhost", "127.0.0.1"] };
        self.authority.issue(&self.path(folder), "server", names, validity);
    }

    fn add_client(&self, folder: &str, name: &str) {
        self.authority.issue(&self.path(folder), "client", Names { common: name, alternative: &[] }, Validity::Now);
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path(name).into()
    }

    fn credentials(&self, folder: &str, endpoint: TlsEndpoint) -> Objects {
        let objects = Objects::new();
        let credentials = TlsCredentials::x509(self.path(folder), endpoint).unwrap();
        objects.add_credentials("tls0", credentials).unwrap();
        objects
    }

    fn addresses(&self) -> [Uri; 2] {
        ["tcp:127.0.0.1:0".parse().unwrap(), Uri::Unix(self.folder.path("socket"))]
    }

    fn source(&self, folder: &str) -> SourceConfig {
        let mut config = SourceConfig::new(0, 1);
        config.objects = self.credentials(folder, TlsEndpoint::Client);
        config.parameters.tls_creds = "tls0".to_owned();
        config.parameters.tls_hostname = "localhost".to_owned();
        config
    }

    fn destination(&self, folder: &str) -> DestinationConfig {
        let objects = self.credentials(folder, TlsEndpoint::Server);
        let mut config = DestinationConfig { objects, ..DestinationConfig::default() };
        config.parameters.tls_creds = "tls0".to_owned();
        config
    }
}

/// A destination that waits on another thread, and the reasons of its rejections.
struct Waiting {
    address: Uri,
    loading: thread::JoinHandle<(Board, Result<(), MigrationError>, Vec<String>)>,
}

impl Waiting {
    fn new(uri: &Uri, config: DestinationConfig) -> Self {
        let incoming = Incoming::listen_with(uri, config).unwrap();
        let address = incoming.address().clone();
        let loading = thread::spawn(move || {
            let (mut board, mut rejections) = (Board::destination(), Vec::new());
            let loaded = incoming.run_with_events(&mut board, |event| {
                if let Event::Rejected(reason) = event {
                    rejections.push(reason);
                }
            });
            (board, loaded, rejections)
        });
        Self { address, loading }
    }

    /// Moves the guest of a new source. Returns the source, its final state, and the reason of a failure.
    fn send(&self, config: SourceConfig) -> (Board, MigrationStatus, String) {
        let mut source = Board { writes: 3, ..Board::source() };
        let mut outgoing = Outgoing::start_with(&mut source, &self.address, config).unwrap();
        outgoing.events().for_each(drop);
        let statistics = outgoing.statistics();
        drop(outgoing);
        (source, statistics.status, statistics.error.unwrap_or_default())
    }

    /// Moves the guest of a new source, and checks that it arrives. Returns the rejections before.
    fn complete(self, config: SourceConfig) -> Vec<String> {
        let (source, status, error) = self.send(config);
        let (destination, loaded, rejections) = self.loading.join().unwrap();
        assert!(loaded.is_ok(), "{loaded:?}, {error}");
        assert_eq!(status, MigrationStatus::Completed, "{error}");
        assert!(!source.runs && destination.runs && destination.register == 42);
        assert_eq!(destination.ram.to_vec(), source.ram.to_vec());
        rejections
    }
}

#[test]
fn guest_moves_over_tls() {
    let site = Site::new();
    for uri in site.addresses() {
        for without_handshake in [false, true] {
            for return_path in [false, true] {
                let config = DestinationConfig { without_handshake, ..site.destination("server") };
                let mut source = site.source("client");
                source.capabilities.set(Capability::ReturnPath, return_path);
                assert_eq!(Waiting::new(&uri, config).complete(source), [""; 0]);
            }
        }
    }
}

#[test]
fn guest_moves_over_several_tls_channels() {
    let site = Site::new();
    for uri in site.addresses() {
        for channels in [1, 4] {
            let (mut source, mut config) = (site.source("client"), site.destination("server"));
            source.capabilities.set(Capability::Multifd, true);
            config.capabilities.set(Capability::Multifd, true);
            (source.parameters.multifd_channels, config.parameters.multifd_channels) = (channels, channels);
            assert_eq!(Waiting::new(&uri, config).complete(source), [""; 0]);
        }
    }
}

#[test]
fn memory_of_several_batches_moves_over_tls() {
    let site = Site::new();
    let bytes: Vec<u8> = (0_u32..16 << 18).flat_map(|word| word.wrapping_mul(0x9e37_79b9).to_le_bytes()).collect();
    for multifd in [false, true] {
        let mut config = site.destination("server");
        config.capabilities.set(Capability::Multifd, multifd);
        let incoming = Incoming::listen_with(&site.addresses()[0], config).unwrap();
        let address = incoming.address().clone();
        let size = bytes.len();
        let loading = thread::spawn(move || {
            let mut board = Board::new(vec![0xaa; size], false);
            incoming.run(&mut board).map(|()| board)
        });
        let mut source = Board::new(bytes.clone(), true);
        let mut config = site.source("client");
        config.parameters.max_bandwidth = 0;
        config.capabilities.set(Capability::Multifd, multifd);
        Outgoing::start_with(&mut source, &address, config).unwrap().finish().unwrap();
        assert!(loading.join().unwrap().unwrap().ram.to_vec() == bytes);
    }
}

#[test]
fn descriptors_carry_tls() {
    let site = Site::new();
    let (left, right) = std::os::unix::net::UnixStream::pair().unwrap();
    let incoming = Incoming::listen_with(&fd(&right), site.destination("server")).unwrap();
    let loading = thread::spawn(move || incoming.run(&mut Board::destination()));
    let mut source = Board::source();
    Outgoing::start_with(&mut source, &fd(&left), site.source("client")).unwrap().finish().unwrap();
    loading.join().unwrap().unwrap();
}

#[test]
fn name_of_the_address_is_expected() {
    let site = Site::new();
    let mut source = site.source("client");
    source.parameters.tls_hostname.clear();
    let waiting = Waiting::new(&site.addresses()[0], site.destination("server"));
    waiting.complete(source.clone());
    let unix = Uri::Unix(site.folder.path("unused"));
    let error = Outgoing::start_with(&mut Board::source(), &unix, source).err().unwrap().to_string();
    assert!(error.contains("has no host name; set `tls-hostname`"), "{error}");
}

#[test]
fn unusable_settings_are_rejected_at_the_start() {
    let site = Site::new();
    let unix = Uri::Unix(site.folder.path("unused"));
    let rejected = |config: SourceConfig, uri: &Uri| {
        Outgoing::start_with(&mut Board::source(), uri, config).err().unwrap().to_string()
    };
    let mut config = site.source("client");
    config.parameters.tls_creds = "nope".to_owned();
    assert!(rejected(config, &unix).contains("No TLS credentials with id 'nope'"));
    let mut config = site.source("client");
    config.objects = site.credentials("server", TlsEndpoint::Server);
    assert!(rejected(config, &unix).contains("expected TLS credentials with `endpoint=client`"));
    let file = format!("file:{}", site.folder.path("file")).parse().unwrap();
    assert!(rejected(site.source("client"), &file).contains("files are not encrypted"));
    let mut config = site.destination("server");
    config.parameters.tls_authz = "nope".to_owned();
    let error = Incoming::listen_with(&unix, config).unwrap_err().to_string();
    assert!(error.contains("missing authorization `nope`"), "{error}");
    let objects = Objects::new();
    let credentials = TlsCredentials::x509(site.path("server"), TlsEndpoint::Server).unwrap();
    objects.add_credentials("tls0", credentials.verify_peer(false)).unwrap();
    objects.add_authorization("auth0", |_| true).unwrap();
    let mut config = DestinationConfig { objects, ..site.destination("server") };
    config.parameters.tls_authz = "auth0".to_owned();
    let error = Incoming::listen_with(&unix, config).unwrap_err().to_string();
    assert!(error.contains("`tls-authz` requires"), "{error}");
}

#[test]
fn unusable_files_are_rejected() {
    let site = Site::new();
    let rejection = |folder: &str, endpoint| TlsCredentials::x509(site.path(folder), endpoint).unwrap_err().to_string();
    let error = rejection("client", TlsEndpoint::Server);
    assert!(error.contains("server-cert.pem`: missing file"), "{error}");
    let change =
        |folder: &str, name: &str, content: &[u8]| std::fs::write(site.path(folder).join(name), content).unwrap();
    change("server", "server-cert.pem", b"no PEM");
    let error = rejection("server", TlsEndpoint::Server);
    assert!(error.contains("server-cert.pem`: found nothing in PEM format"), "{error}");
    site.add_server("other", Validity::Now);
    site.add_server("server", Validity::Now);
    change("server", "server-key.pem", &std::fs::read(site.path("other").join("server-key.pem")).unwrap());
    let error = rejection("server", TlsEndpoint::Server);
    assert!(error.contains("server-key.pem`"), "{error}");
    // A source without a certificate is possible.
    std::fs::remove_file(site.path("client").join("client-cert.pem")).unwrap();
    let error = rejection("client", TlsEndpoint::Client);
    assert!(error.contains("client-cert.pem`: missing file"), "{error}");
    std::fs::remove_file(site.path("client").join("client-key.pem")).unwrap();
    TlsCredentials::x509(site.path("client"), TlsEndpoint::Client).unwrap();
}
