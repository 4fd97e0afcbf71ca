//! Writes a stream from its decoded sections.

use vmstate_types::{LoadError, Reader, Writer};

use super::DecodedSection;
use super::stream::{StreamDecoder, StreamEvent};
use crate::ram::{Record, write_record};
use crate::schema::describe_configuration;
use crate::schema::vmdesc::{Document, SentSection};
use crate::stream::{Command, Configuration, SectionHeader, StreamWriter, tag};

/// The number of bytes of RAM that are copied at once.
const CHUNK: usize = 64 * 1024;

/// The bytes before a description's text: its tag and its length.
const DESCRIPTION_HEADER: u64 = 5;

/// Decodes a stream and encodes it again from the values. The result equals the input.
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
    walk: StreamDecoder<'r, 'a>,
    /// The new descriptions of the sections, with their indices in the original description.
    described: Vec<(usize, SentSection)>,
    /// The id of the RAM section that is being written.
    ram_section: Option<u32>,
    ended: bool,
    /// The number of packages that contain the next item.
    packages: usize,
}

impl<'r, 'a> Rewriter<'r, 'a> {
    /// Reads and writes the header and the configuration.
    ///
    /// # Errors
    /// As [`StreamDecoder::new`].
    pub fn new(reader: &'r mut Reader<'a>, description: Option<Document>, out: &mut Writer) -> Result<Self, LoadError> {
        Self::with_configuration(reader, description, out, |_| Ok(()))
    }

    /// Like [`new`](Self::new), but calls `change` with the configuration before it is written.
    ///
    /// # Errors
    /// Returns the errors of [`StreamDecoder::new`] and of `change`.
    pub fn with_configuration<E: From<LoadError>>(
        reader: &'r mut Reader<'a>,
        mut description: Option<Document>,
        out: &mut Writer,
        change: impl FnOnce(Option<&mut Configuration>) -> Result<(), E>,
    ) -> Result<Self, E> {
        let configured = description.as_mut().and_then(|description| description.configuration.take());
        let mut walk = StreamDecoder::new(reader, description)?;
        let read = walk.configuration().cloned();
        let mut configuration = read.clone();
        change(configuration.as_mut())?;
        let mut stream = StreamWriter::new(out);
        stream.header();
        if let Some(configuration) = &configuration {
            stream.configuration(configuration);
        }
        // An unchanged configuration keeps its description, which may have a form that this library does not write.
        let changed = if configuration == read { None } else { configuration };
        walk.set_described_configuration(configured.map(|old| changed.as_ref().map_or(old, describe_configuration)));
        Ok(Self { walk, described: Vec::new(), ram_section: None, ended: false, packages: 0 })
    }

    /// Reads and writes the next item. Returns `false` at the end.
    ///
    /// # Errors
    /// As [`StreamDecoder::next_event`].
    pub fn step(&mut self, out: &mut Writer) -> Result<bool, LoadError> {
        self.step_with(out, |_, _| Ok(()))
    }

    /// Like [`step`](Self::step), but calls `change` with a section before it is written, to change its header or
    /// values.
    ///
    /// The new description contains the sections that are written. The name of a section is in its header and in the
    /// section.
    ///
    /// # Errors
    /// Returns the errors of [`StreamDecoder::next_event`] and of `change`, and an error if a section in a package
    /// changes its length.
    pub fn step_with<E: From<LoadError>>(
        &mut self,
        out: &mut Writer,
        change: impl FnOnce(&mut SectionHeader, &mut DecodedSection) -> Result<(), E>,
    ) -> Result<bool, E> {
        if self.ended {
            return Ok(false);
        }
        let data = self.walk.data(CHUNK)?;
        if !data.is_empty() {
            out.bytes(data);
            return Ok(true);
        }
        match self.walk.next_event()? {
            Some(StreamEvent::Section { mut header, mut section, device }) => {
                let size = size(&header, &section);
                change(&mut header, &mut section)?;
                if self.packages > 0 && size != self::size(&header, &section) {
                    return Err(package_changed(&header).into());
                }
                self.write(StreamEvent::Section { header, section, device }, out)?;
            }
            Some(event) => self.write(event, out)?,
            None => self.finish(out)?,
        }
        Ok(!self.ended)
    }

    fn write(&mut self, event: StreamEvent, out: &mut Writer) -> Result<(), LoadError> {
        self.check_place(&event, out)?;
        match event {
            StreamEvent::Section { header, section, device } => {
                begin_section(&header, out);
                section.encode(out);
                self.end_section(header.section_id, out);
                self.described.extend(device.zip(section.describe()));
            }
            StreamEvent::Ram(header) => {
                begin_section(&header, out);
                self.ram_section = Some(header.section_id);
            }
            StreamEvent::Record(record) => self.write_record(&record, out),
            // Cannot fail: the command was read from a stream with the same limits.
            StreamEvent::Command(command) => StreamWriter::new(out)
                .command(&command)
                .map_err(|error| LoadError::misuse("a command that can be written", error))?,
            StreamEvent::PackageEnd { marked: true } => StreamWriter::new(out).eof(),
            StreamEvent::PackageEnd { marked: false } => {}
        }
        Ok(())
    }

    /// Tracks packages, and rejects pages at fixed file positions if they would move.
    fn check_place(&mut self, event: &StreamEvent, out: &Writer) -> Result<(), LoadError> {
        match event {
            StreamEvent::Command(Command::Packaged { .. }) => self.packages += 1,
            StreamEvent::PackageEnd { .. } => self.packages = self.packages.saturating_sub(1),
            StreamEvent::Record(Record::Space(bytes)) if self.walk.offset() != out.offset() => {
                return Err(LoadError::misuse("pages at their file positions", format!("{bytes} bytes of them moved"))
                    .or_advice(
                        "a mapped-ram file contains the positions of its pages; nothing before them can change its size",
                    ));
            }
            _ => {}
        }
        Ok(())
    }

    fn write_record(&mut self, record: &Record, out: &mut Writer) {
        let ram = self.walk.ram();
        let block = ram.current_block().and_then(|index| ram.blocks().get(index));
        match record {
            // The word's unused bits are kept, so that the output is identical even if a newer QEMU uses them.
            Record::BlockList(_) | Record::MultifdFlush | Record::EndOfSection => out.u64(ram.word()),
            _ => write_record(out, record, block.map_or("", |block| &block.idstr)),
        }
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
        let mut description = Document::parse(text.as_bytes(), start + DESCRIPTION_HEADER)?;
        if let Some(read_by) = self.walk.take_description() {
            if read_by.devices != description.devices {
                return Err(LoadError::malformed("the description by which the sections were decoded", "another one")
                    .at_offset(start)
                    .or_advice("the file may contain two streams, one after the other"));
            }
            description.configuration = read_by.configuration;
        }
        for (index, device) in self.described.drain(..) {
            if let Some(place) = description.devices.get_mut(index) {
                *place = device;
            }
        }
        stream.description(&description.to_text());
        Ok(())
    }
}

/// Rewrites the stream `bytes` with sections changed by `change`: see [`Rewriter::step_with`].
///
/// ```
/// use vmstate::dynamic::rewrite;
///
/// let stream = b"QEVM\x00\x00\x00\x03\x00";
/// assert_eq!(rewrite(stream, |_, _| Ok(()))?, stream);
/// # Ok::<(), vmstate::LoadError>(())
/// ```
///
/// # Errors
/// Returns an error if the stream is malformed, or the error of `change`.
pub fn rewrite(
    bytes: &[u8],
    mut change: impl FnMut(&mut SectionHeader, &mut DecodedSection) -> Result<(), LoadError>,
) -> Result<Vec<u8>, LoadError> {
    let description = Document::from_stream(bytes)?;
    let (mut reader, mut out) = (Reader::from_slice(bytes), Writer::new());
    let mut rewriter = Rewriter::new(&mut reader, description, &mut out)?;
    let mut change = |header: &mut SectionHeader, section: &mut DecodedSection| {
        let place = header.place();
        change(header, section).map_err(|error| error.in_location(|| place))
    };
    while rewriter.step_with(&mut out, &mut change)? {}
    Ok(out.take())
}

/// Returns the bytes that depend on the name and the content of a section.
fn size(header: &SectionHeader, section: &DecodedSection) -> u64 {
    section.size().saturating_add(header.name.len() as u64)
}

fn package_changed(header: &SectionHeader) -> LoadError {
    LoadError::misuse("a section of unchanged length", "another length")
        .or_advice("the section is in a package, and the package's header contains its length")
        .in_location(|| header.place())
}

/// Begins a section. Its footer is written separately, because only its end in the stream shows whether there is one.
fn begin_section(header: &SectionHeader, out: &mut Writer) {
    StreamWriter::new(out).begin_section(header);
}
