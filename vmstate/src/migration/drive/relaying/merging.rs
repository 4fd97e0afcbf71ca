//! A source with data channels (multifd), whose pages are inserted into the main connection of the destination.
//!
//! A thread for each channel receives packets, and inserts their pages. The main connection waits for the channels at each
//! synchronization point, and the channels for the main connection, as a destination with data channels does.

use std::fs::File;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::super::channel::Channel;
use super::near_channel::{NearChannel, missing, surplus};
use super::output::Output;
use super::shared::{Lost, Shared};
use crate::Writer;
use crate::migration::relay::{MergeStep, PageMerger, Pages};

/// The time between two looks for the end of the migration.
const POLL: Duration = Duration::from_millis(50);

/// The data channels of the source.
pub(super) struct Merging {
    /// The number of the channels.
    sources: usize,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    merger: PageMerger,
    out: Writer,
    output: Output<'static>,
    /// The main connection of the destination, while it is open.
    destination: Option<File>,
    /// The number of channels that the source has opened, and of those it has closed.
    opened: usize,
    closed: usize,
    /// The number of channels that have reached the next synchronization point.
    arrived: usize,
    /// The number of synchronization points that all channels and the main connection have passed.
    rounds: u64,
    /// The number of packets whose pages were inserted, and of parts of the main connection.
    inserted: u64,
    passed: u64,
}

impl State {
    /// Passes the merged bytes.
    fn pass(&mut self, shared: &Shared) -> Result<(), Lost> {
        let passed = match &self.destination {
            Some(destination) => self.output.pass(shared, self.out.pending(), destination),
            None => Err(Lost::Ended),
        };
        self.out.clear();
        passed
    }
}

impl Merging {
    pub(super) fn new(sources: u8) -> Self {
        Self { sources: sources.into(), state: Mutex::default(), changed: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'m>(&'m self, state: MutexGuard<'m, State>) -> MutexGuard<'m, State> {
        self.changed.wait_timeout(state, POLL).unwrap_or_else(PoisonError::into_inner).0
    }

    /// Begins the main connection.
    pub(super) fn begin(&self, destination: &File) -> io::Result<()> {
        self.lock().destination = Some(destination.try_clone()?);
        Ok(())
    }

    /// Ends the main connection.
    pub(super) fn end(&self) {
        self.lock().destination = None;
    }

    /// Passes bytes of the main connection.
    pub(super) fn pass(&self, shared: &Shared, mut bytes: &[u8]) -> Result<(), Lost> {
        let mut state = self.lock();
        state.passed += 1;
        loop {
            let State { merger, out, .. } = &mut *state;
            let step = merger.advance(&mut bytes, out).map_err(|error| {
                shared.fail(&error.to_string());
                Lost::Ended
            })?;
            state.pass(shared)?;
            // The channels can insert pages at this place.
            self.changed.notify_all();
            match step {
                MergeStep::Decoded => return Ok(()),
                MergeStep::Synchronize => state = self.synchronize(shared, state)?,
            }
        }
    }

    /// Waits until all channels have reached a synchronization point, and lets them continue.
    fn synchronize<'m>(
        &'m self,
        shared: &Shared,
        mut state: MutexGuard<'m, State>,
    ) -> Result<MutexGuard<'m, State>, Lost> {
        let (mut start, mut inserted) = (Instant::now(), state.inserted);
        while state.arrived < self.sources {
            if std::mem::replace(&mut inserted, state.inserted) != inserted {
                start = Instant::now();
            }
            // The source continues its main connection after it has sent the synchronization points of all channels.
            if state.closed > 0 || start.elapsed() >= shared.timeout() {
                shared.lock().fail_pages(&self.unsynchronized(&state));
            }
            if shared.lock().has_ended() {
                return Err(Lost::Ended);
            }
            state = self.wait(state);
        }
        (state.arrived, state.rounds) = (0, state.rounds + 1);
        self.changed.notify_all();
        Ok(state)
    }

    fn unsynchronized(&self, state: &State) -> String {
        if state.opened < self.sources {
            return missing(self.sources, state.opened);
        }
        format!(
            "expected a synchronization point of {} data channels of the source, found {}",
            self.sources, state.arrived
        )
    }

    /// Inserts the pages of a channel of the source, to its end.
    pub(super) fn run(&self, shared: &Shared, source: Channel) {
        let Some(number) = shared.lock().open(&[&source]) else { return };
        let result = self.receive(shared, &source);
        if let Err(reason) = result {
            shared.lock().fail_pages(&reason);
        }
        self.lock().closed += 1;
        self.changed.notify_all();
        drop(source);
        shared.lock().close(number);
    }

    fn receive(&self, shared: &Shared, source: &Channel) -> Result<(), String> {
        let mut state = self.lock();
        if state.opened >= self.sources {
            return Err(surplus(self.sources));
        }
        state.opened += 1;
        drop(state);
        let Some(mut channel) = NearChannel::begin(shared, source)? else { return Ok(()) };
        let mut rounds = 0;
        while let Some(packet) = channel.receive()? {
            if !packet.pages().is_empty() {
                self.insert(shared, packet.pages(), rounds)?;
            }
            if packet.sync {
                rounds += 1;
                self.arrive(shared, rounds);
            }
        }
        Ok(())
    }

    /// Inserts pages of a channel that has reached `rounds` synchronization points.
    fn insert(&self, shared: &Shared, pages: Pages<'_>, rounds: u64) -> Result<(), String> {
        if rounds == 0 {
            return Err(
                "a data channel of the source: expected a synchronization point before the first page".to_owned()
            );
        }
        let mut state = self.lock();
        let (mut start, mut passed) = (Instant::now(), state.passed);
        loop {
            let State { merger, out, .. } = &mut *state;
            if merger.insert(pages, out).map_err(|error| error.to_string())? {
                break;
            } else if shared.lock().has_ended() {
                return Ok(());
            } else if std::mem::replace(&mut passed, state.passed) != passed {
                start = Instant::now();
            } else if start.elapsed() >= shared.timeout() {
                return Err(
                    "a data channel of the source: expected the rest of an item of the main connection".to_owned()
                );
            }
            state = self.wait(state);
        }
        state.inserted += 1;
        match state.pass(shared) {
            Err(Lost::Destination(error)) => Err(format!("the destination's connection is lost: {error}")),
            Ok(()) | Err(Lost::Ended) => Ok(()),
        }
    }

    /// Waits until the main connection and all channels have passed the synchronization point.
    fn arrive(&self, shared: &Shared, rounds: u64) {
        let mut state = self.lock();
        state.arrived += 1;
        self.changed.notify_all();
        // The main connection fails if it waits for too long, and ends the migration.
        while state.rounds < rounds && !shared.lock().has_ended() {
            state = self.wait(state);
        }
    }
}
