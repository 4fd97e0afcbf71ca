//! Decodes a whole stream without device definitions.

use std::collections::HashMap;

use vmstate_types::{LoadError, Reader};

use super::DecodedSection;
use crate::memory::PageSize;
use crate::ram::{RamOptions, Record, RecordReader};
use crate::schema::vmdesc::{Document, Name, SentStruct};
use crate::stream::section_end::{self, Verdict};
use crate::stream::{Command, Configuration, SectionHeader, SectionKind, StreamItem, StreamReader};

/// The page size of most targets. The configuration contains the page size only for targets with a variable one
/// (`vmstate_target_page_bits` in migration/savevm.c).
const USUAL_PAGE_SIZE: u64 = 4096;
/// The size of the longest section header: tag, section id, name, instance id and version.
const HEADER: u64 = 1 + 4 + 1 + 255 + 4 + 4;

/// The advice for errors in a stream without a description.
const NO_DESCRIPTION: &str = "the stream has no description at its end, where QEMU writes one: it may be truncated. \
     Without a description the page size defaults to 4096, unless the configuration contains another one";

/// Reads a whole stream, item by item, with its sections decoded.
///
/// The description is at the stream's end and required from the beginning, so the caller finds it first
/// ([`locate_in`](crate::schema::vmdesc::locate_in)). Without a description, sections are kept as bytes, and their ends
/// are found by their footers.
#[derive(Debug)]
pub struct StreamDecoder<'r, 'a> {
    stream: StreamReader<'r, 'a>,
    description: Option<Document>,
    /// The devices of the description without a section so far. The next one with a name and instance is the last in
    /// its list.
    expected: HashMap<(Name, u32), Vec<usize>>,
    page_size: PageSize,
    ram: RecordReader,
    /// The "ram" section that is being read.
    ram_section: Option<SectionHeader>,
    /// The number of unread bytes of the last record.
    data: u64,
}

/// An item of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamEvent {
    /// A section with its payload, and its index in the description if it is described.
    Section {
        /// The header.
        header: SectionHeader,
        /// The payload.
        section: DecodedSection,
        /// The index of its device in the description.
        device: Option<usize>,
    },
    /// A section of RAM; its records come next.
    Ram(SectionHeader),
    /// A record of the RAM section. [`StreamDecoder::data`] returns its bytes.
    Record(Record),
    /// A command.
    Command(Command),
    /// The end of the innermost packaged stream.
    PackageEnd {
        /// Set if the package ends with its own end mark.
        marked: bool,
    },
}

impl<'r, 'a> StreamDecoder<'r, 'a> {
    /// Reads the header and the configuration.
    ///
    /// # Errors
    /// Returns an error if this is not a migration stream, or its page size is impossible.
    pub fn new(reader: &'r mut Reader<'a>, description: Option<Document>) -> Result<Self, LoadError> {
        let stream = StreamReader::new(reader)?;
        let page_size = page_size(description.as_ref(), stream.configuration())?;
        let capabilities = stream.configuration().and_then(|configuration| configuration.capabilities.as_deref());
        let options = RamOptions::from_capabilities(capabilities.unwrap_or_default());
        Ok(Self {
            expected: description.as_ref().map(devices_by_name).unwrap_or_default(),
            ram: RecordReader::new(page_size, options),
            stream,
            description,
            page_size,
            ram_section: None,
            data: 0,
        })
    }

    /// Returns the configuration, if the stream has one.
    #[must_use]
    pub fn configuration(&self) -> Option<&Configuration> {
        self.stream.configuration()
    }

    /// Returns the description by which sections are decoded.
    #[must_use]
    pub fn description(&self) -> Option<&Document> {
        self.description.as_ref()
    }

    /// Returns whether sections have footers, which is known after the first one.
    #[must_use]
    pub fn has_footers(&self) -> Option<bool> {
        self.stream.has_footers()
    }

    /// Returns the state of the RAM records: the list of blocks, and the block of the last record.
    #[must_use]
    pub fn ram(&self) -> &RecordReader {
        &self.ram
    }

    /// Returns the target's page size.
    #[must_use]
    pub fn page_size(&self) -> PageSize {
        self.page_size
    }

    /// Returns the offset in the stream of the next byte.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.stream.offset()
    }

    /// Reads the next item. Returns `None` at the stream's end, after which [`trailer`](Self::trailer) must be read.
    ///
    /// # Errors
    /// Returns an error if the framing is malformed, or a section's payload does not match its description; the error
    /// contains the whole location. A section without a description in a stream without footers is an error, because
    /// its end is unknown.
    pub fn next_event(&mut self) -> Result<Option<StreamEvent>, LoadError> {
        let undescribed = self.description.is_none();
        self.pull_event().map_err(|error| if undescribed { error.or_advice(NO_DESCRIPTION) } else { error })
    }

    fn pull_event(&mut self) -> Result<Option<StreamEvent>, LoadError> {
        if let Some(section) = self.ram_section.take() {
            return match self.next_record() {
                Ok(record) => self.pass_record(section, record).map(Some),
                // Without a description the page size is a guess, and a wrong one is the likeliest cause.
                Err(error) if self.description.is_none() => {
                    Err(error.with_advice(NO_DESCRIPTION).in_location(|| section.place()))
                }
                Err(error) => Err(error.in_location(|| section.place())),
            };
        }
        let before = self.stream.offset();
        match self.stream.next_item()? {
            None => Ok(None),
            Some(StreamItem::Command(command)) => Ok(Some(StreamEvent::Command(command))),
            Some(StreamItem::PackageEnd) => Ok(Some(StreamEvent::PackageEnd { marked: self.stream.offset() > before })),
            Some(StreamItem::Section(header)) => self.section(header).map(Some),
        }
    }

    /// Returns up to `most` bytes of the last record, or an empty slice at its end. Bytes that are not read are
    /// skipped.
    ///
    /// # Errors
    /// Returns an error if the stream ends before.
    pub fn data(&mut self, most: usize) -> Result<&[u8], LoadError> {
        let count = usize::try_from(self.data).unwrap_or(usize::MAX).min(most);
        self.data = self.data.saturating_sub(count as u64);
        self.stream.payload().take(count)
    }

    /// Returns the number of bytes of the last record that [`data`](Self::data) has not returned yet.
    #[must_use]
    pub fn data_left(&self) -> u64 {
        self.data
    }

    /// Returns the text of the description after the stream's end.
    ///
    /// # Errors
    /// Returns an error if anything else follows.
    pub fn trailer(&mut self) -> Result<Option<String>, LoadError> {
        self.stream.description()
    }

    /// Replaces the description of the configuration, which is not used for reading.
    pub(super) fn set_described_configuration(&mut self, described: Option<SentStruct>) {
        if let Some(description) = &mut self.description {
            description.configuration = described;
        }
    }

    /// Takes the description, after the stream has been read to its end.
    pub(super) fn take_description(&mut self) -> Option<Document> {
        self.description.take()
    }

    fn next_record(&mut self) -> Result<Record, LoadError> {
        let reader = self.stream.payload();
        reader.skip(std::mem::take(&mut self.data))?;
        let record = self.ram.next_record(reader)?;
        self.data = match record {
            Record::Page { .. } => self.page_size.bytes(),
            Record::Xbzrle { length, .. } => length.into(),
            Record::Compressed { length, .. } => length.into(),
            Record::Space(bytes) => bytes,
            _ => 0,
        };
        Ok(record)
    }

    fn pass_record(&mut self, section: SectionHeader, record: Record) -> Result<StreamEvent, LoadError> {
        match record {
            Record::EndOfSection => self.stream.end_section()?,
            _ => self.ram_section = Some(section),
        }
        Ok(StreamEvent::Record(record))
    }

    fn section(&mut self, header: SectionHeader) -> Result<StreamEvent, LoadError> {
        // A device may be called "ram" as well; only live sections contain RAM records. Other versions than 4 have
        // other records (`ram_load` in migration/ram.c), so they stay bytes.
        if header.kind != SectionKind::Full && header.name == "ram" && header.version == crate::ram::VERSION {
            self.ram_section = Some(header.clone());
            return Ok(StreamEvent::Ram(header));
        }
        let device = match header.kind {
            SectionKind::Full => self.find_device(&header),
            SectionKind::Start | SectionKind::Part | SectionKind::End => None,
        };
        let section = self.payload(&header, device).map_err(|error| error.in_location(|| header.place()))?;
        self.stream.end_section()?;
        Ok(StreamEvent::Section { header, section, device })
    }

    fn find_device(&mut self, header: &SectionHeader) -> Option<usize> {
        let key = (Name::from(header.name.as_str()), header.instance_id);
        self.expected.get_mut(&key)?.pop()
    }

    fn payload(&mut self, header: &SectionHeader, device: Option<usize>) -> Result<DecodedSection, LoadError> {
        let footers = self.stream.has_footers();
        let reader = self.stream.payload();
        let described = device.and_then(|index| self.description.as_ref()?.devices.get(index));
        match described {
            Some(device) => {
                let end = end_of_described(reader, header.section_id, footers, device.wire_size())?;
                DecodedSection::decode(device, reader, end)
            }
            None => undescribed(reader, header, footers),
        }
    }
}

/// Returns the end of a payload of this described size, or `None` if the stream has no footers to verify it.
fn end_of_described(
    reader: &mut Reader<'_>,
    section_id: u32,
    footers: Option<bool>,
    size: Option<u64>,
) -> Result<Option<u64>, LoadError> {
    // The first section decides whether the stream has footers. Searching for one in a stream without footers would
    // find it in later bytes by chance.
    if footers == Some(false) || footers.is_none() && size.is_some_and(|size| ends_bare(reader, size)) {
        return Ok(None);
    }
    match section_end::find_end(reader, section_id, size)? {
        None if footers == Some(true) => Err(no_footer(reader, section_id)),
        end => Ok(end),
    }
}

/// Returns whether another section, a command or the end follows `size` bytes without a footer.
fn ends_bare(reader: &mut Reader<'_>, size: u64) -> bool {
    let window = usize::try_from(size.saturating_add(HEADER)).unwrap_or(usize::MAX);
    let Ok(bytes) = reader.peek(window) else { return false };
    let complete = bytes.len() < window;
    let after = usize::try_from(size).ok().and_then(|size| bytes.get(size..));
    after.is_some_and(|after| section_end::follows_a_section(after, complete) == Verdict::Plausible)
}

fn undescribed(
    reader: &mut Reader<'_>,
    header: &SectionHeader,
    footers: Option<bool>,
) -> Result<DecodedSection, LoadError> {
    let start = reader.offset();
    let end = match footers {
        Some(false) => None,
        _ => section_end::find_end(reader, header.section_id, None)?,
    };
    match end {
        Some(end) => {
            let bytes = reader.take(usize::try_from(end - start).unwrap_or(usize::MAX))?.to_vec();
            Ok(DecodedSection::undescribed(header.name.as_str(), header.instance_id, start, bytes))
        }
        None if footers == Some(true) => Err(no_footer(reader, header.section_id)),
        None => Err(LoadError::incompatible("a description of the section, or footers after sections", "neither")
            .at_offset(start)
            .or_advice(
                "only the device knows where its state ends; QEMU writes both, unless `suppress-vmdesc`, \
                 `send-section-footer` or an old machine type keep it from that, and describes no live sections",
            )),
    }
}

fn no_footer(reader: &Reader<'_>, section_id: u32) -> LoadError {
    LoadError::malformed(format!("the footer 0x7e of section {section_id}"), "none up to the end of the stream")
        .at_offset(reader.offset())
        .or_advice("the stream is truncated or corrupt")
}

fn page_size(description: Option<&Document>, configuration: Option<&Configuration>) -> Result<PageSize, LoadError> {
    let bits = configuration.and_then(|configuration| configuration.target_page_bits);
    let configured = bits.and_then(|bits| 1_u64.checked_shl(bits));
    let bytes = description.map(|description| description.page_size).or(configured).unwrap_or(USUAL_PAGE_SIZE);
    PageSize::new(bytes)
        .map_err(|_| LoadError::malformed("a target page size, a power of two from 256 bytes to 2 MiB", bytes))
}

/// Returns the indices of devices by name and instance id, in reverse order. The format does not prevent two sections
/// with one name and instance id.
fn devices_by_name(description: &Document) -> HashMap<(Name, u32), Vec<usize>> {
    let mut devices: HashMap<_, Vec<_>> = HashMap::new();
    for (index, device) in description.devices.iter().enumerate().rev() {
        devices.entry((device.name.clone(), device.instance_id)).or_default().push(index);
    }
    devices
}
