//! An Arduino Uno as QEMU has it: what its streams say, in structs.
//!
//! ```
//! # let stream = include_bytes!("../../tests/streams/qemu-10.0-uno.gz");
//! # let mut bytes = Vec::new();
//! # std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&stream[..]), &mut bytes).unwrap();
//! use vmstate_examples::uno::Uno;
//!
//! let (mut uno, release) = Uno::load(&bytes)?;
//! assert_eq!(uno.save(release)?, bytes, "what QEMU wrote, byte for byte");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::error::Error;

use vmstate::machine::{LoadOptions, SaveOptions};
use vmstate::prelude::*;
use vmstate::ram::{PageSize, VecBlock};
use vmstate::registry::Registration;
use vmstate::schema::Release;
use vmstate::section::{Output, RawSection};
use vmstate::stream::Command;

use crate::devices::avr::Cpu;
use crate::devices::clock::Clock;
use crate::devices::globalstate::{GlobalState, GlobalState7_2};
use crate::devices::slirp;

/// The name of the machine in its streams.
pub const MACHINE: &str = "arduino-uno";
/// The bytes of an AVR page.
const PAGE: u64 = 256;

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
    /// QEMU's user network, which it saves with every machine that has one.
    pub network: IdleNetwork,
}

/// A network that nobody is connected to: bytes that nobody describes, and that do not say how many they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdleNetwork([u8; 131]);

impl RawSection for IdleNetwork {
    fn save(&mut self, out: &mut Writer) -> Result<(), SaveError> {
        out.bytes(&self.0);
        Ok(())
    }

    fn load(&mut self, reader: &mut Reader<'_>, _version: u32) -> Result<(), LoadError> {
        reader.fill(&mut self.0)
    }
}

impl Default for Uno {
    /// A machine that has just been built. The sizes are those of QEMU's blocks, which are whole pages of the host.
    fn default() -> Self {
        Self {
            clock: Clock::default(),
            cpu: Cpu::default(),
            global_state: GlobalState::default(),
            ram: [VecBlock::new("flash", vec![0; 0x8000]), VecBlock::new("sram", vec![0; 0x1000])],
            network: IdleNetwork([0; 131]),
        }
    }
}

impl Uno {
    /// Loads a machine from a stream, and says whose stream it is.
    ///
    /// # Errors
    /// When it is no stream of an Arduino Uno, or a broken one.
    pub fn load(stream: &[u8]) -> Result<(Self, Release), LoadError> {
        let mut uno = Self::default();
        // QEMU announces the switchover since 9.2.
        let mut release = Release::Qemu7_2;
        let reader = &mut Reader::from_slice(stream);
        let machine = uno.machine(Release::Qemu10_0);
        let mut machine = machine.map_err(|error| LoadError::misuse("sections that can be registered", error))?;
        machine.load_with_commands(reader, LoadOptions::new(), |command| match command {
            Command::SwitchoverStart => {
                release = Release::Qemu10_0;
                Ok(())
            }
            other => Err(other.reject()),
        })?;
        drop(machine);
        Ok((uno, release))
    }

    /// Saves the machine as a QEMU of this release does, to the last byte.
    ///
    /// # Errors
    /// When a value does not fit its place in the stream.
    pub fn save(&mut self, release: Release) -> Result<Vec<u8>, SaveError> {
        let mut machine = self.machine(release).map_err(SaveError::misuse)?;
        let (mut out, options) = (Writer::new(), SaveOptions::new().description(Some(release)));
        let mut saving = machine.start_saving(Output::new(&mut out, None), options)?;
        saving.iterate(u64::MAX)?;
        if release != Release::Qemu7_2 {
            saving.command(&Command::SwitchoverStart)?;
        }
        saving.complete()?;
        Ok(out.take())
    }

    /// The sections of the machine. They have the ids that they have in QEMU, only so that not one byte is different.
    fn machine(&mut self, release: Release) -> Result<Machine<'_>, Box<dyn Error>> {
        let old = release == Release::Qemu7_2;
        let [network, cpu, global] = if old { [4, 5, 6] } else { [1, 4, 5] };
        let global_state = match old {
            true => Registration::device("globalstate", GlobalState7_2::from(&self.global_state)),
            false => Registration::device("globalstate", &mut self.global_state),
        };
        let mut machine = Machine::with_type(MACHINE);
        machine.add(Registration::ram(PageSize::new(PAGE)?, &mut self.ram[..]).section_id(2))?;
        machine.add(Registration::device("timer", &mut self.clock).section_id(0))?;
        machine.add(Registration::raw("slirp", slirp::VERSION, &mut self.network).section_id(network))?;
        machine.add(Registration::device("cpu", &mut self.cpu).section_id(cpu))?;
        machine.add(global_state.section_id(global))?;
        Ok(machine)
    }
}
