//! Data channels (multifd) whose number or compression is another one at the destination.
//!
//! Packets are forwarded to any channel of the destination, because the pages between two synchronizations have no order.
//! The destination's channels synchronize after all of the source's have.

use std::io::{Read, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::channel::{Channel, Link, explain};
use super::packets::{Packet, Receiver, Sender};
use super::shared::Shared;
use crate::memory::PageSize;
use crate::migration::Uri;
use crate::migration::parameter::Parameters;
use crate::migration::protocol::multifd::Hello;

/// The time between two looks for the end of the migration.
const POLL: Duration = Duration::from_millis(50);

/// The data channels of both sides.
pub(super) struct Recoding {
    /// The number of the source's channels.
    sources: usize,
    /// The number and the compression of the destination's channels.
    parameters: Parameters,
    link: Link,
    destination: Uri,
    state: Mutex<State>,
    synchronized: Condvar,
}

#[derive(Default)]
struct State {
    /// The destination's channels, after the source has opened one.
    senders: Option<Arc<Senders>>,
    /// The number of channels that the source has opened, and of those it has closed.
    opened: usize,
    closed: usize,
    /// The number of channels that wait for the others to synchronize.
    waiting: usize,
    /// The number of synchronizations.
    rounds: u64,
}

/// The destination's channels.
struct Senders {
    channels: Vec<Mutex<Destination>>,
    /// The number of the connections in the list of the relay.
    number: usize,
    packets: AtomicU64,
}

/// A channel of the destination. Dropping it closes the connection.
struct Destination {
    sender: Sender,
    connection: Channel,
}

impl Recoding {
    pub(super) fn new(sources: u8, parameters: Parameters, link: Link, destination: Uri) -> Self {
        let (state, synchronized) = (Mutex::default(), Condvar::new());
        Self { sources: sources.into(), parameters, link, destination, state, synchronized }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forwards a channel of the source to its end.
    pub(super) fn run(&self, shared: &Shared, source: Channel) {
        let Some(number) = shared.lock().open(&[&source]) else { return };
        self.lock().opened += 1;
        if let Err(reason) = self.forward(shared, &source) {
            shared.lock().fail_pages(&reason);
        }
        drop(source);
        shared.lock().close(number);
        self.close(shared);
    }

    fn forward(&self, shared: &Shared, source: &Channel) -> Result<(), String> {
        let failed = |error: &dyn ToString| {
            let reason = explain(&error.to_string(), source.ending().as_ref());
            format!("a data channel of the source: {reason}")
        };
        let Some(mut input) = source.input.as_ref() else { return Ok(()) };
        let mut hello = [0; Hello::SIZE];
        input.read_exact(&mut hello).map_err(|error| failed(&error))?;
        let hello = Hello::decode(&hello).map_err(|error| failed(&error))?;
        let Some(page_size) = shared.await_page_size() else { return Err("missing guest memory".to_owned()) };
        let senders = self.senders(shared, hello, page_size)?;
        let mut receiver = Receiver::new(page_size);
        let mut next = usize::from(hello.id);
        while let Some(packet) = receiver.receive(input).map_err(|error| failed(&error))? {
            if !packet.is_empty() {
                senders.send(next, &packet)?;
                next = next.wrapping_add(1);
            }
            if packet.sync {
                self.synchronize(shared, &senders)?;
            }
        }
        Ok(())
    }

    /// Returns the destination's channels. The first call connects them.
    fn senders(&self, shared: &Shared, hello: Hello, page_size: PageSize) -> Result<Arc<Senders>, String> {
        let mut state = self.lock();
        if state.opened > self.sources {
            return Err(format!("expected {} data channels of the source, found more", self.sources));
        }
        if let Some(senders) = &state.senders {
            return Ok(Arc::clone(senders));
        }
        let senders = Arc::new(self.connect(shared, hello, page_size).map_err(|error| destination_failed(&error))?);
        state.senders = Some(Arc::clone(&senders));
        Ok(senders)
    }

    fn connect(&self, shared: &Shared, hello: Hello, page_size: PageSize) -> std::io::Result<Senders> {
        let mut channels = Vec::new();
        for id in 0..self.parameters.multifd_channels {
            let mut connection = self.link.open(&self.destination)?;
            let mut output = connection.output.take().ok_or(std::io::ErrorKind::Unsupported)?;
            output.write_all(&Hello { id, ..hello }.encode())?;
            let sender = Sender::new(output, page_size, &self.parameters)?;
            channels.push(Destination { sender, connection });
        }
        let connections: Vec<_> = channels.iter().map(|channel| &channel.connection).collect();
        let number = shared.lock().open(&connections).ok_or(std::io::ErrorKind::ConnectionAborted)?;
        let channels = channels.into_iter().map(Mutex::new).collect();
        Ok(Senders { channels, number, packets: AtomicU64::new(0) })
    }

    /// Waits until all channels of the source have sent their pages, and synchronizes the destination's.
    fn synchronize(&self, shared: &Shared, senders: &Senders) -> Result<(), String> {
        let mut state = self.lock();
        state.waiting += 1;
        if state.waiting == self.sources {
            senders.synchronize()?;
            state.waiting = 0;
            state.rounds += 1;
            self.synchronized.notify_all();
            return Ok(());
        }
        let (round, start) = (state.rounds, Instant::now());
        while state.rounds == round {
            if state.opened < self.sources && start.elapsed() > shared.timeout() {
                return Err(format!("expected {} data channels of the source, found {}", self.sources, state.opened));
            }
            if shared.lock().has_ended() {
                return Ok(());
            }
            let waited = self.synchronized.wait_timeout(state, POLL);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        Ok(())
    }

    /// Closes the destination's channels with the source's last one.
    fn close(&self, shared: &Shared) {
        let mut state = self.lock();
        state.closed += 1;
        if state.closed < state.opened {
            return;
        }
        if let Some(senders) = state.senders.take() {
            let number = senders.number;
            drop(senders);
            shared.lock().close(number);
        }
    }
}

impl Senders {
    /// Sends pages with a channel, which is the number `index` of the channels in a circle.
    fn send(&self, index: usize, packet: &Packet<'_>) -> Result<(), String> {
        let Some(channel) = index.checked_rem(self.channels.len()).and_then(|index| self.channels.get(index)) else {
            return Ok(());
        };
        self.use_channel(channel, |sender, number| sender.send(packet, number))
    }

    fn synchronize(&self) -> Result<(), String> {
        self.channels.iter().try_for_each(|channel| self.use_channel(channel, Sender::synchronize))
    }

    /// Sends a packet with the next number.
    fn use_channel(
        &self,
        channel: &Mutex<Destination>,
        send: impl FnOnce(&mut Sender, u64) -> std::io::Result<()>,
    ) -> Result<(), String> {
        let mut channel = channel.lock().unwrap_or_else(PoisonError::into_inner);
        let number = self.packets.fetch_add(1, Ordering::Relaxed);
        send(&mut channel.sender, number)
            .map_err(|error| destination_failed(&explain(&error, channel.connection.ending().as_ref())))
    }
}

fn destination_failed(error: &impl ToString) -> String {
    format!("a data channel of the destination: {}", error.to_string())
}
