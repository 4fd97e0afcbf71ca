//! The machine `q35`: a PC with PCI Express, a disk at a root port and a USB keyboard.

use vmstate::memory::VecBlock;
use vmstate::schema::Release;

use super::chips::{self, Chips};
use super::{Board, Form, Section, memory, numbered, only};
use crate::devices::ahci::Ich9Ahci;
use crate::devices::e1000e::{E1000e, E1000e7_2};
use crate::devices::ich9::{Ich9SmBus, Lpc, Mch};
use crate::devices::pci::{Identity, PciBus, PciDevice, identities};
use crate::devices::pcie::RootPort;
use crate::devices::usb::UsbKeyboard;
use crate::devices::virtio::{Pci, VirtioBlk};
use crate::devices::xhci::PciXhci;

/// The machine.
#[derive(Debug)]
pub struct Q35 {
    /// The devices in common with `pc`.
    pub chips: Chips,
    /// The host bridge.
    pub mch: Mch,
    /// The root bus.
    pub bus: PciBus<8>,
    /// The ISA bridge.
    pub lpc: Lpc,
    /// The disk controller.
    pub ahci: Form<Ich9Ahci<i32>, Ich9Ahci<u32>>,
    /// The system management bus.
    pub smbus: Ich9SmBus,
    /// The network card.
    pub network: Form<E1000e7_2, E1000e>,
    /// The root port.
    pub root_port: RootPort,
    /// The bus of the root port.
    pub root_bus: PciBus<0>,
    /// The disk on that bus.
    pub disk: VirtioBlk<Pci<true>>,
    /// The USB controller.
    pub xhci: PciXhci,
    /// The keyboard.
    pub usb_keyboard: UsbKeyboard,
    /// The RAM blocks: 16 MiB of RAM, display memory, and firmware.
    pub ram: [VecBlock; 9],
}

impl Board for Q35 {
    fn new(release: Release) -> Self {
        let mut disk = VirtioBlk::<Pci<true>>::default();
        disk.virtio.transport.pci = older_or_newer(release, &identities::VIRTIO_BLK_7_2, &identities::VIRTIO_BLK);
        let xhci = older_or_newer(release, &identities::XHCI_7_2, &identities::XHCI);
        let root_port = older_or_newer(release, &identities::ROOT_PORT_7_2, &identities::ROOT_PORT);
        Self {
            chips: Chips::new(release),
            mch: Mch::default(),
            bus: PciBus::default(),
            lpc: Lpc::default(),
            ahci: Form::new(release),
            smbus: Ich9SmBus::default(),
            network: Form::new(release),
            root_port: RootPort { pci: root_port, ..RootPort::default() },
            root_bus: PciBus::default(),
            disk,
            xhci: PciXhci { pci: xhci, ..PciXhci::default() },
            usb_keyboard: UsbKeyboard::default(),
            ram: chips::blocks("0000:00:01.0/vga", "0000:00:02.0/e1000e"),
        }
    }

    fn sections(&mut self) -> Vec<Section<'_>> {
        let mut sections = self.chips.sections("0000:00:01.0/vga");
        sections.extend([
            only("0000:00:03.0/pcie-root-port", &mut self.root_port),
            only("0000:00:00.0/mch", &mut self.mch),
            only("PCIBUS", &mut self.bus),
            only("0000:00:1f.0/ICH9LPC", &mut self.lpc),
            only("0000:00:1f.2/ich9_ahci", self.ahci.device()),
            only("0000:00:1f.3/ich9_smb", &mut self.smbus),
            only("0000:00:02.0/e1000e", self.network.device()),
            numbered("PCIBUS", 1, &mut self.root_bus),
            only("0000:00:03.0:00.0/virtio-blk", &mut self.disk),
            only("0000:00:04.0/xhci", &mut self.xhci),
            only("0000:00:04.0/1/usb-kbd", &mut self.usb_keyboard),
        ]);
        sections.push(memory(&mut self.ram));
        sections
    }
}

/// Creates a device with the constants of QEMU 7.2 or of the releases since.
fn older_or_newer(release: Release, older: &'static Identity, newer: &'static Identity) -> PciDevice {
    PciDevice::new(if release == Release::Qemu7_2 { older } else { newer })
}
