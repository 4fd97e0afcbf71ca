//! Reasons for which a relay ends a migration.

use vmstate_types::LoadError;

use super::rules::RulesError;

/// The reason for which a relay ends a migration before the guest is handed over.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RelayError {
    /// The source uses something that cannot be relayed.
    #[error("{what} cannot be relayed; {remedy}")]
    Unsupported {
        /// The capability or protocol.
        what: &'static str,
        /// The change that makes the migration possible.
        remedy: &'static str,
    },
    /// The source's stream is malformed.
    #[error("the source's stream: {0}")]
    Source(LoadError),
    /// The destination's answers are malformed.
    #[error("the destination's answers: {0}")]
    Destination(LoadError),
    /// The destination has rejected the machine, with this value of SHUT.
    #[error("the destination has rejected the machine (SHUT {0}); its log contains the reason")]
    Rejected(u32),
    /// The rules do not fit the machine.
    #[error("the rules: {0}")]
    Rules(RulesError),
    /// The destination has confirmed a machine before it had all of it.
    #[error("the destination has confirmed the machine before the end of its stream")]
    Premature,
}

/// A capability of the source that must be off.
pub(super) fn unsupported(what: &'static str) -> RelayError {
    RelayError::Unsupported { what, remedy: "switch the capability off at the source, or use `vmstate record`" }
}

/// Without footers, the end of a device is unknown.
pub(super) fn no_footers() -> RelayError {
    RelayError::Unsupported {
        what: "a machine without footers of sections",
        remedy: "use a machine type of QEMU 2.4 or newer, or `vmstate record`",
    }
}
