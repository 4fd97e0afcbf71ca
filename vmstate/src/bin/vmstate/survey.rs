//! The contents of a stream without its fields, collected in one pass.

use serde::Serialize;
use vmstate::LoadError;
use vmstate::checksum::FileChecksum;
use vmstate::dynamic::{DecodedSection, StreamDecoder, StreamEvent};
use vmstate::ram::Record;
use vmstate::stream::{self, Command, SectionHeader};

use crate::failure::Failure;
use crate::input::Input;

/// The size of a section footer in bytes.
const FOOTER: u64 = 5;

/// The contents of a stream without its fields.
#[derive(Debug, Serialize)]
pub(crate) struct Survey {
    /// The length of the stream in bytes.
    pub(crate) length: u64,
    pub(crate) configuration: Option<Configuration>,
    /// The configuration as a section with fields.
    #[serde(skip)]
    pub(crate) configured: Option<DecodedSection>,
    pub(crate) page_size: u64,
    /// True if sections have footers. `None` if the stream has no sections.
    pub(crate) footers: Option<bool>,
    pub(crate) sections: Vec<SectionRow>,
    pub(crate) ram: Vec<BlockRow>,
    pub(crate) commands: Vec<CommandRow>,
    pub(crate) description: Option<Description>,
    /// The checksum at the end of the file.
    pub(crate) checksum: Option<Checksum>,
    /// The number of bytes after the end of the stream, without the checksum.
    pub(crate) trailing: u64,
}

/// The configuration of the machine that saved the stream.
#[derive(Debug, Serialize)]
pub(crate) struct Configuration {
    pub(crate) machine: String,
    pub(crate) target_page_bits: Option<u32>,
    pub(crate) capabilities: Option<Vec<String>>,
    pub(crate) uuid: Option<String>,
}

/// A section.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SectionRow {
    /// `start`, `part`, `end` or `full`.
    pub(crate) kind: &'static str,
    pub(crate) section_id: u32,
    pub(crate) name: String,
    pub(crate) instance_id: u32,
    pub(crate) version: u32,
    /// The stream offset of the first byte.
    pub(crate) offset: u64,
    /// The size in bytes, including the footer.
    pub(crate) size: u64,
    pub(crate) payload_offset: u64,
    pub(crate) payload_size: u64,
}

/// A RAM block, and the number of its pages in each encoding.
#[derive(Debug, Default, Serialize)]
pub(crate) struct BlockRow {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) zero_pages: u64,
    pub(crate) data_pages: u64,
    /// Pages sent as the difference to their previous contents.
    pub(crate) xbzrle_pages: u64,
    pub(crate) compressed_pages: u64,
    /// True if the pages are at fixed offsets in the file (mapped-ram), and not counted.
    pub(crate) mapped: bool,
}

/// A command.
#[derive(Debug, Serialize)]
pub(crate) struct CommandRow {
    pub(crate) offset: u64,
    pub(crate) number: u16,
    pub(crate) name: &'static str,
    /// The data as text.
    pub(crate) detail: String,
}

/// The description at the end of the stream.
#[derive(Debug, Serialize)]
pub(crate) struct Description {
    /// The stream offset of the JSON text.
    pub(crate) offset: u64,
    pub(crate) size: u64,
    /// The number of described sections.
    pub(crate) devices: usize,
}

/// The checksum at the end of a file.
#[derive(Debug, Serialize)]
pub(crate) struct Checksum {
    /// The checksum in the file, in hexadecimal digits.
    pub(crate) expected: String,
    /// The checksum of the bytes before it, in hexadecimal digits.
    pub(crate) found: String,
    pub(crate) right: bool,
}

impl Survey {
    /// Reads all of `input`. Calls `each` with every section and its decoded payload, which is `None` for RAM.
    pub(crate) fn new(
        input: &Input,
        mut each: impl FnMut(&SectionRow, Option<DecodedSection>),
    ) -> Result<Self, Failure> {
        let mut reader = input.reader()?;
        let decoder = input.decoder(&mut reader)?;
        let mut surveyor = Surveyor { survey: Self::begin(input, &decoder), decoder, open: None };
        surveyor.run(&mut each).map_err(|error| input.failed(error))?;
        let mut survey = surveyor.survey;
        if survey.trailing >= FileChecksum::SIZE
            && let Some(trailer) = input.checksum()?
        {
            survey.checksum = Some(trailer.into());
            survey.trailing -= FileChecksum::SIZE;
        }
        Ok(survey)
    }

    /// Returns the section with the byte at `offset`.
    pub(crate) fn section_at(&self, offset: u64) -> Option<&SectionRow> {
        self.sections.iter().find(|section| (section.offset..section.offset + section.size).contains(&offset))
    }

    fn begin(input: &Input, decoder: &StreamDecoder<'_, '_>) -> Self {
        let description = input.description().map(|found| Description {
            offset: found.offset,
            size: found.size,
            devices: found.document.devices.len(),
        });
        Self {
            length: input.length(),
            configuration: decoder.configuration().map(Configuration::from),
            configured: decoder.configuration().and_then(|found| DecodedSection::from_configuration(found).ok()),
            page_size: decoder.page_size().bytes(),
            footers: None,
            sections: Vec::new(),
            ram: Vec::new(),
            commands: Vec::new(),
            description,
            checksum: None,
            trailing: 0,
        }
    }
}

struct Surveyor<'r, 'a> {
    decoder: StreamDecoder<'r, 'a>,
    survey: Survey,
    /// The RAM section that is being read.
    open: Option<SectionHeader>,
}

impl Surveyor<'_, '_> {
    fn run(&mut self, each: &mut impl FnMut(&SectionRow, Option<DecodedSection>)) -> Result<(), LoadError> {
        loop {
            let start = self.decoder.offset();
            match self.decoder.next_event()? {
                Some(StreamEvent::Section { header, section, .. }) => self.section(&header, Some(section), each),
                Some(StreamEvent::Ram(header)) => self.open = Some(header),
                Some(StreamEvent::Record(Record::EndOfSection)) => {
                    if let Some(header) = self.open.take() {
                        self.section(&header, None, each);
                    }
                }
                Some(StreamEvent::Record(record)) => self.record(&record),
                Some(StreamEvent::Command(command)) => self.survey.commands.push(CommandRow::new(start, &command)),
                Some(_) => {}
                None => return self.finish(),
            }
        }
    }

    fn section(
        &mut self,
        header: &SectionHeader,
        section: Option<DecodedSection>,
        each: &mut impl FnMut(&SectionRow, Option<DecodedSection>),
    ) {
        let footer = if self.decoder.has_footers() == Some(true) { FOOTER } else { 0 };
        let row = SectionRow::new(header, self.decoder.offset(), footer);
        each(&row, section);
        self.survey.sections.push(row);
    }

    fn record(&mut self, record: &Record) {
        if let Record::Block(header) = record {
            self.survey.ram.push(BlockRow {
                name: header.idstr.clone(),
                size: header.size,
                mapped: header.mapped.is_some(),
                ..BlockRow::default()
            });
        }
        let block = self.decoder.ram().current_block().and_then(|index| self.survey.ram.get_mut(index));
        let Some(block) = block else { return };
        match record {
            Record::Zero { .. } => block.zero_pages += 1,
            Record::Page { .. } => block.data_pages += 1,
            Record::Xbzrle { .. } => block.xbzrle_pages += 1,
            Record::Compressed { .. } => block.compressed_pages += 1,
            _ => {}
        }
    }

    fn finish(&mut self) -> Result<(), LoadError> {
        self.decoder.trailer()?;
        self.survey.trailing = self.survey.length - self.decoder.offset();
        self.survey.footers = self.decoder.has_footers();
        Ok(())
    }
}

impl SectionRow {
    fn new(header: &SectionHeader, end: u64, footer: u64) -> Self {
        Self {
            kind: header.kind.name(),
            section_id: header.section_id,
            name: header.name.clone(),
            instance_id: header.instance_id,
            version: header.version,
            offset: header.offset,
            size: end - header.offset,
            payload_offset: header.payload,
            payload_size: end - footer - header.payload,
        }
    }
}

impl From<FileChecksum> for Checksum {
    fn from(trailer: FileChecksum) -> Self {
        let [expected, found] = [trailer.expected, trailer.found].map(|checksum| format!("{checksum:08x}"));
        Self { expected, found, right: trailer.is_right() }
    }
}

impl From<&stream::Configuration> for Configuration {
    fn from(configuration: &stream::Configuration) -> Self {
        Self {
            machine: configuration.machine.clone(),
            target_page_bits: configuration.target_page_bits,
            capabilities: configuration.capabilities.clone(),
            uuid: configuration.uuid.map(uuid),
        }
    }
}

/// Formats a UUID with hyphens.
fn uuid(bytes: [u8; 16]) -> String {
    let hex = format!("{:032x}", u128::from_be_bytes(bytes));
    [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &hex[part]).join("-")
}

impl CommandRow {
    fn new(offset: u64, command: &Command) -> Self {
        Self { offset, number: command.number(), name: command.name(), detail: detail(command) }
    }
}

fn detail(command: &Command) -> String {
    match command {
        Command::Ping(value) => format!("{value:#x}"),
        Command::PostcopyAdvise(Some(advise)) => {
            format!("host page sizes {:#x}, target page size {:#x}", advise.page_size_summary, advise.target_page_size)
        }
        Command::RamDiscard { block, ranges } => {
            let bytes = ranges.iter().fold(0_u64, |sum, range| sum.saturating_add(range.length));
            format!("{bytes:#x} bytes of {block}")
        }
        Command::Packaged { length } => format!("{length} bytes"),
        Command::RecvBitmap(block) => block.clone(),
        Command::Session(session) => format!("{session:#018x}"),
        Command::Revoke(reason) => reason.escape_debug().to_string(),
        _ => String::new(),
    }
}
