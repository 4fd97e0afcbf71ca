//! Two processes with an engine each, their guest, and the connections between them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::guest::{Guest, PAGES, Pages, SourceMemory};
use super::link::{Link, Message};
use super::moves::Move;
use super::setup::{Mutation, Setup};
use crate::memory::{BlockLayout, Sharing};
use crate::migration::MigrationStatus;
use crate::migration::capability::Capability;
use crate::migration::destination::{Destination, DestinationAction, DestinationConfig, DestinationControl};
use crate::migration::source::{Source, SourceConfig, SourceControl};

/// The process of the source.
#[derive(Debug, Clone)]
pub(super) struct SourceProcess {
    pub(super) engine: Source,
    pub(super) link: Option<usize>,
    /// Set when the driver has reported the loss of the connection.
    pub(super) lost: bool,
    pub(super) memory: SourceMemory,
    pub(super) runs: bool,
}

/// The process of the destination.
#[derive(Debug, Clone)]
pub(super) struct DestinationProcess {
    pub(super) engine: Destination,
    pub(super) action: Option<DestinationAction>,
    pub(super) link: Option<usize>,
    pub(super) pages: Pages,
    /// The items of a package that were not loaded yet.
    pub(super) package: VecDeque<Message>,
    /// Set while pages arrive independently of the engine's actions.
    pub(super) places: bool,
    /// The missing pages that the guest waits for.
    pub(super) waits: [bool; PAGES],
    /// The number of page faults that may follow.
    pub(super) page_faults: u8,
    pub(super) devices: Option<u8>,
    /// Set when the load was completed.
    pub(super) committed: bool,
    pub(super) runs: bool,
}

/// Everything that exists.
#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) now: Instant,
    pub(super) setup: Setup,
    /// `None` if the process is dead.
    pub(super) source: Option<SourceProcess>,
    pub(super) destination: Option<DestinationProcess>,
    pub(super) links: Vec<Link>,
    /// The guest when it was stopped at the source.
    pub(super) stopped: Option<Guest>,
    /// Set when the command RUN was written, or the end of a stream that is as good as it.
    pub(super) run_sent: bool,
    /// Set when the destination has run the guest.
    pub(super) destination_ran: bool,
    pub(super) forced: bool,
    pub(super) faults: u8,
    /// The first violation that a single step has shown.
    pub(super) violation: Option<String>,
}

/// The time between a moment and the longest deadline of the engines.
pub(super) const LONG: Duration = Duration::from_secs(3600);
const SESSION: u64 = 42;
/// The block of memory, and its page size.
pub(super) const BLOCK: &str = "ram";
pub(super) const PAGE: u64 = 4096;
/// The messages that a connection buffers before the source's next action waits.
const CAPACITY: usize = 2;

impl World {
    pub(super) fn new(setup: Setup) -> Self {
        let now = Instant::now();
        let mut config = SourceConfig { memory: PAGES as u64 * PAGE, ..SourceConfig::new(0, SESSION) };
        config.parameters.on_doubt = setup.on_doubt;
        config.capabilities.set(Capability::PostcopyRam, setup.postcopy.is_some());
        config.capabilities.set(Capability::PostcopyPreempt, setup.postcopy.is_some() && setup.preempt);
        config.page_size = PAGE;
        config.blocks = vec![BlockLayout {
            idstr: BLOCK.to_owned(),
            size: PAGES as u64 * PAGE,
            host_page_size: PAGE,
            guest_address: 0,
            sharing: Sharing::Private,
        }];
        let source = SourceProcess {
            engine: Source::new(config, now).expect("a valid configuration"),
            link: None,
            lost: false,
            memory: SourceMemory::new(setup.writes),
            runs: true,
        };
        let mut config = DestinationConfig { without_handshake: !setup.handshake, ..DestinationConfig::default() };
        config.capabilities.set(Capability::PostcopyRam, setup.postcopy.is_some());
        config.capabilities.set(Capability::PostcopyPreempt, setup.postcopy.is_some() && setup.preempt);
        let destination = DestinationProcess {
            engine: Destination::new(config),
            action: None,
            link: None,
            pages: Pages::default(),
            package: VecDeque::new(),
            places: false,
            waits: [false; PAGES],
            page_faults: setup.postcopy.unwrap_or(0),
            devices: None,
            committed: false,
            runs: false,
        };
        let mut world = Self {
            now,
            setup,
            source: Some(source),
            destination: Some(destination),
            links: Vec::new(),
            stopped: None,
            run_sent: false,
            destination_ran: false,
            forced: false,
            faults: setup.faults,
            violation: None,
        };
        world.settle();
        world
    }

    /// Carries a step out. Returns `None` if it is not possible.
    pub(super) fn step(&self, step: Move) -> Option<Self> {
        if !self.may(step) {
            return None;
        }
        let mut world = self.clone();
        world.carry_out(step)?;
        world.settle();
        Some(world)
    }

    /// Returns all steps that may be possible.
    pub(super) fn moves(&self) -> Vec<Move> {
        use Move::{
            CutBack, CutForward, DestinationActs, DestinationCancels, DestinationDies, DestinationIsForced,
            DestinationPlaces, DestinationRejects, DestinationTimesOut, GuestFaults, GuestWrites, SourceAbandons,
            SourceActs, SourceCancels, SourceDies, SourceIsForced, SourceLoses, SourceReceives, SourceRecovers,
            SourceStartsPostcopy, SourceTimesOut,
        };
        let mut moves = vec![
            SourceActs { vanishes: false },
            SourceActs { vanishes: true },
            SourceReceives,
            SourceLoses,
            SourceTimesOut { long: false },
            SourceTimesOut { long: true },
            SourceCancels,
            SourceRecovers,
            SourceIsForced,
            SourceAbandons,
            SourceStartsPostcopy,
            SourceDies,
            DestinationPlaces,
            DestinationActs { vanishes: false },
            DestinationActs { vanishes: true },
            DestinationRejects,
            DestinationTimesOut,
            DestinationCancels,
            DestinationIsForced,
            DestinationDies,
        ];
        moves.extend((0..PAGES).flat_map(|page| [GuestWrites { page }, GuestFaults { page }]));
        moves.extend((0..self.links.len()).flat_map(|link| [CutForward(link), CutBack(link)]));
        moves
    }

    /// Returns whether a step may be possible, without a copy of the world.
    fn may(&self, step: Move) -> bool {
        let link = |side: Option<usize>| side.and_then(|link| self.links.get(link));
        if step.is_fault() && self.faults == 0 {
            return false;
        }
        let (Some(source), Some(destination)) = (&self.source, &self.destination) else { return true };
        let source_link = link(source.link);
        match step {
            Move::SourceActs { .. } => {
                let is_full = |link: &Link| link.is_whole_forward() && link.forward.len() >= CAPACITY;
                let is_full = source_link.is_some_and(is_full);
                source.engine.has_action() && !is_full
            }
            Move::SourceReceives => source_link.is_some_and(|link| !link.back.is_empty()),
            Move::SourceLoses => !source.lost && source_link.is_some_and(Link::is_lost_for_source),
            Move::SourceTimesOut { .. } => source.engine.poll_timeout().is_some(),
            Move::SourceRecovers | Move::SourceIsForced | Move::SourceAbandons => {
                let waits = [MigrationStatus::Doubt, MigrationStatus::PostcopyPaused];
                waits.contains(&source.engine.statistics(self.now).status)
            }
            Move::SourceStartsPostcopy => source.runs && self.setup.postcopy.is_some(),
            Move::DestinationPlaces => destination.places,
            Move::GuestFaults { page } => destination.may_fault(page),
            Move::DestinationActs { .. } => destination.action.is_some(),
            Move::DestinationTimesOut => destination.engine.poll_timeout().is_some() && destination.action.is_some(),
            Move::DestinationIsForced => destination.is_disconnected(),
            Move::GuestWrites { .. } => source.runs && source.memory.writes > 0,
            _ => true,
        }
    }

    fn carry_out(&mut self, step: Move) -> Option<()> {
        if step.is_fault() {
            self.faults = self.faults.checked_sub(1)?;
        }
        match step {
            Move::SourceActs { vanishes } => self.source_acts(vanishes),
            Move::SourceReceives => self.source_receives(),
            Move::SourceLoses => self.source_loses(),
            Move::SourceTimesOut { long } => self.source_times_out(long),
            Move::SourceCancels | Move::SourceRecovers => {
                // In doubt, and when the guest runs on the destination, both connect again.
                let waits = [MigrationStatus::Doubt, MigrationStatus::PostcopyPaused];
                if self.source_status().is_some_and(|status| waits.contains(&status))
                    && self.links.len() >= self.setup.links
                {
                    return None;
                }
                let cancels = step == Move::SourceCancels;
                self.command_source(if cancels { SourceControl::Cancel } else { SourceControl::Recover })
            }
            Move::SourceIsForced => self.force_source(),
            Move::SourceAbandons => {
                self.destination.as_ref().filter(|destination| destination.runs && destination.is_whole())?;
                self.command_source(SourceControl::Abandon)
            }
            Move::SourceStartsPostcopy => self.command_source(SourceControl::StartPostcopy),
            Move::SourceDies => {
                self.source.take()?;
                self.links.iter_mut().for_each(|link| link.source_open = false);
                Some(())
            }
            Move::GuestWrites { page } => {
                let source = self.source.as_mut().filter(|source| source.runs && source.memory.writes > 0)?;
                // A guest that has ended its migration has no more effect on it.
                (!source.engine.is_finished()).then(|| source.memory.write(page))
            }
            Move::DestinationActs { vanishes } => self.destination_acts(vanishes),
            Move::DestinationPlaces => self.destination_places(),
            Move::GuestFaults { page } => self.guest_faults(page),
            Move::DestinationRejects => self.destination_rejects(),
            Move::DestinationTimesOut => self.destination_times_out(),
            Move::DestinationCancels => self.command_destination(DestinationControl::Cancel),
            Move::DestinationIsForced => self.force_destination(),
            Move::DestinationDies => {
                self.destination.take()?;
                self.links.iter_mut().for_each(|link| link.destination_open = false);
                Some(())
            }
            Move::CutForward(link) => {
                let link = self.links.get_mut(link).filter(|link| !link.cut_forward && link.destination_open)?;
                link.cut_forward();
                Some(())
            }
            Move::CutBack(link) => {
                let link = self.links.get_mut(link).filter(|link| !link.cut_back && link.source_open)?;
                link.cut_back();
                Some(())
            }
        }
    }

    /// Gets the destination's next action, in which it may wait, applies mutations, and removes connections that nothing refers to.
    fn settle(&mut self) {
        self.mutate();
        if let Some(source) = &mut self.source {
            while source.engine.poll_event().is_some() {}
        }
        if let Some(destination) = &mut self.destination {
            while destination.engine.poll_event().is_some() {}
            destination.action = destination.action.take().or_else(|| destination.engine.poll_action());
        }
        // The system closes connections that a listener has not accepted.
        if self.destination.as_ref().is_some_and(|destination| destination.engine.is_finished()) {
            self.links.iter_mut().filter(|link| !link.accepted).for_each(|link| link.destination_open = false);
        }
        self.remove_dead_links();
        if self.source_runs() && self.destination_runs() {
            self.violation.get_or_insert_with(|| "two guests run".to_owned());
        }
    }

    fn mutate(&mut self) {
        match self.setup.mutation {
            Some(Mutation::ResumeInDoubt) => {
                if let Some(source) = &mut self.source
                    && source.engine.statistics(self.now).status == MigrationStatus::Doubt
                {
                    let _ = source.engine.command(self.now, SourceControl::ForceRun);
                }
            }
            Some(Mutation::ResumeWhenSplit) => {
                if let Some(source) = &mut self.source
                    && source.engine.statistics(self.now).status == MigrationStatus::PostcopyPaused
                {
                    let _ = source.engine.command(self.now, SourceControl::ForceRun);
                }
            }
            Some(mutation @ (Mutation::RunWhenDisconnected | Mutation::DiscardWhenDisconnected)) => {
                let Some(destination) = self.destination.as_mut().filter(|destination| destination.is_disconnected())
                else {
                    return;
                };
                if mutation == Mutation::DiscardWhenDisconnected {
                    self.destination = None;
                    return;
                }
                destination.command(self.now, DestinationControl::ForceRun);
            }
            _ => {}
        }
    }

    fn remove_dead_links(&mut self) {
        let (source, destination) =
            (self.source.as_ref().and_then(|side| side.link), self.destination.as_ref().and_then(|side| side.link));
        let waits = self.destination.is_some();
        let mut kept = Vec::new();
        for (index, link) in self.links.iter().enumerate() {
            let is_used = Some(index) == source || Some(index) == destination;
            // A connection in the backlog of the listener is accepted even if its source has closed it.
            let is_pending = waits && !link.accepted && !link.cut_forward;
            if is_used || is_pending {
                kept.push(index);
            }
        }
        let position = |link: Option<usize>| link.and_then(|link| kept.iter().position(|kept| *kept == link));
        if let Some(side) = &mut self.source {
            side.link = position(source);
        }
        if let Some(side) = &mut self.destination {
            side.link = position(destination);
        }
        self.links = kept.into_iter().map(|index| self.links[index].clone()).collect();
    }

    pub(super) fn source_runs(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.runs)
    }

    pub(super) fn destination_runs(&self) -> bool {
        self.destination.as_ref().is_some_and(|destination| destination.runs)
    }

    pub(super) fn source_status(&self) -> Option<MigrationStatus> {
        Some(self.source.as_ref()?.engine.statistics(self.now).status)
    }

    pub(super) fn source_error(&self) -> Option<String> {
        self.source.as_ref()?.engine.statistics(self.now).error
    }

    /// Returns a text that is equal for worlds with the same future. All deadlines pass at any time, so times are left out.
    pub(super) fn key(&self) -> String {
        let source = self.source.as_ref().map(|source| {
            let SourceProcess { engine, link, lost, memory, runs } = source;
            (engine.key(), link, lost, memory, runs)
        });
        let destination = self.destination.as_ref().map(|destination| {
            let DestinationProcess { engine, action, link, pages, devices, committed, runs, .. } = destination;
            let DestinationProcess { package, places, waits, page_faults, .. } = destination;
            let postcopy = (package, places, waits, page_faults);
            (engine.key(), action, link, pages, devices, committed, runs, postcopy)
        });
        let flags = (self.run_sent, self.destination_ran, self.forced, self.faults);
        without_times(&format!("{:?}", (source, destination, &self.links, self.stopped, flags)))
    }
}

/// Removes moments from a text.
fn without_times(text: &str) -> String {
    let mut rest = text;
    let mut result = String::with_capacity(text.len());
    while let Some((before, after)) = rest.split_once("Instant {") {
        result.push_str(before);
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    result + rest
}
