//! Cirrus Logic's graphics card: QEMU's section "cirrus_vga".
//!
//! The fields are those of QEMU's `vmstate_pci_cirrus_vga` and `vmstate_cirrus_vga` (`hw/display/cirrus_vga.c`).

use smart_default::SmartDefault;
use vmstate::prelude::*;

use super::pci::PciDevice;

/// A card on the PCI bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cirrus_vga", version = 2, minimum_version = 2)]
pub struct PciCirrusVga {
    /// The device on the bus.
    #[vmstate(name = "dev")]
    pub pci: PciDevice,
    /// The card.
    #[vmstate(name = "cirrus_vga")]
    pub vga: CirrusVga,
}

/// The card itself, which is a section of its own on the ISA bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "cirrus_vga", version = 2)]
pub struct CirrusVga {
    /// What was read last from each plane.
    #[vmstate(name = "vga.latch")]
    pub latch: u32,
    /// Which register of the sequencer is accessed next.
    #[vmstate(name = "vga.sr_index")]
    pub sr_index: u8,
    /// The registers of the sequencer.
    #[vmstate(name = "vga.sr", buffer)]
    #[default([0; 256])]
    pub sr: [u8; 256],
    /// Which register of the graphics controller is accessed next.
    #[vmstate(name = "vga.gr_index")]
    pub gr_index: u8,
    /// Its register 0, with all bits.
    pub cirrus_shadow_gr0: u8,
    /// Its register 1, with all bits.
    pub cirrus_shadow_gr1: u8,
    /// Its registers, from number 2 on.
    #[vmstate(name = "vga.gr", buffer, range = 2..)]
    #[default([0; 256])]
    pub gr: [u8; 256],
    /// Which register of the attribute controller is accessed next.
    #[vmstate(name = "vga.ar_index")]
    pub ar_index: u8,
    /// Its registers.
    #[vmstate(name = "vga.ar", buffer)]
    pub ar: [u8; 21],
    /// Whether an index or a value is written next.
    #[vmstate(name = "vga.ar_flip_flop")]
    pub ar_flip_flop: i32,
    /// Which register of the CRT controller is accessed next.
    #[vmstate(name = "vga.cr_index")]
    pub cr_index: u8,
    /// Its registers.
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
    /// Whether colours are read or written.
    #[vmstate(name = "vga.dac_state")]
    pub dac_state: u8,
    /// Which part of a colour is next.
    #[vmstate(name = "vga.dac_sub_index")]
    pub dac_sub_index: u8,
    /// Which colour is read next.
    #[vmstate(name = "vga.dac_read_index")]
    pub dac_read_index: u8,
    /// Which colour is written next.
    #[vmstate(name = "vga.dac_write_index")]
    pub dac_write_index: u8,
    /// The parts of a colour that have come.
    #[vmstate(name = "vga.dac_cache", buffer)]
    pub dac_cache: [u8; 3],
    /// The colours.
    #[vmstate(name = "vga.palette", buffer)]
    #[default([0; 768])]
    pub palette: [u8; 768],
    /// Where the window into the memory is.
    #[vmstate(name = "vga.bank_offset")]
    pub bank_offset: i32,
    /// How often the hidden register's place was read.
    pub cirrus_hidden_dac_lockindex: u8,
    /// The hidden register: how pixels are made.
    pub cirrus_hidden_dac_data: u8,
    /// Where the mouse's pointer is, from the left.
    #[vmstate(name = "vga.hw_cursor_x")]
    pub hw_cursor_x: u32,
    /// Where it is from the top.
    #[vmstate(name = "vga.hw_cursor_y")]
    pub hw_cursor_y: u32,
}
