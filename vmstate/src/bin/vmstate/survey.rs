//! What a stream consists of, from one walk through it.

use serde::Serialize;
use vmstate::LoadError;
use vmstate::dynamic::{DecodedSection, StreamDecoder, StreamEvent};
use vmstate::ram::Record;
use vmstate::stream::{self, Command, SectionHeader};

use crate::failure::Failure;
use crate::input::Input;

/// The bytes of a section's footer.
const FOOTER: u64 = 5;

/// What a stream consists of.
#[derive(Debug, Serialize)]
pub(crate) struct Survey {
    /// The bytes of the stream.
    pub(crate) length: u64,
    pub(crate) configuration: Option<Configuration>,
    /// The same, field by field.
    #[serde(skip)]
    pub(crate) configured: Option<DecodedSection>,
    pub(crate) page_size: u64,
    /// Whether sections have footers, if there are sections.
    pub(crate) footers: Option<bool>,
    pub(crate) sections: Vec<SectionRow>,
    pub(crate) ram: Vec<BlockRow>,
    pub(crate) commands: Vec<CommandRow>,
    pub(crate) description: Option<Description>,
    /// Bytes behind the stream's end, which belong to nothing.
    pub(crate) trailing: u64,
}

/// The machine that the stream is of.
#[derive(Debug, Serialize)]
pub(crate) struct Configuration {
    pub(crate) machine: String,
    pub(crate) target_page_bits: Option<u32>,
    pub(crate) capabilities: Option<Vec<String>>,
    pub(crate) uuid: Option<String>,
}

/// One section.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct SectionRow {
    /// `start`, `part`, `end` or `full`.
    pub(crate) kind: &'static str,
    pub(crate) section_id: u32,
    pub(crate) name: String,
    pub(crate) instance_id: u32,
    pub(crate) version: u32,
    /// Of the section's first byte.
    pub(crate) offset: u64,
    /// From there to the end of the footer.
    pub(crate) size: u64,
    pub(crate) payload_offset: u64,
    pub(crate) payload_size: u64,
}

/// A block of RAM, and how often pages of it were sent in which form.
#[derive(Debug, Default, Serialize)]
pub(crate) struct BlockRow {
    pub(crate) name: String,
    pub(crate) size: u64,
    pub(crate) zero_pages: u64,
    pub(crate) data_pages: u64,
    /// Pages sent as the difference to what they were before.
    pub(crate) xbzrle_pages: u64,
    pub(crate) compressed_pages: u64,
    /// Whether the pages lie at their own place of the file (mapped-ram), and are not counted.
    pub(crate) mapped: bool,
}

#[derive(Debug, Serialize)]
pub(crate) struct CommandRow {
    pub(crate) offset: u64,
    pub(crate) number: u16,
    pub(crate) name: &'static str,
    /// Its data, for people.
    pub(crate) detail: String,
}

/// The JSON text at the stream's end.
#[derive(Debug, Serialize)]
pub(crate) struct Description {
    /// Of its first character.
    pub(crate) offset: u64,
    pub(crate) size: u64,
    /// How many sections it describes.
    pub(crate) devices: usize,
}

impl Survey {
    /// Walks through all of `input`; `each` gets the sections with their decoded payloads, RAM without.
    pub(crate) fn of(
        input: &Input,
        mut each: impl FnMut(&SectionRow, Option<DecodedSection>),
    ) -> Result<Self, Failure> {
        let mut reader = input.reader()?;
        let walk = input.walk(&mut reader)?;
        let mut surveyor = Surveyor { survey: Self::begin(input, &walk), walk, open: None };
        surveyor.run(&mut each).map_err(|error| input.failed(error))?;
        Ok(surveyor.survey)
    }

    /// The section that the byte at `offset` belongs to.
    pub(crate) fn section_at(&self, offset: u64) -> Option<&SectionRow> {
        self.sections.iter().find(|section| (section.offset..section.offset + section.size).contains(&offset))
    }

    fn begin(input: &Input, walk: &StreamDecoder<'_, '_>) -> Self {
        let description = input.description().map(|found| Description {
            offset: found.offset,
            size: found.size,
            devices: found.document.devices.len(),
        });
        Self {
            length: input.length(),
            configuration: walk.configuration().map(Configuration::from),
            configured: walk
                .configuration()
                .and_then(|configuration| DecodedSection::from_configuration(configuration).ok()),
            page_size: walk.page_size().bytes(),
            footers: None,
            sections: Vec::new(),
            ram: Vec::new(),
            commands: Vec::new(),
            description,
            trailing: 0,
        }
    }
}

struct Surveyor<'r, 'a> {
    walk: StreamDecoder<'r, 'a>,
    survey: Survey,
    /// The RAM section that is being read.
    open: Option<SectionHeader>,
}

impl Surveyor<'_, '_> {
    fn run(&mut self, each: &mut impl FnMut(&SectionRow, Option<DecodedSection>)) -> Result<(), LoadError> {
        loop {
            let start = self.walk.offset();
            match self.walk.next_event()? {
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
        let footer = if self.walk.has_footers() == Some(true) { FOOTER } else { 0 };
        let row = SectionRow::new(header, self.walk.offset(), footer);
        each(&row, section);
        self.survey.sections.push(row);
    }

    fn record(&mut self, record: &Record) {
        if let Record::Block(header) = record {
            let (name, size, mapped) = (header.idstr.clone(), header.size, header.mapped.is_some());
            self.survey.ram.push(BlockRow { name, size, mapped, ..BlockRow::default() });
        }
        let block = self.walk.ram().current_block().and_then(|index| self.survey.ram.get_mut(index));
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
        self.walk.trailer()?;
        self.survey.trailing = self.survey.length - self.walk.offset();
        self.survey.footers = self.walk.has_footers();
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

/// A UUID as it is usually written.
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
            format!("page sizes {:#x}, target's {:#x}", advise.page_size_summary, advise.target_page_size)
        }
        Command::RamDiscard { block, ranges } => {
            let bytes = ranges.iter().fold(0_u64, |sum, range| sum.saturating_add(range.length));
            format!("{bytes:#x} bytes of {block}")
        }
        Command::Packaged { length } => format!("{length} bytes"),
        Command::RecvBitmap(block) => block.clone(),
        _ => String::new(),
    }
}
