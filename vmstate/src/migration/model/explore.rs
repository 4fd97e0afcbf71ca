//! Explores all interleavings breadth first, and checks the properties of the protocol.

use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, Entry};
use std::fmt;
use std::hash::{Hash, Hasher};

use super::moves::Move;
use super::properties::{self, Property};
use super::setup::Setup;
use super::world::{DestinationProcess, World};

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
                self.nodes.push(Node { parent, runs, has_holder: properties::has_holder(world) });
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
        for (property, reason) in
            properties::ended_changed(world).into_iter().chain(properties::unbounded(world, is_terminal))
        {
            self.report(property, reason, number);
        }
        if is_terminal && let Some(reason) = properties::unknown_reason(world) {
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
