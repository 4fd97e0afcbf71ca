//! The state of QEMU's machine `uno` (an Arduino Uno), loaded from and saved to its streams.
//!
//! ```
//! # let stream = include_bytes!("../../tests/streams/qemu-10.0-uno.gz");
//! # let mut bytes = Vec::new();
//! # std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(&stream[..]), &mut bytes).unwrap();
//! use vmstate_examples::uno::Uno;
//!
//! let (mut uno, release) = Uno::load(&bytes)?;
//! assert_eq!(uno.save(release)?, bytes, "the same bytes");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::error::Error;

use vmstate::machine::{LoadOptions, SaveOptions};
use vmstate::memory::{PageSize, VecBlock};
use vmstate::prelude::*;
use vmstate::registry::Registration;
use vmstate::schema::Release;
use vmstate::section::{Output, RawSection};
use vmstate::stream::Command;

use crate::devices::avr::Cpu;
use crate::devices::clock::Clock;
use crate::devices::globalstate::{GlobalState, GlobalState7_2};
use crate::devices::slirp;

/// The machine name in streams.
pub const MACHINE: &str = "arduino-uno";
/// The block with the beginning of the data memory, which shares its first page with I/O registers in QEMU 11.1.
const SHARED: &str = "sram-as-io";
/// The number of bytes in that block. QEMU sends a page of the host, whose other bytes are not the guest's.
const SHARED_BYTES: usize = 0x300;
/// The size of a block of data memory in streams.
const BLOCK: usize = 0x1000;

/// The state of the machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uno {
    /// The clocks.
    pub clock: Clock,
    /// The processor.
    pub cpu: Cpu,
    /// The run state.
    pub global_state: GlobalState,
    /// The RAM blocks `flash` and `sram`, as in QEMU 7.2 and 10.0.
    pub ram: [VecBlock; 2],
    /// QEMU's user network, which QEMU saves with every machine that has one.
    pub network: IdleNetwork,
}

/// The state of a network without connections. It has no description and no length, so its size is fixed here.
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
    /// Creates a machine after reset. The sizes equal QEMU's blocks, which are multiples of host pages.
    fn default() -> Self {
        Self {
            clock: Clock::default(),
            cpu: Cpu::default(),
            global_state: GlobalState::default(),
            ram: [VecBlock::new("flash", vec![0; 0x8000]), VecBlock::new("sram", vec![0; BLOCK])],
            network: IdleNetwork([0; 131]),
        }
    }
}

impl Uno {
    /// Loads a machine from a stream. Returns the release that saved it, too.
    ///
    /// # Errors
    /// Returns an error if the stream is malformed, or not of an Arduino Uno.
    pub fn load(stream: &[u8]) -> Result<(Self, Release), LoadError> {
        let mut uno = Self::default();
        // QEMU announces the switchover since 9.2 (`qemu_savevm_send_switchover_start` in migration/savevm.c).
        let is_11_1 = stream.windows(SHARED.len()).any(|window| window == SHARED.as_bytes());
        let mut release = if is_11_1 { Release::Qemu11_1 } else { Release::Qemu7_2 };
        let layout = release.max(Release::Qemu10_0);
        let (reader, mut ram) = (&mut Reader::from_slice(stream), uno.blocks(layout));
        let machine = uno.machine(layout, &mut ram);
        let mut machine = machine.map_err(|error| LoadError::misuse("sections that can be registered", error))?;
        machine.load_with_commands(reader, LoadOptions::new(), |command| match command {
            Command::SwitchoverStart => {
                release = layout;
                Ok(())
            }
            other => Err(other.reject()),
        })?;
        drop(machine);
        uno.set_blocks(ram);
        Ok((uno, release))
    }

    /// Saves the machine with the same bytes as QEMU of this release.
    ///
    /// # Errors
    /// Returns an error if a value does not fit its field.
    pub fn save(&mut self, release: Release) -> Result<Vec<u8>, SaveError> {
        let mut ram = self.blocks(release);
        let mut machine = self.machine(release, &mut ram).map_err(SaveError::misuse)?;
        let mut out = Writer::new();
        let options = SaveOptions::new().description(Some(release));
        let mut saving = machine.start_saving(Output::new(&mut out, None), options)?;
        saving.iterate(u64::MAX)?;
        if release != Release::Qemu7_2 {
            saving.command(&Command::SwitchoverStart)?;
        }
        saving.complete()?;
        Ok(out.take())
    }

    /// Returns the RAM blocks of a release. QEMU 11.1 splits the data memory.
    fn blocks(&self, release: Release) -> Vec<VecBlock> {
        let [flash, sram] = self.ram.clone();
        if release < Release::Qemu11_1 {
            return vec![flash, sram];
        }
        let block = |name, mut bytes: Vec<u8>| {
            bytes.resize(BLOCK, 0);
            VecBlock::new(name, bytes)
        };
        let mut shared = sram.to_vec();
        let rest = shared.split_off(SHARED_BYTES);
        vec![flash, block(SHARED, shared), block("sram", rest)]
    }

    /// Sets the memory to the loaded blocks of a release.
    fn set_blocks(&mut self, blocks: Vec<VecBlock>) {
        let mut blocks = blocks.into_iter();
        if let Some(flash) = blocks.next() {
            self.ram[0] = flash;
        }
        let mut parts: Vec<_> = blocks.map(|block| block.to_vec()).collect();
        if let [shared, _] = &mut parts[..] {
            shared.truncate(SHARED_BYTES);
        }
        let mut sram = parts.concat();
        sram.truncate(BLOCK);
        self.ram[1] = VecBlock::new("sram", sram);
    }

    /// Registers the sections. The section IDs are QEMU's, so that all bytes are equal; a load does not depend on them.
    fn machine<'m>(&'m mut self, release: Release, ram: &'m mut [VecBlock]) -> Result<Machine<'m>, Box<dyn Error>> {
        let old = release == Release::Qemu7_2;
        let [network, cpu, global] = if old { [4, 5, 6] } else { [1, 4, 5] };
        let global_state = if old {
            Registration::device("globalstate", GlobalState7_2::from(&self.global_state))
        } else {
            Registration::device("globalstate", &mut self.global_state)
        };
        let mut machine = Machine::with_type(MACHINE);
        machine.add(Registration::ram(PageSize::new(page_size(release))?, ram).section_id(2))?;
        machine.add(Registration::device("timer", &mut self.clock).section_id(0))?;
        machine.add(Registration::raw("slirp", slirp::VERSION, &mut self.network).section_id(network))?;
        machine.add(Registration::device("cpu", &mut self.cpu).section_id(cpu))?;
        machine.add(global_state.section_id(global))?;
        Ok(machine)
    }
}

/// Returns the size of an AVR page in bytes (`TARGET_PAGE_BITS` in target/avr/cpu-param.h).
fn page_size(release: Release) -> u64 {
    if release >= Release::Qemu11_1 { 1024 } else { 256 }
}
