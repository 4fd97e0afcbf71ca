//! The rules for combinations of capabilities.

use super::super::release::{QemuRelease, Releases};
use super::{Capabilities, Capability};

/// The reason why a set of capabilities is rejected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CapabilityConflict {
    /// The release has no capability of this name.
    #[error("unknown capability `{}`", name.escape_debug())]
    Unknown {
        /// The name.
        name: String,
    },
    /// The capability exists in QEMU, but not in this library.
    #[error("capability `{capability}` is not implemented; switch it off")]
    NotImplemented {
        /// The capability.
        capability: Capability,
    },
    /// QEMU accepts both capabilities together, but this library implements each only alone.
    #[error("capability `{capability}` is not implemented together with `{other}`; switch one of them off")]
    NotCombined {
        /// The capability.
        capability: Capability,
        /// The other one.
        other: Capability,
    },
    /// A capability needs another one.
    #[error("capability `{capability}` requires `{required}`; switch both on")]
    Requires {
        /// The capability that is on.
        capability: Capability,
        /// The capability that is off.
        required: Capability,
        /// QEMU's message.
        qemu_message: String,
    },
    /// Two capabilities exclude each other.
    #[error("capability `{capability}` is not compatible with `{other}`; switch one of them off")]
    Excludes {
        /// The capability that is on.
        capability: Capability,
        /// The other one.
        other: Capability,
        /// QEMU's message.
        qemu_message: String,
    },
}

impl CapabilityConflict {
    /// Returns QEMU's message for the same conflict.
    #[must_use]
    pub fn qemu_message(&self) -> String {
        match self {
            Self::Unknown { name } => format!("Parameter 'capability' does not accept value '{name}'"),
            Self::NotImplemented { .. } | Self::NotCombined { .. } => self.to_string(),
            Self::Requires { qemu_message, .. } | Self::Excludes { qemu_message, .. } => qemu_message.clone(),
        }
    }
}

/// A rule for two capabilities: QEMU's message is part of the table.
struct Rule {
    capability: Capability,
    relation: Relation,
    other: Capability,
    releases: Releases,
    qemu_message: &'static str,
}

enum Relation {
    Requires,
    Excludes,
}

const fn requires(capability: Capability, other: Capability, releases: Releases, qemu_message: &'static str) -> Rule {
    Rule { capability, relation: Relation::Requires, other, releases, qemu_message }
}

const fn excludes(capability: Capability, other: Capability, releases: Releases, qemu_message: &'static str) -> Rule {
    Rule { capability, relation: Relation::Excludes, other, releases, qemu_message }
}

/// The rules that QEMU checks before the rules of `background-snapshot`.
const FIRST_RULES: &[Rule] = &[requires(
    Capability::XColo,
    Capability::ReturnPath,
    Releases::SINCE_11_1,
    "Capability 'x-colo' requires capability 'return-path'",
)];

/// The other rules, in the order in which QEMU checks them.
const RULES: &[Rule] = &[
    excludes(
        Capability::PostcopyRam,
        Capability::XIgnoreShared,
        Releases::ALL,
        "Postcopy is not compatible with ignore-shared",
    ),
    excludes(
        Capability::PostcopyRam,
        Capability::Multifd,
        Releases::ONLY_10_0,
        "Postcopy is not yet compatible with multifd",
    ),
    requires(
        Capability::ZeroCopySend,
        Capability::Multifd,
        Releases::ALL,
        "Zero copy only available for non-compressed non-TLS multifd migration",
    ),
    requires(
        Capability::PostcopyPreempt,
        Capability::PostcopyRam,
        Releases::ALL,
        "Postcopy preempt requires postcopy-ram",
    ),
    excludes(Capability::Multifd, Capability::Compress, Releases::UNTIL_7_2, "Multifd is not compatible with compress"),
    excludes(Capability::Multifd, Capability::Xbzrle, Releases::SINCE_10_0, "Multifd is not compatible with xbzrle"),
    requires(
        Capability::SwitchoverAck,
        Capability::ReturnPath,
        Releases::SINCE_10_0,
        "Capability 'switchover-ack' requires capability 'return-path'",
    ),
    excludes(
        Capability::DirtyLimit,
        Capability::AutoConverge,
        Releases::SINCE_10_0,
        "dirty-limit conflicts with auto-converge either of then available currently",
    ),
    excludes(
        Capability::MappedRam,
        Capability::Xbzrle,
        Releases::SINCE_10_0,
        "Mapped-ram migration is incompatible with xbzrle",
    ),
    excludes(
        Capability::MappedRam,
        Capability::PostcopyRam,
        Releases::SINCE_10_0,
        "Mapped-ram migration is incompatible with postcopy",
    ),
];

/// The capabilities that exclude `background-snapshot`, in the order in which QEMU compares them
/// (`check_caps_background_snapshot` in `migration/options.c`).
const NOT_IN_BACKGROUND: &[Capability] = &[
    Capability::PostcopyRam,
    Capability::DirtyBitmaps,
    Capability::PostcopyBlocktime,
    Capability::LateBlockActivate,
    Capability::ReturnPath,
    Capability::Multifd,
    Capability::PauseBeforeSwitchover,
    Capability::AutoConverge,
    Capability::ReleaseRam,
    Capability::RdmaPinAll,
    Capability::Compress,
    Capability::Xbzrle,
    Capability::XColo,
    Capability::ValidateUuid,
    Capability::ZeroCopySend,
];

/// The combinations that QEMU accepts, and this library does not implement.
const NOT_COMBINED: &[(Capability, Capability)] = &[
    (Capability::PostcopyPreempt, Capability::Multifd),
    (Capability::XIgnoreShared, Capability::MappedRam),
    (Capability::XIgnoreShared, Capability::BackgroundSnapshot),
];

/// Checks a set against the rules of `release`.
pub(super) fn check(set: Capabilities, release: QemuRelease) -> Result<(), CapabilityConflict> {
    if let Some(missing) = set.iter().find(|capability| !capability.exists_in(release)) {
        return Err(CapabilityConflict::Unknown { name: missing.name().to_owned() });
    }
    check_rules(FIRST_RULES, set, release)?;
    check_background_snapshot(set)?;
    check_rules(RULES, set, release)
}

fn check_rules(rules: &[Rule], set: Capabilities, release: QemuRelease) -> Result<(), CapabilityConflict> {
    match rules.iter().find(|rule| rule.releases.contains(release) && rule.is_violated(set)) {
        Some(rule) => Err(rule.conflict()),
        None => Ok(()),
    }
}

/// Checks a set for combinations that this library does not implement.
pub(super) fn check_combinations(set: Capabilities) -> Result<(), CapabilityConflict> {
    match NOT_COMBINED.iter().find(|(capability, other)| set.has(*capability) && set.has(*other)) {
        Some(&(capability, other)) => Err(CapabilityConflict::NotCombined { capability, other }),
        None => Ok(()),
    }
}

fn check_background_snapshot(set: Capabilities) -> Result<(), CapabilityConflict> {
    if !set.has(Capability::BackgroundSnapshot) {
        return Ok(());
    }
    let Some(&other) = NOT_IN_BACKGROUND.iter().find(|other| set.has(**other)) else { return Ok(()) };
    let capability = Capability::BackgroundSnapshot;
    let qemu_message = format!("Background-snapshot is not compatible with {other}");
    Err(CapabilityConflict::Excludes { capability, other, qemu_message })
}

impl Rule {
    fn is_violated(&self, set: Capabilities) -> bool {
        let wanted = matches!(self.relation, Relation::Requires);
        set.has(self.capability) && set.has(self.other) != wanted
    }

    fn conflict(&self) -> CapabilityConflict {
        let (capability, other, qemu_message) = (self.capability, self.other, self.qemu_message.to_owned());
        match self.relation {
            Relation::Requires => CapabilityConflict::Requires { capability, required: other, qemu_message },
            Relation::Excludes => CapabilityConflict::Excludes { capability, other, qemu_message },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(capabilities: &[Capability], release: QemuRelease) -> Option<String> {
        let set = capabilities.iter().fold(Capabilities::none(), |set, capability| set.with(*capability));
        check(set, release).err().map(|conflict| conflict.qemu_message())
    }

    #[test]
    fn combinations_depend_on_the_release() {
        use Capability::{Multifd, PostcopyRam, XColo, Xbzrle};
        let both = [PostcopyRam, Multifd];
        assert_eq!(message(&both, QemuRelease::V7_2), None);
        assert_eq!(message(&both, QemuRelease::V10_0).unwrap(), "Postcopy is not yet compatible with multifd");
        assert_eq!(message(&both, QemuRelease::V11_1), None);
        assert_eq!(message(&[Xbzrle, Multifd], QemuRelease::V7_2), None);
        assert_eq!(message(&[Xbzrle, Multifd], QemuRelease::V10_0).unwrap(), "Multifd is not compatible with xbzrle");
        assert_eq!(message(&[XColo], QemuRelease::V10_0), None);
        assert_eq!(
            message(&[XColo], QemuRelease::V11_1).unwrap(),
            "Capability 'x-colo' requires capability 'return-path'"
        );
    }

    #[test]
    fn background_snapshot_excludes_all_of_its_list() {
        for other in NOT_IN_BACKGROUND {
            let found = message(&[Capability::BackgroundSnapshot, *other], QemuRelease::V7_2).unwrap();
            assert_eq!(found, format!("Background-snapshot is not compatible with {other}"));
        }
        assert_eq!(message(&[Capability::BackgroundSnapshot, Capability::Events], QemuRelease::V10_0), None);
    }
}
