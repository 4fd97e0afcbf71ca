//! A graphics card with Bochs' extensions: QEMU's section "vga".
//!
//! The fields are those of QEMU's `vmstate_vga_pci` (`hw/display/vga-pci.c`), and of `vmstate_vga_common` and its
//! subsection (`hw/display/vga.c`).

use smart_default::SmartDefault;
use vmstate::prelude::*;

use super::pci::PciDevice;

/// A card on the PCI bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "vga", version = 2, minimum_version = 2)]
pub struct PciVga {
    /// The device on the bus.
    #[vmstate(name = "dev")]
    pub pci: PciDevice,
    /// The card.
    pub vga: Vga,
}

/// The card itself.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "vga", version = 2, minimum_version = 2)]
pub struct Vga {
    /// What was read last from each plane.
    pub latch: u32,
    /// Which register of the sequencer is accessed next.
    pub sr_index: u8,
    /// The registers of the sequencer.
    #[vmstate(buffer, range = ..8)]
    #[default([0; 256])]
    pub sr: [u8; 256],
    /// Which register of the graphics controller is accessed next.
    pub gr_index: u8,
    /// Its registers.
    #[vmstate(buffer, range = ..16)]
    #[default([0; 256])]
    pub gr: [u8; 256],
    /// Which register of the attribute controller is accessed next.
    pub ar_index: u8,
    /// Its registers.
    #[vmstate(buffer)]
    pub ar: [u8; 21],
    /// Whether an index or a value is written next.
    pub ar_flip_flop: i32,
    /// Which register of the CRT controller is accessed next.
    pub cr_index: u8,
    /// Its registers.
    #[vmstate(buffer)]
    #[default([0; 256])]
    pub cr: [u8; 256],
    /// The miscellaneous output register.
    pub msr: u8,
    /// The feature control register.
    pub fcr: u8,
    /// Status register 0.
    pub st00: u8,
    /// Status register 1.
    pub st01: u8,
    /// Whether colours are read or written.
    pub dac_state: u8,
    /// Which part of a colour is next.
    pub dac_sub_index: u8,
    /// Which colour is read next.
    pub dac_read_index: u8,
    /// Which colour is written next.
    pub dac_write_index: u8,
    /// The parts of a colour that have come.
    #[vmstate(buffer)]
    pub dac_cache: [u8; 3],
    /// The colours.
    #[vmstate(buffer)]
    #[default([0; 768])]
    pub palette: [u8; 768],
    /// Where the window into the memory is.
    pub bank_offset: i32,
    /// Whether it has Bochs' extensions.
    #[vmstate(equal)]
    #[default(1)]
    pub is_vbe_vmstate: u8,
    /// Which of their registers is accessed next.
    pub vbe_index: u16,
    /// Their registers.
    pub vbe_regs: [u16; 10],
    /// Where the picture begins.
    pub vbe_start_addr: u32,
    /// How far a line is from the next.
    pub vbe_line_offset: u32,
    /// How many windows the memory has, less one.
    pub vbe_bank_mask: u32,
    /// Whether pixels begin with their upper byte. Nothing is sent where the machine's processor says the same; here,
    /// where it does not, as on PCs.
    #[vmstate(subsection("vga.endian", needed = |vga| vga.big_endian_fb))]
    pub big_endian_fb: bool,
}
