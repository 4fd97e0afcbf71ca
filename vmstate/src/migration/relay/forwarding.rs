//! Both directions of the main connection, and the hand-over of the guest.

use std::mem;
use std::ops::Range;

use vmstate_types::LoadError;

use super::answers::Answers;
use super::error::{RelayError, no_footers, unsupported};
use super::figures::RelayFigures;
use super::pieces::Pieces;
use super::rewriting::Rewriting;
use super::rules::{RelayRules, missing_description};
use crate::Writer;
use crate::memory::PageSize;
use crate::migration::conversation::{Forward, PageKind, Seen};
use crate::migration::protocol::{PING_OF_RELAY, offered};
use crate::stream::{Command, DestinationState, ReturnPathMessage, SectionKind, StreamWriter};

/// Upper bound on the end of a stream that is held back. Descriptions of QEMU's machines have about 100 KiB.
const MAX_END: usize = 64 << 20;

/// The progress of a relayed migration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RelayPhase {
    /// The stream is forwarded. Any failure leaves the guest at the source.
    Passing,
    /// The end mark has arrived, and its description has not. Both are held back.
    Ending,
    /// The destination was asked whether it has loaded the devices.
    Asking,
    /// The end was forwarded: the destination may run the guest, and the source must not be told otherwise.
    Committed,
    /// The destination has confirmed that it has the guest.
    Confirmed,
}

/// Forwards the main connection of a migration.
///
/// The caller passes the bytes of both peers, and sends the bytes that [`for_source`](Self::for_source) and
/// [`for_destination`](Self::for_destination) return. After an error it sends these, and closes both connections.
///
/// ```
/// use vmstate::migration::relay::{Relay, RelayPhase};
///
/// let mut relay = Relay::new();
/// let stream = b"QEVM\0\0\0\x03\x08\0\x01\0\0\0\x06\0\0\0\x02{}";
/// relay.source_bytes(stream)?;
/// // The end is replaced by a question.
/// assert_eq!(relay.for_destination(), b"QEVM\0\0\0\x03\x08\0\x01\0\0\x08\0\x02\0\x04vmr\x02");
/// assert_eq!(relay.phase(), RelayPhase::Asking);
///
/// relay.destination_bytes(b"\0\x02\0\x04vmr\x02")?;
/// assert_eq!((relay.for_source(), relay.for_destination()), (vec![], stream[13..].to_vec()));
/// relay.destination_bytes(b"\0\x01\0\x04\0\0\0\0")?;
/// assert_eq!((relay.for_source().len(), relay.phase()), (8, RelayPhase::Confirmed));
/// # Ok::<(), vmstate::migration::relay::RelayError>(())
/// ```
#[derive(Debug)]
pub struct Relay {
    stream: Forward,
    answers: Answers,
    phase: RelayPhase,
    figures: RelayFigures,
    for_source: Vec<u8>,
    for_destination: Vec<u8>,
    /// The number of bytes of the source before the current ones.
    before: u64,
    /// The current bytes of the source that follow `for_destination`.
    direct: Range<usize>,
    /// The end of the stream, which is held back.
    end: Vec<u8>,
    /// The parts of the stream that the last step has decoded.
    seen: Vec<Seen>,
    return_path: bool,
    /// Both peers use this library's handshake.
    is_end_to_end: bool,
    rewriting: Option<Rewriting>,
}

impl Default for Relay {
    fn default() -> Self {
        Self::new()
    }
}

impl Relay {
    /// Creates a relay at the beginning of a migration.
    #[must_use]
    pub fn new() -> Self {
        Self {
            stream: Forward::new(),
            answers: Answers::default(),
            phase: RelayPhase::Passing,
            figures: RelayFigures::default(),
            for_source: Vec::new(),
            for_destination: Vec::new(),
            before: 0,
            direct: 0..0,
            end: Vec::new(),
            seen: Vec::new(),
            return_path: false,
            is_end_to_end: false,
            rewriting: None,
        }
    }

    /// Rewrites the devices by rules. They are held back until their description has arrived, which follows them.
    #[must_use]
    pub fn rules(mut self, rules: RelayRules) -> Self {
        self.rewriting = Some(Rewriting::new(rules));
        self
    }

    /// Returns the progress.
    #[must_use]
    pub fn phase(&self) -> RelayPhase {
        self.phase
    }

    /// Returns whether both peers use this library, and hand the guest over with their own handshake.
    #[must_use]
    pub fn is_end_to_end(&self) -> bool {
        self.is_end_to_end
    }

    /// Returns figures of the part that has been forwarded.
    #[must_use]
    pub fn figures(&self) -> &RelayFigures {
        &self.figures
    }

    /// Returns the target page size, once guest memory has begun.
    pub(in crate::migration) fn page_size(&self) -> Option<PageSize> {
        self.stream.known_page_size()
    }

    /// Describes the part of the stream that is being transferred, such as "in section `ram`".
    #[must_use]
    pub fn place(&self) -> String {
        self.stream.place()
    }

    /// Returns the bytes to send to the source, once.
    #[must_use]
    pub fn for_source(&mut self) -> Vec<u8> {
        mem::take(&mut self.for_source)
    }

    /// Returns the bytes to send to the destination, once.
    #[must_use]
    pub fn for_destination(&mut self) -> Vec<u8> {
        mem::take(&mut self.for_destination)
    }

    /// Moves the bytes to send to the destination to `out`, which is cleared, and keeps the memory of `out`.
    pub(in crate::migration) fn swap_for_destination(&mut self, out: &mut Vec<u8>) {
        out.clear();
        mem::swap(out, &mut self.for_destination);
    }

    /// Returns the number of bytes that are buffered, in both directions.
    #[must_use]
    pub fn buffered(&self) -> usize {
        self.for_source.len() + self.for_destination.len() + self.end.len() + self.stream.input.rest().len()
    }

    /// Forwards bytes of the source.
    ///
    /// # Errors
    /// Returns an error if the stream is malformed, or uses something that cannot be relayed.
    pub fn source_bytes(&mut self, bytes: &[u8]) -> Result<(), RelayError> {
        let direct = self.pass(bytes)?;
        self.for_destination.extend_from_slice(direct);
        Ok(())
    }

    /// Forwards bytes of the source. Returns the part of them that follows the [copied](Self::swap_for_destination) bytes.
    ///
    /// # Errors
    /// As [`source_bytes`](Self::source_bytes).
    pub(in crate::migration) fn pass<'b>(&mut self, bytes: &'b [u8]) -> Result<&'b [u8], RelayError> {
        self.before = self.figures.bytes;
        self.figures.bytes = self.figures.bytes.saturating_add(bytes.len() as u64);
        let decoded = self.decode(bytes);
        if let Err(error) = decoded {
            self.copy_direct(bytes);
            return Err(error);
        }
        Ok(bytes.get(mem::take(&mut self.direct)).unwrap_or_default())
    }

    fn decode(&mut self, bytes: &[u8]) -> Result<(), RelayError> {
        let (mut decoded, mut pieces) = (0, Pieces::default());
        while decoded < bytes.len() {
            let is_content = self.stream.input.is_skipping();
            let end = decoded + pieces.next(&self.stream.input, bytes.len() - decoded);
            if is_content {
                self.forward(decoded..end, bytes);
            }
            self.stream.input.push(bytes.get(decoded..end).unwrap_or_default());
            decoded = end;
            while self.step(bytes)? {}
            self.check_end()?;
        }
        Ok(())
    }

    /// Forwards or holds a part of the source's current bytes.
    fn forward(&mut self, part: Range<usize>, bytes: &[u8]) {
        if self.is_holding() {
            self.end.extend_from_slice(bytes.get(part).unwrap_or_default());
        } else if self.direct.end == part.start && !self.direct.is_empty() {
            self.direct.end = part.end;
        } else {
            self.copy_direct(bytes);
            self.direct = part;
        }
    }

    /// Copies the part that follows the bytes for the destination.
    fn copy_direct(&mut self, bytes: &[u8]) {
        let direct = mem::take(&mut self.direct);
        self.for_destination.extend_from_slice(bytes.get(direct).unwrap_or_default());
    }

    /// Forwards or holds the item that begins at `start` and has just been decoded.
    fn forward_item(&mut self, start: u64, bytes: &[u8]) {
        let end = self.stream.input.offset();
        let index = |offset: u64| usize::try_from(offset.saturating_sub(self.before)).unwrap_or(usize::MAX);
        let part = index(start)..index(end);
        // The begin of the item has arrived before.
        let length = usize::try_from(self.before.min(end).saturating_sub(start)).unwrap_or(usize::MAX);
        if length > 0 {
            self.copy_direct(bytes);
            let earlier = self.stream.input.consumed(start).get(..length).unwrap_or_default();
            let target = if self.is_holding() { &mut self.end } else { &mut self.for_destination };
            target.extend_from_slice(earlier);
        }
        self.forward(part, bytes);
    }

    /// Forwards one item. Returns `false` if it has not arrived completely.
    fn step(&mut self, bytes: &[u8]) -> Result<bool, RelayError> {
        let start = self.stream.input.offset();
        let mut seen = mem::take(&mut self.seen);
        let more = self.stream.step(&mut |item| seen.push(item)).map_err(RelayError::Source)?;
        let asks = seen.iter().any(|item| matches!(item, Seen::Description));
        let is_header = seen.iter().any(|item| matches!(item, Seen::Header(_)));
        for item in seen.drain(..) {
            self.notice(item)?;
        }
        self.seen = seen;
        self.forward_item(start, bytes);
        if is_header {
            self.copy_direct(bytes);
            self.rewrite_header(start)?;
        }
        if asks && self.phase == RelayPhase::Ending {
            self.copy_direct(bytes);
            self.rewrite_end()?;
            self.ask();
        }
        self.check_description()?;
        Ok(more)
    }

    fn is_holding(&self) -> bool {
        let collects = self.rewriting.as_ref().is_some_and(Rewriting::is_collecting);
        collects || matches!(self.phase, RelayPhase::Ending | RelayPhase::Asking)
    }

    /// Replaces the header, which begins at `start`, if the destination has another machine type.
    fn rewrite_header(&mut self, start: u64) -> Result<(), RelayError> {
        let Some(rewriting) = &mut self.rewriting else { return Ok(()) };
        let header = self.stream.input.consumed(start);
        if let Some(other) = rewriting.header(header, self.stream.configuration())? {
            self.for_destination.truncate(self.for_destination.len().saturating_sub(header.len()));
            self.for_destination.extend_from_slice(&other);
        }
        Ok(())
    }

    /// Rewrites the devices, which are held back with the end of the stream.
    fn rewrite_end(&mut self) -> Result<(), RelayError> {
        let Some(rewriting) = &mut self.rewriting else { return Ok(()) };
        if let Some(rewritten) = rewriting.end(&self.end)? {
            self.for_destination.extend_from_slice(&rewritten.devices);
            self.end = rewritten.end;
        }
        Ok(())
    }

    fn notice(&mut self, seen: Seen) -> Result<(), RelayError> {
        match seen {
            Seen::Header(machine) => self.figures.machine = machine,
            Seen::Section(section) => {
                self.check_return_path()?;
                self.check_footers()?;
                if let Some(rewriting) = &mut self.rewriting {
                    rewriting.section(&section)?;
                }
                self.figures.devices += u64::from(section.kind == SectionKind::Full);
            }
            Seen::Command(command) => self.command(&command)?,
            Seen::Memory(bytes) => self.figures.memory = bytes,
            Seen::Page(PageKind::Zero, _) => self.figures.zero_pages += 1,
            Seen::Page(..) => self.figures.pages += 1,
            Seen::End => {
                self.check_return_path()?;
                if !self.is_end_to_end {
                    self.phase = RelayPhase::Ending;
                }
            }
            Seen::PackageEnd | Seen::Flush | Seen::Description => {}
        }
        Ok(())
    }

    fn command(&mut self, command: &Command) -> Result<(), RelayError> {
        match command {
            Command::OpenReturnPath => self.return_path = true,
            // Such a source sends its description only after the destination has loaded the devices.
            Command::Ping(number) if self.rewriting.is_some() && offered(*number).is_some() => return Err(own_source()),
            Command::Session(_) if self.rewriting.is_some() => return Err(own_source()),
            Command::Session(_) => self.is_end_to_end = true,
            Command::PostcopyAdvise(_)
            | Command::PostcopyListen
            | Command::PostcopyRun
            | Command::PostcopyResume
            | Command::Packaged { .. } => return Err(unsupported("postcopy (`postcopy-ram`)")),
            Command::EnableColo => return Err(unsupported("COLO (`x-colo`)")),
            // The destination may run the guest from now on. Its answer resolves that, now or on another connection.
            Command::Run if self.is_end_to_end => self.phase = RelayPhase::Committed,
            _ => {}
        }
        Ok(())
    }

    /// Without a return path, the source completes as soon as it has sent everything.
    fn check_return_path(&self) -> Result<(), RelayError> {
        if self.return_path {
            return Ok(());
        }
        Err(RelayError::Unsupported {
            what: "a migration without return path",
            remedy: "switch the capability `return-path` on at the source",
        })
    }

    fn check_footers(&self) -> Result<(), RelayError> {
        if self.stream.has_footers() == Some(false) { Err(no_footers()) } else { Ok(()) }
    }

    /// Checks the byte after the end mark, which is the next one of the input.
    fn check_description(&self) -> Result<(), RelayError> {
        if self.phase == RelayPhase::Ending && self.stream.is_opaque() {
            let error = LoadError::malformed("the description after the end mark", "another byte");
            return Err(RelayError::Source(error.at_offset(self.stream.input.offset())));
        }
        Ok(())
    }

    fn check_end(&self) -> Result<(), RelayError> {
        if self.end.len() > MAX_END {
            let error = LoadError::malformed(format!("a description of at most {MAX_END} bytes"), "a longer one");
            return Err(RelayError::Source(error));
        }
        Ok(())
    }

    /// Asks whether the destination has loaded the devices.
    fn ask(&mut self) {
        let mut out = Writer::new();
        // Cannot fail: the command has four bytes.
        let _ = StreamWriter::new(&mut out).command(&Command::Ping(PING_OF_RELAY));
        self.for_destination.extend_from_slice(out.pending());
        self.phase = RelayPhase::Asking;
    }

    /// Notes that the source has sent nothing for a second. If the stream ends with the end mark, it has no description
    /// (`suppress-vmdesc` in QEMU), and the destination is asked. Returns whether it was.
    ///
    /// # Errors
    /// As [`source_bytes`](Self::source_bytes).
    pub fn source_is_idle(&mut self) -> Result<bool, RelayError> {
        self.before = self.figures.bytes;
        if self.phase == RelayPhase::Passing && self.stream.end_payload() {
            while self.step(&[])? {}
        }
        let is_bare = self.phase == RelayPhase::Ending && self.end.len() == 1;
        if is_bare {
            if self.rewriting.is_some() {
                return Err(RelayError::Rules(missing_description()));
            }
            self.ask();
        }
        Ok(is_bare)
    }

    /// Forwards bytes of the destination.
    ///
    /// # Errors
    /// Returns an error if they are malformed, the destination has rejected the machine, or confirms it too early. In the
    /// phase [`Committed`](RelayPhase::Committed), the destination may run the guest nevertheless: then the source's
    /// connection must stay open.
    pub fn destination_bytes(&mut self, bytes: &[u8]) -> Result<(), RelayError> {
        self.answers.push(bytes);
        while let Some((message, bytes)) = self.answers.next().map_err(RelayError::Destination)? {
            match message {
                ReturnPathMessage::Pong(PING_OF_RELAY) if self.phase == RelayPhase::Asking => {
                    self.for_destination.append(&mut self.end);
                    self.phase = RelayPhase::Committed;
                    continue;
                }
                ReturnPathMessage::Shut(0) if self.phase == RelayPhase::Committed => self.phase = RelayPhase::Confirmed,
                ReturnPathMessage::Shut(0) if !self.is_end_to_end => return Err(RelayError::Premature),
                ReturnPathMessage::Shut(value) if self.phase == RelayPhase::Committed => {
                    return Err(RelayError::Rejected(value));
                }
                ReturnPathMessage::Shut(value) if value != 0 => {
                    self.for_source.extend_from_slice(bytes);
                    return Err(RelayError::Rejected(value));
                }
                ReturnPathMessage::Status { state: DestinationState::Running, .. } if self.is_end_to_end => {
                    self.phase = RelayPhase::Confirmed;
                }
                ReturnPathMessage::Status { state: DestinationState::Declined, .. } if self.is_end_to_end => {
                    self.phase = RelayPhase::Passing;
                }
                _ => {}
            }
            self.for_source.extend_from_slice(bytes);
        }
        Ok(())
    }
}

fn own_source() -> RelayError {
    RelayError::Unsupported {
        what: "a source of this library, with rules,",
        remedy: "save the version of the destination, or edit the saved guest with `vmstate set`",
    }
}
