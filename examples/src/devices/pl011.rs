//! The PL011 serial port of Arm boards: QEMU's section "pl011".
//!
//! The fields follow QEMU's `vmstate_pl011` (`hw/char/pl011.c`).

use vmstate::prelude::*;

use super::qdev_clock::QdevClock;

/// The FIFO enable bit of the line control register.
const FIFO_ENABLED: u32 = 1 << 4;

/// The serial port.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "pl011", version = 2, minimum_version = 2, post_load = Self::settle)]
pub struct Pl011 {
    /// Padding in QEMU 7.2, where `readbuff` is unused.
    pub unused: Unused<4>,
    /// The flag register.
    pub flags: u32,
    /// Line control: character format and FIFO enable.
    pub lcr: u32,
    /// The receive status.
    pub rsr: u32,
    /// The control register.
    pub cr: u32,
    /// DMA control.
    pub dmacr: u32,
    /// The interrupt mask.
    pub int_enabled: u32,
    /// The interrupt status.
    pub int_level: u32,
    /// The receive FIFO, a ring. Error flags are above the eight bits of a character.
    pub read_fifo: [u32; 16],
    /// The low-power divider of the infrared mode.
    pub ilpr: u32,
    /// The integer baud rate divider.
    pub ibrd: u32,
    /// The fractional divider in 64ths.
    pub fbrd: u32,
    /// The FIFO interrupt levels.
    pub ifl: u32,
    /// The position of the first character.
    pub read_pos: i32,
    /// The number of characters.
    pub read_count: i32,
    /// The number of characters that triggers a receive interrupt.
    pub read_trigger: i32,
    /// The clock. Machine types before 5.2 lack it.
    #[vmstate(subsection("pl011/clock"), name = "clk")]
    pub clock: Option<QdevClock>,
}

impl Pl011 {
    /// Returns the received characters in order.
    pub fn received(&self) -> impl Iterator<Item = u32> {
        let begin = usize::try_from(self.read_pos).unwrap_or_default();
        let count = usize::try_from(self.read_count).unwrap_or_default();
        self.read_fifo.iter().cycle().skip(begin).take(count).copied()
    }

    /// Rejects an invalid FIFO and clears unused parts (`pl011_post_load`).
    fn settle(&mut self) -> Result<(), String> {
        let place = usize::try_from(self.read_pos).ok();
        let count = usize::try_from(self.read_count).ok();
        let Some(first) = place.and_then(|place| self.read_fifo.get(place).copied()) else {
            return Err(format!("`read_pos` is {}", self.read_pos));
        };
        if count.is_none_or(|count| count > self.read_fifo.len()) {
            return Err(format!("`read_count` is {}", self.read_count));
        }
        // Before QEMU 8.0, a single character without a FIFO could be at any position.
        if self.lcr & FIFO_ENABLED == 0 && self.read_count > 0 {
            (self.read_fifo[0], self.read_pos) = (first, 0);
        }
        (self.ibrd, self.fbrd) = (self.ibrd & 0xffff, self.fbrd & 0x3f);
        Ok(())
    }
}
