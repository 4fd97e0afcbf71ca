//! A connection between two processes: messages in both directions, which are delayed, and losses that each end notices
//! separately.

use std::collections::VecDeque;

use super::guest::Pages;
use crate::migration::destination::Item;

/// An item of the stream with the part of the guest that it contains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) item: Item,
    /// The pages of a section, with their contents.
    pub(super) pages: Pages,
    /// The devices of a section.
    pub(super) devices: Option<u8>,
}

impl Message {
    pub(super) fn new(item: Item) -> Self {
        Self { item, pages: Pages::default(), devices: None }
    }
}

/// A connection.
#[derive(Debug, Clone)]
pub(super) struct Link {
    pub(super) forward: VecDeque<Message>,
    /// Messages of the return path.
    pub(super) back: VecDeque<Vec<u8>>,
    /// Set while the source has its end open.
    pub(super) source_open: bool,
    /// Set while the destination has its end open, or has not accepted the connection.
    pub(super) destination_open: bool,
    pub(super) accepted: bool,
    /// Set when the source has opened the channel for requested pages.
    pub(super) preempt: bool,
    /// Set when nothing arrives at the destination anymore.
    pub(super) cut_forward: bool,
    /// Set when nothing arrives at the source anymore.
    pub(super) cut_back: bool,
}

impl Link {
    pub(super) fn new() -> Self {
        Self {
            forward: VecDeque::new(),
            back: VecDeque::new(),
            source_open: true,
            destination_open: true,
            accepted: false,
            preempt: false,
            cut_forward: false,
            cut_back: false,
        }
    }

    /// Sends an item. Into a broken connection, the system accepts bytes (`vanishes`) or reports an error.
    pub(super) fn send(&mut self, message: Message, vanishes: bool) -> Result<(), String> {
        if self.is_whole_forward() {
            self.forward.push_back(message);
            return Ok(());
        }
        if vanishes { Ok(()) } else { Err("broken pipe".to_owned()) }
    }

    pub(super) fn answer(&mut self, bytes: Vec<u8>, vanishes: bool) -> Result<(), String> {
        if self.is_whole_back() {
            self.back.push_back(bytes);
            return Ok(());
        }
        if vanishes { Ok(()) } else { Err("broken pipe".to_owned()) }
    }

    pub(super) fn is_whole_forward(&self) -> bool {
        !self.cut_forward && self.destination_open
    }

    pub(super) fn is_whole_back(&self) -> bool {
        !self.cut_back && self.source_open
    }

    /// Returns whether the source reads the end of the return path.
    pub(super) fn is_lost_for_source(&self) -> bool {
        self.back.is_empty() && (self.cut_back || !self.destination_open)
    }

    /// Returns whether the destination reads the end of the stream.
    pub(super) fn is_lost_for_destination(&self) -> bool {
        self.forward.is_empty() && (self.cut_forward || !self.source_open)
    }

    pub(super) fn cut_forward(&mut self) {
        self.cut_forward = true;
        self.forward.clear();
    }

    pub(super) fn cut_back(&mut self) {
        self.cut_back = true;
        self.back.clear();
    }
}
