//! The engine of a source with simulated guests, in virtual time: the predicted downtime is compared with the measured one.

use std::time::{Duration, Instant};

use vmstate_types::Writer;

use crate::migration::policy::patterns::{self, Guest, PAGE, PAGES, Random, count, random, send};
use crate::migration::source::{Done, Source, SourceAction, SourceConfig, SourceControl, SourceInput};
use crate::migration::{Capability, Event, MigrationStatus, OnStall, Policy, Statistics};
use crate::stream::{Command, DestinationState, ReturnPathMessage};

const MS: Duration = Duration::from_millis(1);
/// Pages that the link sends per millisecond: 40 MiB/s, give or take a tenth.
const PAGES_PER_MS: usize = 10;
/// The time for a message to the destination and its answer.
const ROUND_TRIP: Duration = MS;
/// The time to save, send and load the devices.
const DEVICES: Duration = Duration::from_millis(3);

/// A driver with a simulated guest, link and destination.
struct Simulation {
    source: Source,
    guest: Guest,
    to_send: Vec<bool>,
    log: Vec<bool>,
    now: Instant,
    start: Instant,
    /// The milliseconds that the guest has run.
    written: usize,
    runs: bool,
    /// The pages that the link's buffers hold, and those in them.
    buffer: usize,
    buffered: usize,
    /// The time until the first answer.
    first_answer: Duration,
    noise: Random,
    events: Vec<Event>,
}

impl Simulation {
    fn new(config: SourceConfig, guest: Guest) -> Self {
        let now = Instant::now();
        let config = SourceConfig { memory: PAGE * PAGES as u64, device_time: Some(DEVICES), ..config };
        Self {
            source: Source::new(config, now).unwrap(),
            guest,
            to_send: vec![true; PAGES],
            log: vec![false; PAGES],
            now,
            start: now,
            written: 0,
            runs: true,
            buffer: 0,
            buffered: 0,
            first_answer: ROUND_TRIP,
            noise: Random(7),
            events: Vec::new(),
        }
    }

    /// Lets the time pass, in which the guest writes and the destination reads.
    fn pass(&mut self, duration: Duration) {
        self.now += duration;
        let read = usize::try_from(duration.as_millis()).unwrap() * PAGES_PER_MS;
        self.buffered = self.buffered.saturating_sub(read);
        let until = usize::try_from((self.now - self.start).as_millis()).unwrap();
        while self.runs && self.written < until {
            (self.guest.write)(self.written, &mut self.log);
            self.written += 1;
        }
    }

    /// Sends at most `limit` pages: into the buffers, and at the speed of the link once they are full.
    fn send(&mut self, limit: usize) -> u64 {
        let mut total = 0;
        while total < limit {
            let sent = send(&mut self.to_send, (limit - total).min(PAGES_PER_MS - 1 + self.noise.below(3)));
            let sent = usize::try_from(sent).unwrap();
            if sent == 0 {
                break;
            }
            total += sent;
            self.buffered += sent;
            if self.buffered > self.buffer {
                self.pass(MS);
            }
        }
        total as u64 * PAGE
    }

    fn carry_out(&mut self, action: &SourceAction) -> Done {
        let mut bytes = 0;
        match action {
            SourceAction::Iterate { budget } => {
                let limit = usize::try_from(budget / PAGE).unwrap().clamp(1, 10 * PAGES_PER_MS);
                bytes = self.send(limit);
            }
            SourceAction::CompleteLive => bytes = self.send(PAGES),
            SourceAction::Synchronize => {
                self.to_send.iter_mut().zip(&mut self.log).for_each(|(page, dirty)| *page |= std::mem::take(dirty));
            }
            SourceAction::Stop => self.runs = false,
            SourceAction::Devices => self.pass(DEVICES),
            _ => {}
        }
        Done::new(bytes, count(&self.to_send) * PAGE)
    }

    /// Returns the messages with which an own destination answers.
    fn answers(action: &SourceAction) -> Vec<ReturnPathMessage> {
        let status = |state| vec![ReturnPathMessage::Status { state, reason: String::new() }];
        match action {
            SourceAction::Begin { .. } => {
                vec![ReturnPathMessage::Pong(0x766d_7381), ReturnPathMessage::Pong(0x766d_7301)]
            }
            SourceAction::End => status(DestinationState::Loaded),
            SourceAction::Send(Command::Ping(number)) => vec![ReturnPathMessage::Pong(*number)],
            SourceAction::Send(Command::Session(_)) => status(DestinationState::Loading),
            SourceAction::Send(Command::Run) => status(DestinationState::Running),
            _ => Vec::new(),
        }
    }

    fn run(&mut self) -> Statistics {
        while !self.source.is_finished() {
            match self.source.poll_action(self.now) {
                Some(action) => {
                    let done = self.carry_out(&action);
                    self.source.handle(self.now, SourceInput::Done(done));
                    self.answer(&action);
                }
                None => {
                    let deadline = self.source.poll_timeout().expect("the migration continues");
                    self.pass(deadline.saturating_duration_since(self.now));
                    self.source.handle(self.now, SourceInput::Timeout);
                }
            }
            self.events.extend(std::iter::from_fn(|| self.source.poll_event()));
        }
        self.source.statistics(self.now)
    }

    fn answer(&mut self, action: &SourceAction) {
        let answers = Self::answers(action);
        if answers.is_empty() {
            return;
        }
        let unread = MS * u32::try_from(self.buffered / PAGES_PER_MS).unwrap();
        self.pass(unread + if matches!(action, SourceAction::Begin { .. }) { self.first_answer } else { ROUND_TRIP });
        let mut bytes = Writer::new();
        answers.iter().for_each(|message| message.encode(&mut bytes));
        self.source.handle(self.now, SourceInput::Received(bytes.pending()));
    }
}

fn config(limit: u64) -> SourceConfig {
    let mut config = SourceConfig::new(0, 1);
    config.parameters.max_bandwidth = 0;
    config.parameters.downtime_limit = Duration::from_millis(limit);
    config
}

#[test]
fn engine_predicts_the_downtime_within_a_tenth() {
    for (name, limit, guest) in patterns::all() {
        let mut simulation = Simulation::new(config(limit), guest);
        let statistics = simulation.run();
        assert_eq!(statistics.status, MigrationStatus::Completed, "{name}");
        let (predicted, actual) = (statistics.predicted.unwrap().total(), statistics.downtime.unwrap());
        let difference = predicted.as_secs_f64() / actual.as_secs_f64() - 1.0;
        assert!(difference.abs() <= 0.1, "{name}: {predicted:?} predicted, {actual:?} measured");
        let is_reported = simulation.events.iter().any(|event| matches!(event, Event::LimitExceeded { .. }));
        assert!(actual <= Duration::from_millis(limit) * 11 / 10 || is_reported, "{name}: {actual:?}");
        assert_eq!(statistics.parts.unwrap().total(), actual, "{name}");
    }
}

/// The destination needs some time before it answers for the first time: the handshake is not expected to take as long.
#[test]
fn slow_first_answer_does_not_count() {
    let mut simulation = Simulation::new(config(20), patterns::idle());
    simulation.first_answer = 50 * MS;
    let statistics = simulation.run();
    assert_eq!(statistics.status, MigrationStatus::Completed, "{:?}", statistics.error);
    assert_eq!(statistics.predicted.unwrap().handshake, 2 * ROUND_TRIP);
}

/// Memory that fills the buffers of the link is read while the guest still runs.
#[test]
fn full_buffers_do_not_prolong_the_downtime() {
    let mut simulation = Simulation::new(config(300), patterns::idle());
    simulation.buffer = 400;
    let statistics = simulation.run();
    assert_eq!(statistics.status, MigrationStatus::Completed, "{:?}", statistics.error);
    let downtime = statistics.downtime.unwrap();
    assert!(downtime <= DEVICES + 2 * ROUND_TRIP + 7 * MS, "{downtime:?}");
}

#[test]
fn endless_writer_ends_as_its_goal_specifies() {
    for policy in [Policy::Predict, Policy::Qemu] {
        for (on_stall, expected) in
            [(OnStall::Fail, MigrationStatus::Failed), (OnStall::SwitchOver, MigrationStatus::Completed)]
        {
            let mut config = config(20);
            config.parameters.policy = policy;
            (config.parameters.max_duration, config.parameters.on_stall) = (Duration::from_secs(4), on_stall);
            let mut simulation = Simulation::new(config, random(40));
            let statistics = simulation.run();
            assert_eq!(statistics.status, expected, "{policy} {on_stall}");
            let total = statistics.total_time.unwrap();
            assert!((4..=6).contains(&total.as_secs()), "{policy} {on_stall}: {total:?}");
            assert!(
                simulation.events.iter().any(|event| matches!(event, Event::Stalled { .. })),
                "{policy} {on_stall}"
            );
            let exceeded = simulation.events.iter().any(|event| matches!(event, Event::LimitExceeded { .. }));
            assert_eq!(exceeded, on_stall == OnStall::SwitchOver, "{policy} {on_stall}");
        }
    }
}

#[test]
fn endless_writer_is_throttled_more_and_more() {
    let mut config = config(40);
    config.capabilities = config.capabilities.with(Capability::AutoConverge);
    let mut simulation = Simulation::new(config, random(16));
    // The simulated guest obeys no throttle, so the events show only that it grows.
    for _ in 0..4000 {
        let Some(action) = simulation.source.poll_action(simulation.now) else { break };
        let done = simulation.carry_out(&action);
        simulation.source.handle(simulation.now, SourceInput::Done(done));
        simulation.answer(&action);
        simulation.events.extend(std::iter::from_fn(|| simulation.source.poll_event()));
    }
    let throttles = simulation.events.iter().filter_map(|event| match event {
        Event::Throttled(percent) => Some(*percent),
        _ => None,
    });
    let throttles: Vec<_> = throttles.collect();
    assert!(throttles.starts_with(&[20, 30, 40]), "{throttles:?}");
}

#[test]
fn guest_is_not_slowed_down_after_the_migration() {
    for (capability, end) in [
        (Capability::AutoConverge, SourceAction::Throttle(0)),
        (Capability::DirtyLimit, SourceAction::LimitWrites(None)),
    ] {
        let mut config = config(40);
        config.capabilities = config.capabilities.with(capability);
        let mut simulation = Simulation::new(config, random(16));
        let mut actions = Vec::new();
        while !simulation.source.is_finished() {
            let now = simulation.now;
            let Some(action) = simulation.source.poll_action(now) else {
                simulation.pass(MS);
                simulation.source.handle(simulation.now, SourceInput::Timeout);
                continue;
            };
            let done = simulation.carry_out(&action);
            simulation.source.handle(simulation.now, SourceInput::Done(done));
            simulation.answer(&action);
            if matches!(action, SourceAction::Throttle(20) | SourceAction::LimitWrites(Some(_))) {
                simulation.source.command(simulation.now, SourceControl::Cancel).unwrap();
            }
            actions.push(action);
        }
        assert_eq!(simulation.source.statistics(simulation.now).status, MigrationStatus::Cancelled);
        assert_eq!(actions.iter().filter(|action| **action == end).count(), 1, "{capability}: {actions:?}");
    }
}
