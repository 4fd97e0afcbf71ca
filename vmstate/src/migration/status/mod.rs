//! The states of a migration, its events and its statistics.

#[cfg_attr(
    not(any(test, all(target_os = "linux", feature = "mapping"))),
    expect(dead_code, reason = "only postcopy waits for pages")
)]
mod blocktime;
mod event;
mod latency;
mod statistics;
mod transitions;

use std::fmt;

use super::QemuRelease;

pub(super) use self::blocktime::BlocktimeRecorder;
#[cfg(all(target_os = "linux", feature = "mapping"))]
pub(super) use self::blocktime::MissingPage;
pub use self::blocktime::{Blocktime, ThreadWaits};
pub use self::event::{Event, Prediction};
pub use self::latency::FaultLatency;
pub use self::statistics::{DirtyLimitStatistics, DowntimeParts, RamStatistics, Statistics, XbzrleStatistics};
pub use self::transitions::{Side, is_transition};

/// Defines the states with their names.
macro_rules! states {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// The state of a migration (`MigrationStatus` in QEMU's `qapi/migration.json`).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
        #[non_exhaustive]
        pub enum MigrationStatus {
            $($(#[$doc])* $variant),*
        }

        impl MigrationStatus {
            /// All states.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// Returns the name.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

states! {
    /// No migration has begun.
    #[default]
    None = "none";
    /// The source connects, or the destination listens.
    Setup = "setup";
    /// The source sends memory while the guest runs.
    Active = "active";
    /// The guest is stopped, and the source waits for the command to continue.
    PreSwitchover = "pre-switchover";
    /// The guest is stopped, and the source sends its devices (QEMU 10.0).
    Device = "device";
    /// The devices are sent and loaded, and the guest does not run yet (QEMU 11.1).
    PostcopyDevice = "postcopy-device";
    /// The guest runs on the destination, and its pages follow.
    PostcopyActive = "postcopy-active";
    /// The connection is lost while the guest runs on the destination.
    PostcopyPaused = "postcopy-paused";
    /// The source connects again (QEMU 10.0).
    PostcopyRecoverSetup = "postcopy-recover-setup";
    /// The sides agree on the pages that are missing.
    PostcopyRecover = "postcopy-recover";
    /// The machine is at the destination.
    Completed = "completed";
    /// A failure is being handled; the guest may be stopped (QEMU 11.1).
    Failing = "failing";
    /// The migration has failed.
    Failed = "failed";
    /// A command cancels the migration.
    Cancelling = "cancelling";
    /// The migration is cancelled.
    Cancelled = "cancelled";
    /// The destination has the machine, and waits for the right to run it. An extension of this library.
    Loaded = "loaded";
    /// The source has given the right to run away, and has no answer. An extension of this library: a command has to
    /// decide.
    Doubt = "doubt";
}

impl MigrationStatus {
    /// Returns whether the migration has ended.
    #[must_use]
    pub fn is_final(self) -> bool {
        matches!(self, Self::None | Self::Completed | Self::Failed | Self::Cancelled)
    }

    /// Finds a state by its name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|status| status.name() == name)
    }

    /// Returns the name of the state in the schema of `release`, which lacks the extensions of this library.
    ///
    /// A management layer that knows only QEMU's states handles a source in doubt correctly if it sees
    /// `postcopy-paused`: both guests are stopped, and `migrate` with `resume` continues.
    #[must_use]
    pub fn qapi_name(self, release: QemuRelease) -> &'static str {
        match self {
            Self::Doubt => "postcopy-paused",
            Self::Loaded => Self::Active.name(),
            // Older releases have the state of a running guest as soon as they load the devices.
            Self::PostcopyDevice if !release.behavior().has_failing => Self::PostcopyActive.name(),
            Self::PostcopyRecoverSetup if release == QemuRelease::V7_2 => Self::PostcopyPaused.name(),
            // Older releases stay in the state in which the failure occurred until it is handled.
            Self::Failing if !release.behavior().has_failing => Self::Active.name(),
            other => other.name(),
        }
    }
}

impl fmt::Display for MigrationStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
