//! Taking a stream apart.

use std::collections::HashMap;

use vmstate_types::error::Location;
use vmstate_types::{LoadError, Reader};

use super::{Command, Configuration, MAGIC, SectionHeader, SectionKind, VERSION, tag};

/// How deep packaged streams may nest. QEMU makes one level.
const MAX_PACKAGES: usize = 4;

/// Takes a stream apart: what comes next, and the payload of each section to whoever can read it.
///
/// Whether there is a configuration, and whether sections have footers, depends on the machine type that wrote the
/// stream; both show in the stream. Once the first section has shown a footer, all must have one.
#[derive(Debug)]
pub struct StreamReader<'r, 'a> {
    reader: &'r mut Reader<'a>,
    configuration: Option<Configuration>,
    /// Whether sections have footers, once that has shown.
    footers: Option<bool>,
    /// The section that came last.
    section: SectionHeader,
    /// Whether its payload is being read.
    open: bool,
    /// Live sections that have started, by their section ids.
    started: HashMap<u32, SectionHeader>,
    /// The ends of the packages that are being read, the innermost last.
    packages: Vec<u64>,
    ended: bool,
}

/// What comes next in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamItem {
    /// A section; its payload is next, to be read through [`StreamReader::payload`].
    Section(SectionHeader),
    /// A command.
    Command(Command),
    /// The end of the innermost packaged stream.
    PackageEnd,
}

/// What comes next, without what the reader keeps.
#[derive(Debug)]
pub(crate) enum NextItem {
    Section,
    Command(Command),
    PackageEnd,
}

impl<'r, 'a> StreamReader<'r, 'a> {
    /// Reads the header and, if there is one, the configuration.
    ///
    /// # Errors
    /// When this is no migration stream, or none of version 3, or the configuration is not understood.
    pub fn new(reader: &'r mut Reader<'a>) -> Result<Self, LoadError> {
        read_header(reader).map_err(|error| error.in_location(|| Location::Part("the header".into())))?;
        let mut stream = Self::without_header(reader);
        if stream.reader.peek(1)? == [tag::CONFIGURATION] {
            stream.reader.skip(1)?;
            let configuration = Configuration::read(stream.reader)
                .map_err(|error| error.in_location(|| Location::Part("the configuration".into())))?;
            stream.configuration = Some(configuration);
        }
        Ok(stream)
    }

    /// Reads a stream that begins with its first section.
    pub fn without_header(reader: &'r mut Reader<'a>) -> Self {
        Self {
            reader,
            configuration: None,
            footers: None,
            section: SectionHeader::full(0, String::new(), 0, 0),
            open: false,
            started: HashMap::new(),
            packages: Vec::new(),
            ended: false,
        }
    }

    /// The configuration, if the stream has one.
    #[must_use]
    pub fn configuration(&self) -> Option<&Configuration> {
        self.configuration.as_ref()
    }

    /// Whether sections have footers, once the first one has shown.
    #[must_use]
    pub fn has_footers(&self) -> Option<bool> {
        self.footers
    }

    /// Says whether sections have footers. Otherwise the first section tells, by what follows it: one that is not read to
    /// its end can be taken for the whole of a stream without footers.
    #[must_use]
    pub fn footers(mut self, footers: bool) -> Self {
        self.footers = Some(footers);
        self
    }

    /// The payload of the section that has begun. Its end is known only to who reads it.
    pub fn payload(&mut self) -> &mut Reader<'a> {
        self.reader
    }

    /// The offset in the stream of the next byte.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.reader.offset()
    }

    /// Says what comes next, after it has ended the section that was being read. `None` after the stream's end.
    ///
    /// # Errors
    /// When the section's footer is missing, or what comes next is nothing that a stream can have.
    pub fn next_item(&mut self) -> Result<Option<StreamItem>, LoadError> {
        Ok(self.advance()?.map(|next| match next {
            NextItem::Section => StreamItem::Section(self.section.clone()),
            NextItem::Command(command) => StreamItem::Command(command),
            NextItem::PackageEnd => StreamItem::PackageEnd,
        }))
    }

    /// Says what comes next, as [`next_item`](Self::next_item) does. If it is a section, [`section`](Self::section) has
    /// its header, for which nothing is allocated.
    pub(crate) fn advance(&mut self) -> Result<Option<NextItem>, LoadError> {
        self.end_section()?;
        if self.ended {
            return Ok(None);
        }
        if self.packages.pop_if(|end| *end == self.reader.offset()).is_some() {
            return Ok(Some(NextItem::PackageEnd));
        }
        self.read_item().map_err(|error| error.in_location(|| Location::Part("the stream between sections".into())))
    }

    /// The header of the section that came last, and its payload.
    pub(crate) fn section(&mut self) -> (&SectionHeader, &mut Reader<'a>) {
        (&self.section, self.reader)
    }

    /// Ends the section whose payload was read, if one has begun: checks the footer.
    ///
    /// # Errors
    /// When a footer is missing or names another section: the payload was not read to its end, or beyond.
    pub fn end_section(&mut self) -> Result<(), LoadError> {
        if !std::mem::take(&mut self.open) {
            return Ok(());
        }
        self.read_footer().map_err(|error| error.in_location(|| self.section.place()))?;
        match self.packages.last() {
            Some(end) if self.reader.offset() > *end => Err(LoadError::malformed(
                format!("the section's end before that of its package, at {end:#x}"),
                "a longer section",
            )
            .at_offset(*end)
            .in_location(|| self.section.place())),
            _ => Ok(()),
        }
    }

    /// The JSON description after the end of the stream, as text; `None` if there is none.
    ///
    /// A source that has sent none may keep the connection open: this then waits.
    ///
    /// # Errors
    /// When something else follows, or the text is cut or not UTF-8.
    pub fn description(&mut self) -> Result<Option<String>, LoadError> {
        let in_description = |error: LoadError| error.in_location(|| Location::Part("the description".into()));
        let start = self.reader.offset();
        match *self.reader.peek(1)? {
            [] => return Ok(None),
            [tag::DESCRIPTION] => {}
            [found, ..] => {
                return Err(in_description(
                    LoadError::malformed("0x06, or the end of the stream", format!("{found:#04x}"))
                        .at_offset(start)
                        .with_qemu_message(format!("Expected vmdescription section, but got {found}")),
                ));
            }
        }
        self.read_description().map(Some).map_err(in_description)
    }

    fn read_description(&mut self) -> Result<String, LoadError> {
        self.reader.skip(1)?;
        let length = self.reader.u32()?;
        let start = self.reader.offset();
        let text = self.reader.take(usize::try_from(length).unwrap_or(usize::MAX))?;
        match std::str::from_utf8(text) {
            Ok(text) => Ok(text.to_owned()),
            Err(error) => {
                Err(LoadError::malformed("text in UTF-8", "other bytes").at_offset(start + error.valid_up_to() as u64))
            }
        }
    }

    fn read_item(&mut self) -> Result<Option<NextItem>, LoadError> {
        let start = self.reader.offset();
        let tag = self.reader.u8()?;
        if let Some(kind) = SectionKind::from_tag(tag) {
            return self.read_section(kind, start).map(|()| Some(NextItem::Section));
        }
        match tag {
            tag::EOF => self.read_eof(),
            tag::COMMAND => self.read_command().map(|command| Some(NextItem::Command(command))),
            tag => Err(LoadError::malformed(
                "a section (0x01 to 0x04), a command (0x08) or the end (0x00)",
                format!("{tag:#04x}"),
            )
            .at_offset(start)
            .or_advice("the section before was not read to its end, or the stream is corrupt")
            .with_qemu_message(format!("Unknown savevm section type {tag}"))),
        }
    }

    /// The end, which in a package is only the package's.
    fn read_eof(&mut self) -> Result<Option<NextItem>, LoadError> {
        let Some(end) = self.packages.pop() else {
            self.ended = true;
            return Ok(None);
        };
        let offset = self.reader.offset();
        match offset == end {
            true => Ok(Some(NextItem::PackageEnd)),
            false => Err(LoadError::malformed(format!("the package's end at {end:#x}"), "an end before it")
                .at_offset(offset - 1)),
        }
    }

    fn read_command(&mut self) -> Result<Command, LoadError> {
        let start = self.reader.offset();
        let command = Command::read(self.reader)?;
        if let Command::Packaged { length } = command {
            let end = self.reader.offset().saturating_add(u64::from(length));
            let outer = self.packages.last().copied().unwrap_or(u64::MAX);
            if self.packages.len() == MAX_PACKAGES {
                let expected = format!("packages at most {MAX_PACKAGES} deep in each other");
                return Err(LoadError::malformed(expected, "a package in them").at_offset(start));
            }
            if end > outer {
                let expected = format!("a package that ends with the one around it, at {outer:#x} at the latest");
                return Err(LoadError::malformed(expected, format!("one that ends at {end:#x}")).at_offset(start));
            }
            self.packages.push(end);
        }
        Ok(command)
    }

    fn read_section(&mut self, kind: SectionKind, offset: u64) -> Result<(), LoadError> {
        let section_id = self.reader.u32()?;
        match kind.is_named() {
            true => self.read_named(section_id)?,
            false => self.find_started(kind, section_id).map_err(|error| error.at_offset(offset + 1))?,
        }
        (self.section.kind, self.section.section_id) = (kind, section_id);
        (self.section.offset, self.section.payload) = (offset, self.reader.offset());
        match kind {
            SectionKind::Start => {
                if self.started.insert(section_id, self.section.clone()).is_some() {
                    return Err(
                        LoadError::malformed("a section id that no live section has", section_id).at_offset(offset + 1)
                    );
                }
            }
            SectionKind::End => drop(self.started.remove(&section_id)),
            SectionKind::Part | SectionKind::Full => {}
        }
        self.open = true;
        Ok(())
    }

    fn read_named(&mut self, section_id: u32) -> Result<(), LoadError> {
        self.reader.counted_str_into(&mut self.section.name).map_err(|error| {
            error.in_field("name").with_qemu_message(format!("Unable to read ID string for section {section_id}"))
        })?;
        (self.section.instance_id, self.section.version) = (self.reader.u32()?, self.reader.u32()?);
        Ok(())
    }

    fn find_started(&mut self, kind: SectionKind, section_id: u32) -> Result<(), LoadError> {
        match self.started.get(&section_id) {
            Some(section) => {
                self.section.clone_from(section);
                Ok(())
            }
            None => {
                let mut ids: Vec<_> = self.started.keys().map(ToString::to_string).collect();
                ids.sort();
                let expected = match ids.is_empty() {
                    true => "no part or end, for no section has started".to_owned(),
                    false => format!("the id of a section that has started: {}", ids.join(", ")),
                };
                Err(LoadError::malformed(expected, format!("{kind} of section {section_id}"))
                    .with_qemu_message(format!("Unknown savevm section {section_id}")))
            }
        }
    }

    fn read_footer(&mut self) -> Result<(), LoadError> {
        let section = &self.section;
        let start = self.reader.offset();
        let next = self.reader.peek(1)?.first().copied();
        if self.footers.is_none() {
            self.footers = has_footers(next, self.configuration.is_some());
        }
        if self.footers == Some(false) {
            return Ok(());
        }
        let name = &section.name;
        let missing = |found: String| {
            LoadError::malformed(format!("the footer 0x7e of section {}", section.section_id), found)
                .at_offset(start)
                .or_advice("the payload was not read to its end, or beyond: the two sides disagree on its layout")
                .with_qemu_message(format!("Missing section footer for {name}"))
        };
        match next {
            Some(tag::FOOTER) => self.reader.skip(1)?,
            Some(other) => return Err(missing(format!("{other:#04x}"))),
            None => return Err(LoadError::truncated(start, 5, 0)),
        }
        let found = self.reader.u32()?;
        match found == section.section_id {
            true => Ok(()),
            false => Err(LoadError::malformed(
                format!("section id {} in the footer", section.section_id),
                format!("section id {found}"),
            )
            .at_offset(start + 1)
            .with_qemu_message(format!(
                "Mismatched section id in footer for {name} - read 0x{found:x} expected 0x{:x}",
                section.section_id
            ))),
        }
    }
}

/// Whether a stream has footers, by the byte after its first section; `None` if that byte cannot stand there either way.
///
/// Nothing in a stream says so. Whoever sends a configuration sends footers too, unless told otherwise: both came with
/// QEMU 2.4. So a stream with one does not end after a section without a footer; it is the section that was misread.
fn has_footers(next: Option<u8>, configured: bool) -> Option<bool> {
    match next {
        Some(tag::FOOTER) => Some(true),
        Some(tag::EOF) if configured => None,
        Some(tag::EOF | tag::COMMAND) => Some(false),
        Some(other) if SectionKind::from_tag(other).is_some() => Some(false),
        _ => None,
    }
}

/// What a file is that begins with these bytes instead of those of a stream, and what to do with it.
fn instead_of_a_stream(magic: u32) -> &'static str {
    match magic.to_be_bytes() {
        [0x1f, 0x8b, ..] => "this is compressed: unpack it with `gzip -d`",
        [0xfd, b'7', b'z', b'X'] => "this is compressed: unpack it with `xz -d`",
        [0x28, 0xb5, 0x2f, 0xfd] => "this is compressed: unpack it with `zstd -d`",
        [b'B', b'Z', b'h', _] => "this is compressed: unpack it with `bzip2 -d`",
        [0x04, 0x22, 0x4d, 0x18] => "this is compressed: unpack it with `lz4 -d`",
        [b'Q', b'F', b'I', 0xfb] => {
            "this is a qcow2 image: let QEMU load the snapshot in it (`-loadvm`), and `migrate` the machine to a file"
        }
        _ => "this is no migration stream",
    }
}

fn read_header(reader: &mut Reader<'_>) -> Result<(), LoadError> {
    let start = reader.offset();
    let magic = reader.u32()?;
    if magic != MAGIC {
        return Err(LoadError::malformed("the magic number 0x5145564d (\"QEVM\")", format!("{magic:#010x}"))
            .at_offset(start)
            .or_advice(instead_of_a_stream(magic))
            .with_qemu_message("Not a migration stream"));
    }
    let version = reader.u32()?;
    let qemu = match version {
        VERSION => return Ok(()),
        2 => "SaveVM v2 format is obsolete and don't work anymore",
        _ => "Unsupported migration stream version",
    };
    Err(LoadError::incompatible(format!("version {VERSION} of the stream format"), format!("version {version}"))
        .at_offset(start + 4)
        .with_qemu_message(qemu))
}
