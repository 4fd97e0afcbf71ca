//! The return path, as the source sees it.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use vmstate_types::LoadError;

use crate::memory::BlockLayout;
use crate::migration::protocol;
use crate::stream::{Decoded, DestinationState, ReceivedBitmap, ReturnPathMessage};

/// The peer, as far as its answers show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Peer {
    /// It cannot answer.
    Silent,
    /// It has not answered yet.
    Unknown,
    /// A QEMU, or a peer that does not use the handshake.
    Qemu,
    /// A peer that uses this library's handshake.
    Own,
}

/// An item of the return path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Answer {
    Message(ReturnPathMessage),
    /// The pages of a block that have arrived, which follow their message.
    Bitmap(String, ReceivedBitmap),
}

/// The decoder of the return path, and the facts that its messages have established.
#[derive(Debug, Clone)]
pub(super) struct Link {
    bytes: Vec<u8>,
    /// The number of bytes that were decoded.
    offset: u64,
    /// The block whose bitmap follows.
    bitmap: Option<String>,
    /// The target pages of the blocks.
    pages: HashMap<String, u64>,
    peer: Peer,
    /// Set if the connection replaces a lost one.
    pub(super) is_replaced: bool,
    /// The number of the PING whose PONG shows who the peer is.
    last_ping: u32,
    /// Set when the destination has accepted the handshake.
    accepted: bool,
    /// Set when the destination has approved the switchover.
    approved: bool,
    pinged: Option<Instant>,
    round_trip: Option<Duration>,
}

impl Link {
    /// Creates the link of a destination that can answer or not, and the PING that it answers last.
    pub(super) fn new(can_answer: bool, last_ping: u32, blocks: &[BlockLayout], page_size: u64) -> Self {
        let pages = |block: &BlockLayout| (block.idstr.clone(), block.size / page_size.max(1));
        Self {
            bytes: Vec::new(),
            offset: 0,
            bitmap: None,
            pages: blocks.iter().map(pages).collect(),
            is_replaced: false,
            peer: if can_answer { Peer::Unknown } else { Peer::Silent },
            last_ping,
            accepted: false,
            approved: false,
            pinged: None,
            round_trip: None,
        }
    }

    /// Begins a new connection to the same peer.
    pub(super) fn reconnect(&mut self) {
        self.bytes.clear();
        self.offset = 0;
        self.bitmap = None;
        self.is_replaced = true;
    }

    pub(super) fn peer(&self) -> Peer {
        self.peer
    }

    pub(super) fn is_approved(&self) -> bool {
        self.approved
    }

    /// Returns the shortest time between a command and its answer. The first PONG includes the time in which the destination
    /// has begun to load.
    pub(super) fn round_trip(&self) -> Option<Duration> {
        self.round_trip
    }

    /// Records that a command was sent which the destination answers at once.
    pub(super) fn pinged(&mut self, now: Instant) {
        self.pinged = Some(now);
    }

    /// Returns the data that decide about the future, as a text.
    #[cfg(test)]
    pub(super) fn key(&self) -> String {
        format!("{:?}", (&self.bytes, &self.bitmap, self.peer, self.accepted, self.approved, self.is_replaced))
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Decodes the next message or bitmap.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a message.
    pub(super) fn next(&mut self, now: Instant) -> Result<Option<Answer>, LoadError> {
        if let Some(block) = self.bitmap.clone() {
            return self.next_bitmap(block);
        }
        match ReturnPathMessage::decode(&self.bytes, self.offset)? {
            Decoded::Need(_) => Ok(None),
            Decoded::Item(ReturnPathMessage::RecvBitmap(block), used) => {
                self.consume(used);
                self.bitmap = Some(block.clone());
                self.next_bitmap(block)
            }
            Decoded::Item(message, used) => {
                self.consume(used);
                self.note(&message, now);
                Ok(Some(Answer::Message(message)))
            }
        }
    }

    fn next_bitmap(&mut self, block: String) -> Result<Option<Answer>, LoadError> {
        let Some(pages) = self.pages.get(&block) else {
            return Err(LoadError::malformed("the bitmap of a block of RAM", format!("`{}`", block.escape_debug())));
        };
        match ReceivedBitmap::decode(&self.bytes, self.offset, *pages)? {
            Decoded::Need(_) => Ok(None),
            Decoded::Item(received, used) => {
                self.consume(used);
                self.bitmap = None;
                Ok(Some(Answer::Bitmap(block, received)))
            }
        }
    }

    fn consume(&mut self, count: usize) {
        self.bytes.drain(..count);
        self.offset = self.offset.saturating_add(count as u64);
    }

    fn note(&mut self, message: &ReturnPathMessage, now: Instant) {
        match message {
            // An unexpected approval is not an error: QEMU 10.0 sends one if only the destination has the
            // capability (`loadvm_process_command` in `migration/savevm.c`).
            ReturnPathMessage::SwitchoverAck => self.approved = true,
            ReturnPathMessage::Pong(number) => self.note_pong(*number, now),
            ReturnPathMessage::Status { state: DestinationState::Loading, .. } => self.note_answer(now),
            _ => {}
        }
    }

    fn note_answer(&mut self, now: Instant) {
        if let Some(pinged) = self.pinged.take() {
            let measured = now.saturating_duration_since(pinged);
            self.round_trip = Some(self.round_trip.map_or(measured, |shortest| shortest.min(measured)));
        }
    }

    fn note_pong(&mut self, number: u32, now: Instant) {
        self.note_answer(now);
        self.accepted |= protocol::accepted(number).is_some();
        if number == self.last_ping && self.peer == Peer::Unknown {
            self.peer = if self.accepted { Peer::Own } else { Peer::Qemu };
        }
    }
}
