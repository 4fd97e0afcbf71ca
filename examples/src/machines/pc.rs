//! The machine `pc`: a PC with the i440FX chipset, a network card and a tablet.

use vmstate::memory::VecBlock;
use vmstate::schema::Release;

use super::chips::{self, Chips};
use super::{Board, Section, memory, only};
use crate::devices::e1000::E1000;
use crate::devices::fdc::IsaFdc;
use crate::devices::ide::PciIde;
use crate::devices::pci::PciBus;
use crate::devices::piix::{I440Fx, Piix3};
use crate::devices::piix4_pm::Piix4Pm;
use crate::devices::uhci::Uhci;
use crate::devices::usb::UsbPointer;

/// The machine.
#[derive(Debug)]
pub struct Pc {
    /// The devices in common with `q35`.
    pub chips: Chips,
    /// The host bridge.
    pub i440fx: I440Fx,
    /// The PCI bus.
    pub pci_bus: PciBus<4>,
    /// The ISA bridge.
    pub piix3: Piix3,
    /// Power management.
    pub pm: Piix4Pm,
    /// The disk controller.
    pub ide: PciIde,
    /// The floppy disk controller.
    pub fdc: IsaFdc,
    /// The network card.
    pub network: E1000,
    /// The USB controller.
    pub uhci: Uhci,
    /// The tablet.
    pub tablet: UsbPointer,
    /// The RAM blocks: 16 MiB of RAM, display memory, and firmware.
    pub ram: [VecBlock; 9],
}

impl Board for Pc {
    fn new(release: Release) -> Self {
        Self {
            chips: Chips::new(release),
            i440fx: I440Fx::default(),
            pci_bus: PciBus::default(),
            piix3: Piix3::default(),
            pm: Piix4Pm::default(),
            ide: PciIde::default(),
            fdc: IsaFdc::default(),
            network: E1000::default(),
            uhci: Uhci::default(),
            tablet: UsbPointer::default(),
            ram: chips::blocks("0000:00:02.0/vga", "0000:00:03.0/e1000"),
        }
    }

    fn sections(&mut self) -> Vec<Section<'_>> {
        let mut sections = self.chips.sections("0000:00:02.0/vga");
        sections.extend([
            only("0000:00:00.0/I440FX", &mut self.i440fx),
            only("PCIBUS", &mut self.pci_bus),
            only("0000:00:01.0/PIIX3", &mut self.piix3),
            only("0000:00:01.3/piix4_pm", &mut self.pm),
            only("0000:00:01.1/ide", &mut self.ide),
            only("fdc", &mut self.fdc),
            only("0000:00:03.0/e1000", &mut self.network),
            only("0000:00:01.2/uhci", &mut self.uhci),
            only("0000:00:01.2/1/usb-ptr", &mut self.tablet),
        ]);
        sections.push(memory(&mut self.ram));
        sections
    }
}
