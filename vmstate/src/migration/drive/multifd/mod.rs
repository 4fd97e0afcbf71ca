//! Data channels (multifd): their connections and threads.

mod accept;
mod file;
mod receive;
mod send;

pub(super) use self::accept::accept;
pub(super) use self::receive::Receiving;
pub(super) use self::send::{SendOptions, Sending};
