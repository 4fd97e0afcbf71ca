//! Both rules on simulated guests, with five patterns of writes.

use std::time::Duration;

use super::*;

const PAGE: u64 = 4096;
const PAGES: usize = 2048;
/// Pages that the simulated link sends per millisecond: 40 MiB/s.
const PAGES_PER_MS: usize = 10;
const MS: Duration = Duration::from_millis(1);

/// A simulated guest: each call of `write` marks the pages that it writes in one millisecond.
struct Guest {
    write: Write,
}

/// Gets the time in milliseconds and the pages.
type Write = Box<dyn FnMut(usize, &mut [bool])>;

/// A generator of reproducible numbers (Knuth's MMIX constants).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

fn idle() -> Guest {
    Guest { write: Box::new(|_, _| {}) }
}

/// Writes one page after the other.
fn linear(per_ms: usize) -> Guest {
    Guest {
        write: Box::new(move |now, pages| (0..per_ms).for_each(|page| pages[(now * per_ms + page) % PAGES] = true)),
    }
}

fn random(per_ms: usize) -> Guest {
    let mut random = Random(1);
    Guest { write: Box::new(move |_, pages| (0..per_ms).for_each(|_| pages[random.below(PAGES)] = true)) }
}

/// Writes the same pages all the time.
fn hot_set(count: usize) -> Guest {
    Guest { write: Box::new(move |_, pages| pages[..count].fill(true)) }
}

/// Writes everything for some time, and then nothing.
fn alternating(busy: usize, quiet: usize) -> Guest {
    let mut writes = random(1000).write;
    Guest {
        write: Box::new(move |now, pages| {
            if now % (busy + quiet) < busy {
                writes(now, pages);
            }
        }),
    }
}

/// The end of a simulated migration.
#[derive(Debug)]
struct Outcome {
    decision: Decision,
    at: Duration,
    predicted: Duration,
    actual: Duration,
}

fn count(pages: &[bool]) -> u64 {
    u64::try_from(pages.iter().filter(|page| **page).count()).unwrap()
}

/// Sends at most `limit` pages and returns their number.
fn send(to_send: &mut [bool], limit: usize) -> u64 {
    let sent = to_send.iter_mut().filter(|page| **page).take(limit).map(|page| *page = false).count();
    u64::try_from(sent).unwrap()
}

fn simulate(goal: &Goal, guest: &mut Guest) -> Outcome {
    let (mut to_send, mut log) = (vec![true; PAGES], vec![false; PAGES]);
    let (mut history, mut random) = (History::new(PAGE * PAGES as u64), Random(7));
    let mut slice = (0, 0);
    for now in 0..60_000 {
        let at = MS * u32::try_from(now).unwrap();
        let mut decision = decide(goal, &history, at);
        if decision == Decision::Synchronize {
            let before = count(&to_send);
            to_send.iter_mut().zip(&mut log).for_each(|(page, dirty)| *page |= std::mem::take(dirty));
            history.synchronized(at, (count(&to_send) - before) * PAGE);
            decision = decide(goal, &history, at);
        }
        if matches!(decision, Decision::SwitchOver | Decision::GiveUp) {
            to_send.iter_mut().zip(&log).for_each(|(page, dirty)| *page |= dirty);
            let memory = Duration::from_secs_f64(count(&to_send) as f64 / (PAGES_PER_MS * 1000) as f64);
            return Outcome { decision, at, predicted: predict(goal, &history).total(), actual: memory + MS };
        }
        // The bandwidth varies.
        let sent = send(&mut to_send, PAGES_PER_MS - 1 + random.below(3));
        (guest.write)(now, &mut log);
        history.sent(sent * PAGE, sent * PAGE, MS);
        slice = (slice.0 + sent * PAGE, slice.1 + 1);
        if slice.1 == 100 {
            history.slice_ended(slice.0, 100 * MS);
            slice = (0, 0);
        }
    }
    panic!("the migration does not end")
}

fn goal(limit: u64) -> Goal {
    let parameters = Parameters { downtime_limit: Duration::from_millis(limit), ..Parameters::default() };
    Goal::new(&parameters, QemuRelease::default())
}

#[test]
fn predicted_downtime_is_within_a_tenth() {
    for (name, limit, mut guest) in [
        ("idle", 300, idle()),
        ("linear", 50, linear(4)),
        ("random", 60, random(4)),
        ("hot set", 20, hot_set(128)),
        ("alternating", 20, alternating(500, 1200)),
    ] {
        let outcome = simulate(&goal(limit), &mut guest);
        assert_eq!(outcome.decision, Decision::SwitchOver, "{name}");
        let difference = outcome.predicted.as_secs_f64() / outcome.actual.as_secs_f64() - 1.0;
        assert!(difference.abs() < 0.1, "{name}: {outcome:?}");
        assert!(outcome.actual <= Duration::from_millis(limit) * 11 / 10, "{name}: {outcome:?}");
        assert!(outcome.at < Duration::from_secs(10), "{name}: {outcome:?}");
    }
}

/// QEMU's rule ignores the devices, and stops an idle guest with as much unsent memory as the limit allows.
#[test]
fn qemu_rule_uses_the_whole_limit() {
    let outcome = simulate(&Goal { policy: Policy::Qemu, ..goal(50) }, &mut idle());
    assert!(outcome.actual > Duration::from_millis(45), "{outcome:?}");
}

#[test]
fn endless_writer_ends_as_the_goal_specifies() {
    let limited = Goal { max_duration: Some(Duration::from_secs(4)), ..goal(20) };
    let outcome = simulate(&limited, &mut random(40));
    assert_eq!((outcome.decision, outcome.at), (Decision::GiveUp, Duration::from_secs(4)));

    let forced = Goal { on_stall: OnStall::SwitchOver, ..limited };
    let outcome = simulate(&forced, &mut random(40));
    assert_eq!(outcome.decision, Decision::SwitchOver);
    assert!((4..=5).contains(&outcome.at.as_secs()), "{outcome:?}");

    let qemu = Goal { policy: Policy::Qemu, ..limited };
    assert_eq!(simulate(&qemu, &mut random(40)).decision, Decision::GiveUp);
}

#[test]
fn limit_below_the_devices_ends_at_once() {
    let outcome = simulate(&goal(0), &mut idle());
    assert_eq!(outcome.decision, Decision::GiveUp);
    let outcome = simulate(&Goal { on_stall: OnStall::SwitchOver, ..goal(0) }, &mut idle());
    assert_eq!((outcome.decision, outcome.actual), (Decision::SwitchOver, MS));
}
