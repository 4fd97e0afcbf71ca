//! The VGA card with Bochs extensions: QEMU's section "vga".
//!
//! The fields follow QEMU's `vmstate_vga_pci` (`hw/display/vga-pci.c`), and `vmstate_vga_common` and its
//! subsection (`hw/display/vga.c`).

use smart_default::SmartDefault;
use vmstate::prelude::*;

use super::pci::{PciDevice, identities};

/// A card on the PCI bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "vga", version = 2, minimum_version = 2)]
pub struct PciVga {
    /// The PCI device.
    #[vmstate(name = "dev")]
    #[default(PciDevice::new(&identities::VGA))]
    pub pci: PciDevice,
    /// The graphics state.
    pub vga: Vga,
}

/// The graphics state.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "vga", version = 2, minimum_version = 2)]
pub struct Vga {
    /// The latched byte of each plane.
    pub latch: u32,
    /// The selected sequencer register.
    pub sr_index: u8,
    /// The sequencer registers.
    #[vmstate(buffer, range = ..8)]
    #[default([0; 256])]
    pub sr: [u8; 256],
    /// The selected graphics controller register.
    pub gr_index: u8,
    /// The graphics controller registers.
    #[vmstate(buffer, range = ..16)]
    #[default([0; 256])]
    pub gr: [u8; 256],
    /// The selected attribute controller register.
    pub ar_index: u8,
    /// The attribute controller registers.
    #[vmstate(buffer)]
    pub ar: [u8; 21],
    /// True if the next write is an index or a value.
    pub ar_flip_flop: i32,
    /// The selected CRT controller register.
    pub cr_index: u8,
    /// The CRT controller registers.
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
    /// True if the palette is read or written.
    pub dac_state: u8,
    /// The next color component.
    pub dac_sub_index: u8,
    /// The next palette entry to read.
    pub dac_read_index: u8,
    /// The next palette entry to write.
    pub dac_write_index: u8,
    /// The color components written so far.
    #[vmstate(buffer)]
    pub dac_cache: [u8; 3],
    /// The palette.
    #[vmstate(buffer)]
    #[default([0; 768])]
    pub palette: [u8; 768],
    /// The offset of the memory bank.
    pub bank_offset: i32,
    /// True if the card has the Bochs extensions.
    #[vmstate(equal)]
    #[default(1)]
    pub is_vbe_vmstate: u8,
    /// The selected register of the extensions.
    pub vbe_index: u16,
    /// The registers of the extensions.
    pub vbe_regs: [u16; 10],
    /// The start address of the picture.
    pub vbe_start_addr: u32,
    /// The distance between lines.
    pub vbe_line_offset: u32,
    /// The number of the last memory bank.
    pub vbe_bank_mask: u32,
    /// True if the framebuffer is big-endian. Sent only if it differs from the target's byte order, here if it is
    /// big-endian, as on PCs.
    #[vmstate(subsection("vga.endian", needed = |vga| vga.big_endian_fb))]
    pub big_endian_fb: bool,
}
