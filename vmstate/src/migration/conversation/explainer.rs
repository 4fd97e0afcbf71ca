//! The explainer: decodes the connections of a conversation, and follows the migration.

use std::collections::BTreeMap;

use vmstate_types::LoadError;

use super::backward::Answer;
use super::data::{Data, Packet};
use super::entry::{ConversationError, ConversationReader, Entry, EntryEvent};
use super::explanation::{Explanation, Participant};
use super::figures::{Scan, Traffic};
use super::forward::Forward;
use super::link::{Decoder, Link};
use super::pages::Pages;
use super::seen::Position;
use super::story::Story;
use super::text::Size;
use crate::migration::protocol::multifd;
use crate::migration::{MigrationStatus, Side};
use crate::stream::{MAGIC, ReturnPathMessage, tag};

/// The highest number of connections. QEMU has at most 255 data channels, and recoveries have one or two each.
const MAX_LINKS: usize = 1024;
/// The first bytes of a channel with descriptors (`QEMU_CPR_FILE_MAGIC`).
const CPR: [u8; 4] = *b"QCPR";
/// The first byte of a TLS handshake.
const TLS: u8 = 0x16;

/// Explains a conversation, entry by entry.
///
/// It holds undecoded bytes of at most 1 MiB per connection, and no guest memory.
///
/// ```
/// use std::time::Duration;
/// use vmstate::migration::Side;
/// use vmstate::migration::conversation::{Entry, EntryEvent, Explainer, MigrationOutcome};
///
/// let mut explainer = Explainer::new();
/// let mut entry = |micros, event| {
///     explainer.entry(&Entry { at: Duration::from_micros(micros), connection: 0, event });
/// };
/// entry(0, EntryEvent::Connected);
/// entry(80, EntryEvent::Bytes(Side::Source, b"QEVM\0\0\0\x03\x08\0\x01\0\0"));
/// entry(90, EntryEvent::Bytes(Side::Destination, b"\0\x01\0\x04\0\0\0\x01"));
/// let explanation = explainer.explain();
/// assert_eq!(explanation.outcome, MigrationOutcome::Failed);
/// assert_eq!(explanation.cause.unwrap().what, "SHUT 1: the destination has rejected the machine");
/// ```
#[derive(Debug, Default)]
pub struct Explainer {
    pub(super) links: BTreeMap<u32, Link>,
    /// The connection that carries the stream.
    main: Option<u32>,
    pub(super) story: Story,
    pub(super) traffic: Traffic,
    pub(super) transferred: u64,
    pub(super) started: Option<u64>,
    pub(super) last: u64,
    /// The block of the last request.
    requested_block: Option<usize>,
}

impl Explainer {
    /// Creates an explainer at the beginning of a conversation.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Reads a conversation, and explains it.
    ///
    /// # Errors
    /// Returns an error if the conversation cannot be read, or is malformed.
    pub fn read<R: std::io::Read>(reader: &mut ConversationReader<R>) -> Result<Explanation, ConversationError> {
        let mut explainer = Self::new();
        while let Some(entry) = reader.next_entry()? {
            explainer.entry(&entry);
        }
        Ok(explainer.explain())
    }

    /// Follows an entry.
    pub fn entry(&mut self, entry: &Entry<'_>) {
        // Threads of a recorder may write entries in another order than the clock's.
        self.last = self.last.max(u64::try_from(entry.at.as_micros()).unwrap_or(u64::MAX));
        self.story.now = self.last;
        let number = entry.connection;
        match &entry.event {
            EntryEvent::Started(clock) => self.started = u64::try_from(clock.as_micros()).ok(),
            EntryEvent::Connected => self.connected(number),
            EntryEvent::Bytes(side, bytes) => self.bytes(number, *side, bytes),
            EntryEvent::End(side) => self.end(number, *side),
            EntryEvent::Lost(side, message) => self.lost(number, *side, message),
        }
    }

    /// Returns the current pass, its pages and the bytes that were transferred, or `None` before the first connection.
    #[must_use]
    pub fn progress(&self) -> Option<String> {
        self.links.first_key_value()?;
        let story = &self.story;
        let status = story.source.status();
        let pages = story.passes.list.last().map_or(0, |pass| pass.pages.total());
        Some(match &story.postcopy {
            Some(postcopy) => format!("{status}, {} pages, {}", postcopy.pages.total(), Size(self.transferred)),
            None => format!("{status}, pass {}: {pages} pages, {}", story.passes.list.len(), Size(self.transferred)),
        })
    }

    pub(super) fn story(&self) -> &Story {
        &self.story
    }

    /// Returns the connection that carries the stream, or the first one.
    pub(super) fn main_link(&self) -> Option<&Link> {
        self.main.map_or_else(|| self.links.values().next(), |number| self.links.get(&number))
    }

    /// Returns the first connection that was lost.
    pub(super) fn first_lost(&self) -> Option<&(u64, Side, String)> {
        self.links.values().filter_map(|link| link.lost.as_ref()).min_by_key(|(at, ..)| *at)
    }

    /// Returns whether all connections are encrypted or of another protocol.
    pub(super) fn is_foreign(&self) -> bool {
        self.links.values().any(|link| matches!(link.decoder, Decoder::Tls | Decoder::Other | Decoder::Cpr))
            && self.stream().is_none()
    }

    /// Describes the part of the stream that was transferred last.
    pub(super) fn place(&self) -> String {
        self.stream().map_or_else(|| "before the header".to_owned(), Forward::place)
    }

    /// Returns the number of bytes of the stream.
    pub(super) fn stream_bytes(&self) -> u64 {
        self.main_link().map_or(0, |link| link.bytes[0])
    }

    pub(super) fn stream(&self) -> Option<&Forward> {
        match &self.links.get(&self.main?)?.decoder {
            Decoder::Stream(stream) => Some(stream),
            _ => None,
        }
    }

    fn connected(&mut self, number: u32) {
        if self.links.len() >= MAX_LINKS || self.links.contains_key(&number) {
            return;
        }
        self.links.insert(number, Link::new(self.story.now));
        self.story.moment(Participant::Source, number, "connected");
        if self.story.source.states.is_empty() {
            self.story.enter_both(MigrationStatus::Setup);
        }
    }

    fn bytes(&mut self, number: u32, side: Side, bytes: &[u8]) {
        let Some(mut link) = self.links.remove(&number) else { return };
        let count = bytes.len() as u64;
        match side {
            Side::Source => {
                link.bytes[0] += count;
                self.transferred += count;
                self.traffic.add(self.story.now, count);
                self.forward(number, &mut link, bytes);
                self.story.passes.add_bytes(count);
            }
            Side::Destination => {
                link.bytes[1] += count;
                self.backward(number, &mut link, bytes);
            }
        }
        self.links.insert(number, link);
    }

    fn forward(&mut self, number: u32, link: &mut Link, bytes: &[u8]) {
        if let Decoder::First(first) = &mut link.decoder {
            first.extend_from_slice(bytes);
            if first.len() < 4 {
                return;
            }
            let first = std::mem::take(first);
            link.decoder = self.decoder(number, &first);
            return self.decode(number, link, &first);
        }
        self.decode(number, link, bytes);
    }

    /// Finds the purpose of a connection by its first bytes.
    fn decoder(&mut self, number: u32, first: &[u8]) -> Decoder {
        match first {
            [a, b, c, d, ..] if u32::from_be_bytes([*a, *b, *c, *d]) == MAGIC => {
                self.begin_stream(number);
                Decoder::Stream(Box::new(Forward::new()))
            }
            _ if first.starts_with(&multifd::MAGIC) => Decoder::Data(Data::default()),
            _ if first.starts_with(&CPR) => Decoder::Cpr,
            [TLS, 3, ..] => Decoder::Tls,
            [tag::COMMAND, ..] => self.continued(number),
            _ => self.requested_pages(),
        }
    }

    fn requested_pages(&mut self) -> Decoder {
        let Some(pages) = self.stream().map(Pages::new) else { return Decoder::Other };
        self.retire(|decoder| matches!(decoder, Decoder::Pages(_)));
        Decoder::Pages(Box::new(pages))
    }

    fn begin_stream(&mut self, number: u32) {
        self.retire(|decoder| matches!(decoder, Decoder::Stream(_)));
        self.main = Some(number);
    }

    /// Drops decoders, so that memory is limited in conversations with many recoveries.
    fn retire(&mut self, is_retired: impl Fn(&Decoder) -> bool) {
        for link in self.links.values_mut().filter(|link| is_retired(&link.decoder)) {
            link.decoder = Decoder::Retired(link.purpose());
        }
    }

    /// Continues the stream after a lost connection.
    fn continued(&mut self, number: u32) -> Decoder {
        let Some(stream) = self.stream().and_then(Forward::continued) else { return Decoder::Other };
        self.begin_stream(number);
        Decoder::Stream(Box::new(stream))
    }

    fn decode(&mut self, number: u32, link: &mut Link, bytes: &[u8]) {
        let (story, scan) = (&mut self.story, &mut link.scan);
        let result = match &mut link.decoder {
            Decoder::Stream(stream) => stream.feed(bytes, &mut |seen| story.seen(number, scan, seen)),
            Decoder::Pages(pages) => pages.feed(bytes, &mut |seen| story.seen(number, scan, seen)),
            Decoder::Data(data) => {
                let main = self.main.and_then(|main| self.links.get(&main));
                let stream = main.and_then(|link| match &link.decoder {
                    Decoder::Stream(stream) => Some(&**stream),
                    _ => None,
                });
                let page_size = stream.map_or(crate::memory::PageSize::DEFAULT, Forward::page_size);
                let find = |packet: &Packet| Some((stream?.find_block(&packet.block)?, packet.first?));
                data.feed(bytes, page_size, &mut |packet| count_packet(story, scan, find(&packet), &packet))
            }
            Decoder::First(_) | Decoder::Cpr | Decoder::Tls | Decoder::Other | Decoder::Retired(_) => Ok(()),
        };
        self.check(number, Participant::Source, result);
    }

    fn backward(&mut self, number: u32, link: &mut Link, bytes: &[u8]) {
        // Until the source has sent its first bytes, the destination sends nothing.
        let Decoder::Stream(stream) = &link.decoder else { return };
        let (story, block) = (&mut self.story, &mut self.requested_block);
        let result = link.backward.feed(bytes, &mut |answer| match answer {
            Answer::Colo(message) => story.colo_message(number, message),
            Answer::Message(ReturnPathMessage::ReqPagesId { block: name, start, .. }) => {
                *block = stream.find_block(&name);
                story.request(block.map(|block| (block, start)));
            }
            Answer::Message(ReturnPathMessage::ReqPages { start, .. }) => {
                story.request(block.map(|block| (block, start)));
            }
            Answer::Message(message) => story.message(number, &message),
        });
        self.check(number, Participant::Destination, result);
    }

    fn check(&mut self, number: u32, side: Participant, result: Result<(), LoadError>) {
        if let Err(error) = result {
            self.story.moment(side, number, format!("cannot decode: {error}"));
            let malformed = (self.story.now, side, error.to_string());
            self.story.malformed.get_or_insert(malformed);
        }
    }

    fn end(&mut self, number: u32, side: Side) {
        let now = self.story.now;
        let Some(link) = self.links.get_mut(&number) else { return };
        let (end, participant) = match side {
            Side::Source => (&mut link.source_end, Participant::Source),
            Side::Destination => (&mut link.destination_end, Participant::Destination),
        };
        if end.replace(now).is_none() {
            self.story.moment(participant, number, "closed");
        }
        self.closed(number);
    }

    fn lost(&mut self, number: u32, side: Side, message: &str) {
        let now = self.story.now;
        let Some(link) = self.links.get_mut(&number) else { return };
        link.lost.get_or_insert((now, side, message.to_owned()));
        link.is_source_lost |= side == Side::Source;
        let participant = match side {
            Side::Source => Participant::Source,
            Side::Destination => Participant::Destination,
        };
        self.story.moment(participant, number, format!("lost: {message}"));
        self.closed(number);
    }

    /// Postcopy without its connection is paused.
    fn closed(&mut self, number: u32) {
        let is_paused = self.story.postcopy.is_some() && self.story.return_path && self.story.shut.is_none();
        if is_paused && self.main == Some(number) {
            self.story.enter_both(MigrationStatus::PostcopyPaused);
        }
    }
}

fn count_packet(story: &mut Story, scan: &mut Scan, position: Option<Position>, packet: &Packet) {
    for (kind, count) in packet.pages.into_iter().filter(|(_, count)| *count > 0) {
        story.pages(scan, position, (kind, count));
    }
    if packet.sync {
        scan.synchronize();
    }
}
