//! The order of a stream's parts, decoded from the bytes that have arrived.

use std::collections::HashMap;

use vmstate_types::LoadError;

use super::decode::{Context, Cursor, Decoded, Stop, decode, in_part, part};
use super::{Command, Configuration, SectionHeader, SectionKind, description, footer, header, tag};

/// The depth to which packaged streams may nest. QEMU's packages contain no packages.
const MAX_PACKAGES: usize = 4;

/// Restartable decoder of a stream's parts, for callers that own the connection.
///
/// It decodes everything between the payloads of sections: the header and the configuration, section headers and footers,
/// commands, the end and the description. The caller passes the bytes that have arrived with their offset in the stream,
/// consumes as many as [`Decoded::Item`] reports, and has each section's payload read by its device. After
/// [`Decoded::Need`] and after an error the decoder is unchanged.
///
/// [`StreamReader`](super::StreamReader) is this decoder over a blocking [`Reader`](crate::Reader).
///
/// ```
/// use vmstate::stream::{Command, Decoded, ItemDecoder, StreamItem};
///
/// let mut decoder = ItemDecoder::new();
/// let bytes = b"QEVM\0\0\0\x03\x08\0\x02\0\x04\0\0\0\x01\0";
/// assert_eq!(decoder.decode_header(bytes, 0)?, Decoded::Item((), 8));
///
/// let Decoded::Need(more) = decoder.decode_item(&bytes[8..14], 8)? else { panic!("the command is incomplete") };
/// assert_eq!(more.get(), 3);
/// let ping = StreamItem::Command(Command::Ping(1));
/// assert_eq!(decoder.decode_item(&bytes[8..], 8)?, Decoded::Item(Some(ping), 9));
/// assert_eq!(decoder.decode_item(&bytes[17..], 17)?, Decoded::Item(None, 1));
/// # Ok::<(), vmstate::LoadError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemDecoder {
    configuration: Option<Configuration>,
    /// The presence of footers, once it is known.
    footers: Option<bool>,
    /// The last section.
    section: SectionHeader,
    /// Set while the payload of the last section is being read.
    open: bool,
    /// Live sections that have started, by section id.
    started: HashMap<u32, SectionHeader>,
    /// The ends of the packages that are being read, the innermost last.
    packages: Vec<u64>,
    /// Live sections stay known after their end.
    keeps_ended: bool,
    ended: bool,
}

/// An item of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamItem {
    /// A section, whose payload follows.
    Section(SectionHeader),
    /// A command.
    Command(Command),
    /// The end of the innermost packaged stream.
    PackageEnd,
}

/// An item, without the section header that the decoder keeps.
///
/// Commands are rare and large: in a box they do not slow down the thousands of sections, whose items are moved through
/// several functions.
#[derive(Debug)]
pub(crate) enum NextItem {
    Section,
    Command(Box<Command>),
    PackageEnd,
}

/// An item that was parsed, but has not changed the decoder yet.
enum Parsed<'b> {
    Section(ParsedHeader<'b>),
    Command(Box<Command>),
    /// The command PACKAGED, with the end of its package.
    Package(Box<Command>, u64),
    PackageEnd,
    End,
}

struct ParsedHeader<'b> {
    kind: SectionKind,
    section_id: u32,
    /// Absent in parts and ends, which refer to their start.
    device: Option<Device<'b>>,
    offset: u64,
    payload: u64,
}

struct Device<'b> {
    name: &'b str,
    instance_id: u32,
    version: u32,
}

impl ItemDecoder {
    /// Creates a decoder at the beginning of a stream, or at the first section of one without header.
    #[must_use]
    pub fn new() -> Self {
        Self {
            configuration: None,
            footers: None,
            section: SectionHeader::full(0, String::new(), 0, 0),
            open: false,
            started: HashMap::new(),
            packages: Vec::new(),
            keeps_ended: false,
            ended: false,
        }
    }

    /// Sets whether sections have footers. By default the byte after the first section decides.
    #[must_use]
    pub fn footers(mut self, footers: bool) -> Self {
        self.footers = Some(footers);
        self
    }

    /// Returns the configuration, if the stream has one.
    #[must_use]
    pub fn configuration(&self) -> Option<&Configuration> {
        self.configuration.as_ref()
    }

    /// Returns whether sections have footers, or `None` before the end of the first section.
    #[must_use]
    pub fn has_footers(&self) -> Option<bool> {
        self.footers
    }

    /// Keeps live sections after their end, as QEMU does. Its sources end memory twice if only block dirty bitmaps follow
    /// the guest.
    #[cfg(all(unix, feature = "migration", feature = "schema"))]
    pub(crate) fn keep_ended(mut self) -> Self {
        self.keeps_ended = true;
        self
    }

    /// Returns the decoder of the items after the package that is being read.
    #[cfg(any(
        all(unix, feature = "migration", feature = "schema"),
        all(target_os = "linux", feature = "migration", feature = "mapping")
    ))]
    pub(crate) fn outside_package(&self) -> Self {
        Self { packages: Vec::new(), ..self.clone() }
    }

    /// Returns whether the payload of the last section is being read.
    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    /// Returns the header of the last section.
    pub(super) fn section(&self) -> &SectionHeader {
        &self.section
    }

    /// Decodes the header and, if the stream has one, the configuration. The byte after them must have arrived, too: it
    /// shows whether a configuration, or another part of it, follows.
    ///
    /// # Errors
    /// Returns an error if the bytes are not a migration stream of version 3, or the configuration is malformed or
    /// contains an unknown subsection.
    pub fn decode_header(&mut self, bytes: &[u8], offset: u64) -> Result<Decoded<()>, LoadError> {
        decode(bytes, offset, |cursor| {
            header::parse(cursor).context(in_part(part::HEADER))?;
            self.read_configuration(cursor).context(in_part(part::CONFIGURATION))
        })
    }

    /// Decodes the footer of the section that is being read, if that was not done yet, and the next item; `None` at the
    /// end of the stream.
    ///
    /// # Errors
    /// Returns an error if the footer is missing or has another section id, or if the bytes do not begin an item.
    pub fn decode_item(&mut self, bytes: &[u8], offset: u64) -> Result<Decoded<Option<StreamItem>>, LoadError> {
        let item = decode(bytes, offset, |cursor| {
            let footers = self.parse_end(cursor)?;
            let parsed = self.parse_item(cursor).context(in_part(part::BETWEEN_SECTIONS))?;
            self.close(footers);
            Ok(self.accept(parsed))
        })?;
        Ok(item.map(|item| item.map(|item| self.to_stream_item(item))))
    }

    /// Decodes the footer of the section whose payload was read. Consumes nothing in a stream without footers, or if no
    /// section is being read.
    ///
    /// # Errors
    /// Returns an error if the footer is missing or has another section id.
    pub fn decode_section_end(&mut self, bytes: &[u8], offset: u64) -> Result<Decoded<()>, LoadError> {
        decode(bytes, offset, |cursor| self.end_section(cursor))
    }

    /// Decodes the JSON description that follows the end of the stream.
    ///
    /// A stream may have no description. Then the source closes the connection, or leaves it open without sending more.
    ///
    /// # Errors
    /// Returns an error if something else follows, or if the text is not UTF-8.
    pub fn decode_description(&self, bytes: &[u8], offset: u64) -> Result<Decoded<String>, LoadError> {
        decode(bytes, offset, |cursor| {
            let text = description::parse(cursor).context(in_part(part::DESCRIPTION))?;
            text.ok_or_else(|| cursor.missing(1))
        })
    }

    /// Parses the configuration, if one follows.
    pub(super) fn read_configuration(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        if cursor.peek()? == Some(tag::CONFIGURATION) {
            cursor.u8()?;
            self.configuration = Some(Configuration::parse(cursor)?);
        }
        Ok(())
    }

    /// Parses the next item, once the section before it has ended.
    #[inline]
    pub(super) fn next_item(&mut self, cursor: &mut Cursor<'_>) -> Result<Option<NextItem>, Stop> {
        let parsed = self.parse_item(cursor)?;
        Ok(self.accept(parsed))
    }

    /// Parses the end of the section that is being read, if one is.
    #[inline]
    pub(super) fn end_section(&mut self, cursor: &mut Cursor<'_>) -> Result<(), Stop> {
        let footers = self.parse_end(cursor)?;
        self.close(footers);
        Ok(())
    }

    pub(super) fn to_stream_item(&self, item: NextItem) -> StreamItem {
        match item {
            NextItem::Section => StreamItem::Section(self.section.clone()),
            NextItem::Command(command) => StreamItem::Command(*command),
            NextItem::PackageEnd => StreamItem::PackageEnd,
        }
    }

    /// Parses the end of the open section, and returns whether sections have footers.
    #[inline]
    fn parse_end(&self, cursor: &mut Cursor<'_>) -> Result<Option<bool>, Stop> {
        if !self.open {
            return Ok(self.footers);
        }
        self.parse_footer(cursor).context(|error| error.in_location(|| self.section.place()))
    }

    #[inline]
    fn parse_footer(&self, cursor: &mut Cursor<'_>) -> Result<Option<bool>, Stop> {
        let footers = match self.footers {
            None => footer::detect(cursor.peek()?, self.configuration.is_some()),
            known => known,
        };
        if footers != Some(false) {
            footer::parse(cursor, &self.section)?;
        }
        match self.packages.last() {
            Some(end) if cursor.offset() > *end => {
                let expected = format!("the end of the section before the end of its package at {end:#x}");
                Err(LoadError::malformed(expected, "a longer section").at_offset(*end).into())
            }
            _ => Ok(footers),
        }
    }

    fn close(&mut self, footers: Option<bool>) {
        self.open = false;
        self.footers = footers;
    }

    #[inline]
    fn parse_item<'b>(&self, cursor: &mut Cursor<'b>) -> Result<Parsed<'b>, Stop> {
        let start = cursor.offset();
        if self.ended {
            return Ok(Parsed::End);
        }
        if self.packages.last() == Some(&start) {
            return Ok(Parsed::PackageEnd);
        }
        let tag = cursor.u8()?;
        if let Some(kind) = SectionKind::from_tag(tag) {
            return self.parse_section(cursor, kind, start).map(Parsed::Section);
        }
        match tag {
            tag::EOF => self.parse_eof(cursor),
            tag::COMMAND => self.parse_command(cursor),
            tag => Err(unknown_tag(tag).at_offset(start).into()),
        }
    }

    /// Parses the end mark. In a package it ends only the package: QEMU loads each in a separate loop
    /// (`loadvm_handle_cmd_packaged` in `migration/savevm.c`).
    fn parse_eof<'b>(&self, cursor: &Cursor<'b>) -> Result<Parsed<'b>, Stop> {
        match self.packages.last() {
            None => Ok(Parsed::End),
            Some(end) if *end == cursor.offset() => Ok(Parsed::PackageEnd),
            Some(end) => Err(LoadError::malformed(format!("the package's end at {end:#x}"), "an end before it")
                .at_offset(cursor.offset() - 1)
                .into()),
        }
    }

    fn parse_command<'b>(&self, cursor: &mut Cursor<'b>) -> Result<Parsed<'b>, Stop> {
        let start = cursor.offset();
        let command = Box::new(Command::parse(cursor)?);
        let Command::Packaged { length } = *command else { return Ok(Parsed::Command(command)) };
        let end = cursor.offset().saturating_add(u64::from(length));
        self.check_package(end).map_err(|error| error.at_offset(start))?;
        Ok(Parsed::Package(command, end))
    }

    fn check_package(&self, end: u64) -> Result<(), LoadError> {
        if self.packages.len() == MAX_PACKAGES {
            let expected = format!("at most {MAX_PACKAGES} nested packages");
            return Err(LoadError::malformed(expected, "another package"));
        }
        match self.packages.last() {
            Some(outer) if end > *outer => {
                let expected = format!("the end of the package at or before {outer:#x}, the end of the outer package");
                Err(LoadError::malformed(expected, format!("an end at {end:#x}")))
            }
            _ => Ok(()),
        }
    }

    #[inline]
    fn parse_section<'b>(
        &self,
        cursor: &mut Cursor<'b>,
        kind: SectionKind,
        offset: u64,
    ) -> Result<ParsedHeader<'b>, Stop> {
        let section_id = cursor.u32()?;
        let device = if kind.is_named() { Some(parse_device(cursor, section_id)?) } else { None };
        self.check_started(kind, section_id).map_err(|error| error.at_offset(offset + 1))?;
        Ok(ParsedHeader { kind, section_id, device, offset, payload: cursor.offset() })
    }

    #[inline]
    fn check_started(&self, kind: SectionKind, section_id: u32) -> Result<(), LoadError> {
        match kind {
            SectionKind::Full => Ok(()),
            SectionKind::Start if self.started.contains_key(&section_id) => {
                Err(LoadError::malformed("an unused section id", section_id))
            }
            SectionKind::Part | SectionKind::End if !self.started.contains_key(&section_id) => {
                Err(self.not_started(kind, section_id))
            }
            _ => Ok(()),
        }
    }

    #[cold]
    fn not_started(&self, kind: SectionKind, section_id: u32) -> LoadError {
        let mut ids: Vec<_> = self.started.keys().map(ToString::to_string).collect();
        ids.sort();
        let expected = if ids.is_empty() {
            "a section that has started".to_owned()
        } else {
            format!("the id of a section that has started: {}", ids.join(", "))
        };
        LoadError::malformed(expected, format!("{kind} of section {section_id}"))
            .with_qemu_message(format!("Unknown savevm section {section_id}"))
    }

    /// Changes the state for an item that is complete. `None` at the end of the stream.
    #[inline]
    fn accept(&mut self, parsed: Parsed<'_>) -> Option<NextItem> {
        match parsed {
            Parsed::Section(header) => {
                self.accept_section(&header);
                Some(NextItem::Section)
            }
            Parsed::Command(command) => Some(NextItem::Command(command)),
            Parsed::Package(command, end) => {
                self.packages.push(end);
                Some(NextItem::Command(command))
            }
            Parsed::PackageEnd => self.packages.pop().map(|_| NextItem::PackageEnd),
            Parsed::End => {
                self.ended = true;
                None
            }
        }
    }

    #[inline]
    fn accept_section(&mut self, header: &ParsedHeader<'_>) {
        let &ParsedHeader { kind, section_id, offset, payload, .. } = header;
        // The name's memory is reused: a stream has thousands of sections of live devices.
        if let Some(device) = &header.device {
            self.section.set_device(device.name, device.instance_id, device.version);
        } else if let Some(start) = self.started.get(&section_id) {
            self.section.clone_from(start);
        }
        (self.section.kind, self.section.section_id) = (kind, section_id);
        (self.section.offset, self.section.payload) = (offset, payload);
        match kind {
            SectionKind::Start => drop(self.started.insert(section_id, self.section.clone())),
            SectionKind::End if !self.keeps_ended => drop(self.started.remove(&section_id)),
            SectionKind::Part | SectionKind::End | SectionKind::Full => {}
        }
        self.open = true;
    }
}

impl Default for ItemDecoder {
    fn default() -> Self {
        Self::new()
    }
}

#[inline]
fn parse_device<'b>(cursor: &mut Cursor<'b>, section_id: u32) -> Result<Device<'b>, Stop> {
    let name = cursor.counted_str().context(|error| {
        error.in_field("name").with_qemu_message(format!("Unable to read ID string for section {section_id}"))
    })?;
    Ok(Device { name, instance_id: cursor.u32()?, version: cursor.u32()? })
}

#[cold]
fn unknown_tag(found: u8) -> LoadError {
    let expected = format!(
        "a section ({:#04x} to {:#04x}), a command ({:#04x}) or the end ({:#04x})",
        tag::SECTION_START,
        tag::SECTION_FULL,
        tag::COMMAND,
        tag::EOF
    );
    LoadError::malformed(expected, format!("{found:#04x}"))
        .or_advice("the section before was not read to its end, or the stream is corrupted")
        .with_qemu_message(format!("Unknown savevm section type {found}"))
}

#[cfg(test)]
mod tests;
