//! The course of a migration, followed message by message.

use std::collections::HashMap;

use super::explanation::{Moment, Participant, Postcopy, SideReport, StateChange};
use super::figures::{Passes, Scan};
use super::seen::{PageKind, Position, Seen};
use crate::migration::{MigrationStatus, Side};
use crate::stream::{Command, DestinationState, ReturnPathMessage, SectionHeader, SectionKind};

/// The highest number of events that are listed.
const MAX_MOMENTS: usize = 500;
/// The highest number of changes of a side's state.
const MAX_STATES: usize = 100;
/// The highest number of requests whose pages are awaited. Destinations have one for each vCPU.
const MAX_REQUESTS: usize = 4096;
/// The names of COLO's messages (`COLOMessage` in QEMU's `qapi/migration.json`).
const COLO: [&str; 7] = [
    "checkpoint-ready",
    "checkpoint-request",
    "checkpoint-reply",
    "vmstate-send",
    "vmstate-size",
    "vmstate-received",
    "vmstate-loaded",
];
/// The message after which a checkpoint is loaded.
const COLO_LOADED: u32 = 6;

/// The course of a migration.
#[derive(Debug, Default)]
pub(super) struct Story {
    /// The time of the current entry, in microseconds.
    pub(super) now: u64,
    pub(super) source: SideReport,
    pub(super) destination: SideReport,
    pub(super) moments: Vec<Moment>,
    pub(super) omitted_moments: u64,
    pub(super) machine: Option<String>,
    pub(super) memory: u64,
    pub(super) passes: Passes,
    pub(super) devices: u64,
    /// Set if the stream has the last section of a live device. Background snapshots do not.
    pub(super) has_end: bool,
    pub(super) return_path: bool,
    pub(super) colo: bool,
    pub(super) checkpoints: u64,
    pub(super) postcopy: Option<Postcopy>,
    /// The last PING in the package with the devices.
    pub(super) package_ping: Option<u32>,
    is_in_package: bool,
    /// The requested pages that have not followed, with the time of the request.
    requested: HashMap<Position, u64>,
    latencies: u64,
    /// The times at which the switchover, the devices and the answer became visible.
    pub(super) stop: Option<u64>,
    pub(super) memory_end: Option<u64>,
    pub(super) devices_end: Option<u64>,
    pub(super) answer: Option<u64>,
    /// The time of the end mark.
    pub(super) ended: Option<u64>,
    pub(super) described: bool,
    /// The destination's last message.
    pub(super) shut: Option<(u64, u32)>,
    /// The reasons that a peer with this library gives.
    pub(super) declined: Option<(u64, String)>,
    pub(super) revoked: Option<(u64, String)>,
    /// The first part that cannot be decoded.
    pub(super) malformed: Option<(u64, Participant, String)>,
}

impl Story {
    /// Adds an event to the list.
    pub(super) fn moment(&mut self, side: Participant, connection: u32, what: impl Into<String>) {
        if self.moments.len() >= MAX_MOMENTS {
            self.omitted_moments += 1;
            return;
        }
        self.moments.push(Moment { at_us: self.now, side, connection, what: what.into() });
    }

    /// Changes the state of a side.
    pub(super) fn enter(&mut self, side: Side, status: MigrationStatus) {
        let report = match side {
            Side::Source => &mut self.source,
            Side::Destination => &mut self.destination,
        };
        if report.status() != status && report.states.len() < MAX_STATES {
            report.states.push(StateChange { at_us: self.now, status });
        }
    }

    pub(super) fn enter_both(&mut self, status: MigrationStatus) {
        self.enter(Side::Source, status);
        self.enter(Side::Destination, status);
    }

    /// Follows a part of the stream.
    pub(super) fn seen(&mut self, connection: u32, scan: &mut Scan, seen: Seen) {
        match seen {
            Seen::Header(machine) => {
                self.machine = machine.or(self.machine.take());
                self.enter(Side::Destination, MigrationStatus::Active);
                self.moment(Participant::Source, connection, "header of the stream");
            }
            Seen::Section(section) => self.section(connection, &section),
            Seen::Command(command) => self.command(connection, &command),
            Seen::PackageEnd | Seen::Flush => {}
            Seen::Memory(total) => self.memory = total,
            Seen::Page(kind, position) => self.pages(scan, Some(position), (kind, 1)),
            Seen::End => {
                self.ended.get_or_insert(self.now);
                self.switched_over();
                self.devices_end.get_or_insert(self.now);
                self.moment(Participant::Source, connection, "end mark of the stream");
            }
            Seen::Description => self.described = true,
        }
    }

    /// Counts pages, of which the first one is at `position`.
    pub(super) fn pages(&mut self, scan: &mut Scan, position: Option<Position>, pages: (PageKind, u64)) {
        let Some(postcopy) = &mut self.postcopy else { return self.passes.count(scan, position, pages, self.now) };
        postcopy.pages.add(pages.0, pages.1);
        let Some(requested) = position.and_then(|position| self.requested.remove(&position)) else { return };
        let latency = self.now.saturating_sub(requested);
        postcopy.answered += 1;
        self.latencies = self.latencies.saturating_add(latency);
        postcopy.mean_us = self.latencies / postcopy.answered;
        postcopy.longest_us = postcopy.longest_us.max(latency);
    }

    fn section(&mut self, connection: u32, section: &SectionHeader) {
        match section.kind {
            SectionKind::Start => {
                self.enter(Side::Source, MigrationStatus::Active);
                self.moment(Participant::Source, connection, format!("first section of `{}`", section.name));
            }
            SectionKind::Part => {}
            SectionKind::End if self.postcopy.is_some() => {}
            SectionKind::End => {
                self.has_end = true;
                self.begin_switchover();
            }
            SectionKind::Full => {
                self.devices += 1;
                self.switched_over();
            }
        }
    }

    fn begin_switchover(&mut self) {
        if self.stop.is_none() {
            self.stop = Some(self.now);
            self.enter(Side::Source, MigrationStatus::Device);
        }
    }

    /// Ends the memory's part of the downtime.
    fn switched_over(&mut self) {
        if self.stop.is_some() {
            self.memory_end.get_or_insert(self.now);
        }
    }

    fn command(&mut self, connection: u32, command: &Command) {
        if let Command::RamDiscard { .. } = command {
            return;
        }
        let what = match command {
            Command::Ping(number) => format!("{} {number:#x}", command.name()),
            Command::Packaged { length } => format!("{} of {length} bytes", command.name()),
            Command::RecvBitmap(block) => format!("{} of `{block}`", command.name()),
            Command::Revoke(reason) => format!("{}: {reason}", command.name()),
            _ => command.name().to_owned(),
        };
        self.moment(Participant::Source, connection, what);
        match command {
            Command::OpenReturnPath => self.return_path = true,
            Command::SwitchoverStart => self.begin_switchover(),
            Command::Packaged { .. } => {
                self.begin_switchover();
                self.switched_over();
            }
            Command::PostcopyListen => {
                self.is_in_package = true;
                self.enter(Side::Destination, MigrationStatus::PostcopyActive);
            }
            Command::Ping(number) if self.is_in_package => self.package_ping = Some(*number),
            Command::PostcopyRun => self.hand_over(),
            Command::RecvBitmap(_) => self.enter_both(MigrationStatus::PostcopyRecover),
            Command::EnableColo => self.colo = true,
            Command::Revoke(reason) => {
                self.revoked.get_or_insert((self.now, reason.clone()));
            }
            _ => {}
        }
    }

    fn hand_over(&mut self) {
        self.is_in_package = false;
        self.devices_end.get_or_insert(self.now);
        self.enter(Side::Source, MigrationStatus::PostcopyActive);
        self.postcopy.get_or_insert(Postcopy { begin_us: self.now, ..Postcopy::default() });
    }

    /// Follows a request for the page at `position`, if its block is known.
    pub(super) fn request(&mut self, position: Option<Position>) {
        // Requests may arrive while the devices are loaded.
        if let Some(position) = position.filter(|_| self.requested.len() < MAX_REQUESTS) {
            self.requested.insert(position, self.now);
        }
        if let Some(postcopy) = &mut self.postcopy {
            postcopy.requests += 1;
        }
    }

    /// Follows a message of the destination that is not a request.
    pub(super) fn message(&mut self, connection: u32, message: &ReturnPathMessage) {
        let name = message.name();
        let what = match message {
            ReturnPathMessage::Shut(value) => format!("{name} {value}"),
            ReturnPathMessage::Pong(number) => format!("{name} {number:#x}"),
            ReturnPathMessage::RecvBitmap(block) => format!("{name} of `{block}`"),
            ReturnPathMessage::Status { state, reason } if reason.is_empty() => format!("{name} {}", state.name()),
            ReturnPathMessage::Status { state, reason } => format!("{name} {}: {reason}", state.name()),
            _ => name.to_owned(),
        };
        self.moment(Participant::Destination, connection, what);
        match message {
            ReturnPathMessage::Shut(value) => self.shut(*value),
            ReturnPathMessage::Pong(number) if self.postcopy.is_some() && self.package_ping == Some(*number) => {
                self.answer.get_or_insert(self.now);
            }
            ReturnPathMessage::ResumeAck => {
                self.enter_both(MigrationStatus::PostcopyActive);
                if let Some(postcopy) = &mut self.postcopy {
                    postcopy.recoveries += 1;
                }
            }
            ReturnPathMessage::Status { state, reason } => self.status(*state, reason),
            _ => {}
        }
    }

    fn shut(&mut self, value: u32) {
        self.shut.get_or_insert((self.now, value));
        if value != 0 {
            return self.enter(Side::Destination, MigrationStatus::Failed);
        }
        self.enter(Side::Destination, MigrationStatus::Completed);
        if self.ended.is_some() {
            self.answer.get_or_insert(self.now);
            self.enter(Side::Source, MigrationStatus::Completed);
        }
    }

    fn status(&mut self, state: DestinationState, reason: &str) {
        match state {
            DestinationState::Loaded => self.enter(Side::Destination, MigrationStatus::Loaded),
            DestinationState::Running => {
                self.answer.get_or_insert(self.now);
            }
            DestinationState::Declined => {
                self.declined.get_or_insert((self.now, reason.to_owned()));
                self.enter(Side::Destination, MigrationStatus::Failed);
            }
            _ => {}
        }
    }

    /// Follows a message of COLO.
    pub(super) fn colo_message(&mut self, connection: u32, number: u32) {
        self.colo = true;
        self.checkpoints += u64::from(number == COLO_LOADED);
        let name = usize::try_from(number).ok().and_then(|number| COLO.get(number)).copied().unwrap_or_default();
        self.moment(Participant::Destination, connection, format!("COLO {name}"));
    }
}
