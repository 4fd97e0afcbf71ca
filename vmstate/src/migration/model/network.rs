//! A connection: items forward, bytes back, and losses.

use std::collections::VecDeque;

use crate::migration::destination::Item;

/// A connection, whose ends notice a loss separately.
#[derive(Debug, Default)]
pub(super) struct Connection {
    pub(super) forward: VecDeque<Item>,
    pub(super) back: VecDeque<u8>,
    /// Set when the source has closed it. Items in flight still arrive.
    pub(super) closed_by_source: bool,
    pub(super) closed_by_destination: bool,
    /// Set when it was cut: nothing arrives anymore.
    pub(super) is_cut: bool,
}

impl Connection {
    pub(super) fn send(&mut self, item: Item) -> Result<(), String> {
        if self.is_cut || self.closed_by_destination {
            return Err("broken pipe".to_owned());
        }
        self.forward.push_back(item);
        Ok(())
    }

    pub(super) fn answer(&mut self, bytes: &[u8]) -> Result<(), String> {
        if self.is_cut || self.closed_by_source {
            return Err("broken pipe".to_owned());
        }
        self.back.extend(bytes);
        Ok(())
    }

    /// Cuts the connection: everything that is in flight is lost.
    pub(super) fn cut(&mut self) {
        self.is_cut = true;
        self.forward.clear();
        self.back.clear();
    }
}
