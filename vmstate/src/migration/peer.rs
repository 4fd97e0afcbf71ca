//! The table of peers: the differences of QEMU's releases and of its machine types in a conversation.
//!
//! Names, ranges and messages that differ are columns of the tables of capabilities, parameters and transitions. The
//! handshake of this library is negotiated, so it is not a fact about a release.

use super::release::QemuRelease;

/// The behavior of a release in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Behavior {
    release: QemuRelease,
    /// Counts and announces the first pass and the synchronization after the stop (MIGRATION_PASS, `dirty-sync-count`).
    pub(super) counts_outer_passes: bool,
    /// Synchronizes the dirty log before a switchover even if all memory was sent in the first slice.
    pub(super) always_synchronizes: bool,
    /// Has the state `failing`.
    pub(super) has_failing: bool,
    /// Announces the switchover in the stream (SWITCHOVER_START).
    switchover_start: bool,
    /// Connects the channel for requested pages before the switchover, unless the machine type is older.
    preempt_at_switchover: bool,
    /// Synchronizes data channels with a record, and finds zero pages on them, unless the machine type is older.
    has_flush: bool,
    /// The last version of a machine type whose destination approves the switchover although no device asks for it.
    legacy_approval: LegacyApproval,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LegacyApproval {
    Never,
    Always,
    /// Of machine types up to this version. Machine types without a version behave as new ones.
    Until(Version),
}

/// The version of a machine type, as `(9, 2)` of `pc-i440fx-9.2`.
type Version = (u16, u16);

/// The first version of machine types with `send-switchover-start` (`hw_compat_9_2` in QEMU's `hw/core/machine.c`).
const SWITCHOVER_START: Version = (10, 0);
/// The first version of machine types without `x-preempt-pre-7-2` (`hw_compat_7_2`).
const PREEMPT_AT_SWITCHOVER: Version = (8, 0);

/// The first version of machine types without `multifd-flush-after-each-section` (`hw_compat_8_0`).
const FLUSH: Version = (8, 1);
/// The first version of machine types that find zero pages on data channels (`hw_compat_8_2`).
const ZERO_PAGES: Version = (9, 0);

/// The table.
const TABLE: [Behavior; 3] = [
    Behavior {
        release: QemuRelease::V7_2,
        counts_outer_passes: true,
        always_synchronizes: false,
        has_failing: false,
        switchover_start: false,
        preempt_at_switchover: false,
        has_flush: false,
        legacy_approval: LegacyApproval::Never,
    },
    Behavior {
        release: QemuRelease::V10_0,
        counts_outer_passes: true,
        always_synchronizes: false,
        has_failing: false,
        switchover_start: true,
        preempt_at_switchover: true,
        has_flush: true,
        legacy_approval: LegacyApproval::Always,
    },
    Behavior {
        release: QemuRelease::V11_1,
        counts_outer_passes: false,
        always_synchronizes: true,
        has_failing: true,
        switchover_start: true,
        preempt_at_switchover: true,
        has_flush: true,
        legacy_approval: LegacyApproval::Until((11, 0)),
    },
];

impl QemuRelease {
    /// Returns the row of the table.
    pub(super) fn behavior(self) -> &'static Behavior {
        let [oldest, rest @ ..] = &TABLE;
        rest.iter().find(|row| row.release == self).unwrap_or(oldest)
    }
}

/// The switches of a machine type that change the conversation.
///
/// A machine type keeps the conversation of the QEMU in which it appeared, so that older QEMUs understand it.
///
/// ```
/// use vmstate::migration::{MachineSwitches, QemuRelease};
///
/// assert!(MachineSwitches::new("microvm", QemuRelease::V10_0).switchover_start);
/// assert!(!MachineSwitches::new("pc-i440fx-7.2", QemuRelease::V10_0).switchover_start);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct MachineSwitches {
    /// Sends SWITCHOVER_START, which QEMU 7.2 rejects (`send-switchover-start`).
    pub switchover_start: bool,
    /// Approves the switchover, and waits for the approval, although no device asks for it (`switchover-ack-legacy`).
    pub legacy_approval: bool,
    /// Synchronizes data channels at the end of each section (`multifd-flush-after-each-section`).
    pub multifd_section_flush: bool,
    /// Reports zero pages on the main channel even if `zero-page-detection` is `multifd`, because the destination
    /// does not find them on data channels.
    pub multifd_legacy_zero: bool,
    /// Connects the channel for requested pages at the start, and ends it with a record (`x-preempt-pre-7-2`), with the
    /// capability `postcopy-preempt`.
    pub preempt_at_setup: bool,
}

impl MachineSwitches {
    /// Returns the switches of a machine type in `release`.
    #[must_use]
    pub fn new(machine_type: &str, release: QemuRelease) -> Self {
        let (version, behavior) = (version(machine_type), release.behavior());
        let since = |first| version.is_none_or(|version| version >= first);
        Self {
            switchover_start: behavior.switchover_start && since(SWITCHOVER_START),
            multifd_section_flush: !behavior.has_flush || !since(FLUSH),
            multifd_legacy_zero: !behavior.has_flush || !since(ZERO_PAGES),
            preempt_at_setup: !behavior.preempt_at_switchover || !since(PREEMPT_AT_SWITCHOVER),
            legacy_approval: match behavior.legacy_approval {
                LegacyApproval::Never => false,
                LegacyApproval::Always => true,
                LegacyApproval::Until(last) => version.is_some_and(|version| version <= last),
            },
        }
    }
}

/// The switches of the newest machine types of QEMU 10.0.
impl Default for MachineSwitches {
    fn default() -> Self {
        Self {
            switchover_start: true,
            legacy_approval: true,
            multifd_section_flush: false,
            multifd_legacy_zero: false,
            preempt_at_setup: false,
        }
    }
}

/// Returns the version at the end of a machine type's name.
fn version(machine_type: &str) -> Option<Version> {
    let (_, version) = machine_type.rsplit_once('-')?;
    let (major, minor) = version.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_release_has_a_row() {
        for release in [QemuRelease::V7_2, QemuRelease::V10_0, QemuRelease::V11_1] {
            assert_eq!(release.behavior().release, release);
        }
    }

    #[test]
    fn machine_types_keep_their_conversation() {
        use QemuRelease::{V7_2, V10_0, V11_1};
        for (machine, release, switchover_start, legacy_approval, multifd_section_flush, multifd_legacy_zero) in [
            ("pc-q35-7.2", V7_2, false, false, true, true),
            ("microvm", V7_2, false, false, true, true),
            ("pc-q35-7.2", V10_0, false, true, true, true),
            ("pc-q35-8.0", V10_0, false, true, true, true),
            ("pc-q35-8.1", V10_0, false, true, false, true),
            ("pc-q35-8.2", V11_1, false, true, false, true),
            ("pc-i440fx-9.0", V10_0, false, true, false, false),
            ("pc-i440fx-9.2", V10_0, false, true, false, false),
            ("pc-i440fx-10.0", V10_0, true, true, false, false),
            ("microvm", V10_0, true, true, false, false),
            ("pc-i440fx-9.2", V11_1, false, true, false, false),
            ("pc-i440fx-11.0", V11_1, true, true, false, false),
            ("pc-i440fx-11.1", V11_1, true, false, false, false),
            ("microvm", V11_1, true, false, false, false),
            ("none", V11_1, true, false, false, false),
        ] {
            let found = MachineSwitches::new(machine, release);
            let preempt_at_setup = found.preempt_at_setup;
            let expected = MachineSwitches {
                switchover_start,
                legacy_approval,
                multifd_section_flush,
                multifd_legacy_zero,
                preempt_at_setup,
            };
            assert_eq!(found, expected, "{machine} in {release}");
        }
    }

    #[test]
    fn old_machine_types_connect_preempt_channel_early() {
        use QemuRelease::{V7_2, V10_0, V11_1};
        for (machine, release, expected) in [
            ("microvm", V7_2, true),
            ("pc-q35-7.2", V10_0, true),
            ("pc-q35-8.0", V10_0, false),
            ("microvm", V10_0, false),
            ("pc-i440fx-7.2", V11_1, true),
        ] {
            assert_eq!(MachineSwitches::new(machine, release).preempt_at_setup, expected, "{machine} in {release}");
        }
    }
}
