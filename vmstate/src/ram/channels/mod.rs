//! Pages that are sent and loaded over several channels (multifd): the data that a section shares with the channels.
//!
//! The threads and sockets of the channels belong to the driver of a migration.

#![cfg_attr(not(all(unix, feature = "migration")), allow(dead_code, reason = "only migrations have channels"))]

mod load;
#[cfg(all(unix, feature = "migration"))]
mod place;
mod save;
mod stores;

pub(crate) use self::load::SharedLoad;
#[cfg(all(unix, feature = "migration"))]
pub(crate) use self::load::{Connections, PlacedWord};
#[cfg(all(unix, feature = "migration"))]
pub(crate) use self::save::{Claim, Sent};
pub(crate) use self::save::{SharedSave, SyncPoints};
pub(super) use self::stores::{FromFile, WithChannels};
