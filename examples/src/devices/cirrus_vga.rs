//! The Cirrus Logic graphics card: QEMU's section "cirrus_vga".
//!
//! The fields follow QEMU's `vmstate_pci_cirrus_vga` and `vmstate_cirrus_vga` (`hw/display/cirrus_vga.c`).

use smart_default::SmartDefault;
use vmstate::prelude::*;

use super::pci::PciDevice;

/// A card on the PCI bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cirrus_vga", version = 2, minimum_version = 2)]
pub struct PciCirrusVga {
    /// The PCI device.
    #[vmstate(name = "dev")]
    pub pci: PciDevice,
    /// The graphics state.
    #[vmstate(name = "cirrus_vga")]
    pub vga: CirrusVga,
}

/// The graphics state, which is the whole section of a card on the ISA bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "cirrus_vga", version = 2)]
pub struct CirrusVga {
    /// The latched byte of each plane.
    #[vmstate(name = "vga.latch")]
    pub latch: u32,
    /// The selected sequencer register.
    #[vmstate(name = "vga.sr_index")]
    pub sr_index: u8,
    /// The sequencer registers.
    #[vmstate(name = "vga.sr", buffer)]
    #[default([0; 256])]
    pub sr: [u8; 256],
    /// The selected graphics controller register.
    #[vmstate(name = "vga.gr_index")]
    pub gr_index: u8,
    /// The shadow of register 0, with all bits.
    pub cirrus_shadow_gr0: u8,
    /// The shadow of register 1, with all bits.
    pub cirrus_shadow_gr1: u8,
    /// The graphics controller registers from number 2.
    #[vmstate(name = "vga.gr", buffer, range = 2..)]
    #[default([0; 256])]
    pub gr: [u8; 256],
    /// The selected attribute controller register.
    #[vmstate(name = "vga.ar_index")]
    pub ar_index: u8,
    /// The attribute controller registers.
    #[vmstate(name = "vga.ar", buffer)]
    pub ar: [u8; 21],
    /// True if the next write is an index or a value.
    #[vmstate(name = "vga.ar_flip_flop")]
    pub ar_flip_flop: i32,
    /// The selected CRT controller register.
    #[vmstate(name = "vga.cr_index")]
    pub cr_index: u8,
    /// The CRT controller registers.
    #[vmstate(name = "vga.cr", buffer)]
    #[default([0; 256])]
    pub cr: [u8; 256],
    /// The miscellaneous output register.
    #[vmstate(name = "vga.msr")]
    pub msr: u8,
    /// The feature control register.
    #[vmstate(name = "vga.fcr")]
    pub fcr: u8,
    /// Status register 0.
    #[vmstate(name = "vga.st00")]
    pub st00: u8,
    /// Status register 1.
    #[vmstate(name = "vga.st01")]
    pub st01: u8,
    /// True if the palette is read or written.
    #[vmstate(name = "vga.dac_state")]
    pub dac_state: u8,
    /// The next color component.
    #[vmstate(name = "vga.dac_sub_index")]
    pub dac_sub_index: u8,
    /// The next palette entry to read.
    #[vmstate(name = "vga.dac_read_index")]
    pub dac_read_index: u8,
    /// The next palette entry to write.
    #[vmstate(name = "vga.dac_write_index")]
    pub dac_write_index: u8,
    /// The color components written so far.
    #[vmstate(name = "vga.dac_cache", buffer)]
    pub dac_cache: [u8; 3],
    /// The palette.
    #[vmstate(name = "vga.palette", buffer)]
    #[default([0; 768])]
    pub palette: [u8; 768],
    /// The offset of the memory bank.
    #[vmstate(name = "vga.bank_offset")]
    pub bank_offset: i32,
    /// The number of reads of the hidden DAC's port.
    pub cirrus_hidden_dac_lockindex: u8,
    /// The hidden DAC register: the pixel format.
    pub cirrus_hidden_dac_data: u8,
    /// The horizontal position of the hardware cursor.
    #[vmstate(name = "vga.hw_cursor_x")]
    pub hw_cursor_x: u32,
    /// The vertical position of the hardware cursor.
    #[vmstate(name = "vga.hw_cursor_y")]
    pub hw_cursor_y: u32,
}
