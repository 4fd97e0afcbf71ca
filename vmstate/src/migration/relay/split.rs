//! The pages of a source with one connection, which are sent over the data channels (multifd) of a destination.

use std::collections::VecDeque;

use vmstate_types::{LoadError, Writer};

use super::error::RelayError;
use super::pages::PageBatch;
use super::pieces::Pieces;
use super::walk::Walk;
use crate::memory::PageSize;
use crate::migration::conversation::{Forward, PageKind, Position, Seen};
use crate::migration::peer::MachineSwitches;
use crate::migration::protocol::multifd::pages_per_packet;
use crate::migration::release::QemuRelease;
use crate::ram::{Record, rewrite_block, write_record};
use crate::stream::SectionKind;

/// Splits the stream of a source with one connection: pages are sent in packets of data channels, and the rest in the main
/// connection.
///
/// The order of packets on different channels is undefined. So **a page is sent at most once between two synchronization
/// points**: before a page that may be repeated, all channels synchronize. As long as pages arrive in ascending order, with
/// one continuation at the beginning of the memory, none is repeated; a source does not come back to its first page before
/// its next pass. Destinations before QEMU 8.1, and newer ones with a machine type of these releases, synchronize at the
/// ends of sections. There, a page that may be repeated within a section is an error.
///
/// The caller carries out the [tasks](Self::advance) in order, and then writes the [main connection](Self::main).
#[derive(Debug)]
pub struct PageSplitter {
    stream: Forward,
    pieces: Pieces,
    seen: Vec<Seen>,
    /// The release of the destination.
    release: QemuRelease,
    /// The destination's conversation, which depends on the machine type.
    switches: MachineSwitches,
    main: Writer,
    batch: PageBatch,
    tasks: VecDeque<SplitTask>,
    walk: Walk,
    /// The kind of the section of memory that is decoded.
    kind: SectionKind,
    /// The page size of the first packets.
    page_size: Option<PageSize>,
    /// The block of the last record in the main connection.
    last_block: Option<usize>,
    /// The content that arrives belongs to the last page of the batch.
    in_page: bool,
    /// Decodes another item before more bytes are needed.
    has_more: bool,
    is_complete: bool,
}

/// A task of the owner of the data channels.
#[derive(Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SplitTask {
    /// Send pages over any channel.
    Send(PageBatch),
    /// Send a synchronization point over each channel, and then the bytes for the main connection, before any other pages:
    /// the destination waits for both.
    Synchronize,
}

impl PageSplitter {
    /// Creates the splitter of a stream for a destination of this release.
    #[must_use]
    pub fn new(release: QemuRelease) -> Self {
        Self {
            stream: Forward::new(),
            pieces: Pieces::default(),
            seen: Vec::new(),
            release,
            switches: MachineSwitches::new("", release),
            main: Writer::new(),
            batch: PageBatch::default(),
            tasks: VecDeque::new(),
            walk: Walk::default(),
            kind: SectionKind::Start,
            page_size: None,
            last_block: None,
            in_page: false,
            has_more: false,
            is_complete: false,
        }
    }

    /// Returns the page size of the packets, which is known before the first task.
    #[must_use]
    pub fn page_size(&self) -> Option<PageSize> {
        self.page_size
    }

    /// Returns the bytes for the main connection, which the caller clears after it has sent them.
    pub fn main(&mut self) -> &mut Writer {
        &mut self.main
    }

    /// Decodes bytes up to the next task, and removes them from `bytes`. Returns `None` if all bytes are decoded.
    ///
    /// # Errors
    /// Returns an error if the stream is malformed, or contains pages that do not fit into packets.
    pub fn advance(&mut self, bytes: &mut &[u8]) -> Result<Option<SplitTask>, RelayError> {
        loop {
            if let Some(task) = self.tasks.pop_front() {
                return Ok(Some(task));
            } else if self.is_complete {
                self.main.bytes(std::mem::take(bytes));
                return Ok(None);
            } else if self.has_more {
                // The content of a page or device arrives first.
                self.has_more = self.step()? && !self.stream.input.is_skipping();
            } else if bytes.is_empty() {
                return Ok(None);
            } else {
                self.push(bytes);
            }
        }
    }

    fn push(&mut self, bytes: &mut &[u8]) {
        let is_content = self.stream.input.is_skipping();
        let (piece, rest) = bytes.split_at(self.pieces.next(&self.stream.input, bytes.len()));
        *bytes = rest;
        self.stream.input.push(piece);
        if is_content {
            self.content(piece);
        } else {
            self.has_more = true;
        }
    }

    /// Adds a part of the content of the last page or device.
    fn content(&mut self, content: &[u8]) {
        if !self.in_page {
            self.main.bytes(content);
            return;
        }
        self.batch.content.extend_from_slice(content);
        if !self.stream.input.is_skipping() {
            self.end_page();
        }
    }

    /// Sends the batch if it is full.
    fn end_page(&mut self) {
        if self.batch.len() >= pages_per_packet(self.stream.page_size()) {
            self.flush();
        }
    }

    /// Sends the batch, unless it is empty.
    fn flush(&mut self) {
        if self.batch.len() > 0 {
            self.tasks.push_back(SplitTask::Send(std::mem::take(&mut self.batch)));
        }
    }

    /// Decodes one item. Returns `false` if it has not arrived completely.
    fn step(&mut self) -> Result<bool, RelayError> {
        let (start, was_in_memory) = (self.stream.input.offset(), self.stream.is_in_memory());
        let mut seen = std::mem::take(&mut self.seen);
        let more = self.stream.step(&mut |item| seen.push(item)).map_err(RelayError::Source)?;
        self.in_page = false;
        let mut is_page = false;
        for item in seen.drain(..) {
            is_page |= self.notice(item, start)?;
        }
        self.seen = seen;
        if was_in_memory && !self.stream.is_in_memory() {
            self.end_section();
        } else if !is_page {
            self.main.bytes(self.stream.input.consumed(start));
        }
        Ok(more)
    }

    /// Treats a part of the stream, which begins at `start`. Returns whether it is a page.
    fn notice(&mut self, item: Seen, start: u64) -> Result<bool, RelayError> {
        match item {
            Seen::Header(machine) => {
                self.switches = MachineSwitches::new(machine.as_deref().unwrap_or_default(), self.release);
            }
            Seen::Section(section) => (self.kind, self.last_block) = (section.kind, None),
            Seen::Page(kind, place) => {
                self.page(kind, place, start)?;
                return Ok(true);
            }
            Seen::Flush => return Err(has_channels()),
            _ => {}
        }
        Ok(false)
    }

    fn page(&mut self, kind: PageKind, place: Position, start: u64) -> Result<(), RelayError> {
        if self.kind == SectionKind::Start || self.page_size != Some(self.stream.page_size()) {
            return Err(unknown_page_size());
        } else if matches!(kind, PageKind::Delta | PageKind::Compressed) {
            return Err(changed_pages());
        }
        self.order(place)?;
        let is_zero = self.stream.input.consumed(start).last() == Some(&0);
        match kind {
            PageKind::Zero if self.switches.multifd_legacy_zero || !is_zero => self.zero_record(place, start),
            PageKind::Zero => {
                self.begin(place.0);
                self.batch.zero.push(place.1);
                self.end_page();
            }
            _ => self.normal(place, start),
        }
        Ok(())
    }

    /// Synchronizes the channels before a page that may be repeated.
    fn order(&mut self, place: Position) -> Result<(), RelayError> {
        if self.walk.add(place) {
            return Ok(());
        } else if self.switches.multifd_section_flush {
            return Err(self.repeated(place));
        }
        self.flush();
        self.synchronize();
        self.walk.add(place);
        Ok(())
    }

    fn repeated(&self, (block, offset): Position) -> RelayError {
        let name = self.stream.blocks().get(block).map_or("", |block| &block.idstr);
        let error = LoadError::malformed("each page at most once in a section", format!("{offset:#x} again"));
        RelayError::Source(error.in_field(name.to_owned()).at_offset(self.stream.input.offset()))
    }

    /// Begins a page of a block.
    fn begin(&mut self, block: usize) {
        let Some(block) = self.stream.blocks().get(block).filter(|block| block.idstr != self.batch.block) else {
            return;
        };
        let name = block.idstr.clone();
        self.flush();
        self.batch.block = name;
    }

    fn normal(&mut self, place: Position, start: u64) {
        self.begin(place.0);
        self.batch.normal.push(place.1);
        self.in_page = true;
        let length = self.stream.page_size().bytes().saturating_sub(self.stream.input.skipped());
        let item = self.stream.input.consumed(start);
        let record = item.len().saturating_sub(usize::try_from(length).unwrap_or(usize::MAX));
        self.batch.content.extend_from_slice(item.get(record..).unwrap_or_default());
        if !self.stream.input.is_skipping() {
            self.end_page();
        }
    }

    /// Forwards the record of a page in the main connection.
    fn zero_record(&mut self, (block, _): Position, start: u64) {
        let name = self.stream.blocks().get(block).map_or("", |block| &block.idstr);
        let same_block = self.last_block.replace(block) == Some(block);
        rewrite_block(&mut self.main, self.stream.input.consumed(start), name, same_block);
    }

    /// Ends a section of memory, at its last record.
    fn end_section(&mut self) {
        self.flush();
        match self.kind {
            // The destination has the list of blocks before the first page.
            SectionKind::Start => self.page_size = self.stream.known_page_size(),
            SectionKind::End => self.is_complete = true,
            _ => {}
        }
        let synchronizes = self.switches.multifd_section_flush || self.kind != SectionKind::Part;
        if synchronizes {
            self.synchronize();
        }
        write_record(&mut self.main, &Record::EndOfSection, "");
        if self.is_complete {
            self.main.bytes(self.stream.input.rest());
        }
    }

    /// Synchronizes the channels, at a record of the main connection.
    fn synchronize(&mut self) {
        if !self.switches.multifd_section_flush {
            write_record(&mut self.main, &Record::MultifdFlush, "");
        }
        self.tasks.push_back(SplitTask::Synchronize);
        self.walk.restart();
    }
}

fn has_channels() -> RelayError {
    RelayError::Unsupported {
        what: "the main connection of a source with data channels as the only one",
        remedy: "set the number of the source's channels, or switch `multifd` off at the source",
    }
}

fn changed_pages() -> RelayError {
    RelayError::Unsupported {
        what: "compressed pages and changes to pages (`compress`, `xbzrle`), to data channels,",
        remedy: "switch the capability off at the source",
    }
}

fn unknown_page_size() -> RelayError {
    RelayError::Unsupported {
        what: "memory whose page size is not known at its start, to data channels,",
        remedy: "use no data channels",
    }
}
