//! A stream over a blocking reader.

use vmstate_types::{LoadError, Reader};

use super::decode::{in_part, part, read};
use super::{Configuration, ItemDecoder, NextItem, SectionHeader, StreamItem, description, header};

/// Reads the parts of a stream in order, and passes the payload of each section to the caller.
///
/// The machine type that wrote the stream determines whether there is a configuration, and whether sections have footers.
/// Both show in the stream: if the first section has a footer, all sections must have one.
///
/// ```
/// use vmstate::Reader;
/// use vmstate::stream::{Command, StreamItem, StreamReader};
///
/// let mut reader = Reader::from_slice(b"QEVM\0\0\0\x03\x08\0\x0b\0\0\0");
/// let mut stream = StreamReader::new(&mut reader)?;
/// assert_eq!(stream.configuration(), None);
/// assert_eq!(stream.next_item()?, Some(StreamItem::Command(Command::SwitchoverStart)));
/// assert_eq!(stream.next_item()?, None);
/// assert_eq!(stream.description()?, None);
/// # Ok::<(), vmstate::LoadError>(())
/// ```
#[derive(Debug)]
pub struct StreamReader<'r, 'a> {
    reader: &'r mut Reader<'a>,
    /// The offset of the stream's first byte.
    start: u64,
    items: ItemDecoder,
}

impl<'r, 'a> StreamReader<'r, 'a> {
    /// Reads the header and, if the stream has one, the configuration.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a migration stream of version 3, or the configuration is malformed or
    /// contains an unknown subsection.
    pub fn new(reader: &'r mut Reader<'a>) -> Result<Self, LoadError> {
        let start = reader.offset();
        read(reader, header::parse).map_err(in_part(part::HEADER))?;
        let mut items = ItemDecoder::new();
        read(reader, |cursor| items.read_configuration(cursor)).map_err(in_part(part::CONFIGURATION))?;
        Ok(Self { reader, start, items })
    }

    /// Reads a stream that begins with its first section.
    pub fn without_header(reader: &'r mut Reader<'a>) -> Self {
        Self { start: reader.offset(), reader, items: ItemDecoder::new() }
    }

    /// Continues a stream that another reader has begun.
    #[cfg(feature = "migration")]
    pub(crate) fn continued(reader: &'r mut Reader<'a>, items: ItemDecoder) -> Self {
        Self { start: reader.offset(), reader, items }
    }

    /// Returns the decoder of the items.
    #[cfg(all(target_os = "linux", feature = "migration", feature = "mapping"))]
    pub(crate) fn items(&self) -> &ItemDecoder {
        &self.items
    }

    /// Returns the configuration, if the stream has one.
    #[must_use]
    pub fn configuration(&self) -> Option<&Configuration> {
        self.items.configuration()
    }

    /// Returns whether sections have footers, or `None` before the end of the first section.
    #[must_use]
    pub fn has_footers(&self) -> Option<bool> {
        self.items.has_footers()
    }

    /// Sets whether sections have footers.
    ///
    /// By default the byte after the first section decides, so a first section that is not read to its end can be mistaken
    /// for a whole one in a stream without footers.
    #[must_use]
    pub fn footers(mut self, footers: bool) -> Self {
        self.items = self.items.footers(footers);
        self
    }

    /// Returns a reader of the current section's payload. Only the device that reads it knows where it ends.
    pub fn payload(&mut self) -> &mut Reader<'a> {
        self.reader
    }

    /// Returns the offset in the stream of the next byte.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.reader.offset()
    }

    /// Ends the current section and reads the next item. Returns `None` at the end of the stream.
    ///
    /// # Errors
    /// Returns an error if the section's footer is missing or has another section id, or if the bytes do not begin an
    /// item.
    pub fn next_item(&mut self) -> Result<Option<StreamItem>, LoadError> {
        let item = self.advance()?;
        Ok(item.map(|item| self.items.to_stream_item(item)))
    }

    /// Reads the next item as [`next_item`](Self::next_item) does. If it is a section, [`section`](Self::section) returns
    /// its header, for which nothing is allocated.
    pub(crate) fn advance(&mut self) -> Result<Option<NextItem>, LoadError> {
        self.end_section()?;
        let items = &mut self.items;
        read(self.reader, |cursor| items.next_item(cursor)).map_err(in_part(part::BETWEEN_SECTIONS))
    }

    /// Returns the offset of the stream's first byte.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// Returns the header of the current section, and a reader of its payload.
    pub(crate) fn section(&mut self) -> (&SectionHeader, &mut Reader<'a>) {
        (self.items.section(), self.reader)
    }

    /// Ends the current section, whose payload was read, by its footer. Does nothing if no section is being read.
    ///
    /// # Errors
    /// Returns an error if the footer is missing or has another section id: the payload was not read to its end, or
    /// beyond.
    pub fn end_section(&mut self) -> Result<(), LoadError> {
        if !self.items.is_open() {
            return Ok(());
        }
        let items = &mut self.items;
        read(self.reader, |cursor| items.end_section(cursor))
            .map_err(|error| error.in_location(|| self.items.section().place()))
    }

    /// Reads the JSON description that follows the end of the stream, or returns `None` if nothing follows.
    ///
    /// If the source has sent no description and keeps the connection open, this waits.
    ///
    /// # Errors
    /// Returns an error if something else follows, or if the text is truncated or not UTF-8.
    pub fn description(&mut self) -> Result<Option<String>, LoadError> {
        read(self.reader, description::parse).map_err(in_part(part::DESCRIPTION))
    }
}
