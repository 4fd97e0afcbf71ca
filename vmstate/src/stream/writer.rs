//! A stream into a writer.

use vmstate_types::Writer;

use super::{Command, CommandTooLong, Configuration, MAGIC, SectionHeader, VERSION, tag};

/// Writes the parts of a stream: header, configuration, section headers and footers, commands, end and description.
///
/// The caller writes the payload of each section through [`payload`](Self::payload).
///
/// ```
/// use vmstate::Writer;
/// use vmstate::stream::{SectionHeader, StreamWriter};
///
/// let mut out = Writer::new();
/// let mut stream = StreamWriter::new(&mut out);
/// stream.header();
/// stream.begin_section(&SectionHeader::full(2, "rtc", 0, 1));
/// stream.payload().u8(0x55);
/// stream.eof();
/// let section = b"\x04\0\0\0\x02\x03rtc\0\0\0\0\0\0\0\x01\x55";
/// assert_eq!(out.pending(), [b"QEVM\0\0\0\x03", &section[..], b"\x7e\0\0\0\x02\0"].concat());
/// ```
#[derive(Debug)]
pub struct StreamWriter<'w> {
    out: &'w mut Writer,
    footers: bool,
    /// The section whose payload is being written.
    open: Option<u32>,
}

impl<'w> StreamWriter<'w> {
    /// Creates a writer of a stream with footers after its sections.
    pub fn new(out: &'w mut Writer) -> Self {
        Self { out, footers: true, open: None }
    }

    /// Continues within the payload of a section that has begun.
    pub(crate) fn resume(out: &'w mut Writer, section_id: u32) -> Self {
        Self { open: Some(section_id), ..Self::new(out) }
    }

    /// Sets whether sections have footers, which QEMU's machine types have since 2.4.
    #[must_use]
    pub fn footers(mut self, footers: bool) -> Self {
        self.footers = footers;
        self
    }

    /// Writes the magic number and the version.
    pub fn header(&mut self) {
        self.out.u32(MAGIC);
        self.out.u32(VERSION);
    }

    /// Writes the configuration, which QEMU's machine types have since 2.4.
    pub fn configuration(&mut self, configuration: &Configuration) {
        configuration.write(self.out);
    }

    /// Begins a section, after it has ended the section that is open. Write the payload through [`Self::payload`].
    pub fn begin_section(&mut self, section: &SectionHeader) {
        self.end_section();
        self.out.u8(section.kind.tag());
        self.out.u32(section.section_id);
        if section.kind.is_named() {
            self.out.counted_str(&section.name);
            self.out.u32(section.instance_id);
            self.out.u32(section.version);
        }
        self.open = Some(section.section_id);
    }

    /// Returns the writer of the payload.
    pub fn payload(&mut self) -> &mut Writer {
        self.out
    }

    /// Ends the open section. Does nothing if no section is open.
    pub fn end_section(&mut self) {
        let Some(section_id) = self.open.take() else { return };
        if self.footers {
            self.out.u8(tag::FOOTER);
            self.out.u32(section_id);
        }
    }

    /// Writes a command, after it has ended the section that is open.
    ///
    /// # Errors
    /// Returns an error, and writes nothing, if the command has more than 65,535 bytes of data.
    pub fn command(&mut self, command: &Command) -> Result<(), CommandTooLong> {
        let (data, length) = command.data()?;
        self.end_section();
        self.out.u8(tag::COMMAND);
        self.out.u16(command.number());
        self.out.u16(length);
        self.out.bytes(data.pending());
        Ok(())
    }

    /// Writes the end mark, after it has ended the section that is open.
    pub fn eof(&mut self) {
        self.end_section();
        self.out.u8(tag::EOF);
    }

    /// Writes the JSON description, which follows the end mark.
    ///
    /// A text of 4 GiB or more does not fit its 32-bit length and is left out: the description is optional.
    pub fn description(&mut self, text: &str) {
        if self.begin_description(text.len()) {
            self.out.bytes(text.as_bytes());
        }
    }

    /// Begins a description of `length` bytes. Returns `false` if that does not fit the format.
    pub(crate) fn begin_description(&mut self, length: usize) -> bool {
        let Ok(length) = u32::try_from(length) else { return false };
        self.out.u8(tag::DESCRIPTION);
        self.out.u32(length);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn description_of_4_gib_is_left_out() {
        let mut out = Writer::new();
        // No description has this length where addresses have 32 bits.
        if let Ok(length) = usize::try_from(1_u64 << 32) {
            assert!(!StreamWriter::new(&mut out).begin_description(length));
        }
        assert!(out.pending().is_empty());
        assert!(StreamWriter::new(&mut out).begin_description(u32::MAX as usize));
        assert_eq!(out.pending(), [tag::DESCRIPTION, 0xff, 0xff, 0xff, 0xff]);
    }

    #[test]
    fn commands_follow_the_footer_of_the_section() {
        let mut out = Writer::new();
        let mut frame = StreamWriter::new(&mut out);
        frame.begin_section(&SectionHeader::full(7, "a", 0, 1));
        frame.command(&Command::OpenReturnPath).unwrap();
        frame.end_section();
        let expected = [&b"\x04\0\0\0\x07\x01a\0\0\0\0\0\0\0\x01"[..], b"\x7e\0\0\0\x07", b"\x08\0\x01\0\0"].concat();
        assert_eq!(out.pending(), expected);
    }
}
