//! A relay between the source and the destination of a migration: the logic of `vmstate relay`, without I/O.
//!
//! A [`Relay`] forwards the source's stream item by item and the destination's answers message by message. It holds the end
//! of the stream back until it has all of it and the destination has loaded the devices, which it asks with a PING. So a
//! cut before this point leaves the guest at the source, and a source learns that the guest was handed over only from the
//! destination. [`Relaying`](super::Relaying) connects it to sockets.
//!
//! If only one peer has data channels (multifd), a [`PageSplitter`] sends the pages of the stream over them, or a
//! [`PageMerger`] inserts their pages into it.
//!
//! Peers that both use this library hand the guest over with their own handshake. Then everything is forwarded at once.

mod answers;
#[cfg(test)]
mod channel_tests;
mod error;
mod figures;
mod forwarding;
mod merge;
mod pages;
mod pieces;
mod rewriting;
mod rules;
mod split;
#[cfg(test)]
mod tests;
mod walk;

pub use error::RelayError;
pub use figures::RelayFigures;
pub use forwarding::{Relay, RelayPhase};
pub use merge::{MergeStep, PageMerger};
pub use pages::{PageBatch, Pages};
pub use rules::{
    Action, Change, MachineRule, RelayFinding, RelayFindingKind, RelayRules, RulesError, SectionRule, Unlisted,
};
pub use split::{PageSplitter, SplitTask};
