//! The pages of a source with data channels (multifd), which are inserted into the stream for a destination with one
//! connection.

use vmstate_types::{LoadError, Writer};

use super::error::{RelayError, no_footers};
use super::pages::Pages;
use super::pieces::Pieces;
use crate::migration::conversation::{Forward, Position, Seen};
use crate::ram::{Record, rewrite_block, write_record};
use crate::stream::{SectionHeader, SectionKind, StreamWriter};

/// Merges the data channels of a source into its main connection: pages in packets become records of the stream.
///
/// The destination reads one stream in order, so the order of the source must be kept: **a page that a channel sends after a
/// synchronization point follows everything that all channels, and the main connection, have sent before it**. So the main
/// connection waits at each synchronization point until all channels have reached it, and their pages are inserted; and a
/// channel waits there until the main connection has passed it. Pages between two points have no order, because the source
/// sends each of them once.
///
/// Synchronization points are records (MULTIFD_FLUSH), or ends of sections if the first section does not contain such a
/// record. Pages that arrive between two sections get their own.
#[derive(Debug)]
pub struct PageMerger {
    stream: Forward,
    pieces: Pieces,
    seen: Vec<Seen>,
    /// The header of the section of memory, which all parts refer to.
    memory: Option<SectionHeader>,
    /// The kind and the id of the section that is decoded.
    kind: SectionKind,
    section_id: u32,
    /// The sections of memory have ended up to this kind.
    phase: Phase,
    /// Set if the ends of sections are synchronization points; `None` until the first section has ended.
    at_section_ends: Option<bool>,
    /// The block of the last record that was written.
    last_block: Option<usize>,
    /// The last record of a section, which is a synchronization point, is written next.
    holds_end: bool,
    /// The footer of the section was written before it has arrived.
    has_footer: bool,
    /// Decodes another item before more bytes are needed.
    has_more: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The list of blocks has not arrived completely.
    List,
    Pages,
    /// The last section of memory has ended.
    Complete,
}

/// The reason why no more bytes are decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum MergeStep {
    /// All bytes are decoded.
    Decoded,
    /// All channels must have reached their next synchronization point, and their pages must be inserted, before
    /// [`advance`](PageMerger::advance) is called again.
    Synchronize,
}

impl Default for PageMerger {
    fn default() -> Self {
        Self::new()
    }
}

impl PageMerger {
    /// Creates a merger at the beginning of a stream.
    #[must_use]
    pub fn new() -> Self {
        Self {
            stream: Forward::new(),
            pieces: Pieces::default(),
            seen: Vec::new(),
            memory: None,
            kind: SectionKind::Start,
            section_id: 0,
            phase: Phase::List,
            at_section_ends: None,
            last_block: None,
            holds_end: false,
            has_footer: false,
            has_more: false,
        }
    }

    /// Decodes bytes of the main connection up to the next synchronization point, and removes them from `bytes`. Writes the
    /// stream for the destination to `out`.
    ///
    /// # Errors
    /// Returns an error if the stream is malformed.
    pub fn advance(&mut self, bytes: &mut &[u8], out: &mut Writer) -> Result<MergeStep, RelayError> {
        if std::mem::take(&mut self.holds_end) {
            self.end_section(out);
        }
        loop {
            if self.phase == Phase::Complete {
                out.bytes(std::mem::take(bytes));
                return Ok(MergeStep::Decoded);
            } else if self.has_more {
                if self.step(out)? {
                    return Ok(MergeStep::Synchronize);
                }
            } else if bytes.is_empty() {
                return Ok(MergeStep::Decoded);
            } else {
                self.push(bytes, out);
            }
        }
    }

    fn push(&mut self, bytes: &mut &[u8], out: &mut Writer) {
        let is_content = self.stream.input.is_skipping();
        let (piece, rest) = bytes.split_at(self.pieces.next(&self.stream.input, bytes.len()));
        *bytes = rest;
        self.stream.input.push(piece);
        if is_content {
            out.bytes(piece);
        } else {
            self.has_more = true;
        }
    }

    /// Decodes one item. Returns whether it is a synchronization point.
    fn step(&mut self, out: &mut Writer) -> Result<bool, RelayError> {
        let (start, was_in_memory) = (self.stream.input.offset(), self.stream.is_in_memory());
        let mut seen = std::mem::take(&mut self.seen);
        self.has_more = self.stream.step(&mut |item| seen.push(item)).map_err(RelayError::Source)?;
        let (mut page, mut is_flush) = (None, false);
        for item in seen.drain(..) {
            match item {
                Seen::Section(section) => self.section(section),
                Seen::Page(_, position) => page = Some(position),
                Seen::Flush => is_flush = true,
                _ => {}
            }
        }
        self.seen = seen;
        if is_flush {
            return self.flush();
        } else if was_in_memory && !self.stream.is_in_memory() {
            return Ok(self.last_record(out));
        }
        match page {
            Some(position) => self.record(position, start, out),
            None if self.has_footer => self.footer()?,
            None => out.bytes(self.stream.input.consumed(start)),
        }
        Ok(false)
    }

    fn section(&mut self, section: SectionHeader) {
        (self.kind, self.section_id, self.last_block) = (section.kind, section.section_id, None);
        if section.kind == SectionKind::Start && section.name == "ram" {
            self.memory = Some(section);
        }
    }

    /// Treats the record of a synchronization point, which is not forwarded.
    fn flush(&mut self) -> Result<bool, RelayError> {
        if *self.at_section_ends.get_or_insert(false) {
            let error = LoadError::malformed("synchronization at the ends of sections", "a record (MULTIFD_FLUSH)");
            return Err(RelayError::Source(error.at_offset(self.stream.input.offset())));
        }
        Ok(true)
    }

    /// Treats the last record of a section. Returns whether it is a synchronization point: then it is written after the
    /// channels' pages.
    fn last_record(&mut self, out: &mut Writer) -> bool {
        self.holds_end = *self.at_section_ends.get_or_insert(true);
        if !self.holds_end {
            self.end_section(out);
        }
        self.holds_end
    }

    /// Ends a section with its footer, which has perhaps not arrived: QEMU sends it with the next section, and before that
    /// section its channels send pages (`ram_save_setup` and `ram_save_iterate` in `migration/ram.c` flush the stream).
    fn end_section(&mut self, out: &mut Writer) {
        write_record(out, &Record::EndOfSection, "");
        if self.kind == SectionKind::End {
            self.phase = Phase::Complete;
            out.bytes(self.stream.input.rest());
            return;
        }
        self.phase = Phase::Pages;
        self.has_footer = true;
        StreamWriter::resume(out, self.section_id).end_section();
    }

    /// Skips a footer that was written before, if it has arrived.
    fn footer(&mut self) -> Result<(), RelayError> {
        self.has_footer = !self.stream.is_between_sections();
        if self.stream.has_footers() == Some(false) {
            return Err(no_footers());
        }
        Ok(())
    }

    /// Writes the record of a page in the main connection.
    fn record(&mut self, (block, _): Position, start: u64, out: &mut Writer) {
        let name = self.stream.blocks().get(block).map_or("", |block| &block.idstr);
        let same_block = self.last_block.replace(block) == Some(block);
        rewrite_block(out, self.stream.input.consumed(start), name, same_block);
    }

    /// Writes pages of a channel to `out`. Returns `false`, and writes nothing, while the list of blocks or another item of
    /// the main connection has not arrived completely.
    ///
    /// # Errors
    /// Returns an error if they follow all sections of memory, or are outside of its blocks.
    pub fn insert(&mut self, pages: Pages<'_>, out: &mut Writer) -> Result<bool, RelayError> {
        match self.phase {
            Phase::List => return Ok(false),
            Phase::Complete => return Err(unexpected("pages before the end of memory", "later ones".to_owned())),
            Phase::Pages => {}
        }
        let block = self.check(pages)?;
        if self.holds_end || self.stream.is_in_memory() && !self.stream.input.is_skipping() {
            self.records(block, pages, out);
            return Ok(true);
        } else if !self.has_footer && !self.stream.is_between_sections() {
            return Ok(false);
        }
        let Some(memory) = &self.memory else { return Ok(false) };
        let header = SectionHeader { kind: SectionKind::Part, ..memory.clone() };
        StreamWriter::new(out).begin_section(&header);
        self.last_block = None;
        self.records(block, pages, out);
        write_record(out, &Record::EndOfSection, "");
        StreamWriter::resume(out, header.section_id).end_section();
        Ok(true)
    }

    /// Returns the index of the block.
    fn check(&self, pages: Pages<'_>) -> Result<usize, RelayError> {
        let found = self.stream.find_block(pages.block);
        let block = found.and_then(|index| Some((index, self.stream.blocks().get(index)?)));
        let Some((index, block)) = block else {
            return Err(unexpected("the name of a listed block", format!("{:?}", pages.block)));
        };
        let size = self.stream.page_size().bytes();
        if pages.content.len() as u64 != size.saturating_mul(pages.normal.len() as u64) {
            let expected = format!("{} pages of {size} bytes", pages.normal.len());
            return Err(unexpected(&expected, format!("{} bytes", pages.content.len())));
        }
        let fits = |offset: &u64| offset.is_multiple_of(size) && *offset < block.size;
        match pages.normal.iter().chain(pages.zero).find(|offset| !fits(offset)) {
            Some(offset) => {
                let expected = format!("the offset of a page in the {:#x} bytes of `{}`", block.size, block.idstr);
                Err(unexpected(&expected, format!("{offset:#x}")))
            }
            None => Ok(index),
        }
    }

    fn records(&mut self, block: usize, pages: Pages<'_>, out: &mut Writer) {
        let size = usize::try_from(self.stream.page_size().bytes()).unwrap_or(usize::MAX);
        for (offset, content) in pages.normal.iter().zip(pages.content.chunks_exact(size)) {
            let same_block = self.last_block.replace(block) == Some(block);
            write_record(out, &Record::Page { offset: *offset, same_block }, pages.block);
            out.bytes(content);
        }
        for offset in pages.zero {
            let same_block = self.last_block.replace(block) == Some(block);
            write_record(out, &Record::Zero { offset: *offset, same_block, fill: 0 }, pages.block);
        }
    }
}

fn unexpected(expected: &str, found: String) -> RelayError {
    RelayError::Source(LoadError::malformed(expected.to_owned(), found))
}
