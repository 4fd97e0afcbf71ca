//! Random walks through the states of long migrations with several faults, and their reduction to a short sequence.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

use super::moves::Move;
use super::properties;
use super::random::Random;
use super::setup::{Mutation, Setup};
use super::world::{DestinationProcess, World};
use crate::migration::OnDoubt;

/// A walk that ends in a violation.
#[derive(Debug)]
struct Failure {
    reason: String,
    steps: Vec<Move>,
}

/// The configuration of a walk: random too, so that rare combinations are reached.
fn setup(random: &mut Random, mutation: Option<Mutation>) -> Setup {
    let mut below = |limit| u8::try_from(random.below(limit)).expect("a small number");
    Setup {
        handshake: true,
        links: usize::from(below(3)) + 1,
        writes: below(4),
        faults: below(5),
        timeouts: true,
        force: below(4) > 0,
        on_doubt: OnDoubt::Stay,
        postcopy: (below(3) > 0).then(|| below(4)),
        preempt: below(2) > 0,
        mutation,
    }
}

/// Returns the relative frequency of a step. Faults are rare, so that walks reach the switchover.
fn weight(step: Move) -> u64 {
    match step {
        Move::SourceActs { vanishes: false } | Move::DestinationActs { vanishes: false } => 1000,
        Move::SourceReceives | Move::DestinationPlaces => 700,
        Move::SourceLoses | Move::SourceActs { .. } | Move::DestinationActs { .. } => 300,
        Move::SourceRecovers | Move::GuestWrites { .. } | Move::GuestFaults { .. } => 100,
        Move::SourceStartsPostcopy => 50,
        Move::CutForward(_) | Move::CutBack(_) => 5,
        Move::SourceTimesOut { .. } | Move::DestinationTimesOut => 3,
        _ => 1,
    }
}

/// Takes a random step, if one of several attempts is possible.
fn step(world: &World, random: &mut Random) -> Option<(Move, World)> {
    const ATTEMPTS: usize = 50;
    let moves = world.moves();
    let total = moves.iter().copied().map(weight).sum();
    (0..ATTEMPTS).find_map(|_| {
        let mut number = random.below(total);
        let chosen = moves.iter().copied().find(|step| {
            let is_chosen = number < weight(*step);
            number = number.saturating_sub(weight(*step));
            is_chosen
        })?;
        Some((chosen, world.step(chosen)?))
    })
}

/// Checks one state of a walk.
fn check(world: &World) -> Result<(), String> {
    match &world.violation {
        Some(reason) => Err(reason.clone()),
        None => {
            properties::ended_changed(world).map_or(Ok(()), |(property, reason)| Err(format!("{property:?}: {reason}")))
        }
    }
}

/// Lets both sides end without faults. Time passes when nothing else happens, and operators act when no time helps.
fn settle(mut world: World) -> Result<World, String> {
    use Move::{
        DestinationActs, DestinationIsForced, DestinationPlaces, DestinationTimesOut, SourceAbandons, SourceActs,
        SourceIsForced, SourceLoses, SourceReceives, SourceRecovers, SourceTimesOut,
    };
    const STEPS: usize = 2_000;
    let progress = [
        SourceActs { vanishes: false },
        DestinationActs { vanishes: false },
        DestinationPlaces,
        SourceReceives,
        SourceLoses,
    ];
    let waits = [SourceTimesOut { long: false }, DestinationTimesOut];
    let mut commands =
        [SourceRecovers, SourceRecovers, SourceIsForced, DestinationIsForced, SourceAbandons].into_iter();
    for _ in 0..STEPS {
        let mut progressed = false;
        for step in progress {
            if let Some(after) = world.step(step) {
                (world, progressed) = (after, true);
                check(&world)?;
            }
        }
        let next = |step| world.step(step);
        let after = match progressed {
            true => None,
            false => waits.into_iter().find_map(next).or_else(|| commands.by_ref().find_map(next)),
        };
        match after {
            Some(after) => {
                world = after;
                check(&world)?;
            }
            None if progressed => {}
            None => return Ok(world),
        }
    }
    Err("the migration does not end".to_owned())
}

/// Checks the state after the end of all activity.
fn check_end(world: &World) -> Result<(), String> {
    if let Some((property, reason)) = properties::unbounded(world, true) {
        return Err(format!("{property:?}: {reason}"));
    }
    let is_whole = world.destination.as_ref().is_none_or(DestinationProcess::is_whole);
    let runs = world.source_runs() != (world.destination_runs() && is_whole);
    if properties::has_holder(world) && !runs && world.setup.force {
        return Err("no guest runs, although a process has it".to_owned());
    }
    Ok(())
}

/// Takes steps as far as they are possible, and checks all states and the end.
fn replay(setup: Setup, steps: &[Move]) -> Result<World, String> {
    let mut world = World::new(setup);
    for step in steps {
        if let Some(after) = world.step(*step) {
            world = after;
            check(&world)?;
        }
    }
    world = settle(world)?;
    check_end(&world)?;
    Ok(world)
}

/// The states of the source that walks have reached, and how many of them.
#[derive(Debug, Default)]
struct Reached {
    steps: usize,
    statuses: BTreeMap<&'static str, usize>,
}

impl Reached {
    fn add(&mut self, other: Self) {
        self.steps += other.steps;
        other.statuses.into_iter().for_each(|(status, count)| *self.statuses.entry(status).or_default() += count);
    }

    fn visit(&mut self, world: &World) {
        self.steps += 1;
        self.statuses.extend(world.source_status().map(|status| (status.name(), 1)));
    }
}

/// Walks from a seed.
fn walk(seed: u64, mutation: Option<Mutation>) -> Result<Reached, Failure> {
    let mut random = Random::new(seed);
    let setup = setup(&mut random, mutation);
    let length = random.below(150) + 10;
    let mut world = World::new(setup);
    let (mut steps, mut reached) = (Vec::new(), Reached::default());
    for _ in 0..length {
        let Some((chosen, after)) = step(&world, &mut random) else { break };
        steps.push(chosen);
        world = after;
        reached.visit(&world);
        if check(&world).is_err() {
            break;
        }
    }
    match check(&world).and_then(|()| settle(world)).and_then(|world| check_end(&world)) {
        Ok(()) => Ok(reached),
        Err(_) => Err(reduced(setup, steps)),
    }
}

/// Removes parts of a failing walk, from halves to single steps, while the rest fails.
fn reduced(setup: Setup, mut steps: Vec<Move>) -> Failure {
    let mut part = steps.len().div_ceil(2);
    while part > 0 {
        let mut start = 0;
        while start < steps.len() {
            let end = (start + part).min(steps.len());
            let shorter = [&steps[..start], &steps[end..]].concat();
            if replay(setup, &shorter).is_err() {
                steps = shorter;
            } else {
                start = end;
            }
        }
        part = if part == 1 { 0 } else { part.div_ceil(2) };
    }
    let reason = replay(setup, &steps).err().unwrap_or_else(|| "passes when it is replayed".to_owned());
    Failure { reason, steps }
}

/// Walks from all seeds of a range, on all processors. Returns the states that they have reached, and the first failures.
fn walks(seeds: &Range<u64>, mutation: Option<Mutation>) -> (Reached, Vec<(u64, Failure)>) {
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let walkers: Vec<_> = (0..threads)
            .map(|first| scope.spawn(move || walk_some(seeds.clone().skip(first).step_by(threads), mutation)))
            .collect();
        let (mut all, mut failures) = (Reached::default(), Vec::new());
        for walker in walkers {
            let (reached, failed) = walker.join().expect("walks do not panic");
            all.add(reached);
            failures.extend(failed);
        }
        (all, failures)
    })
}

/// Walks from some seeds, until some fail.
fn walk_some(seeds: impl Iterator<Item = u64>, mutation: Option<Mutation>) -> (Reached, Vec<(u64, Failure)>) {
    const FAILURES: usize = 5;
    let (mut all, mut failures) = (Reached::default(), Vec::new());
    for seed in seeds {
        match walk(seed, mutation) {
            Ok(reached) => all.add(reached),
            Err(failure) => failures.push((seed, failure)),
        }
        if failures.len() == FAILURES {
            break;
        }
    }
    (all, failures)
}

fn assert_holds(seeds: &Range<u64>) {
    let (reached, failures) = walks(seeds, None);
    println!("{} walks, {reached:?}", seeds.end - seeds.start);
    let mut text = String::new();
    for (seed, Failure { reason, steps }) in &failures {
        let setup = setup(&mut Random::new(*seed), None);
        let _ = writeln!(text, "seed {seed}: {reason}, {setup:?}\n  {steps:?}");
    }
    assert!(failures.is_empty(), "{text}");
    for status in ["completed", "failed", "cancelled", "doubt", "postcopy-active", "postcopy-paused"] {
        let count = reached.statuses.get(status).copied().unwrap_or_default() as u64;
        assert!(count > (seeds.end - seeds.start) / 100, "{status} is rare: {reached:?}");
    }
}

#[test]
#[cfg_attr(miri, ignore = "too slow")]
fn random_walks_hold() {
    assert_holds(&(0..20_000));
}

/// `VMSTATE_WALKS=10000000 cargo test --release -p vmstate --all-features --lib random_walks -- --ignored --nocapture`
#[test]
#[ignore = "takes as long as asked for"]
fn random_walks_hold_for_hours() {
    let number = |name| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let first = number("VMSTATE_WALK").unwrap_or(20_000);
    assert_holds(&(first..first + number("VMSTATE_WALKS").unwrap_or(1_000_000)));
}

/// Walks find broken rules as well, and the sequence that remains is as short as one found by exploration, or nearly so.
#[test]
#[cfg_attr(miri, ignore = "too slow")]
fn walks_find_broken_rules_and_reduce_them() {
    for mutation in [
        Mutation::ResumeInDoubt,
        Mutation::RunWhenDisconnected,
        Mutation::SkipLastSynchronization,
        Mutation::ResumeWhenSplit,
        Mutation::KeepDiscardedPages,
        Mutation::StayStopped,
    ] {
        let failures = walks(&(0..5_000), Some(mutation)).1;
        let shortest = failures.iter().min_by_key(|(_, failure)| failure.steps.len());
        let (seed, Failure { reason, steps }) = shortest.unwrap_or_else(|| panic!("{mutation:?} is not found"));
        println!("{mutation:?}, seed {seed}: {reason}, {} steps", steps.len());
        assert!(steps.len() < 60, "{mutation:?}: {} steps", steps.len());
    }
}
