//! Data channels (multifd): their connections and threads.

mod accept;
mod file;
mod handles;
mod receive;
mod send;

pub(super) use self::accept::accept;
#[cfg(test)]
pub(super) use self::handles::handles;
pub(super) use self::receive::Receiving;
pub(super) use self::send::{SendOptions, Sending};
