//! Both rules on simulated guests, with five patterns of writes.

use std::time::Duration;

use super::patterns::{Guest, PAGE, PAGES, Random, count, idle, random, send};
use super::*;

/// Pages that the simulated link sends per millisecond: 40 MiB/s.
const PAGES_PER_MS: usize = 10;
const MS: Duration = Duration::from_millis(1);

/// The end of a simulated migration.
#[derive(Debug)]
struct Outcome {
    decision: Decision,
    at: Duration,
    predicted: Duration,
    actual: Duration,
}

fn simulate(goal: &Goal, guest: &mut Guest) -> Outcome {
    let (mut to_send, mut log) = (vec![true; PAGES], vec![false; PAGES]);
    let (mut history, mut random) = (History::new(PAGE * PAGES as u64, None), Random(7));
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
        if matches!(decision, Decision::SwitchOver | Decision::StartPostcopy | Decision::GiveUp) {
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
    for (name, limit, mut guest) in patterns::all() {
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

    for goal in [limited, qemu] {
        let outcome = simulate(&Goal { on_stall: OnStall::Postcopy, ..goal }, &mut random(40));
        assert_eq!((outcome.decision, outcome.at), (Decision::StartPostcopy, Duration::from_secs(4)));
    }
}

#[test]
fn limit_below_the_devices_ends_at_once() {
    let outcome = simulate(&goal(0), &mut idle());
    assert_eq!(outcome.decision, Decision::GiveUp);
    let outcome = simulate(&Goal { on_stall: OnStall::SwitchOver, ..goal(0) }, &mut idle());
    assert_eq!((outcome.decision, outcome.actual), (Decision::SwitchOver, MS));
}
