//! The RISC-V machine `virt`, with one 64-bit processor, a virtio-mmio disk and network card, and a random number
//! generator on the PCI bus.

use vmstate::memory::VecBlock;
use vmstate::schema::Release;

use super::{AnyGlobalState, Board, Form, Section, block, memory, only, pair, user_network};
use crate::devices::acpi_build::VirtAcpiBuild;
use crate::devices::clock::Clock;
use crate::devices::cpu_common::CpuCommon;
use crate::devices::fw_cfg::FwCfg;
use crate::devices::goldfish_rtc::GoldfishRtc;
use crate::devices::gpex::GpexRoot;
use crate::devices::pci::{PciBus, PciDevice, PciHost, identities};
use crate::devices::pflash_cfi01::Pflash;
use crate::devices::riscv::Cpu;
use crate::devices::riscv_mtimer::Mtimer;
use crate::devices::serial::MemorySerial;
use crate::devices::sifive_plic::Plic;
use crate::devices::slirp::Slirp;
use crate::devices::virtio::{Mmio, Pci, VirtioBlk, VirtioNet, VirtioRng};

/// The machine.
#[derive(Debug)]
pub struct Virt {
    /// Its clocks.
    pub clock: Clock,
    /// QEMU's user network.
    pub slirp: Slirp,
    /// The state common to all processors.
    pub cpu_common: CpuCommon,
    /// The processor.
    pub cpu: Cpu,
    /// Its timer.
    pub mtimer: Mtimer,
    /// The interrupt controller.
    pub plic: Plic,
    /// The firmware configuration.
    pub fw_cfg: FwCfg,
    /// The PCI root.
    pub gpex_root: GpexRoot,
    /// The PCI host bridge.
    pub pci_host: PciHost,
    /// The PCI bus.
    pub pci_bus: PciBus<4>,
    /// The serial port.
    pub serial: MemorySerial,
    /// The real-time clock.
    pub rtc: GoldfishRtc,
    /// The flash memories.
    pub flash: [Pflash; 2],
    /// The disk.
    pub disk: VirtioBlk<Mmio>,
    /// The network card.
    pub network: VirtioNet<Mmio>,
    /// The random number generator.
    pub random: VirtioRng<Pci<false>>,
    /// True if the ACPI tables are final. QEMU 7.2 lacks the section.
    pub acpi_build: Option<VirtAcpiBuild>,
    /// The run state.
    pub global_state: AnyGlobalState,
    /// The RAM blocks: flash, 16 MiB of RAM, and the firmware's tables.
    pub ram: Vec<VecBlock>,
}

impl Board for Virt {
    fn new(release: Release) -> Self {
        let has_acpi = release != Release::Qemu7_2;
        let mut random = VirtioRng::<Pci<false>>::default();
        random.virtio.transport.pci = PciDevice::new(&identities::VIRTIO_RNG);
        Self {
            clock: Clock::default(),
            slirp: Slirp::default(),
            cpu_common: CpuCommon::default(),
            cpu: Cpu::default(),
            mtimer: Mtimer::default(),
            plic: Plic::default(),
            fw_cfg: FwCfg::default(),
            gpex_root: GpexRoot::default(),
            pci_host: PciHost::default(),
            pci_bus: PciBus::default(),
            serial: MemorySerial::default(),
            rtc: GoldfishRtc::default(),
            flash: Default::default(),
            disk: VirtioBlk::default(),
            network: VirtioNet::default(),
            random,
            acpi_build: has_acpi.then(VirtAcpiBuild::default),
            global_state: Form::new(release),
            ram: blocks(has_acpi),
        }
    }

    fn sections(&mut self) -> Vec<Section<'_>> {
        let [flash0, flash1] = pair("pflash_cfi01", &mut self.flash);
        let acpi_build = self.acpi_build.as_mut().map(|device| only("virt_acpi_build", device));
        let devices = [
            only("timer", &mut self.clock),
            user_network(&mut self.slirp),
            only("cpu_common", &mut self.cpu_common),
            only("cpu", &mut self.cpu),
            only("riscv_mtimer", &mut self.mtimer),
            only("riscv_sifive_plic", &mut self.plic),
            only("fw_cfg", &mut self.fw_cfg),
            only("0000:00:00.0/gpex_root", &mut self.gpex_root),
            only("PCIHost", &mut self.pci_host),
            only("PCIBUS", &mut self.pci_bus),
            only("serial", &mut self.serial),
            only("goldfish_rtc", &mut self.rtc),
            flash0,
            flash1,
            only("virtio-mmio@0000000010008000/virtio-blk", &mut self.disk),
            only("virtio-mmio@0000000010007000/virtio-net", &mut self.network),
            only("0000:00:01.0/virtio-rng", &mut self.random),
        ];
        let rest = [only("globalstate", self.global_state.device()), memory(&mut self.ram)];
        devices.into_iter().chain(acpi_build).chain(rest).collect()
    }
}

fn blocks(has_acpi: bool) -> Vec<VecBlock> {
    let mut blocks = vec![
        block("virt.flash0", 0x200_0000),
        block("virt.flash1", 0x200_0000),
        block("riscv_virt_board.ram", 0x100_0000),
    ];
    if has_acpi {
        blocks.extend([block("/rom@etc/acpi/tables", 0x2_0000), block("/rom@etc/table-loader", 0x1000)]);
    }
    blocks.push(block("riscv_virt_board.mrom", 0xf000));
    if has_acpi {
        blocks.push(block("/rom@etc/acpi/rsdp", 0x1000));
    }
    blocks
}
