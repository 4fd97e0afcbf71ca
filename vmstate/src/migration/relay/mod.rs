//! A relay between the source and the destination of a migration: the logic of `vmstate relay`, without I/O.
//!
//! A [`Relay`] forwards the source's stream item by item and the destination's answers message by message. It holds the end
//! of the stream back until it has all of it and the destination has loaded the devices, which it asks with a PING. So a
//! cut before this point leaves the guest at the source, and a source learns that the guest was handed over only from the
//! destination. [`Relaying`](super::Relaying) connects it to sockets.
//!
//! Peers that both use this library hand the guest over with their own handshake. Then everything is forwarded at once.

mod answers;
mod error;
mod figures;
mod forwarding;
mod rewriting;
mod rules;
#[cfg(test)]
mod tests;

pub use error::RelayError;
pub use figures::RelayFigures;
pub use forwarding::{Relay, RelayPhase};
pub use rules::{
    Action, Change, MachineRule, RelayFinding, RelayFindingKind, RelayRules, RulesError, SectionRule, Unlisted,
};
