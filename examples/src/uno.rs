//! An Arduino Uno as QEMU has it: what its streams say, in structs.
//!
//! ```
//! # let stream = include_bytes!("../../tests/streams/qemu-10.0-uno.gz");
//! # let mut bytes = Vec::new();
//! # std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&stream[..]), &mut bytes).unwrap();
//! use vmstate_examples::uno::Uno;
//!
//! let (mut uno, frame) = Uno::load(&bytes)?;
//! assert_eq!(uno.save(&frame)?, bytes, "what QEMU wrote, byte for byte");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use vmstate::ram::{Loader, PageSize, Saver, VecBlock};
use vmstate::schema::{DescriptionWriter, Release};
use vmstate::stream::{Command, Configuration, Item, SectionHeader, SectionKind, StreamReader, StreamWriter};
use vmstate::{LoadError, Reader, SaveError, VmState, Writer};

use crate::devices::avr::Cpu;
use crate::devices::clock::Clock;
use crate::devices::globalstate::{GlobalState, GlobalState7_2};

/// The bytes of an AVR page.
const PAGE: u64 = 256;
/// The bytes of QEMU's user network when nobody is connected. An old-style section does not say how long it is.
const IDLE_NETWORK: usize = 131;

/// The state of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uno {
    /// Its clocks.
    pub clock: Clock,
    /// Its processor.
    pub cpu: Cpu,
    /// What it was doing.
    pub global_state: GlobalState,
    /// Its memory: the blocks `flash` and `sram`.
    pub ram: [VecBlock; 2],
    /// QEMU's user network, which it saves with every machine that has one: bytes that nobody describes.
    pub slirp: Vec<u8>,
}

/// How a stream is put together, so that another one can be put together like it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The machine's type.
    pub configuration: Option<Configuration>,
    /// Whose stream it is.
    pub release: Release,
    /// The headers of its sections and the commands between them.
    pub items: Vec<Item>,
    /// Whether its sections have footers.
    pub footers: bool,
    /// Whether it describes itself at its end.
    pub described: bool,
}

impl Default for Uno {
    /// A machine that has just been built. The sizes are those of QEMU's blocks, which are whole pages of the host.
    fn default() -> Self {
        Self {
            clock: Clock::default(),
            cpu: Cpu::default(),
            global_state: GlobalState::default(),
            ram: [VecBlock::new("flash", vec![0; 0x8000]), VecBlock::new("sram", vec![0; 0x1000])],
            slirp: vec![0; IDLE_NETWORK],
        }
    }
}

impl Uno {
    /// Loads a machine from a stream, and says how the stream was put together.
    ///
    /// # Errors
    /// When it is no stream of an Arduino Uno, or a broken one.
    pub fn load(bytes: &[u8]) -> Result<(Self, Frame), LoadError> {
        let mut reader = Reader::from_slice(bytes);
        let mut stream = StreamReader::new(&mut reader)?;
        let mut ram = Loader::new(PageSize::new(PAGE)?);
        let (mut uno, mut items) = (Self::default(), Vec::new());
        while let Some(item) = stream.next_item()? {
            if let Item::Section(section) = &item {
                let loaded = uno.load_section(section, &mut ram, stream.payload());
                loaded.map_err(|error| error.in_place(|| section.place()))?;
            }
            items.push(item);
        }
        let frame = Frame {
            configuration: stream.configuration().cloned(),
            release: release(&items),
            items,
            footers: stream.has_footers().unwrap_or(true),
            described: stream.description()?.is_some(),
        };
        Ok((uno, frame))
    }

    fn load_section(
        &mut self,
        section: &SectionHeader,
        ram: &mut Loader,
        payload: &mut Reader<'_>,
    ) -> Result<(), LoadError> {
        match section.name.as_str() {
            "ram" => ram.load(&mut self.ram, payload),
            "timer" => self.clock.load(payload, section.version),
            "slirp" => payload.fill(&mut self.slirp),
            "cpu" => self.cpu.load(payload, section.version),
            "globalstate" => self.global_state.load(payload, section.version),
            other => {
                Err(LoadError::incompatible("a section of an Arduino Uno", format!("{other:?}")).at(section.offset))
            }
        }
    }

    /// Saves the machine as a stream that is put together like `frame`.
    ///
    /// # Errors
    /// When the frame has a section that the machine lacks.
    pub fn save(&mut self, frame: &Frame) -> Result<Vec<u8>, SaveError> {
        let mut out = Writer::new();
        let mut stream = StreamWriter::new(&mut out).footers(frame.footers);
        let mut description = DescriptionWriter::new(frame.release, PAGE, frame.configuration.as_ref());
        let mut ram = Saver::new(PageSize::new(PAGE).map_err(SaveError::new)?);
        stream.header();
        if let Some(configuration) = &frame.configuration {
            stream.configuration(configuration);
        }
        for item in &frame.items {
            match item {
                Item::Section(section) if section.name == "ram" => {
                    stream.begin_section(section);
                    self.save_ram(section.kind, &mut ram, stream.payload())?;
                }
                Item::Section(section) => {
                    stream.begin_section(section);
                    self.save_section(section, frame.release, &mut description, stream.payload())?;
                }
                Item::Command(command) => stream.command(command)?,
                _ => {}
            }
        }
        stream.eof();
        if frame.described {
            stream.description(&description.finish());
        }
        Ok(out.take())
    }

    fn save_ram(&self, kind: SectionKind, ram: &mut Saver, out: &mut Writer) -> Result<(), SaveError> {
        match kind {
            SectionKind::Start => ram.setup(&self.ram, out),
            SectionKind::Part => ram.iterate(&self.ram, u64::MAX, out).map(drop),
            SectionKind::End | SectionKind::Full => ram.complete(&self.ram, out),
        }
    }

    fn save_section(
        &mut self,
        section: &SectionHeader,
        release: Release,
        description: &mut DescriptionWriter,
        out: &mut Writer,
    ) -> Result<(), SaveError> {
        let (name, instance) = (section.name.as_str(), section.instance_id);
        match name {
            "timer" => description.section(name, instance, &mut self.clock, out),
            "slirp" => {
                out.bytes(&self.slirp);
                description.opaque(name, instance, IDLE_NETWORK as u64);
                Ok(())
            }
            "cpu" => description.section(name, instance, &mut self.cpu, out),
            "globalstate" if release == Release::Qemu7_2 => {
                description.section(name, instance, &mut GlobalState7_2::from(&self.global_state), out)
            }
            "globalstate" => description.section(name, instance, &mut self.global_state, out),
            other => Err(SaveError::new("no such section in an Arduino Uno").in_field(other.to_owned())),
        }
    }
}

/// Whose stream has these items: QEMU 10.0 says when the source is about to stop.
fn release(items: &[Item]) -> Release {
    match items.contains(&Item::Command(Command::SwitchoverStart)) {
        true => Release::Qemu10_0,
        false => Release::Qemu7_2,
    }
}
