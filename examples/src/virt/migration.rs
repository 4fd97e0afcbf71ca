//! Saves and loads the board as a stream of QEMU's machine `virt`, of all three releases.
//!
//! Most devices of the board are QEMU's sections already. This module registers the sections, updates the fields that
//! the board derives from other state, and preserves state that only QEMU uses.
//!
//! ```
//! use vmstate::Reader;
//! use vmstate::schema::Release;
//! use vmstate_examples::virt::Board;
//!
//! let mut board = Board::new(1 << 20);
//! let mut stream = Vec::new();
//! board.save(&mut stream, Release::Qemu7_2)?;
//!
//! let mut other = Board::new(1 << 20);
//! other.load(&mut Reader::from_slice(&stream))?;
//! assert_eq!(other.hart.regs.pc, board.hart.regs.pc);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::BTreeSet;
use std::io::Write;

use vmstate::machine::Machine;
use vmstate::machine::{LoadOptions, LoadReport, SaveOptions, SaveStats, Trailer};
use vmstate::memory::PageSize;
use vmstate::registry::{Device, Missing, RegisterError, Registration};
use vmstate::schema::Release;
use vmstate::section::{Output, RawSection};
use vmstate::stream::Command;
use vmstate::{LoadError, Reader, SaveError, Writer, walk};

use super::board::Board;
use super::bus::{Bus, interrupt};
use crate::devices::acpi_build::VirtAcpiBuild;
use crate::devices::clock::Clock;
use crate::devices::cpu_common::CpuCommon;
use crate::devices::globalstate::{GlobalState, GlobalState7_2};
use crate::devices::gpex::GpexRoot;
use crate::devices::pci::{PciBus, PciHost};
use crate::devices::riscv;
use crate::devices::riscv_mtimer;
use crate::devices::slirp::{self, Slirp};

/// The machine type in QEMU's streams.
pub(super) const MACHINE: &str = "virt";
/// The bit of `interrupt_request` that makes QEMU's hart check for interrupts: `CPU_INTERRUPT_HARD`.
const CPU_INTERRUPT_HARD: u32 = 2;

/// The sections that a stream may lack.
mod optional {
    pub(super) const SLIRP: &str = "slirp";
    pub(super) const GPEX_ROOT: &str = "0000:00:00.0/gpex_root";
    pub(super) const PCI_HOST: &str = "PCIHost";
    pub(super) const PCI_BUS: &str = "PCIBUS";
    pub(super) const ACPI_BUILD: &str = "virt_acpi_build";
    pub(super) const ALL: [&str; 5] = [SLIRP, GPEX_ROOT, PCI_HOST, PCI_BUS, ACPI_BUILD];
}

/// The sections of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum With {
    /// The memory and the devices.
    Memory,
    /// The devices. A migration sends the memory itself.
    Devices,
}

/// Registers the section of memory.
pub(super) type RegisterMemory = dyn Fn(&mut Machine<'_>) -> Result<(), RegisterError>;

/// State of a stream that the board does not use, or stores elsewhere.
#[derive(Debug, Clone, Default)]
pub(super) struct QemuOnly {
    clock: Clock,
    cpu_common: CpuCommon,
    slirp: Slirp,
    gpex_root: GpexRoot,
    pci_host: PciHost,
    pci_bus: PciBus<4>,
    acpi_build: VirtAcpiBuild,
    /// The optional sections of the loaded stream.
    present: BTreeSet<&'static str>,
}

impl Board {
    /// Saves the board like QEMU of this release. The board can continue afterwards.
    ///
    /// Call [`run_to_tick`](Self::run_to_tick) first if QEMU will load the stream; otherwise its timer does not start.
    ///
    /// # Errors
    /// Returns an error if writing to `out` fails.
    pub fn save(&mut self, out: &mut (dyn Write + Send), release: Release) -> Result<SaveStats, SaveError> {
        let mut writer = Writer::new();
        self.save_to(Output::new(&mut writer, Some(out)), release, save_options(release))
    }

    /// Saves the board to an output, which may be a file with memory at fixed places.
    pub(super) fn save_to(
        &mut self,
        out: Output<'_>,
        release: Release,
        options: SaveOptions,
    ) -> Result<SaveStats, SaveError> {
        let saved = self
            .with_sections(With::Memory, release, RUNNING, |machine| machine.start_saving(out, options)?.complete());
        saved.map_err(SaveError::misuse)?
    }

    /// Calls `save` with a machine of the devices that this release of QEMU has, in this run state.
    pub(super) fn with_devices(&mut self, release: Release, run_state: &str, save: &mut dyn FnMut(&mut Machine<'_>)) {
        // The sections differ in their names.
        self.with_sections(With::Devices, release, run_state, save).expect("different sections");
    }

    fn with_sections<R>(
        &mut self,
        with: With,
        release: Release,
        run_state: &str,
        save: impl FnOnce(&mut Machine<'_>) -> R,
    ) -> Result<R, RegisterError> {
        self.update_derived_fields();
        let tables = self.bus.fw_cfg.acpi_mr.clone();
        let mut names = self.qemu_only.present.clone();
        if release == Release::Qemu7_2 {
            // QEMU 7.2 has no blocks of this size.
            self.bus.fw_cfg.acpi_mr = None;
            names.remove(optional::ACPI_BUILD);
        }
        let mut global_state = global_state(run_state);
        let mut global_state_of_7_2 = GlobalState7_2::from(&global_state);
        let saved = self.machine(&names, with).and_then(|mut machine| {
            match release {
                Release::Qemu7_2 => machine.register("globalstate", &mut global_state_of_7_2)?,
                _ => machine.register("globalstate", &mut global_state)?,
            };
            Ok(save(&mut machine))
        });
        self.bus.fw_cfg.acpi_mr = tables;
        saved
    }

    /// Loads the board from a stream of any of the releases, also from a file with memory at fixed places. On error the board is unchanged.
    ///
    /// # Errors
    /// Returns an error if the stream is malformed or of a different board, or if the guest uses a feature that this
    /// board does not support.
    pub fn load(&mut self, reader: &mut Reader<'_>) -> Result<LoadReport, LoadError> {
        let mut new = Self::new(self.bus.memory.ram().len());
        let loaded = new.load_sections(reader, None)?;
        self.replace(new);
        Ok(loaded)
    }

    /// Replaces the board with a loaded one.
    pub(super) fn replace(&mut self, new: Self) {
        let world = self.bus.clock.world;
        *self = new;
        self.bus.clock.world = world;
    }

    /// Loads all sections into a new board. `memory` registers the memory, if it is not loaded like a device.
    pub(super) fn load_sections(
        &mut self,
        reader: &mut Reader<'_>,
        memory: Option<&RegisterMemory>,
    ) -> Result<LoadReport, LoadError> {
        let loaded = self.load_registered(reader, memory)?;
        self.apply_load(&loaded)?;
        Ok(loaded)
    }

    fn load_registered(
        &mut self,
        reader: &mut Reader<'_>,
        memory: Option<&RegisterMemory>,
    ) -> Result<LoadReport, LoadError> {
        let mut global_state = GlobalState::default();
        let with = if memory.is_some() { With::Devices } else { With::Memory };
        let mut machine = self.machine(&BTreeSet::from(optional::ALL), with).map_err(unregistered)?;
        machine.register("globalstate", &mut global_state).map_err(unregistered)?;
        if let Some(register) = memory {
            register(&mut machine).map_err(unregistered)?;
        }
        let options = LoadOptions::new().without_rollback().trailer(Trailer::Required).mapped_ram();
        machine.load_with_commands(reader, options, |command| match command {
            Command::SwitchoverStart => Ok(()),
            other => Err(other.reject()),
        })
    }

    /// Calls `load` with a machine of all devices that a stream can contain. [`apply_load`](Self::apply_load) follows.
    pub(super) fn with_awaited_devices(
        &mut self,
        global_state: &mut GlobalState,
        load: &mut dyn FnMut(&mut Machine<'_>),
    ) {
        let mut machine = self.machine(&BTreeSet::from(optional::ALL), With::Devices).expect("different sections");
        machine.register("globalstate", global_state).expect("different sections");
        load(&mut machine);
    }

    /// Updates the board after its devices were loaded.
    ///
    /// # Errors
    /// Returns an error if the guest uses a feature that this board does not support.
    pub(super) fn apply_load(&mut self, loaded: &LoadReport) -> Result<(), LoadError> {
        self.apply_loaded_fields(loaded)?;
        self.hart.check().map_err(|unsupported| LoadError::rejected("a guest that can run here", unsupported))
    }

    /// Registers all sections except `globalstate`. Of the optional sections, registers those in `names`.
    fn machine(&mut self, names: &BTreeSet<&'static str>, with: With) -> Result<Machine<'_>, RegisterError> {
        let Bus { memory, clint, plic, uart, rtc, fw_cfg, flash, .. } = &mut self.bus;
        let qemu_only = &mut self.qemu_only;
        let has = |name| names.contains(name);
        let mut machine = Machine::with_type(MACHINE);
        if with == With::Memory {
            machine.register_ram(PageSize::DEFAULT, memory.blocks_mut(has(optional::ACPI_BUILD)))?;
        }
        machine.register("timer", &mut qemu_only.clock)?;
        if has(optional::SLIRP) {
            let slirp = Registration::raw(optional::SLIRP, slirp::VERSION, Network(&mut qemu_only.slirp));
            machine.add(slirp.if_missing(Missing::KeepState))?;
        }
        machine.register("cpu_common", &mut qemu_only.cpu_common)?;
        machine.register("cpu", &mut self.hart.regs)?;
        machine.register("riscv_mtimer", &mut clint.mtimer)?;
        machine.register("riscv_sifive_plic", plic)?;
        machine.register("fw_cfg", fw_cfg)?;
        let optional: [(_, &mut (dyn Device + Send)); 4] = [
            (optional::GPEX_ROOT, &mut qemu_only.gpex_root),
            (optional::PCI_HOST, &mut qemu_only.pci_host),
            (optional::PCI_BUS, &mut qemu_only.pci_bus),
            (optional::ACPI_BUILD, &mut qemu_only.acpi_build),
        ];
        for (name, device) in optional.into_iter().filter(|(name, _)| has(name)) {
            machine.add(Registration::device(name, device).if_missing(Missing::KeepState))?;
        }
        machine.register("serial", &mut uart.serial)?;
        machine.register("goldfish_rtc", rtc)?;
        for chip in flash {
            machine.register("pflash_cfi01", chip)?;
        }
        Ok(machine)
    }

    /// Updates QEMU's fields that the board derives from other state.
    fn update_derived_fields(&mut self) {
        self.update_lines();
        self.hart.regs.update_counters(&self.bus.clock);
        self.bus.clint.mtimer.timers = [self.bus.clint.deadline(&self.bus.clock)];
        let qemu_only = &mut self.qemu_only;
        qemu_only.clock.nanoseconds = self.bus.clock.nanoseconds().cast_signed();
        qemu_only.cpu_common.halted = self.hart.halted.into();
        qemu_only.cpu_common.interrupt_request = if self.hart.regs.mip == 0 { 0 } else { CPU_INTERRUPT_HARD };
    }

    /// Updates the board's state from the loaded fields.
    fn apply_loaded_fields(&mut self, loaded: &LoadReport) -> Result<(), LoadError> {
        let nanoseconds = u64::try_from(self.qemu_only.clock.nanoseconds);
        let nanoseconds =
            nanoseconds.map_err(|_| LoadError::rejected("a time after the start", self.qemu_only.clock.nanoseconds));
        let is_missing = |name: &str| loaded.missing.iter().any(|(missing, _)| missing == name);
        self.qemu_only.present = optional::ALL.into_iter().filter(|name| !is_missing(name)).collect();
        self.bus.clock.set(nanoseconds?);
        self.bus.clint.software = self.hart.regs.mip & interrupt::SOFTWARE != 0;
        self.hart.halted = self.qemu_only.cpu_common.halted != 0;
        self.hart.regs.gpr[0] = 0;
        self.hart.regs.pc &= !1;
        self.hart.regs.rebase_counters(&self.bus.clock);
        Ok(())
    }
}

/// QEMU's user network, which has no description.
struct Network<'k>(&'k mut Slirp);

impl RawSection for Network<'_> {
    fn save(&mut self, out: &mut Writer) -> Result<(), SaveError> {
        walk::save(self.0, out, slirp::VERSION)
    }

    fn load(&mut self, reader: &mut Reader<'_>, version: u32) -> Result<(), LoadError> {
        walk::load(self.0, reader, version)
    }
}

/// The run state of a machine that continues as soon as it is loaded.
pub(super) const RUNNING: &str = "running";

fn global_state(run_state: &str) -> GlobalState {
    let mut state = GlobalState::default();
    let name = run_state.bytes().chain([0]);
    state.run_state.iter_mut().zip(name).for_each(|(to, from)| *to = from);
    state.size = u32::try_from(run_state.len() + 1).unwrap_or_default();
    state
}

/// Returns the options of a save like QEMU of this release.
pub(super) fn save_options(release: Release) -> SaveOptions {
    let versions = [("cpu", riscv::version(release)), ("riscv_mtimer", riscv_mtimer::version(release))];
    SaveOptions::new().description(Some(release)).versions(versions)
}

#[allow(clippy::needless_pass_by_value)] // as map_err wants it
fn unregistered(error: RegisterError) -> LoadError {
    LoadError::misuse("sections that can be registered", error)
}
