//! Relays a migration between two processes: connections, deadlines and the outcome.

use std::io;
use std::thread;
use std::time::Duration;

use super::MigrationError;
use super::channel::Channel;
use super::listener::Listener;
use crate::migration::Uri;
use crate::migration::relay::{Relay, RelayFigures, RelayRules};

mod connection;
mod shared;

use shared::Shared;

/// The time in which a peer must accept a connection, or bytes.
const TIMEOUT: Duration = Duration::from_secs(30);

/// A relay between a source and a destination. The guest keeps running at its origin, and nothing is stored.
///
/// Each connection of the source is connected to the destination. The main one passes a
/// [`Relay`](super::super::relay::Relay); data channels (`multifd`) are copied.
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
}

impl Relaying {
    /// Listens for a source. The destination's address is used when the source connects.
    ///
    /// # Errors
    /// Returns an error if the addresses are not addresses of sockets, or this one is in use.
    pub fn listen(listen: &Uri, destination: &Uri) -> Result<Self, MigrationError> {
        if let Some(other) = [listen, destination].into_iter().find(|uri| !super::record::is_socket(uri)) {
            let reason = format!("expected an address `tcp:`, `unix:` or `vsock:`, found `{other}`");
            return Err(MigrationError::new("cannot relay", &reason));
        }
        let listener = Listener::new(listen).map_err(|error| MigrationError::new("cannot listen", &error))?;
        Ok(Self { listener, destination: destination.clone(), timeout: TIMEOUT, relay: Relay::new() })
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
        let Self { listener, destination, timeout, relay } = self;
        let shared = Shared::new(relay, timeout);
        let is_over = || {
            shared.check_time(stop());
            watch(&shared.status());
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
                match Channel::connect(&destination, timeout, timeout) {
                    Ok(destination) => {
                        let shared = &shared;
                        scope.spawn(move || connection::run(shared, source, destination));
                    }
                    Err(error) => shared.fail(&format!("cannot connect to the destination: {error}")),
                }
            }
        });
        accepted.map_err(|error| MigrationError::new("cannot accept a connection", &error))?;
        Ok(shared.finish())
    }
}
