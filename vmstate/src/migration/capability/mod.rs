//! The capabilities of a migration: QEMU's names, the releases that have them, and the rules for combinations.
//!
//! (QEMU: `MigrationCapability` in `qapi/migration.json`, `migrate_caps_check` in `migration/options.c`.)

mod rules;

use std::fmt;

pub use self::rules::CapabilityConflict;
use super::release::{QemuRelease, Releases};

/// Defines the capabilities from their table: name, releases, and whether this library implements it.
macro_rules! capabilities {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $releases:expr, $support:ident;)*) => {
        /// A capability of a migration, off by default.
        ///
        /// The order follows QEMU's `query-migrate-capabilities`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Capability {
            $($(#[$doc])* $variant),*
        }

        impl Capability {
            /// All capabilities of all releases.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            fn row(self) -> Row {
                match self {
                    $(Self::$variant => Row { name: $name, releases: $releases, support: Support::$support }),*
                }
            }
        }
    };
}

capabilities! {
    /// Sends the changes to a page instead of the page.
    Xbzrle = "xbzrle", Releases::ALL, Implemented;
    /// Pins all memory for RDMA.
    RdmaPinAll = "rdma-pin-all", Releases::ALL, Missing;
    /// Slows the guest down if it writes memory faster than it is sent.
    AutoConverge = "auto-converge", Releases::ALL, Implemented;
    /// Has no effect.
    ZeroBlocks = "zero-blocks", Releases::UNTIL_10_0, Missing;
    /// Compresses pages with several threads.
    Compress = "compress", Releases::UNTIL_7_2, Missing;
    /// Emits the events MIGRATION and MIGRATION_PASS.
    Events = "events", Releases::ALL, Implemented;
    /// Allows the guest to run on the destination before all pages have arrived.
    PostcopyRam = "postcopy-ram", Releases::ALL, Implemented;
    /// Keeps a second machine in lockstep.
    XColo = "x-colo", Releases::ALL, Missing;
    /// Releases the source's memory once it is sent.
    ReleaseRam = "release-ram", Releases::ALL, Missing;
    /// Migrates block devices.
    Block = "block", Releases::UNTIL_7_2, Missing;
    /// Opens the return path, over which the destination answers.
    ReturnPath = "return-path", Releases::ALL, Implemented;
    /// Waits for a command between the stop of the guest and the device states.
    PauseBeforeSwitchover = "pause-before-switchover", Releases::ALL, Implemented;
    /// Sends pages over several connections.
    Multifd = "multifd", Releases::ALL, Implemented;
    /// Migrates dirty bitmaps of block devices.
    DirtyBitmaps = "dirty-bitmaps", Releases::ALL, Missing;
    /// Measures the time that vCPUs wait for pages.
    PostcopyBlocktime = "postcopy-blocktime", Releases::ALL, Implemented;
    /// Activates block devices only when the guest runs.
    LateBlockActivate = "late-block-activate", Releases::ALL, Missing;
    /// Leaves memory out whose file both sides map.
    XIgnoreShared = "x-ignore-shared", Releases::ALL, Implemented;
    /// Requires the same UUID on both sides.
    ValidateUuid = "validate-uuid", Releases::ALL, Implemented;
    /// Pauses the guest only for its devices, and sends its memory of that moment while it runs on. The guest stays on this
    /// side.
    BackgroundSnapshot = "background-snapshot", Releases::ALL, Implemented;
    /// Sends pages without a copy in the kernel.
    ZeroCopySend = "zero-copy-send", Releases::ALL, Missing;
    /// Sends requested pages over a separate connection.
    PostcopyPreempt = "postcopy-preempt", Releases::ALL, Implemented;
    /// Waits for the destination's approval before the guest is stopped.
    SwitchoverAck = "switchover-ack", Releases::SINCE_10_0, Implemented;
    /// Limits the rate at which vCPUs write memory, if they write faster than it is sent.
    DirtyLimit = "dirty-limit", Releases::SINCE_10_0, Implemented;
    /// Stores pages at fixed places of a file.
    MappedRam = "mapped-ram", Releases::SINCE_10_0, Implemented;
}

/// A row of the table of capabilities.
struct Row {
    name: &'static str,
    releases: Releases,
    support: Support,
}

/// Support by this library.
#[derive(PartialEq, Eq)]
enum Support {
    Implemented,
    Missing,
}

impl Capability {
    /// Returns QEMU's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// Returns whether `release` has the capability.
    #[must_use]
    pub fn exists_in(self, release: QemuRelease) -> bool {
        self.row().releases.contains(release)
    }

    /// Returns whether this library implements the capability.
    #[must_use]
    pub fn is_implemented(self) -> bool {
        self.row().support == Support::Implemented
    }

    /// Finds a capability of `release` by its name.
    ///
    /// # Errors
    /// Returns an error if the release has no capability of this name.
    pub fn from_name(name: &str, release: QemuRelease) -> Result<Self, CapabilityConflict> {
        let found = Self::ALL.iter().copied().find(|capability| capability.name() == name);
        found
            .filter(|capability| capability.exists_in(release))
            .ok_or_else(|| CapabilityConflict::Unknown { name: name.to_owned() })
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A set of capabilities.
///
/// ```
/// use vmstate::migration::{Capabilities, Capability, QemuRelease};
///
/// let mut capabilities = Capabilities::none();
/// capabilities.set(Capability::SwitchoverAck, true);
/// let conflict = capabilities.check(QemuRelease::V10_0).unwrap_err();
/// assert_eq!(conflict.qemu_message(), "Capability 'switchover-ack' requires capability 'return-path'");
/// capabilities.set(Capability::ReturnPath, true);
/// capabilities.check(QemuRelease::V10_0)?;
/// # Ok::<(), vmstate::migration::CapabilityConflict>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Capabilities(u32);

impl Capabilities {
    /// Creates the empty set: the defaults of QEMU.
    #[must_use]
    pub const fn none() -> Self {
        Self(0)
    }

    /// Returns whether a capability is on.
    #[must_use]
    pub const fn has(self, capability: Capability) -> bool {
        self.0 & capability.bit() != 0
    }

    /// Switches a capability on or off.
    pub fn set(&mut self, capability: Capability, on: bool) {
        if on {
            self.0 |= capability.bit();
        } else {
            self.0 &= !capability.bit();
        }
    }

    /// Returns the set with one more capability.
    #[must_use]
    pub const fn with(self, capability: Capability) -> Self {
        Self(self.0 | capability.bit())
    }

    /// Iterates over the capabilities that are on.
    pub fn iter(self) -> impl Iterator<Item = Capability> {
        Capability::ALL.iter().copied().filter(move |capability| self.has(*capability))
    }

    /// Checks that `release` has the capabilities and accepts the combination, and that this library implements all of
    /// them.
    ///
    /// # Errors
    /// Returns the first conflict. QEMU checks the combination as a whole, too, after all capabilities of a command are
    /// set.
    pub fn check(self, release: QemuRelease) -> Result<(), CapabilityConflict> {
        rules::check(self, release)?;
        match self.iter().find(|capability| !capability.is_implemented()) {
            Some(capability) => Err(CapabilityConflict::NotImplemented { capability }),
            None => self.check_combinations(),
        }
    }

    /// Checks that this library implements the combination.
    pub(super) fn check_combinations(self) -> Result<(), CapabilityConflict> {
        rules::check_combinations(self)
    }
}

/// The return path is on: without it a migration cannot detect that the destination has failed.
impl Default for Capabilities {
    fn default() -> Self {
        Self::none().with(Capability::ReturnPath).with(Capability::Events)
    }
}

impl fmt::Debug for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(Capability::name)).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(release: QemuRelease) -> Vec<&'static str> {
        Capability::ALL.iter().filter(|row| row.exists_in(release)).map(|row| row.name()).collect()
    }

    #[test]
    fn lists_have_qemu_names_and_order() {
        let expected = "xbzrle, rdma-pin-all, auto-converge, zero-blocks, events, postcopy-ram, x-colo, release-ram, \
                        return-path, pause-before-switchover, multifd, dirty-bitmaps, postcopy-blocktime, \
                        late-block-activate, x-ignore-shared, validate-uuid, background-snapshot, zero-copy-send, \
                        postcopy-preempt, switchover-ack, dirty-limit, mapped-ram";
        assert_eq!(names(QemuRelease::V10_0).join(", "), expected);
        assert_eq!(names(QemuRelease::V7_2).len(), 21);
        assert_eq!(names(QemuRelease::V11_1).len(), 21);
        assert!(!names(QemuRelease::V11_1).contains(&"zero-blocks"));
    }

    #[test]
    fn unknown_names_have_qemu_messages() {
        let message = |name, release| Capability::from_name(name, release).unwrap_err().qemu_message();
        let expected = "Parameter 'capability' does not accept value 'zzz'";
        assert_eq!(message("zzz", QemuRelease::V10_0), expected);
        assert!(message("mapped-ram", QemuRelease::V7_2).ends_with("'mapped-ram'"));
    }

    #[test]
    fn preempt_channel_excludes_data_channels() {
        let set = Capabilities::none().with(Capability::PostcopyRam).with(Capability::PostcopyPreempt);
        for release in [QemuRelease::V7_2, QemuRelease::V10_0, QemuRelease::V11_1] {
            set.check(release).unwrap();
            let error = set.with(Capability::Multifd).check(release).unwrap_err().to_string();
            assert!(error.contains("multifd"), "{error}");
        }
    }

    #[test]
    fn unimplemented_capabilities_are_rejected_by_name() {
        for capability in Capability::ALL.iter().copied().filter(|capability| !capability.is_implemented()) {
            let set = Capabilities::none().with(capability);
            for release in [QemuRelease::V7_2, QemuRelease::V10_0, QemuRelease::V11_1] {
                let error = set.check(release).unwrap_err().to_string();
                assert!(error.contains(capability.name()) || error.contains("postcopy-ram"), "{error}");
            }
        }
    }
}
