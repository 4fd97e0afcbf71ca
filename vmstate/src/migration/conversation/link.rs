//! A connection of a conversation, and its decoders.

use super::backward::Backward;
use super::data::Data;
use super::explanation::{Connection, Participant};
use super::figures::Scan;
use super::forward::Forward;
use super::pages::Pages;
use crate::migration::Side;

/// A connection, and its decoders.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) begin: u64,
    /// The bytes of the source and of the destination.
    pub(super) bytes: [u64; 2],
    pub(super) source_end: Option<u64>,
    pub(super) destination_end: Option<u64>,
    /// The first loss of the connection.
    pub(super) lost: Option<(u64, Side, String)>,
    /// Set if bytes could not be delivered to the source.
    pub(super) is_source_lost: bool,
    pub(super) decoder: Decoder,
    pub(super) backward: Backward,
    pub(super) scan: Scan,
}

/// The decoder of the source's direction.
#[derive(Debug)]
pub(super) enum Decoder {
    /// The first bytes of a connection whose purpose is not known yet.
    First(Vec<u8>),
    Stream(Box<Forward>),
    Data(Data),
    Pages(Box<Pages>),
    Cpr,
    Tls,
    Other,
    /// Another connection has the role of this one, which is named, now.
    Retired(&'static str),
}

impl Link {
    pub(super) fn new(begin: u64) -> Self {
        Self {
            begin,
            bytes: [0; 2],
            source_end: None,
            destination_end: None,
            lost: None,
            is_source_lost: false,
            decoder: Decoder::First(Vec::new()),
            backward: Backward::default(),
            scan: Scan::default(),
        }
    }

    /// Returns whether the destination has sent anything.
    pub(super) fn is_answered(&self) -> bool {
        self.bytes[1] > 0
    }

    pub(super) fn connection(&self, number: u32) -> Connection {
        Connection {
            number,
            purpose: self.purpose(),
            channel: match &self.decoder {
                Decoder::Data(data) => data.number(),
                _ => None,
            },
            begin_us: self.begin,
            source_bytes: self.bytes[0],
            destination_bytes: self.bytes[1],
            source_end_us: self.source_end,
            destination_end_us: self.destination_end,
            lost: self.lost.as_ref().map(|(.., message)| message.clone()),
        }
    }

    pub(super) fn purpose(&self) -> &'static str {
        match &self.decoder {
            Decoder::First(_) => "silent",
            Decoder::Stream(stream) if stream.is_continued() => "recovery",
            Decoder::Stream(_) => "main",
            Decoder::Data(_) => "data",
            Decoder::Pages(_) => "requested pages",
            Decoder::Cpr => "descriptors (CPR)",
            Decoder::Tls => "encrypted (TLS)",
            Decoder::Other => "unknown",
            Decoder::Retired(purpose) => purpose,
        }
    }

    /// Returns the first end of the connection, and the side that it came from.
    pub(super) fn first_end(&self) -> Option<(u64, Participant)> {
        let lost = self.lost.as_ref().map(|(at, side, _)| match side {
            Side::Source => (*at, Participant::Source),
            Side::Destination => (*at, Participant::Destination),
        });
        let source = self.source_end.map(|at| (at, Participant::Source));
        let destination = self.destination_end.map(|at| (at, Participant::Destination));
        [lost, source, destination].into_iter().flatten().min_by_key(|(at, _)| *at)
    }

    /// Returns the time at which the source has ended the connection first.
    pub(super) fn source_ended(&self) -> Option<u64> {
        self.first_end().filter(|(_, side)| *side == Participant::Source).map(|(at, _)| at)
    }

    /// Returns the system's message about a lost connection.
    pub(super) fn reason(&self) -> String {
        self.lost.as_ref().map_or(String::new(), |(.., message)| format!(" ({message})"))
    }
}
