//! The properties of the handshake in all interleavings of small configurations, and the detection of broken rules.

use super::explore::{Exploration, explore};
use super::properties::Property;
use super::setup::{Mutation, Setup};
use crate::migration::OnDoubt;

fn checked(name: &str, setup: Setup) -> Exploration {
    let found = explore(setup);
    println!("{name}: {} states, {} steps, {} violations", found.states, found.steps, found.violations.len());
    found.violations.iter().for_each(|violation| println!("{violation}"));
    found
}

/// Checks a configuration, and returns the number of its states.
fn holds(name: &str, setup: Setup) -> usize {
    let found = checked(name, setup);
    assert!(found.violations.is_empty(), "{name}: see above");
    found.states
}

const SMALL: Setup = Setup {
    handshake: true,
    links: 1,
    writes: 0,
    faults: 1,
    timeouts: true,
    force: true,
    on_doubt: OnDoubt::Stay,
    postcopy: None,
    preempt: false,
    mutation: None,
};

#[test]
#[cfg_attr(miri, ignore = "too slow")]
fn handshake_holds_in_all_interleavings() {
    let states = holds("a fault and a reconnection", Setup { links: 2, ..SMALL });
    assert!(states > 10_000, "{states}");
    holds("one write", Setup { faults: 0, writes: 1, timeouts: false, ..SMALL });
    // The reason of a failure can be lost with the connection, or be late.
    holds("without timeouts", Setup { faults: 0, timeouts: false, ..SMALL });
}

/// Larger configurations, which take minutes: `cargo test --release ... -- --ignored exhaustive`.
#[test]
#[ignore = "takes minutes"]
fn handshake_holds_with_several_faults() {
    holds("two faults", Setup { faults: 2, ..SMALL });
    holds("two writes and a fault", Setup { writes: 2, ..SMALL });
    holds("two connections and two faults", Setup { links: 2, faults: 2, ..SMALL });
}

/// Each rule is broken once. The exploration finds the property that it protects.
#[test]
#[cfg_attr(miri, ignore = "too slow")]
fn broken_rules_are_detected() {
    for (mutation, property) in [
        (Mutation::ResumeInDoubt, Property::NeverTwo),
        (Mutation::RunWhenDisconnected, Property::NeverTwo),
        (Mutation::SkipLastSynchronization, Property::NeverTwo),
        (Mutation::DiscardWhenDisconnected, Property::NeverNone),
        (Mutation::StayStopped, Property::Unchanged),
        (Mutation::KeepPartialLoad, Property::Unchanged),
        (Mutation::SourceWaitsForever, Property::Bounded),
        (Mutation::OmitReasons, Property::Reason),
    ] {
        let writes = u8::from(mutation == Mutation::SkipLastSynchronization);
        let has_fault = matches!(mutation, Mutation::DiscardWhenDisconnected | Mutation::SourceWaitsForever);
        let faults = u8::from(has_fault);
        let timeouts = mutation != Mutation::OmitReasons;
        let setup = Setup { writes, faults, timeouts, mutation: Some(mutation), ..SMALL };
        let found = checked(&format!("{mutation:?}"), setup);
        let is_found = found.violations.iter().any(|violation| violation.property == property);
        assert!(is_found, "{mutation:?} is not detected");
    }
}

/// A destination that runs the guest at the end of the stream, as QEMU does: a source that resumes its guest when the
/// answer is lost makes two guests run. A source that stays stopped does not.
#[test]
#[cfg_attr(miri, ignore = "too slow")]
fn qemu_protocol_is_safe_only_if_the_source_stays() {
    let setup = Setup { handshake: false, force: false, ..SMALL };
    let found = checked("stay", setup);
    assert!(!found.violations.iter().any(|violation| violation.property == Property::NeverTwo), "{found:#?}");
    let found = checked("resume", Setup { on_doubt: OnDoubt::Resume, ..setup });
    let two = found.violations.iter().find(|violation| violation.property == Property::NeverTwo);
    assert!(two.is_some_and(|violation| violation.reason == "two guests run"), "{found:#?}");
}

/// Postcopy with one page fault of the guest.
const POSTCOPY: Setup = Setup { postcopy: Some(1), ..SMALL };

#[test]
#[cfg_attr(miri, ignore = "too slow")]
fn postcopy_holds_in_all_interleavings() {
    let states = holds("postcopy and a fault", POSTCOPY);
    assert!(states > 5_000, "{states}");
    holds("postcopy with a channel for requests", Setup { preempt: true, ..POSTCOPY });
    holds("postcopy and a write", Setup { faults: 0, writes: 1, timeouts: false, ..POSTCOPY });
}

/// Larger configurations of postcopy, which take minutes.
#[test]
#[ignore = "takes minutes"]
fn postcopy_holds_with_several_faults() {
    holds("postcopy, two page faults and two faults", Setup { postcopy: Some(2), faults: 2, ..POSTCOPY });
    holds("postcopy, two connections and a write", Setup { links: 2, writes: 1, ..POSTCOPY });
}

#[test]
#[cfg_attr(miri, ignore = "too slow")]
fn broken_rules_of_postcopy_are_detected() {
    for (mutation, property) in [
        (Mutation::ResumeWhenSplit, Property::NeverTwo),
        (Mutation::KeepDiscardedPages, Property::NeverTwo),
        (Mutation::ForgetLostPages, Property::NeverNone),
    ] {
        let setup = match mutation {
            Mutation::KeepDiscardedPages => Setup { faults: 0, writes: 1, timeouts: false, ..POSTCOPY },
            _ => POSTCOPY,
        };
        let found = checked(&format!("{mutation:?}"), Setup { mutation: Some(mutation), ..setup });
        let is_found = found.violations.iter().any(|violation| violation.property == property);
        assert!(is_found, "{mutation:?} is not detected");
    }
}

/// A QEMU runs the guest with the package. Its source never runs again by itself, even if messages are lost.
#[test]
#[cfg_attr(miri, ignore = "too slow")]
fn postcopy_to_qemu_never_runs_two_guests() {
    let found = checked("postcopy to QEMU", Setup { handshake: false, force: false, timeouts: false, ..POSTCOPY });
    let two = found.violations.iter().find(|violation| violation.property == Property::NeverTwo);
    assert!(two.is_none(), "{}", two.expect("a violation"));
}

/// All violations with a peer that runs the guest at the end of the stream, as QEMU does. The guide page `peers` lists them
/// with their causes in QEMU.
#[test]
#[cfg_attr(miri, ignore = "too slow")]
fn violations_with_a_qemu_are_documented() {
    const NONE: (Property, &str) = (Property::NeverNone, "no command leads to a running guest");
    const STOPPED: (Property, &str) = (Property::Unchanged, "the guest is stopped without RUN");
    const TWO: (Property, &str) = (Property::NeverTwo, "two guests run");
    let qemu = Setup { handshake: false, force: false, ..SMALL };
    for (name, setup, expected) in [
        ("precopy, `stay`", qemu, [NONE, STOPPED]),
        ("precopy, `resume`", Setup { on_doubt: OnDoubt::Resume, ..qemu }, [TWO, NONE]),
        ("postcopy", Setup { postcopy: Some(1), timeouts: false, ..qemu }, [NONE, STOPPED]),
    ] {
        let found = checked(name, setup);
        let violations: Vec<_> = found.violations.iter().map(|found| (found.property, found.reason.as_str())).collect();
        assert_eq!(violations, expected, "{name}");
        let page = include_str!("../../guide/peers.md");
        for (property, _) in expected {
            let row = format!("| {name} | `{property:?}` |");
            assert!(page.contains(&row), "the page has no row {row}");
        }
    }
}
