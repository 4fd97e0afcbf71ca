//! Writing a whole stream again, from what was decoded of it.

use vmstate_types::{LoadError, Reader, Writer};

use super::stream::{Event, Walk};
use crate::ram::{Record, write_record};
use crate::schema::vmdesc::{Device, Document};
use crate::stream::{SectionHeader, StreamWriter, tag};

/// Bytes of RAM that are passed on at a time.
const CHUNK: usize = 64 * 1024;

/// Decodes a stream and encodes it again, everything from values. What comes out is what went in.
///
/// ```
/// use vmstate::dynamic::Rewriter;
/// use vmstate::{Reader, Writer};
///
/// let stream = b"QEVM\x00\x00\x00\x03\x00";
/// let mut reader = Reader::from_slice(stream);
/// let mut out = Writer::new();
/// let mut rewriter = Rewriter::new(&mut reader, None, &mut out)?;
/// while rewriter.step(&mut out)? {
///     // Here `out` can be flushed.
/// }
/// assert_eq!(out.pending(), stream);
/// # Ok::<(), vmstate::LoadError>(())
/// ```
#[derive(Debug)]
pub struct Rewriter<'r, 'a> {
    walk: Walk<'r, 'a>,
    /// What was decoded, described again, with the index of its device in the description.
    described: Vec<(usize, Device)>,
    /// The id of the RAM section that is being written.
    ram_section: Option<u32>,
    ended: bool,
}

impl<'r, 'a> Rewriter<'r, 'a> {
    /// Reads and writes the header and the configuration.
    ///
    /// # Errors
    /// As [`Walk::new`].
    pub fn new(reader: &'r mut Reader<'a>, description: Option<Document>, out: &mut Writer) -> Result<Self, LoadError> {
        let walk = Walk::new(reader, description)?;
        let mut stream = StreamWriter::new(out);
        stream.header();
        if let Some(configuration) = walk.configuration() {
            stream.configuration(configuration);
        }
        Ok(Self { walk, described: Vec::new(), ram_section: None, ended: false })
    }

    /// Reads and writes what comes next. `false` when all is written.
    ///
    /// # Errors
    /// As [`Walk::next_event`].
    pub fn step(&mut self, out: &mut Writer) -> Result<bool, LoadError> {
        if self.ended {
            return Ok(false);
        }
        let data = self.walk.data(CHUNK)?;
        if !data.is_empty() {
            out.bytes(data);
            return Ok(true);
        }
        match self.walk.next_event()? {
            Some(event) => self.write(event, out)?,
            None => self.finish(out)?,
        }
        Ok(!self.ended)
    }

    fn write(&mut self, event: Event, out: &mut Writer) -> Result<(), LoadError> {
        match event {
            Event::Section { header, section, device } => {
                begin_section(&header, out);
                section.encode(out);
                self.end_section(header.section_id, out);
                self.described.extend(device.zip(section.describe()));
            }
            Event::Ram(header) => {
                begin_section(&header, out);
                self.ram_section = Some(header.section_id);
            }
            Event::Record(record) => self.write_record(&record, out),
            // What was read fits where it came from.
            Event::Command(command) => StreamWriter::new(out)
                .command(&command)
                .map_err(|error| LoadError::misuse("a command that can be written", error))?,
            Event::PackageEnd { marked: true } => StreamWriter::new(out).eof(),
            Event::PackageEnd { marked: false } => {}
        }
        Ok(())
    }

    fn write_record(&mut self, record: &Record, out: &mut Writer) {
        let ram = self.walk.ram();
        let block = ram.current_block().and_then(|index| ram.blocks().get(index));
        write_record(out, record, block.map_or("", |block| &block.idstr));
        if *record == Record::EndOfSection
            && let Some(section_id) = self.ram_section.take()
        {
            self.end_section(section_id, out);
        }
    }

    fn end_section(&self, section_id: u32, out: &mut Writer) {
        if self.walk.has_footers() == Some(true) {
            out.u8(tag::FOOTER);
            out.u32(section_id);
        }
    }

    /// Writes the end, and the description if the stream has one.
    fn finish(&mut self, out: &mut Writer) -> Result<(), LoadError> {
        self.ended = true;
        let mut stream = StreamWriter::new(out);
        stream.eof();
        let start = self.walk.offset();
        let Some(text) = self.walk.trailer()? else { return Ok(()) };
        let mut description = match self.walk.take_description() {
            Some(description) => description,
            None => Document::parse(text.as_bytes(), start)?,
        };
        for (index, device) in self.described.drain(..) {
            if let Some(place) = description.devices.get_mut(index) {
                *place = device;
            }
        }
        stream.description(&description.to_text());
        Ok(())
    }
}

/// Begins a section. Its footer is written separately, because only its end in the stream shows whether there is one.
fn begin_section(header: &SectionHeader, out: &mut Writer) {
    StreamWriter::new(out).begin_section(header);
}
