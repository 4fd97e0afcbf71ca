//! The source's direction of the main connection, and of the connection for requested pages.

use vmstate_types::LoadError;

use super::pending::Pending;
use super::records::{content_of, report};
use super::seen::Seen;
use crate::memory::PageSize;
use crate::ram::{BlockHeader, PageSizeSearch, RamOptions, Record, RecordReader, search_page_size};
use crate::stream::section_end::{Search, search};
use crate::stream::{Command, Configuration, ItemDecoder, SectionHeader, SectionKind, StreamItem, tag};

/// The highest number of live sections, and of RAM blocks, that are remembered.
const MAX_NAMES: usize = 4096;
/// The bytes of a footer and an end mark.
const END_OF_STREAM: usize = 6;
/// The page sizes of targets that do not send theirs, the usual one first: AVR has the smallest one.
const PAGE_SIZES: [u64; 3] = [4096, 1024, 256];

/// The decoder of a stream.
#[derive(Debug)]
pub(in crate::migration) struct Forward {
    pub(in crate::migration) input: Pending,
    state: State,
    items: ItemDecoder,
    records: RecordReader,
    options: RamOptions,
    page_size: Option<PageSize>,
    /// The page size is not only a guess from the size of all memory.
    is_page_size_known: bool,
    /// The last section.
    section: Option<SectionHeader>,
    live_sections: usize,
    is_continued: bool,
    /// The decoder of the items after a reconnection, once the guest is handed over.
    resumable: Option<ItemDecoder>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Header,
    Items,
    Ram(SectionKind),
    /// The state of a device, in the section with this id.
    Payload(u32),
    SectionEnd,
    Ended,
    Description,
    /// The rest is not decoded.
    Opaque,
}

impl Forward {
    pub(in crate::migration) fn new() -> Self {
        Self {
            input: Pending::default(),
            state: State::Header,
            items: ItemDecoder::new().keep_ended(),
            records: RecordReader::new(PageSize::DEFAULT, RamOptions::default()),
            options: RamOptions::default(),
            page_size: None,
            is_page_size_known: false,
            section: None,
            live_sections: 0,
            is_continued: false,
            resumable: None,
        }
    }

    /// Returns the decoder of a connection that continues this stream, or `None` before the guest is handed over.
    pub(super) fn continued(&self) -> Option<Self> {
        let items = self.resumable.clone()?;
        let mut records = self.records.clone();
        records.restart();
        Some(Self {
            state: State::Items,
            items,
            records,
            page_size: self.page_size,
            is_page_size_known: true,
            resumable: self.resumable.clone(),
            live_sections: self.live_sections,
            is_continued: true,
            options: self.options,
            section: None,
            input: Pending::default(),
        })
    }

    /// Returns whether this stream continues after a lost connection.
    pub(super) fn is_continued(&self) -> bool {
        self.is_continued
    }

    /// Returns the decoder of requested pages, whose connection carries only records.
    pub(super) fn requested_pages(&self) -> RecordReader {
        let mut records = self.records.clone();
        records.restart();
        records
    }

    /// Returns the page size, once the stream contains it.
    pub(in crate::migration) fn known_page_size(&self) -> Option<PageSize> {
        self.page_size
    }

    pub(in crate::migration) fn page_size(&self) -> PageSize {
        self.page_size.unwrap_or(PageSize::DEFAULT)
    }

    /// Returns the index of a block.
    pub(in crate::migration) fn find_block(&self, name: &str) -> Option<usize> {
        self.records.blocks().iter().position(|block| block.idstr == name)
    }

    /// Returns the blocks that were listed so far.
    pub(in crate::migration) fn blocks(&self) -> &[BlockHeader] {
        self.records.blocks()
    }

    /// Returns whether the next item is a record of guest memory.
    pub(in crate::migration) fn is_in_memory(&self) -> bool {
        matches!(self.state, State::Ram(_))
    }

    /// Returns whether the next item is a section or a command.
    pub(in crate::migration) fn is_between_sections(&self) -> bool {
        self.state == State::Items
    }

    /// Describes the part of the stream that is being transferred.
    pub(in crate::migration) fn place(&self) -> String {
        let name = self.section.as_ref().map_or("", |section| &section.name);
        match self.state {
            State::Header => "in the header".to_owned(),
            State::Items | State::SectionEnd if name.is_empty() => "before the first section".to_owned(),
            State::Items => format!("after section `{name}`"),
            State::Ram(_) | State::Payload(_) | State::SectionEnd => format!("in section `{name}`"),
            State::Ended => "after the end mark".to_owned(),
            State::Description => "in the description, after the end mark".to_owned(),
            State::Opaque => "in a part that cannot be decoded".to_owned(),
        }
    }

    /// Decodes bytes that have arrived. After an error the rest of the stream is ignored.
    pub(super) fn feed(&mut self, bytes: &[u8], seen: &mut dyn FnMut(Seen)) -> Result<(), LoadError> {
        self.input.push(bytes);
        loop {
            match self.step(seen) {
                Ok(true) => {}
                Ok(false) => return Ok(()),
                Err(error) => {
                    self.state = State::Opaque;
                    self.input.skip_all();
                    return Err(error);
                }
            }
        }
    }

    /// Returns whether the rest of the stream is not decoded.
    pub(in crate::migration) fn is_opaque(&self) -> bool {
        self.state == State::Opaque
    }

    /// Decodes one item of the [input](Self::input). Returns `false` if it has not arrived completely.
    pub(in crate::migration) fn step(&mut self, seen: &mut dyn FnMut(Seen)) -> Result<bool, LoadError> {
        match self.state {
            State::Header => self.header(seen),
            State::Items => self.item(seen),
            State::Ram(kind) => self.record(kind, seen),
            State::Payload(id) => Ok(self.payload(id)),
            State::SectionEnd => self.section_end(),
            State::Ended => Ok(self.begin_description()),
            State::Description => Ok(self.end_description(seen)),
            State::Opaque => {
                self.input.skip_all();
                Ok(false)
            }
        }
    }

    fn header(&mut self, seen: &mut dyn FnMut(Seen)) -> Result<bool, LoadError> {
        let items = &mut self.items;
        if self.input.decode(|bytes, offset| items.decode_header(bytes, offset))?.is_none() {
            return Ok(false);
        }
        let configuration = self.items.configuration();
        if let Some(configuration) = configuration {
            self.options = RamOptions::from_capabilities(configuration.capabilities.as_deref().unwrap_or_default());
            let bytes = configuration.target_page_bits.and_then(|bits| 1_u64.checked_shl(bits));
            self.page_size = bytes.and_then(|bytes| PageSize::new(bytes).ok());
            self.is_page_size_known = self.page_size.is_some();
        }
        seen(Seen::Header(configuration.map(|configuration| configuration.machine.clone())));
        self.state = State::Items;
        Ok(true)
    }

    fn item(&mut self, seen: &mut dyn FnMut(Seen)) -> Result<bool, LoadError> {
        let items = &mut self.items;
        let Some(item) = self.input.decode(|bytes, offset| items.decode_item(bytes, offset))? else { return Ok(false) };
        match item {
            None => {
                self.state = State::Ended;
                seen(Seen::End);
            }
            Some(StreamItem::Section(section)) => self.begin_section(section, seen)?,
            Some(StreamItem::Command(command)) => self.command(command, seen),
            Some(StreamItem::PackageEnd) => seen(Seen::PackageEnd),
        }
        Ok(true)
    }

    fn begin_section(&mut self, section: SectionHeader, seen: &mut dyn FnMut(Seen)) -> Result<(), LoadError> {
        self.live_sections += usize::from(section.kind == SectionKind::Start);
        if self.live_sections > MAX_NAMES {
            return Err(LoadError::malformed(format!("at most {MAX_NAMES} live sections"), "more"));
        }
        let is_ram = section.name == "ram" && section.kind != SectionKind::Full;
        if is_ram && section.kind == SectionKind::Start {
            self.records = RecordReader::new(self.page_size(), self.options);
        }
        self.state = if is_ram { State::Ram(section.kind) } else { State::Payload(section.section_id) };
        seen(Seen::Section(section.clone()));
        self.section = Some(section);
        Ok(())
    }

    fn command(&mut self, command: Command, seen: &mut dyn FnMut(Seen)) {
        match &command {
            Command::PostcopyAdvise(Some(advice)) => {
                self.page_size = PageSize::new(advice.target_page_size).ok().or(self.page_size);
                self.is_page_size_known = true;
            }
            Command::PostcopyListen => self.resumable = Some(self.items.outside_package()),
            _ => {}
        }
        seen(Seen::Command(command));
    }

    fn record(&mut self, kind: SectionKind, seen: &mut dyn FnMut(Seen)) -> Result<bool, LoadError> {
        if self.page_size.is_none() && kind == SectionKind::Start && !self.find_page_size() {
            return Ok(false);
        }
        if !self.is_page_size_known && kind != SectionKind::Start && !self.correct_page_size() {
            return Ok(false);
        }
        let records = &mut self.records;
        let Some(record) = self.input.decode(|bytes, offset| records.decode(bytes, offset))? else { return Ok(false) };
        if let Record::EndOfSection = record {
            self.state = State::SectionEnd;
            return Ok(true);
        }
        if self.records.blocks().len() > MAX_NAMES {
            return Err(LoadError::malformed(format!("at most {MAX_NAMES} RAM blocks"), "more"));
        }
        self.input.skip(content_of(&record, self.page_size()));
        report(&record, self.records.current_block(), seen);
        Ok(true)
    }

    /// Corrects the page size by the first pages, if their distance shows it: the size of all memory can be a multiple of
    /// larger pages. Returns `false` if they have not arrived.
    fn correct_page_size(&mut self) -> bool {
        match search_page_size(self.input.rest(), self.records.blocks()) {
            PageSizeSearch::Need => return false,
            PageSizeSearch::NoPages => {}
            PageSizeSearch::Unknown => self.is_page_size_known = true,
            PageSizeSearch::Found(size) => {
                (self.page_size, self.is_page_size_known) = (Some(size), true);
                self.records.set_page_size(size);
            }
        }
        true
    }

    /// Finds the page size from the first record, whose flags are below it. Returns `false` if it has not arrived.
    fn find_page_size(&mut self) -> bool {
        let Some(word) = self.input.rest().first_chunk().map(|bytes| u64::from_be_bytes(*bytes)) else { return false };
        let sizes = PAGE_SIZES.iter().filter_map(|bytes| PageSize::new(*bytes).ok());
        let fits = |size: &PageSize| {
            let mut reader = RecordReader::new(*size, self.options);
            reader.decode(&word.to_be_bytes(), 0).is_ok()
        };
        let size = sizes.into_iter().find(fits).unwrap_or(PageSize::DEFAULT);
        self.page_size = Some(size);
        self.records = RecordReader::new(size, self.options);
        true
    }

    /// Searches for the end of a device's state, and drops the bytes before it.
    fn payload(&mut self, section_id: u32) -> bool {
        let rest = self.input.rest();
        let found = match search(rest, section_id, 0, false) {
            // The end mark of postcopy is the last byte before the destination's answer.
            Search::More(passed) if self.resumable.is_some() => match search(rest, section_id, passed, true) {
                Search::Absent => Search::More(passed),
                found => found,
            },
            found => found,
        };
        match found {
            Search::Payload(length) => {
                self.input.skip(length as u64);
                self.state = State::SectionEnd;
                true
            }
            Search::More(passed) => {
                self.input.skip(passed as u64);
                false
            }
            Search::Absent => false,
        }
    }

    /// Ends the device that is being read, if its footer and the end mark are the last bytes. Returns whether they are.
    pub(in crate::migration) fn end_payload(&mut self) -> bool {
        let State::Payload(id) = self.state else { return false };
        let rest = self.input.rest();
        let Search::Payload(length) = search(rest, id, 0, true) else { return false };
        if rest.get(length..).is_none_or(|end| end.len() != END_OF_STREAM) {
            return false;
        }
        self.input.skip(length as u64);
        self.state = State::SectionEnd;
        true
    }

    /// Returns the configuration, if the stream has one.
    pub(in crate::migration) fn configuration(&self) -> Option<&Configuration> {
        self.items.configuration()
    }

    /// Returns whether sections have footers, if that is known.
    pub(in crate::migration) fn has_footers(&self) -> Option<bool> {
        self.items.has_footers()
    }

    fn section_end(&mut self) -> Result<bool, LoadError> {
        let items = &mut self.items;
        let ended = self.input.decode(|bytes, offset| items.decode_section_end(bytes, offset))?.is_some();
        if ended {
            self.state = State::Items;
        }
        Ok(ended)
    }

    /// Skips the description. Without one, the rest is COLO's protocol.
    fn begin_description(&mut self) -> bool {
        match self.input.rest() {
            &[tag::DESCRIPTION, a, b, c, d, ..] => {
                self.input.skip(5 + u64::from(u32::from_be_bytes([a, b, c, d])));
                self.state = State::Description;
            }
            [] | [tag::DESCRIPTION, ..] => return false,
            _ => self.state = State::Opaque,
        }
        true
    }

    fn end_description(&mut self, seen: &mut dyn FnMut(Seen)) -> bool {
        if self.input.is_skipping() {
            return false;
        }
        self.state = State::Opaque;
        seen(Seen::Description);
        true
    }
}
