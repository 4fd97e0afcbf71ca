//! The stream of a source: carries out the engine's actions that write it.

use std::fs::File;
use std::sync::Arc;

use vmstate_types::{SaveError, Writer};

use super::background::Background;
use super::host::{Host, HostMemory};
use super::multifd::Sending;
use crate::machine::{Machine, SaveOptions, SaveSession};
use crate::memory::RamBlock;
use crate::migration::source::Done;
use crate::ram::{self, LeftOut, Ram};
use crate::section::{LiveSection, Output};
use crate::stream::{Command, Configuration, SectionHeader, SectionKind, StreamWriter};

type Blocks = Vec<Arc<dyn RamBlock + Send + Sync>>;

/// The id of the section `ram`. It links only the parts of the section, and QEMU numbers its sections from 0.
const SECTION_ID: u32 = 0x7261_6d00;

/// The stream of a source.
///
/// The memory is sent while the guest runs, and the machine exists only while it is stopped. So the section `ram` is framed
/// here, and the machine's session writes only the devices.
#[derive(Debug)]
pub(super) struct Saver {
    pub(super) out: File,
    pub(super) writer: Writer,
    pub(super) ram: Ram<Arc<dyn RamBlock + Send + Sync>, Blocks>,
    header: SectionHeader,
    /// The end of the stream, which is written after the destination has loaded the devices.
    tail: Writer,
    /// The data channels, which end when this is dropped.
    sending: Option<Sending>,
    /// The bytes of the data channels that were reported.
    counted: u64,
    placed: Option<Placed>,
    /// The memory, if the guest runs on while it is saved.
    background: Option<Background>,
}

/// A file in which memory has fixed places.
#[derive(Debug)]
struct Placed {
    /// The offset of the stream in the file.
    start: u64,
    /// The bytes that were written and not reported.
    written: u64,
}

impl Saver {
    /// Creates the stream, which sends pages as their changes if `xbzrle` has the size of the cache, and over data channels
    /// if there are some.
    pub(super) fn new(out: File, memory: HostMemory, xbzrle: Option<u64>, sending: Option<Sending>) -> Self {
        let mut ram = Ram::new(memory.page_size, memory.blocks);
        if let Some(log) = memory.log {
            ram = ram.dirty_log(log);
        }
        if let Some(cache_size) = xbzrle {
            ram = ram.xbzrle(cache_size);
        }
        if let Some(sending) = &sending {
            ram = ram.save_channels(Arc::clone(sending.shared()), sending.points());
        }
        let header = SectionHeader::full(SECTION_ID, "ram", 0, ram::VERSION);
        Self {
            out,
            writer: Writer::new(),
            ram,
            header,
            tail: Writer::new(),
            sending,
            counted: 0,
            placed: None,
            background: None,
        }
    }

    /// Creates the stream of a guest that runs on while its memory is saved.
    pub(super) fn in_background(out: File, memory: HostMemory) -> Self {
        let unused = HostMemory::new(memory.page_size, Vec::new(), None);
        Self { background: Some(Background::new(memory)), ..Self::new(out, unused, None, None) }
    }

    /// Leaves memory out that the destination has.
    pub(super) fn leave_out(mut self, left_out: LeftOut) -> Self {
        self.ram = self.ram.leave_out(left_out);
        self
    }

    /// Gives memory fixed places in the file, in which the stream begins at `start`.
    pub(super) fn placed_at(mut self, start: u64) -> Self {
        self.placed = Some(Placed { start, written: 0 });
        self
    }

    /// Writes the header, the configuration, commands and the start of the memory.
    pub(super) fn begin(&mut self, configuration: &Configuration, commands: &[Command]) -> Result<Done, SaveError> {
        let start = self.writer.offset();
        let mut stream = StreamWriter::new(&mut self.writer);
        stream.header();
        stream.configuration(configuration);
        for command in commands {
            stream.command(command)?;
        }
        match self.background.take() {
            Some(mut background) => {
                let begun = self.section(SectionKind::Start, |_, out| background.set_up(out));
                self.background = Some(background);
                begun?;
            }
            None => self.section(SectionKind::Start, LiveSection::save_setup)?,
        }
        Ok(self.done(start))
    }

    /// Saves the devices in memory, and fixes the content of the memory that is sent. The devices come first: saving them may
    /// write memory.
    pub(super) fn capture(&mut self, host: &mut impl Host, configuration: &Configuration) -> Result<Done, SaveError> {
        let start = self.writer.offset();
        let mut saved = Err(SaveError::misuse("the host did not provide its machine"));
        let (tail, options) = (&mut self.tail, host.save_options().without_header());
        host.with_machine(&mut |machine| {
            machine.set_configuration(configuration.clone());
            saved = save_devices(machine, &mut Output::new(tail, None), options.clone());
        });
        saved?;
        self.background.as_ref().map_or(Ok(()), Background::freeze)?;
        Ok(self.done(start))
    }

    pub(super) fn command(&mut self, command: &Command) -> Result<Done, SaveError> {
        let start = self.writer.offset();
        write(&mut self.placed, &mut self.writer, &mut self.out, |output| {
            StreamWriter::new(output.writer()).command(command)?;
            output.flush()
        })?;
        Ok(self.done(start))
    }

    pub(super) fn iterate(&mut self, budget: u64) -> Result<Done, SaveError> {
        let start = self.writer.offset();
        match self.background.take() {
            Some(mut background) => {
                let sent = self.section(SectionKind::Part, |_, out| background.send(out, budget));
                self.background = Some(background);
                sent?;
            }
            None => self.section(SectionKind::Part, |ram, out| ram.save_iterate(out, budget).map(drop))?,
        }
        Ok(self.done(start))
    }

    pub(super) fn synchronize(&mut self) -> Done {
        let start = self.writer.offset();
        self.ram.pending_exact();
        self.done(start)
    }

    pub(super) fn complete(&mut self) -> Result<Done, SaveError> {
        let start = self.writer.offset();
        self.section(SectionKind::End, LiveSection::save_complete)?;
        Ok(self.done(start))
    }

    /// Writes the devices, and prepares the end of the stream.
    pub(super) fn devices(&mut self, host: &mut impl Host, configuration: &Configuration) -> Result<Done, SaveError> {
        let start = self.writer.offset();
        let mut saved = Err(SaveError::misuse("the host did not provide its machine"));
        let (placed, writer, out, tail) = (&mut self.placed, &mut self.writer, &mut self.out, &mut self.tail);
        let options = host.save_options().without_header();
        host.with_machine(&mut |machine| {
            machine.set_configuration(configuration.clone());
            saved = write(placed, writer, out, |output| {
                let mut session = SaveSession::begin(machine, output, options.clone())?;
                session.devices(machine, output)?;
                output.flush()?;
                session.finish(machine, &mut Output::new(tail, None)).map(drop)
            });
        });
        saved?;
        Ok(self.done(start))
    }

    pub(super) fn end(&mut self) -> Result<Done, SaveError> {
        let start = self.tail.offset();
        match &self.placed {
            Some(placed) => {
                let place = placed.start.saturating_add(self.writer.offset());
                Output::to_mapped_file(&mut self.tail, &self.out, place).flush()?;
            }
            None => self.tail.flush_to(&mut self.out).map_err(SaveError::io)?,
        }
        Ok(Done::new(self.tail.offset() - start, 0))
    }

    /// Changes the size of the cache of XBZRLE.
    pub(super) fn resize_xbzrle(&mut self, cache_size: u64) {
        self.ram.resize_xbzrle(cache_size);
    }

    /// Stops the dirty log, and releases the memory of a guest that waits for the save of its pages.
    pub(super) fn clean_up(&mut self) {
        self.background.iter_mut().for_each(Background::end);
        self.ram.save_cleanup();
    }

    pub(super) fn section(
        &mut self,
        kind: SectionKind,
        save: impl FnOnce(&mut Ram<Arc<dyn RamBlock + Send + Sync>, Blocks>, &mut Output<'_>) -> Result<(), SaveError>,
    ) -> Result<(), SaveError> {
        self.header.kind = kind;
        StreamWriter::new(&mut self.writer).begin_section(&self.header);
        let ram = &mut self.ram;
        write(&mut self.placed, &mut self.writer, &mut self.out, |output| {
            save(ram, output)?;
            StreamWriter::resume(output.writer(), SECTION_ID).end_section();
            output.flush()
        })
    }

    pub(super) fn done(&mut self, start: u64) -> Done {
        let remaining = self.ram.pending_estimate().total();
        let multifd = self.sending.as_ref().map_or(0, |sending| sending.shared().bytes());
        let written = match &mut self.placed {
            Some(placed) => std::mem::take(&mut placed.written),
            None => self.writer.offset() - start,
        };
        let bytes = written + (multifd - self.counted);
        self.counted = multifd;
        if let Some(background) = &mut self.background {
            let placed = if self.placed.is_some() { background.placed_bytes() } else { 0 };
            return Done::new(bytes + placed, background.remaining()).pages(background.sent_pages());
        }
        Done::new(bytes, remaining).multifd(multifd).pages(self.ram.sent_pages()).xbzrle(self.ram.xbzrle_counters())
    }
}

/// Writes the devices and the end of the stream.
fn save_devices(machine: &mut Machine<'_>, output: &mut Output<'_>, options: SaveOptions) -> Result<(), SaveError> {
    let mut session = SaveSession::begin(machine, output, options)?;
    session.devices(machine, output)?;
    session.finish(machine, output).map(drop)
}

/// Calls `write` with the output of the stream. Without places, the kernel reads guest memory from its place.
fn write(
    placed: &mut Option<Placed>,
    writer: &mut Writer,
    out: &mut File,
    write: impl FnOnce(&mut Output<'_>) -> Result<(), SaveError>,
) -> Result<(), SaveError> {
    let Some(placed) = placed else {
        #[cfg(all(target_os = "linux", feature = "mapping"))]
        return write(&mut Output::to_file(writer, out));
        #[cfg(not(all(target_os = "linux", feature = "mapping")))]
        return write(&mut Output::new(writer, Some(out)));
    };
    let mut output = Output::to_mapped_file(writer, out, placed.start);
    let result = write(&mut output);
    placed.written += output.placed_bytes();
    result
}
