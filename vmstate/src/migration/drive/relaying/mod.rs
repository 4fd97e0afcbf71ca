//! Relays a migration between two processes: connections, deadlines and the outcome.

use std::io;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::Duration;

use super::MigrationError;
use super::channel::Link;
use super::listener::Listener;
use super::tls::{Client, Server};
use crate::migration::Uri;
use crate::migration::capability::Capability;
use crate::migration::destination::DestinationConfig;
use crate::migration::parameter::Parameters;
use crate::migration::relay::{Relay, RelayFigures, RelayRules};
use crate::migration::release::QemuRelease;
use crate::migration::source::SourceConfig;
use crate::migration::status::Side;

mod connection;
mod copying;
mod far_channel;
mod merging;
mod near_channel;
mod output;
mod packets;
mod queue;
mod recoding;
mod shared;
mod splitting;

use connection::Kind;
use merging::Merging;
use recoding::Recoding;
use shared::Shared;
use splitting::Splitting;

/// The time in which a peer must accept a connection, or bytes.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A relay between a source and a destination. The guest keeps running at its origin, and nothing is stored.
///
/// Each connection of the source is connected to the destination. The main one passes a
/// [`Relay`](super::super::relay::Relay); data channels (`multifd`) are copied, [encoded again](Self::destination_config), or
/// exist at [one side](Self::channels_only) only.
///
/// ```
/// use std::io::{Read, Write};
/// use std::net::{TcpListener, TcpStream};
/// use vmstate::migration::{RelayOutcome, Relaying, Uri};
///
/// let destination = TcpListener::bind("127.0.0.1:0")?;
/// let address: Uri = format!("tcp:{}", destination.local_addr()?).parse()?;
/// let relaying = Relaying::listen(&"tcp:127.0.0.1:0".parse()?, &address)?;
/// let Uri::Tcp(listener) = relaying.address() else { unreachable!() };
/// let mut source = TcpStream::connect(format!("{}:{}", listener.host, listener.port))?;
/// let running = std::thread::spawn(move || relaying.run(|| false, |_| {}));
///
/// // A stream without sections, whose end is held back until the destination has answered a PING.
/// source.write_all(b"QEVM\0\0\0\x03\x08\0\x01\0\0\0\x06\0\0\0\x02{}")?;
/// let mut peer = destination.accept()?.0;
/// peer.read_exact(&mut [0; 22])?;
/// peer.write_all(b"\0\x02\0\x04vmr\x02")?;
/// peer.read_exact(&mut [0; 8])?;
/// peer.write_all(b"\0\x01\0\x04\0\0\0\0")?;
/// source.read_exact(&mut [0; 8])?;
/// drop(source);
/// let (outcome, figures) = running.join().unwrap()?;
/// assert_eq!((outcome, figures.bytes), (RelayOutcome::Completed, 21));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Relaying {
    listener: Listener,
    destination: Uri,
    timeout: Duration,
    relay: Relay,
    client: Option<Client>,
    /// The number of the source's data channels, if it is known.
    sources: Option<u8>,
    /// The number and compression of the destination's data channels, if they are not copied.
    channels: Option<Parameters>,
    /// The only side with data channels.
    only: Option<Side>,
    /// The release and the UUID of the destination.
    release: QemuRelease,
    uuid: [u8; 16],
}

/// The conversion of the source's pages.
enum Conversion {
    /// Connections are copied.
    Copied,
    /// Packets of data channels are encoded again.
    Recoded(Recoding),
    /// Pages of the main connection are sent over data channels.
    Split(Splitting),
    /// Pages of data channels are inserted into the main connection.
    Merged(Box<Merging>),
}

/// The outcome of a relayed migration.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RelayOutcome {
    /// The destination has the guest, and the source knows.
    Completed,
    /// The guest stays at the source. Contains the reason.
    Failed(String),
    /// The destination may run the guest, and the source may run it, too, or be paused.
    InDoubt(String),
}

/// A running relay.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayStatus {
    /// Figures of the migration.
    pub figures: RelayFigures,
    /// The reason for which it is unknown whether the destination runs the guest. The source is kept paused until the relay
    /// is stopped, which resumes it, or the source is ended.
    pub doubt: Option<String>,
    /// The reasons of TLS connections that were rejected since the last call.
    pub rejected: Vec<String>,
}

impl Relaying {
    /// Listens for a source. The destination's address is used when the source sends its first bytes.
    ///
    /// # Errors
    /// Returns an error if the addresses are not addresses of sockets, or this one is in use.
    pub fn listen(listen: &Uri, destination: &Uri) -> Result<Self, MigrationError> {
        if let Some(other) = [listen, destination].into_iter().find(|uri| !super::record::is_socket(uri)) {
            let reason = format!("expected an address `tcp:`, `unix:` or `vsock:`, found `{other}`");
            return Err(MigrationError::new("cannot relay", &reason));
        }
        let listener = Listener::new(listen).map_err(|error| MigrationError::new("cannot listen", &error))?;
        Ok(Self {
            listener,
            destination: destination.clone(),
            timeout: TIMEOUT,
            relay: Relay::new(),
            client: None,
            sources: None,
            channels: None,
            only: None,
            release: QemuRelease::default(),
            uuid: [0; 16],
        })
    }

    /// Sets the properties of the relay as a destination for the source: the encryption (`tls-creds`, `tls-authz`), and
    /// with the capability `multifd` the number of data channels.
    ///
    /// # Errors
    /// Returns an error if a parameter is invalid, or the credentials are missing.
    pub fn source_config(mut self, config: &DestinationConfig) -> Result<Self, MigrationError> {
        let server = Server::new(config).map_err(|error| MigrationError::new("listener", &error))?;
        self.listener = self.listener.secure(server.as_ref());
        self.sources = config.capabilities.has(Capability::Multifd).then_some(config.parameters.multifd_channels);
        Ok(self)
    }

    /// Sets the properties of the relay as a source for the destination: the encryption (`tls-creds`, `tls-hostname`), and
    /// with the capability `multifd` the number of data channels and their compression. Then the data channels of the
    /// source are encoded again; it must have the capability, too, and as many channels unless
    /// [its number](Self::source_config) is set.
    ///
    /// # Errors
    /// Returns an error if a parameter is invalid, or the credentials are missing.
    pub fn destination_config(mut self, config: &SourceConfig) -> Result<Self, MigrationError> {
        let failed = |error: String| MigrationError::new("migration", &error);
        self.client = Client::new(config, &self.destination).map_err(failed)?;
        config.parameters.check().map_err(|error| failed(error.to_string()))?;
        let compression = config.parameters.multifd_compression;
        if !compression.is_supported() {
            return Err(failed(format!("unsupported `multifd-compression`; build with the feature `{compression}`")));
        }
        self.channels = config.capabilities.has(Capability::Multifd).then(|| config.parameters.clone());
        self.release = config.release;
        Ok(self)
    }

    /// Sets the only side that has data channels, after its configuration with the capability `multifd`. The pages of its
    /// peer are in the main connection: see [`PageSplitter`](crate::migration::relay::PageSplitter) and
    /// [`PageMerger`](crate::migration::relay::PageMerger). A destination with the only channels synchronizes by the rule
    /// of its machine type and of the `release` in its configuration.
    ///
    /// # Errors
    /// Returns an error if this side has no data channels, or the other one has.
    pub fn channels_only(mut self, side: Side) -> Result<Self, MigrationError> {
        let found = (self.sources.is_some(), self.channels.is_some());
        if found != (side == Side::Source, side == Side::Destination) {
            let name = if side == Side::Source { "source" } else { "destination" };
            let reason = format!("expected the capability `multifd` only in the configuration of the {name}");
            return Err(MigrationError::new("migration", &reason));
        }
        self.only = Some(side);
        Ok(self)
    }

    /// Sets the UUID of the destination (option `-uuid`), if [only it](Self::channels_only) has data channels. Otherwise the
    /// source's channels contain it. The default is zeros, of a destination without the option.
    #[must_use]
    pub fn uuid(mut self, uuid: [u8; 16]) -> Self {
        self.uuid = uuid;
        self
    }

    /// Sets the time in which a peer must accept a connection or bytes, and the destination must have loaded the devices.
    /// The default is 30 seconds.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Rewrites the devices by rules.
    #[must_use]
    pub fn rules(mut self, rules: RelayRules) -> Self {
        self.relay = self.relay.rules(rules);
        self
    }

    /// Returns the address of the listener, with the port that the system has chosen.
    #[must_use]
    pub fn address(&self) -> &Uri {
        self.listener.address()
    }

    /// Returns the conversion of pages.
    fn conversion(&self, link: &Link) -> Conversion {
        let sources = self.sources.or(self.channels.as_ref().map(|parameters| parameters.multifd_channels));
        match (&self.channels, self.only) {
            (None, Some(_)) => Conversion::Merged(Box::new(Merging::new(sources.unwrap_or_default()))),
            (None, None) => Conversion::Copied,
            (Some(parameters), Some(_)) => Conversion::Split(Splitting {
                parameters: parameters.clone(),
                release: self.release,
                uuid: self.uuid,
                link: link.clone(),
                destination: self.destination.clone(),
                packets: AtomicU64::new(0),
            }),
            (Some(parameters), None) => Conversion::Recoded(Recoding::new(
                sources.unwrap_or_default(),
                parameters.clone(),
                link.clone(),
                self.destination.clone(),
            )),
        }
    }

    /// Relays one migration.
    ///
    /// After `stop` returns `true`, the migration is ended, unless the destination may run the guest already: then the relay
    /// waits for its confirmation first. `watch` is called about every 50 ms.
    ///
    /// # Errors
    /// Returns an error if connections cannot be accepted.
    pub fn run(
        self,
        stop: impl Fn() -> bool,
        watch: impl Fn(&RelayStatus),
    ) -> Result<(RelayOutcome, RelayFigures), MigrationError> {
        let link = Link { connect: self.timeout, progress: self.timeout, client: self.client.clone() };
        let conversion = self.conversion(&link);
        let Self { listener, destination, timeout, relay, .. } = self;
        let shared = Shared::new(relay, timeout);
        let is_over = || {
            shared.check_time(stop());
            watch(&shared.status(listener.take_rejections()));
            shared.is_over()
        };
        let accepted: io::Result<()> = thread::scope(|scope| {
            loop {
                let source = match listener.accept(timeout, is_over) {
                    Ok(Some(source)) => source,
                    Ok(None) => return Ok(()),
                    Err(error) => {
                        shared.fail("the listener has failed");
                        return Err(error);
                    }
                };
                let (shared, link, destination, conversion) = (&shared, &link, &destination, &conversion);
                scope.spawn(move || {
                    // QEMU before 8.0 takes the first connection for the main one, and the TLS handshake of a data
                    // channel can end before its handshake.
                    let Some(kind) = Kind::of(shared, &source) else { return };
                    match (kind, conversion) {
                        (Kind::Data, Conversion::Recoded(recoding)) => return recoding.run(shared, source),
                        (Kind::Data, Conversion::Merged(merging)) => return merging.run(shared, source),
                        (Kind::Data, Conversion::Split(_)) => return shared.fail(&near_channel::surplus(0)),
                        (Kind::Data, Conversion::Copied) if !connection::await_main(shared, &source) => return,
                        _ => {}
                    }
                    match link.open(destination) {
                        Ok(destination) => connection::run(shared, conversion, kind, source, destination),
                        Err(error) => shared.fail(&no_destination(&error)),
                    }
                });
            }
        });
        accepted.map_err(|error| MigrationError::new("cannot accept a connection", &error))?;
        Ok(shared.finish())
    }
}

fn no_destination(error: &io::Error) -> String {
    format!("cannot connect to the destination: {error}")
}
