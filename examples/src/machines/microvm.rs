//! The machine `microvm`: a minimal virtual PC.

use vmstate::memory::VecBlock;
use vmstate::schema::Release;

use super::{AnyGlobalState, Board, Form, Section, block, local_apic, memory, only, pair, user_network};
use crate::devices::acpi_ged::AcpiGed;
use crate::devices::apic::Apic;
use crate::devices::clock::Clock;
use crate::devices::cpu_common::CpuCommon;
use crate::devices::fw_cfg::FwCfg;
use crate::devices::i8254::Pit;
use crate::devices::i8259::Pic;
use crate::devices::ioapic::IoApic;
use crate::devices::kvm_tpr_opt::KvmTprOpt;
use crate::devices::mc146818rtc::Rtc;
use crate::devices::serial::IsaSerial;
use crate::devices::slirp::Slirp;
use crate::devices::x86::Cpu;

/// The machine.
#[derive(Debug)]
pub struct MicroVm {
    /// The release of QEMU.
    pub release: Release,
    /// Its clocks.
    pub clock: Clock,
    /// QEMU's user network, without a network card.
    pub slirp: Slirp,
    /// The firmware configuration.
    pub fw_cfg: FwCfg,
    /// The state common to all processors.
    pub cpu_common: CpuCommon,
    /// The processor.
    pub cpu: Cpu,
    /// Task priority accesses that are patched for speed (kvmvapic).
    pub tpr_opt: KvmTprOpt,
    /// The local APIC.
    pub apic: Apic,
    /// The I/O APICs.
    pub ioapic: [IoApic; 2],
    /// The ACPI generic event device.
    pub ged: AcpiGed,
    /// The legacy interrupt controllers.
    pub pic: [Pic; 2],
    /// The interval timer.
    pub pit: Pit,
    /// The real-time clock.
    pub rtc: Rtc,
    /// The serial port.
    pub serial: IsaSerial,
    /// The run state.
    pub global_state: AnyGlobalState,
    /// The RAM blocks `microvm.ram` (16 MiB), `pc.bios` and the ACPI tables.
    pub ram: [VecBlock; 5],
}

impl Board for MicroVm {
    fn new(release: Release) -> Self {
        let bios = if release == Release::Qemu7_2 { 0x1_0000 } else { 0x2_0000 };
        Self {
            release,
            clock: Clock::default(),
            slirp: Slirp::default(),
            fw_cfg: FwCfg::default(),
            cpu_common: CpuCommon::default(),
            cpu: Cpu::default(),
            tpr_opt: KvmTprOpt::default(),
            apic: Apic::default(),
            ioapic: Default::default(),
            ged: AcpiGed::default(),
            pic: Default::default(),
            pit: Pit::default(),
            rtc: Rtc::default(),
            serial: IsaSerial::default(),
            global_state: Form::new(release),
            ram: [
                block("microvm.ram", 0x100_0000),
                block("/rom@etc/acpi/tables", 0x1000),
                block("pc.bios", bios),
                block("/rom@etc/table-loader", 0x1000),
                block("/rom@etc/acpi/rsdp", 0x1000),
            ],
        }
    }

    fn sections(&mut self) -> Vec<Section<'_>> {
        let [ioapic0, ioapic1] = pair("ioapic", &mut self.ioapic);
        let [pic0, pic1] = pair("i8259", &mut self.pic);
        vec![
            only("timer", &mut self.clock),
            user_network(&mut self.slirp),
            only("fw_cfg", &mut self.fw_cfg),
            only("cpu_common", &mut self.cpu_common),
            only("cpu", &mut self.cpu),
            only("kvm-tpr-opt", &mut self.tpr_opt),
            local_apic(&mut self.apic, self.release),
            ioapic0,
            ioapic1,
            only("acpi-ged", &mut self.ged),
            pic0,
            pic1,
            only("i8254", &mut self.pit),
            only("mc146818rtc", &mut self.rtc),
            only("serial", &mut self.serial),
            only("globalstate", self.global_state.device()),
            memory(&mut self.ram),
        ]
    }
}
