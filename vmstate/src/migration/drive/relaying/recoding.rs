//! Data channels (multifd) whose number or compression is another one at the destination.
//!
//! Packets are forwarded to any channel of the destination, because the pages between two synchronizations have no order.
//! The destination's channels synchronize after all of the source's have.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::channel::{Channel, Link};
use super::far_channel::{self, FarChannel, destination_failed};
use super::near_channel::{NearChannel, missing, surplus};
use super::shared::Shared;
use crate::memory::PageSize;
use crate::migration::Uri;
use crate::migration::parameter::Parameters;
use crate::migration::protocol::multifd::Hello;
use crate::migration::relay::Pages;

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
    channels: Vec<Mutex<FarChannel>>,
    /// The number of the connections in the list of the relay.
    number: usize,
    packets: AtomicU64,
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
        let Some(mut near) = NearChannel::begin(shared, source)? else { return Ok(()) };
        let hello = near.hello();
        let senders = self.senders(shared, hello, near.page_size())?;
        let mut next = usize::from(hello.id);
        while let Some(packet) = near.receive()? {
            if !packet.pages().is_empty() {
                senders.send(next, packet.pages())?;
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
            return Err(surplus(self.sources));
        }
        if let Some(senders) = &state.senders {
            return Ok(Arc::clone(senders));
        }
        let senders = Arc::new(self.connect(shared, hello, page_size).map_err(|error| destination_failed(&error))?);
        state.senders = Some(Arc::clone(&senders));
        Ok(senders)
    }

    fn connect(&self, shared: &Shared, hello: Hello, page_size: PageSize) -> std::io::Result<Senders> {
        let connections = far_channel::connect(&self.link, &self.destination, hello.uuid, &self.parameters)?;
        let channels = connections.into_iter().map(|channel| FarChannel::new(channel, page_size, &self.parameters));
        let channels = channels.collect::<std::io::Result<Vec<_>>>()?;
        let connections: Vec<_> = channels.iter().map(FarChannel::connection).collect();
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
                return Err(missing(self.sources, state.opened));
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
    fn send(&self, index: usize, pages: Pages<'_>) -> Result<(), String> {
        let Some(channel) = index.checked_rem(self.channels.len()).and_then(|index| self.channels.get(index)) else {
            return Ok(());
        };
        lock(channel).send(pages, &self.packets)
    }

    fn synchronize(&self) -> Result<(), String> {
        self.channels.iter().try_for_each(|channel| lock(channel).synchronize(&self.packets))
    }
}

fn lock(channel: &Mutex<FarChannel>) -> MutexGuard<'_, FarChannel> {
    channel.lock().unwrap_or_else(PoisonError::into_inner)
}
