//! The 8257 DMA controller: QEMU's section "dma".
//!
//! The fields are those of QEMU's `vmstate_i8257` and `vmstate_i8257_regs` (`hw/dma/i8257.c`).

use vmstate::prelude::*;

/// One of the PC's two controllers.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "dma")]
pub struct Dma {
    /// The command.
    pub command: u8,
    /// Which channels are off.
    pub mask: u8,
    /// Which byte of a register is accessed next.
    pub flip_flop: u8,
    /// 1 if it counts words, else 0.
    pub dshift: i32,
    /// The channels.
    pub regs: [Channel; 4],
}

/// A channel.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "dma_regs")]
pub struct Channel {
    /// The next address, and how many bytes have been done.
    pub now: [i32; 2],
    /// The first address, and how many bytes there are, less one.
    pub base: [u16; 2],
    /// The mode.
    pub mode: u8,
    /// The page of the address.
    pub page: u8,
    /// The upper part of the page.
    pub pageh: u8,
    /// Whether the device is served.
    pub dack: u8,
    /// Whether the end was reached.
    pub eop: u8,
}
