//! TLS below the channels of a migration.
//!
//! A thread for each channel connects a local socket, which the migration reads and writes in the clear, with the
//! encrypted connection: several threads use both directions of a channel, by scattered reads and deadlines of the
//! socket, while a TLS connection has one state for both.

mod ending;
mod explain;
mod gate;
mod handshake;
mod pump;
mod security;
mod tunnel;

pub(super) use self::ending::Ending;
pub(super) use self::gate::Gate;
pub(super) use self::security::{Client, Server};
pub(super) use self::tunnel::Tunnel;
