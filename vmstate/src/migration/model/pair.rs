//! A source and a destination with simulated drivers.

use std::time::{Duration, Instant};

use vmstate_types::Writer;

use super::network::Connection;
use crate::migration::destination::{
    Destination, DestinationAction, DestinationConfig, DestinationControl, DestinationInput, Item,
};
use crate::migration::source::{Done, Source, SourceAction, SourceConfig, SourceInput};
use crate::migration::{Event, MigrationStatus};
use crate::stream::Command;

/// The size of the guest's memory.
const MEMORY: u64 = 1 << 20;

/// An action that a driver has carried out.
pub(super) enum Step {
    Source(SourceAction),
    Destination(DestinationAction),
}

/// Both sides of a migration.
pub(super) struct Pair {
    pub(super) now: Instant,
    pub(super) source: Source,
    pub(super) destination: Destination,
    pub(super) connection: Option<Connection>,
    /// The connection that the destination reads. It can be older than the source's.
    accepted: bool,
    pub(super) source_runs: bool,
    pub(super) destination_runs: bool,
    remaining: u64,
    /// The bytes that the guest writes between two synchronizations.
    pub(super) dirty_per_pass: u64,
    source_action: Option<SourceAction>,
    destination_action: Option<DestinationAction>,
    pub(super) source_events: Vec<Event>,
    pub(super) destination_events: Vec<Event>,
    pub(super) steps: Vec<Step>,
    /// Set while a command has stopped the source's guest.
    pub(super) is_paused: bool,
    /// Makes this action of the destination fail.
    pub(super) reject: Option<DestinationAction>,
}

impl Pair {
    pub(super) fn new(config: SourceConfig, destination: DestinationConfig) -> Self {
        let now = Instant::now();
        let config = SourceConfig { memory: MEMORY, ..config };
        Self {
            now,
            source_runs: config.guest_runs,
            source: Source::new(config, now).expect("a valid configuration"),
            destination: Destination::new(destination),
            connection: None,
            accepted: false,
            destination_runs: false,
            remaining: MEMORY,
            dirty_per_pass: 4096,
            source_action: None,
            destination_action: None,
            source_events: Vec::new(),
            destination_events: Vec::new(),
            steps: Vec::new(),
            is_paused: false,
            reject: None,
        }
    }

    /// Carries out one action of the source. Returns whether it had one.
    pub(super) fn step_source(&mut self) -> bool {
        let Some(action) = self.source_action.take().or_else(|| self.source.poll_action(self.now)) else {
            return false;
        };
        let input = match self.execute_source(&action) {
            Ok(done) => SourceInput::Done(done.guest_stopped(self.is_paused)),
            Err(reason) => SourceInput::Failed(reason),
        };
        self.steps.push(Step::Source(action));
        self.now += Duration::from_micros(100);
        self.source.handle(self.now, input);
        self.collect_events();
        true
    }

    fn execute_source(&mut self, action: &SourceAction) -> Result<Done, String> {
        use SourceAction as Action;
        match action {
            Action::Connect => {
                if let Some(old) = &mut self.connection {
                    old.closed_by_source = true;
                }
                self.connection = Some(Connection::default());
                self.accepted = false;
                return Ok(Done::default());
            }
            Action::Close => {
                if let Some(connection) = &mut self.connection {
                    connection.closed_by_source = true;
                }
                return Ok(Done::default());
            }
            Action::Stop => self.source_runs = false,
            Action::Resume => self.source_runs = true,
            Action::Begin { commands } => {
                for command in commands {
                    self.send(Item::Command(command.clone()))?;
                }
                self.send(Item::Section)?;
            }
            Action::Send(command) => self.send(Item::Command(command.clone()))?,
            Action::Iterate { budget } => {
                self.send(Item::Section)?;
                self.remaining = self.remaining.saturating_sub(*budget);
                return Ok(Done::new(*budget, self.remaining));
            }
            Action::CompleteLive => {
                self.send(Item::Section)?;
                self.remaining = 0;
            }
            Action::Devices => self.send(Item::Section)?,
            Action::End => self.send(Item::End { described: true })?,
            Action::Synchronize if self.source_runs => self.remaining += self.dirty_per_pass,
            Action::Synchronize | Action::Throttle(_) | Action::LimitWrites(_) => {}
            other => return Err(format!("{other:?} is not modelled")),
        }
        Ok(Done::new(100, self.remaining))
    }

    fn send(&mut self, item: Item) -> Result<(), String> {
        self.connection.as_mut().ok_or("not connected")?.send(item)
    }

    /// Delivers at most `limit` bytes of the return path. Returns whether anything happened.
    pub(super) fn deliver_back(&mut self, limit: usize) -> bool {
        let Some(connection) = self.connection.as_mut().filter(|connection| !connection.closed_by_source) else {
            return false;
        };
        let count = connection.back.len().min(limit);
        let bytes: Vec<u8> = connection.back.drain(..count).collect();
        let lost = bytes.is_empty() && (connection.is_cut || connection.closed_by_destination);
        if lost {
            // The driver reports a loss once.
            connection.closed_by_source = true;
            self.source.handle(self.now, SourceInput::Lost("connection lost".into()));
        } else if !bytes.is_empty() {
            self.source.handle(self.now, SourceInput::Received(&bytes));
        }
        self.collect_events();
        lost || !bytes.is_empty()
    }

    /// Carries out one action of the destination. Returns whether it made progress.
    pub(super) fn step_destination(&mut self) -> bool {
        let Some(action) = self.destination_action.take().or_else(|| self.destination.poll_action()) else {
            return false;
        };
        let Some(input) = self.execute_destination(&action) else {
            self.destination_action = Some(action);
            return false;
        };
        self.steps.push(Step::Destination(action));
        self.now += Duration::from_micros(100);
        self.destination.handle(self.now, input);
        self.collect_events();
        true
    }

    /// Returns the result, or `None` while the action waits.
    fn execute_destination(&mut self, action: &DestinationAction) -> Option<DestinationInput> {
        use {DestinationAction as Action, DestinationInput as Input};
        if self.reject.as_ref() == Some(action) {
            return Some(Input::Failed("rejected".into()));
        }
        match action {
            Action::Accept => {
                let usable = self.connection.as_ref().is_some_and(|connection| !connection.is_cut);
                (usable && !self.accepted).then(|| {
                    self.accepted = true;
                    Input::Done
                })
            }
            Action::Load | Action::ReadCommand => self.read(),
            Action::AwaitClose => {
                let connection = self.connection.as_ref()?;
                match () {
                    () if connection.is_cut => Some(Input::Lost("connection reset".into())),
                    () if connection.closed_by_source && connection.back.is_empty() => Some(Input::Done),
                    () if connection.closed_by_source => Some(Input::Lost("connection reset".into())),
                    () => None,
                }
            }
            Action::Answer(message) => {
                let mut bytes = Writer::new();
                message.encode(&mut bytes);
                let answered = self.current().map_or(Err("closed".to_owned()), |link| link.answer(bytes.pending()));
                Some(answered.map_or_else(Input::Lost, |()| Input::Done))
            }
            Action::Commit | Action::RollBack => Some(Input::Done),
            Action::Advise(_)
            | Action::AcceptPreempt
            | Action::Discard { .. }
            | Action::Listen { .. }
            | Action::SendBitmap(_)
            | Action::RepeatRequests
            | Action::Finish => Some(Input::Failed(format!("{action:?} is not modelled"))),
            Action::Run => {
                self.destination_runs = true;
                Some(Input::Done)
            }
            Action::Close => {
                if let Some(connection) = self.current() {
                    connection.closed_by_destination = true;
                }
                Some(Input::Done)
            }
        }
    }

    /// Returns the connection, if the destination has accepted it.
    fn current(&mut self) -> Option<&mut Connection> {
        if self.accepted { self.connection.as_mut() } else { None }
    }

    fn read(&mut self) -> Option<DestinationInput> {
        let Some(connection) = self.current() else { return Some(DestinationInput::Lost("connection lost".into())) };
        match connection.forward.pop_front() {
            Some(item) => Some(DestinationInput::Item(item)),
            None if connection.is_cut || connection.closed_by_source => {
                Some(DestinationInput::Lost("connection lost".into()))
            }
            None => None,
        }
    }

    /// Lets the time pass to a deadline of the source.
    pub(super) fn time_out_source(&mut self) -> bool {
        let Some(deadline) = self.source.poll_timeout() else { return false };
        self.now = self.now.max(deadline);
        self.source.handle(self.now, SourceInput::Timeout);
        self.collect_events();
        true
    }

    /// Lets the time pass to a deadline of the destination, whose action ends.
    pub(super) fn time_out_destination(&mut self) -> bool {
        let waiting = self.destination_action.is_some();
        let Some(deadline) = self.destination.poll_timeout().filter(|_| waiting) else { return false };
        self.now = self.now.max(deadline);
        self.interrupt_destination();
        true
    }

    /// Ends the action that the destination waits in, as a driver does after a command.
    pub(super) fn interrupt_destination(&mut self) {
        if self.destination_action.take().is_some() {
            self.destination.handle(self.now, DestinationInput::Timeout);
        }
        self.collect_events();
    }

    pub(super) fn cancel_destination(&mut self) {
        if self.destination.command(self.now, DestinationControl::Cancel).is_ok() {
            self.interrupt_destination();
        }
    }

    /// Runs until nothing happens anymore, without faults. Deadlines of single slices pass.
    pub(super) fn run(&mut self) {
        for _ in 0..10_000 {
            let progress = self.step_source() | self.deliver_back(usize::MAX) | self.step_destination();
            if !progress && !self.pass_slice() {
                return self.collect_events();
            }
        }
        panic!("the migration does not end");
    }

    /// Lets the time pass to the next slice, if the source waits for it.
    pub(super) fn pass_slice(&mut self) -> bool {
        let slice = self.now + Duration::from_millis(100);
        self.source.poll_timeout().is_some_and(|deadline| deadline <= slice) && self.time_out_source()
    }

    fn collect_events(&mut self) {
        self.source_events.extend(std::iter::from_fn(|| self.source.poll_event()));
        self.destination_events.extend(std::iter::from_fn(|| self.destination.poll_event()));
        assert!(!(self.source_runs && self.destination_runs), "two guests run: {:?}", self.source_events);
    }

    pub(super) fn source_status(&self) -> MigrationStatus {
        self.source.statistics(self.now).status
    }

    /// Returns the command that the source sends next on the connection, if it is in flight.
    pub(super) fn in_flight(&self, command: &Command) -> bool {
        let item = Item::Command(command.clone());
        self.connection.as_ref().is_some_and(|connection| connection.forward.contains(&item))
    }
}

/// Returns the names of events, as in the recordings of QEMU: states, passes, STOP and RESUME.
pub(super) fn names(events: &[Event]) -> String {
    let name = |event: &Event| match event {
        Event::Status(status) => Some(status.to_string()),
        Event::Pass { .. } => Some("pass".to_owned()),
        Event::Stopped => Some("STOP".to_owned()),
        Event::Resumed => Some("RESUME".to_owned()),
        _ => None,
    };
    let mut names: Vec<_> = events.iter().filter_map(name).collect();
    names.dedup();
    names.join(" ")
}
