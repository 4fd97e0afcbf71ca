//! The serial port of ARM's boards, a PL011: QEMU's section "pl011".
//!
//! The fields are those of QEMU's `vmstate_pl011` (`hw/char/pl011.c`).

use vmstate::prelude::*;

use super::qdev_clock::QdevClock;

/// In the line control register: whether there is a FIFO, or one character.
const FIFO_ENABLED: u32 = 1 << 4;

/// The serial port.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "pl011", version = 2, minimum_version = 2, post_load = Self::settle)]
pub struct Pl011 {
    /// In QEMU 7.2 the field `readbuff`, which it never used.
    pub unused: Unused<4>,
    /// What can be read and written.
    pub flags: u32,
    /// Line control: the form of characters, and whether there is a FIFO.
    pub lcr: u32,
    /// Errors while receiving.
    pub rsr: u32,
    /// Control: what is switched on.
    pub cr: u32,
    /// DMA control.
    pub dmacr: u32,
    /// Which interrupts are let through.
    pub int_enabled: u32,
    /// Which interrupts there are.
    pub int_level: u32,
    /// What was received, in a ring. Errors are above the eight bits of a character.
    pub read_fifo: [u32; 16],
    /// The divider of the infrared mode.
    pub ilpr: u32,
    /// The divider of the clock.
    pub ibrd: u32,
    /// Its fraction, in 64ths.
    pub fbrd: u32,
    /// At how many characters interrupts come.
    pub ifl: u32,
    /// Where the first character in the ring is.
    pub read_pos: i32,
    /// How many there are.
    pub read_count: i32,
    /// The number of characters at which a receive interrupt comes.
    pub read_trigger: i32,
    /// Its clock. Machine types before 5.2 have none.
    #[vmstate(subsection("pl011/clock"), name = "clk")]
    pub clock: Option<QdevClock>,
}

impl Pl011 {
    /// What was received, first come first.
    pub fn received(&self) -> impl Iterator<Item = u32> {
        let begin = usize::try_from(self.read_pos).unwrap_or_default();
        let count = usize::try_from(self.read_count).unwrap_or_default();
        self.read_fifo.iter().cycle().skip(begin).take(count).copied()
    }

    /// Refuses a ring that cannot be, and clears what has no meaning (`pl011_post_load`).
    fn settle(&mut self) -> Result<(), String> {
        let (place, count) = (usize::try_from(self.read_pos).ok(), usize::try_from(self.read_count).ok());
        let Some(first) = place.and_then(|place| self.read_fifo.get(place).copied()) else {
            return Err(format!("`read_pos` is {}", self.read_pos));
        };
        if count.is_none_or(|count| count > self.read_fifo.len()) {
            return Err(format!("`read_count` is {}", self.read_count));
        }
        // Before 8.0, one character without a FIFO could be anywhere in the ring.
        if self.lcr & FIFO_ENABLED == 0 && self.read_count > 0 {
            (self.read_fifo[0], self.read_pos) = (first, 0);
        }
        (self.ibrd, self.fbrd) = (self.ibrd & 0xffff, self.fbrd & 0x3f);
        Ok(())
    }
}
