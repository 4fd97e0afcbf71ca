//! Explores all interleavings breadth first, and checks the properties of the protocol.

use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::fmt;
use std::hash::{Hash, Hasher};

use super::moves::Move;
use super::world::{DestinationProcess, Setup, World};
use crate::migration::MigrationStatus;
use crate::stream::DestinationState;

/// The properties, in the order of their definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Property {
    /// The source and the destination never run the guest at the same time, and no page is lost or stale.
    NeverTwo,
    /// Commands and messages lead to one running guest, while a process that has it lives.
    NeverNone,
    /// A migration that ends before the switchover leaves the source running and the destination unchanged.
    Unchanged,
    /// Each wait ends by a timeout or by a command.
    Bounded,
    /// Both sides know the reason of a failure, unless the connection has failed.
    Reason,
}

/// A property that does not hold, with a shortest sequence of steps to the violation.
#[derive(Debug)]
pub(super) struct Violation {
    pub(super) property: Property,
    pub(super) reason: String,
    steps: Vec<Move>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.property, self.reason)?;
        self.steps.iter().try_for_each(|step| write!(f, "\n  {step:?}"))
    }
}

/// The result of an exploration.
#[derive(Debug)]
pub(super) struct Exploration {
    pub(super) states: usize,
    pub(super) steps: usize,
    /// At most one violation of each property.
    pub(super) violations: Vec<Violation>,
}

/// The facts about a state that are checked when all states are known.
struct Node {
    /// The state and the step from which this one was reached first.
    parent: Option<(u32, Move)>,
    /// Set if exactly one whole guest runs.
    runs: bool,
    /// Set if a process that has the guest lives, and no operator has given the guest up.
    has_holder: bool,
}

struct Explorer {
    numbers: HashMap<(u64, u64), u32>,
    nodes: Vec<Node>,
    /// The steps that are not faults.
    edges: Vec<(u32, u32)>,
    steps: usize,
    violations: Vec<Violation>,
}

/// Explores a configuration.
pub(super) fn explore(setup: Setup) -> Exploration {
    let explorer =
        Explorer { numbers: HashMap::new(), nodes: Vec::new(), edges: Vec::new(), steps: 0, violations: Vec::new() };
    explorer.run(World::new(setup))
}

impl Explorer {
    fn run(mut self, start: World) -> Exploration {
        let mut level = vec![(self.number(&start, None).0, start)];
        while !level.is_empty() {
            let mut next = Vec::new();
            for (number, world) in level {
                self.expand(number, &world, &mut next);
            }
            level = next;
        }
        self.check_never_none();
        self.violations.sort_by_key(|violation| violation.property);
        Exploration { states: self.nodes.len(), steps: self.steps, violations: self.violations }
    }

    /// Returns the number of a state, and whether it is new.
    fn number(&mut self, world: &World, parent: Option<(u32, Move)>) -> (u32, bool) {
        let key = world.key();
        let hash = |seed: u8| {
            let mut hasher = DefaultHasher::new();
            (seed, &key).hash(&mut hasher);
            hasher.finish()
        };
        let next = u32::try_from(self.nodes.len()).expect("less than 2^32 states");
        match self.numbers.entry((hash(0), hash(1))) {
            Entry::Occupied(entry) => (*entry.get(), false),
            Entry::Vacant(entry) => {
                entry.insert(next);
                let is_whole = world.destination.as_ref().is_none_or(DestinationProcess::is_whole);
                let runs = world.source_runs() != (world.destination_runs() && is_whole);
                self.nodes.push(Node { parent, runs, has_holder: has_holder(world) });
                (next, true)
            }
        }
    }

    fn expand(&mut self, number: u32, world: &World, next: &mut Vec<(u32, World)>) {
        // The guest and the engines go their way without each other after a violation.
        if world.violation.is_some() {
            return;
        }
        let mut is_terminal = true;
        for step in world.moves() {
            let Some(after) = world.step(step) else { continue };
            self.steps += 1;
            is_terminal &= step.is_fault() || step.is_choice();
            let (target, is_new) = self.number(&after, Some((number, step)));
            if !step.is_fault() {
                self.edges.push((number, target));
            }
            if is_new {
                if let Some(reason) = &after.violation {
                    self.report(Property::NeverTwo, reason.clone(), target);
                }
                next.push((target, after));
            }
        }
        self.check_end(number, world, is_terminal);
    }

    fn report(&mut self, property: Property, reason: String, number: u32) {
        if self.violations.iter().any(|violation| violation.property == property) {
            return;
        }
        let mut steps = Vec::new();
        let mut current = number;
        while let Some((parent, step)) = self.nodes[current as usize].parent {
            steps.push(step);
            current = parent;
        }
        steps.reverse();
        self.violations.push(Violation { property, reason, steps });
    }

    /// Checks a state for the properties about ends. In a terminal one, only faults and operators change anything.
    fn check_end(&mut self, number: u32, world: &World, is_terminal: bool) {
        for (property, reason) in ended_changed(world).into_iter().chain(unbounded(world, is_terminal)) {
            self.report(property, reason, number);
        }
        if is_terminal && let Some(reason) = unknown_reason(world) {
            self.report(Property::Reason, reason, number);
        }
    }

    /// Checks that one running guest is reachable from all states in which a living process has the guest.
    fn check_never_none(&mut self) {
        let mut before = vec![Vec::new(); self.nodes.len()];
        for (from, to) in &self.edges {
            before[*to as usize].push(*from);
        }
        let mut good: Vec<bool> = self.nodes.iter().map(|node| node.runs).collect();
        let mut open: Vec<_> = (0..good.len()).filter(|index| good[*index]).collect();
        while let Some(index) = open.pop() {
            for from in &before[index] {
                if !std::mem::replace(&mut good[*from as usize], true) {
                    open.push(*from as usize);
                }
            }
        }
        let lost = (0..good.len()).find(|index| self.nodes[*index].has_holder && !good[*index]);
        if let Some(index) = lost {
            let number = u32::try_from(index).expect("a number of a state");
            self.report(Property::NeverNone, "no command leads to a running guest".to_owned(), number);
        }
    }
}

/// Returns whether living processes have the guest: the destination after it has run it, and otherwise the source, or the
/// destination that has loaded it. Until a destination has all pages, the source has the others.
fn has_holder(world: &World) -> bool {
    if world.destination_ran {
        // Missing pages are only on the source.
        let has_pages = world.source.as_ref().is_some_and(|source| !source.engine.is_finished());
        return world.destination.as_ref().is_some_and(|destination| destination.is_whole() || has_pages);
    }
    let source = world.source.as_ref().is_some_and(|source| {
        // An operator has left the guest to a destination that has died since.
        !(source.engine.is_finished() && world.source_status() == Some(MigrationStatus::Completed))
    });
    let destination = world.destination.as_ref().is_some_and(|destination| {
        let declined = destination.engine.session().is_some_and(|(_, state)| state == DestinationState::Declined);
        let is_loaded = destination.committed && destination.engine.status() == MigrationStatus::Loaded;
        is_loaded && !declined && destination.is_whole()
    });
    source || destination
}

/// Checks sides that have ended without a switchover.
fn ended_changed(world: &World) -> Option<(Property, String)> {
    if let Some(source) = world.source.as_ref().filter(|source| source.engine.is_finished()) {
        let status = world.source_status();
        if status != Some(MigrationStatus::Completed) && !source.runs {
            return Some((Property::Unchanged, "the source has ended without its guest".to_owned()));
        }
    }
    let destination = world.destination.as_ref().filter(|destination| destination.engine.is_finished())?;
    let is_changed = destination.devices.is_some() || destination.pages.iter().any(Option::is_some);
    let has_failed = destination.engine.status() == MigrationStatus::Failed && !destination.committed;
    (has_failed && is_changed).then(|| (Property::Unchanged, "the destination has failed and is changed".to_owned()))
}

/// Checks that a state in which nothing happens by itself is an end, or waits for a command.
fn unbounded(world: &World, is_terminal: bool) -> Option<(Property, String)> {
    if !is_terminal {
        return None;
    }
    let source =
        world.source.as_ref().is_none_or(|source| source.engine.is_finished() || is_waiting(world.source_status()));
    // A destination that listens waits for a source, or for the command to stop it.
    let destination = world
        .destination
        .as_ref()
        .is_none_or(|destination| destination.engine.is_finished() || destination.link.is_none());
    if !source || !destination {
        return Some((Property::Bounded, "a side waits without a timeout".to_owned()));
    }
    let owns = !world.run_sent && !world.forced;
    let stopped = world.source.as_ref().is_some_and(|source| !source.runs);
    (owns && stopped).then(|| (Property::Unchanged, "the guest is stopped without RUN".to_owned()))
}

/// Returns whether a source waits for a command, without a connection.
fn is_waiting(status: Option<MigrationStatus>) -> bool {
    matches!(status, Some(MigrationStatus::Doubt | MigrationStatus::PostcopyPaused))
}

/// Checks that each side knows why the other one has failed.
fn unknown_reason(world: &World) -> Option<String> {
    if world.setup.timeouts || !world.setup.handshake {
        return None;
    }
    let source = world.source.as_ref()?;
    // It cannot answer before the source has introduced itself.
    let destination = world.destination.as_ref().filter(|destination| destination.engine.session().is_some())?;
    let failed = source.engine.is_finished() && world.source_status() != Some(MigrationStatus::Completed);
    let declined = destination.engine.status() == MigrationStatus::Failed;
    // A destination that listens again is not told about a migration that it has not begun.
    if !failed || !declined {
        return None;
    }
    let (ours, theirs) = (world.source_error(), destination.engine.error().unwrap_or_default());
    let cancelled = world.source_status() == Some(MigrationStatus::Cancelled);
    let ours = ours.unwrap_or_else(|| if cancelled { "cancelled".to_owned() } else { String::new() });
    // A side whose write fails has no connection to learn the reason from.
    let lost = ours.contains("broken pipe") || theirs.contains("broken pipe");
    let known = lost || ["cancelled", "rejected"].iter().any(|reason| ours.contains(reason) && theirs.contains(reason));
    (!known).then(|| format!("the source reports {ours:?}, and the destination {theirs:?}"))
}
