//! The 8257 DMA controller: QEMU's section "dma".
//!
//! The fields follow QEMU's `vmstate_i8257` and `vmstate_i8257_regs` (`hw/dma/i8257.c`).

use vmstate::prelude::*;

/// One of a PC's two controllers.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "dma")]
pub struct Dma {
    /// The command.
    pub command: u8,
    /// The mask of disabled channels.
    pub mask: u8,
    /// The flip-flop that selects the byte of a register.
    pub flip_flop: u8,
    /// The shift of addresses: 1 for words, 0 for bytes.
    pub dshift: i32,
    /// The channels.
    pub regs: [Channel; 4],
}

/// A channel.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "dma_regs")]
pub struct Channel {
    /// The current address and count.
    pub now: [i32; 2],
    /// The base address and count (minus one).
    pub base: [u16; 2],
    /// The mode.
    pub mode: u8,
    /// The page of the address.
    pub page: u8,
    /// The high page of the address.
    pub pageh: u8,
    /// True if DMA is in progress.
    pub dack: u8,
    /// True if the end of the transfer is reached.
    pub eop: u8,
}
