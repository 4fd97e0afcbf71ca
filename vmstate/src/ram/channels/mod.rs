//! Pages that are sent and loaded over several channels (multifd): the data that a section shares with the channels.
//!
//! The threads and sockets of the channels belong to the driver of a migration.

#![cfg_attr(not(all(unix, feature = "migration")), allow(dead_code, reason = "only migrations have channels"))]

mod load;
mod save;

#[cfg(all(unix, feature = "migration"))]
pub(crate) use self::load::Connections;
pub(crate) use self::load::SharedLoad;
pub(crate) use self::save::SharedSave;
#[cfg(all(unix, feature = "migration"))]
pub(crate) use self::save::{Claim, Sent};
