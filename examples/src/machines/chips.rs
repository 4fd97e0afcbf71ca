//! The devices that the machines `pc` and `q35` have in common.

use vmstate::memory::VecBlock;
use vmstate::schema::Release;

use super::{AnyGlobalState, Form, Section, block, local_apic, only, pair, user_network};
use crate::devices::acpi_build::AcpiBuild;
use crate::devices::apic::Apic;
use crate::devices::clock::Clock;
use crate::devices::cpu_common::CpuCommon;
use crate::devices::fw_cfg::FwCfg;
use crate::devices::hpet::Hpet;
use crate::devices::i2c::I2cBus;
use crate::devices::i8254::Pit;
use crate::devices::i8257::Dma;
use crate::devices::i8259::Pic;
use crate::devices::ioapic::IoApic;
use crate::devices::kvm_tpr_opt::KvmTprOpt;
use crate::devices::mc146818rtc::Rtc;
use crate::devices::pci::PciHost;
use crate::devices::pckbd::IsaKbd;
use crate::devices::pcspk::Speaker;
use crate::devices::port92::Port92;
use crate::devices::ps2::{Keyboard, Mouse};
use crate::devices::serial::IsaSerial;
use crate::devices::slirp::Slirp;
use crate::devices::vga::PciVga;
use crate::devices::vmmouse::VmMouse;
use crate::devices::x86::Cpu;

/// The devices with the same section names in both machines.
#[derive(Debug)]
pub struct Chips {
    /// The release of QEMU.
    pub release: Release,
    /// The clocks.
    pub clock: Clock,
    /// QEMU's user network.
    pub slirp: Slirp,
    /// The state common to all processors.
    pub cpu_common: CpuCommon,
    /// The processor.
    pub cpu: Cpu,
    /// Task priority accesses that are patched for speed (kvmvapic).
    pub tpr_opt: KvmTprOpt,
    /// The local APIC.
    pub apic: Apic,
    /// The firmware configuration.
    pub fw_cfg: FwCfg,
    /// The PCI host bridge.
    pub pci_host: PciHost,
    /// The DMA controllers.
    pub dma: [Dma; 2],
    /// The real-time clock.
    pub rtc: Rtc,
    /// The legacy interrupt controllers.
    pub pic: [Pic; 2],
    /// The I/O APIC.
    pub ioapic: IoApic,
    /// The display adapter.
    pub vga: PciVga,
    /// The HPET.
    pub hpet: Hpet,
    /// The interval timer.
    pub pit: Pit,
    /// The speaker.
    pub speaker: Speaker,
    /// The serial port.
    pub serial: IsaSerial,
    /// The PS/2 keyboard.
    pub keyboard: Keyboard,
    /// The PS/2 mouse.
    pub mouse: Mouse,
    /// The keyboard controller.
    pub kbd: IsaKbd,
    /// The VMware mouse.
    pub vmmouse: VmMouse,
    /// The A20 port.
    pub port92: Port92,
    /// The SMBus.
    pub i2c_bus: I2cBus,
    /// True if the ACPI tables are final.
    pub acpi_build: AcpiBuild,
    /// The run state.
    pub global_state: AnyGlobalState,
}

impl Chips {
    pub(super) fn new(release: Release) -> Self {
        Self {
            release,
            clock: Clock::default(),
            slirp: Slirp::default(),
            cpu_common: CpuCommon::default(),
            cpu: Cpu::default(),
            tpr_opt: KvmTprOpt::default(),
            apic: Apic::default(),
            fw_cfg: FwCfg::default(),
            pci_host: PciHost::default(),
            dma: Default::default(),
            rtc: Rtc::default(),
            pic: Default::default(),
            ioapic: IoApic::default(),
            vga: PciVga::default(),
            hpet: Hpet { as_in_7_2: release == Release::Qemu7_2, ..Hpet::default() },
            pit: Pit::default(),
            speaker: Speaker::default(),
            serial: IsaSerial::default(),
            keyboard: Keyboard::default(),
            mouse: Mouse::default(),
            kbd: IsaKbd::default(),
            vmmouse: VmMouse::default(),
            port92: Port92::default(),
            i2c_bus: I2cBus::default(),
            acpi_build: AcpiBuild::default(),
            global_state: Form::new(release),
        }
    }

    /// Returns the sections. The name of the display adapter contains its PCI address.
    pub(super) fn sections(&mut self, vga: &'static str) -> Vec<Section<'_>> {
        let [dma0, dma1] = pair("dma", &mut self.dma);
        let [pic0, pic1] = pair("i8259", &mut self.pic);
        vec![
            only("timer", &mut self.clock),
            user_network(&mut self.slirp),
            only("cpu_common", &mut self.cpu_common),
            only("cpu", &mut self.cpu),
            only("kvm-tpr-opt", &mut self.tpr_opt),
            local_apic(&mut self.apic, self.release),
            only("fw_cfg", &mut self.fw_cfg),
            only("PCIHost", &mut self.pci_host),
            dma0,
            dma1,
            only("mc146818rtc", &mut self.rtc),
            pic0,
            pic1,
            only("ioapic", &mut self.ioapic),
            only(vga, &mut self.vga),
            only("hpet", &mut self.hpet),
            only("i8254", &mut self.pit),
            only("pcspk", &mut self.speaker),
            only("serial", &mut self.serial),
            only("ps2kbd", &mut self.keyboard),
            only("ps2mouse", &mut self.mouse),
            only("pckbd", &mut self.kbd),
            only("vmmouse", &mut self.vmmouse),
            only("port92", &mut self.port92),
            only("i2c_bus", &mut self.i2c_bus),
            only("acpi_build", &mut self.acpi_build),
            only("globalstate", self.global_state.device()),
        ]
    }
}

/// Returns the RAM blocks, with the PCI addresses of the display adapter and the network card in their names.
pub(super) fn blocks(vga: &str, network: &str) -> [VecBlock; 9] {
    [
        block("pc.ram", 0x100_0000),
        block(&format!("{vga}.vram"), 0x100_0000),
        block("/rom@etc/acpi/tables", 0x2_0000),
        block("pc.bios", 0x4_0000),
        block(&format!("{network}.rom"), 0x4_0000),
        block("pc.rom", 0x2_0000),
        block(&format!("{vga}.rom"), 0x1_0000),
        block("/rom@etc/table-loader", 0x1000),
        block("/rom@etc/acpi/rsdp", 0x1000),
    ]
}
