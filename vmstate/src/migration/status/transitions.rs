//! The transitions between states, as one table.
//!
//! The engine asserts its transitions against it in tests, and recorded events of QEMU are checked against it, too.
//! (QEMU: calls of `migrate_set_state` in `migration/migration.c`.)

use super::super::release::{QemuRelease, Releases};
use super::MigrationStatus::{
    self, Active, Cancelled, Cancelling, Completed, Device, Doubt, Failed, Failing, Loaded, None, PostcopyActive,
    PostcopyDevice, PostcopyPaused, PostcopyRecover, PostcopyRecoverSetup, PreSwitchover, Setup,
};

/// A side of a migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The side that has the guest at first.
    Source,
    /// The side that receives the guest.
    Destination,
}

/// The origin of a transition.
enum Origin {
    /// QEMU releases, and this library.
    Qemu(Releases),
    /// Only this library.
    Own,
}

use Origin::{Own, Qemu};
use Side::{Destination, Source};

/// The table: side, state before, state after, origin.
const TRANSITIONS: &[(Side, MigrationStatus, MigrationStatus, Origin)] = &[
    (Source, None, Setup, Qemu(Releases::ALL)),
    (Source, Setup, Active, Qemu(Releases::ALL)),
    (Source, Setup, Cancelling, Qemu(Releases::ALL)),
    (Source, Setup, Failed, Qemu(Releases::UNTIL_10_0)),
    (Source, Setup, Failing, Qemu(Releases::SINCE_11_1)),
    // 7.2 announces `device` only after a pause. The others skip it in background snapshots.
    (Source, Active, Completed, Qemu(Releases::UNTIL_7_2)),
    (Source, Active, PreSwitchover, Qemu(Releases::ALL)),
    (Source, Active, Device, Qemu(Releases::SINCE_10_0)),
    (Source, Active, Cancelling, Qemu(Releases::ALL)),
    (Source, Active, Failed, Qemu(Releases::UNTIL_10_0)),
    (Source, Active, Failing, Qemu(Releases::SINCE_11_1)),
    (Source, PreSwitchover, Device, Qemu(Releases::ALL)),
    (Source, PreSwitchover, Cancelling, Qemu(Releases::ALL)),
    (Source, PreSwitchover, Failed, Qemu(Releases::UNTIL_10_0)),
    (Source, PreSwitchover, Failing, Qemu(Releases::SINCE_11_1)),
    (Source, Device, Completed, Qemu(Releases::ALL)),
    (Source, Device, Cancelling, Qemu(Releases::ALL)),
    (Source, Device, Failed, Qemu(Releases::UNTIL_10_0)),
    (Source, Device, Failing, Qemu(Releases::SINCE_11_1)),
    (Source, Failing, Failed, Qemu(Releases::SINCE_11_1)),
    (Source, Cancelling, Cancelled, Qemu(Releases::ALL)),
    (Source, Completed, Setup, Qemu(Releases::ALL)),
    (Source, Failed, Setup, Qemu(Releases::ALL)),
    (Source, Cancelled, Setup, Qemu(Releases::ALL)),
    (Source, Active, PostcopyActive, Qemu(Releases::UNTIL_7_2)),
    (Source, PreSwitchover, PostcopyActive, Qemu(Releases::UNTIL_7_2)),
    (Source, Device, PostcopyActive, Qemu(Releases::ONLY_10_0)),
    (Source, Device, PostcopyDevice, Qemu(Releases::SINCE_11_1)),
    (Source, PostcopyDevice, PostcopyActive, Qemu(Releases::SINCE_11_1)),
    (Source, PostcopyActive, Completed, Qemu(Releases::ALL)),
    (Source, PostcopyActive, PostcopyPaused, Qemu(Releases::ALL)),
    (Source, PostcopyPaused, PostcopyRecoverSetup, Qemu(Releases::SINCE_10_0)),
    (Source, PostcopyPaused, PostcopyRecover, Qemu(Releases::UNTIL_7_2)),
    (Source, PostcopyRecoverSetup, PostcopyRecover, Qemu(Releases::SINCE_10_0)),
    (Source, PostcopyRecoverSetup, PostcopyPaused, Qemu(Releases::SINCE_10_0)),
    (Source, PostcopyRecover, PostcopyActive, Qemu(Releases::ALL)),
    (Source, PostcopyRecover, PostcopyPaused, Qemu(Releases::ALL)),
    (Source, PostcopyRecover, Completed, Own),
    (Source, PostcopyPaused, Completed, Own),
    (Source, PostcopyPaused, Failing, Own),
    (Source, PostcopyPaused, Failed, Own),
    (Source, Doubt, PostcopyActive, Own),
    (Source, Doubt, PostcopyRecover, Own),
    (Source, Cancelling, PostcopyActive, Own),
    (Source, Cancelling, PostcopyRecover, Own),
    (Source, Device, Doubt, Own),
    (Source, Cancelling, Doubt, Own),
    (Source, Cancelling, Completed, Own),
    (Source, Doubt, Completed, Own),
    (Source, Doubt, Failing, Own),
    (Source, Doubt, Failed, Own),
    (Source, Doubt, Cancelling, Own),
    (Source, Doubt, Cancelled, Own),
    (Destination, None, Setup, Qemu(Releases::ALL)),
    (Destination, Setup, Active, Qemu(Releases::ALL)),
    // QEMU 11.1 reads the first bytes before it is active.
    (Destination, Setup, Failed, Qemu(Releases::ALL)),
    (Destination, Active, Completed, Qemu(Releases::ALL)),
    (Destination, Active, Failed, Qemu(Releases::ALL)),
    (Destination, Active, PostcopyActive, Qemu(Releases::UNTIL_10_0)),
    (Destination, Active, PostcopyDevice, Qemu(Releases::SINCE_11_1)),
    (Destination, PostcopyDevice, PostcopyActive, Qemu(Releases::SINCE_11_1)),
    (Destination, PostcopyDevice, Failed, Qemu(Releases::SINCE_11_1)),
    (Destination, PostcopyActive, Completed, Qemu(Releases::ALL)),
    (Destination, PostcopyActive, PostcopyPaused, Qemu(Releases::ALL)),
    (Destination, PostcopyPaused, PostcopyRecover, Qemu(Releases::ALL)),
    (Destination, PostcopyRecover, PostcopyActive, Qemu(Releases::ALL)),
    (Destination, PostcopyRecover, PostcopyPaused, Qemu(Releases::ALL)),
    (Destination, PostcopyRecover, Completed, Own),
    (Destination, PostcopyDevice, Loaded, Own),
    (Destination, Loaded, PostcopyActive, Own),
    (Destination, Active, Loaded, Own),
    (Destination, Loaded, Completed, Own),
    (Destination, Loaded, Failed, Own),
    // A destination that listens can be cancelled and listen again.
    (Destination, Failed, Setup, Own),
];

/// Returns whether a side goes from one state to another: in a release of QEMU, or in this library (`None`).
#[must_use]
pub fn is_transition(side: Side, from: MigrationStatus, to: MigrationStatus, release: Option<QemuRelease>) -> bool {
    TRANSITIONS.iter().any(|(of, before, after, origin)| {
        let applies = match (origin, release) {
            (Qemu(releases), Some(release)) => releases.contains(release),
            (Qemu(_), Option::None) | (Own, Option::None) => true,
            (Own, Some(_)) => false,
        };
        applies && (*of, *before, *after) == (side, from, to)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sequences of events that were recorded from QEMU, without passes, STOP and RESUME.
    const RECORDED: &[(Side, QemuRelease, &str)] = &[
        (Source, QemuRelease::V10_0, "setup active device completed"),
        (Source, QemuRelease::V7_2, "setup active completed"),
        (Source, QemuRelease::V11_1, "setup active device completed"),
        (Source, QemuRelease::V10_0, "setup active pre-switchover device completed"),
        (Source, QemuRelease::V7_2, "setup active pre-switchover device completed"),
        (Source, QemuRelease::V10_0, "setup cancelling cancelled"),
        (Source, QemuRelease::V10_0, "setup active cancelling cancelled"),
        (Source, QemuRelease::V10_0, "setup active pre-switchover cancelling cancelled"),
        (Source, QemuRelease::V10_0, "setup active device cancelling cancelled"),
        (Source, QemuRelease::V10_0, "setup active device failed"),
        (Source, QemuRelease::V11_1, "setup active device failing failed"),
        (Source, QemuRelease::V11_1, "setup failing failed setup active device completed"),
        (Source, QemuRelease::V10_0, "setup active failed"),
        (Source, QemuRelease::V7_2, "setup failed"),
        (Destination, QemuRelease::V10_0, "setup active completed"),
        (Destination, QemuRelease::V7_2, "setup active failed"),
        (Destination, QemuRelease::V11_1, "setup failed"),
    ];

    #[test]
    fn recorded_sequences_are_in_the_table() {
        for (side, release, sequence) in RECORDED {
            let states = std::iter::once("none").chain(sequence.split(' '));
            let states: Vec<_> = states.map(|name| MigrationStatus::from_name(name).unwrap()).collect();
            for step in states.windows(2) {
                for release in [Some(*release), Option::None] {
                    assert!(is_transition(*side, step[0], step[1], release), "{sequence}: {step:?} in {release:?}");
                }
            }
        }
    }

    #[test]
    fn releases_differ_in_their_transitions() {
        assert!(!is_transition(Source, Active, Device, Some(QemuRelease::V7_2)));
        assert!(!is_transition(Source, Active, Completed, Some(QemuRelease::V10_0)));
        assert!(!is_transition(Source, Active, Failed, Some(QemuRelease::V11_1)));
        assert!(!is_transition(Source, Device, Doubt, Some(QemuRelease::V10_0)));
        assert!(!is_transition(Source, Completed, Active, Option::None));
    }

    /// The lines of the guide's diagram for a side, with the states of their arrows.
    fn drawn(side: Side) -> Vec<Vec<MigrationStatus>> {
        let page = include_str!("../../guide/migration.md");
        let heading = format!("\n{}\n  none ─►", if side == Source { "source" } else { "destination" });
        let (_, rest) = page.split_once(&heading).expect("a diagram");
        let diagram = format!("none ─►{}", rest.split("\n\n").next().unwrap().split("```").next().unwrap());
        let lines = diagram.lines().map(|line| {
            let chain = line.trim().split("   ").next().unwrap();
            chain.split(" ─► ").map(|name| MigrationStatus::from_name(name).expect(name)).collect()
        });
        lines.collect()
    }

    #[test]
    fn guide_draws_the_transitions_of_the_table() {
        for side in [Source, Destination] {
            let lines = drawn(side);
            for arrow in lines.iter().flat_map(|line| line.windows(2)) {
                assert!(
                    is_transition(side, arrow[0], arrow[1], Option::None),
                    "{side:?}: {arrow:?} is not in the table"
                );
            }
            let states = TRANSITIONS.iter().filter(|(of, ..)| *of == side).flat_map(|(_, from, to, _)| [from, to]);
            for state in states {
                assert!(lines.iter().flatten().any(|drawn| drawn == state), "{side:?}: {state} is not drawn");
            }
        }
    }
}
