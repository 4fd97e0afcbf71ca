//! The bus: memory and devices at their addresses.

use super::clint::Clint;
use super::clock::Clock;
use super::finisher::Finisher;
use super::fw_cfg::FwCfg;
use super::map;
use super::memory::Memory;
use super::plic::Plic;
use super::uart::Uart;
use crate::devices::goldfish_rtc::GoldfishRtc;
use crate::devices::pflash_cfi01::Pflash;

/// The status of a flash memory that is ready: `pfl->status = 0x80` in hw/block/pflash_cfi01.c.
const FLASH_READY: u8 = 0x80;

/// The memory and devices of a board.
#[derive(Debug, Clone)]
pub struct Bus {
    /// The time.
    pub clock: Clock,
    /// The memory.
    pub memory: Memory,
    /// The timer and the software interrupt.
    pub clint: Clint,
    /// The interrupt controller.
    pub plic: Plic,
    /// The serial port.
    pub uart: Uart,
    /// The real-time clock.
    pub rtc: GoldfishRtc,
    /// The firmware configuration.
    pub fw_cfg: FwCfg,
    /// The controllers of the flash memories, which a program can only read.
    pub flash: [Pflash; 2],
    /// The test finisher.
    pub finisher: Finisher,
    /// True if the hart must check for interrupts, because a device was accessed.
    pub(super) attention: bool,
}

/// A device and the offset of a register.
#[derive(Debug, Clone, Copy)]
enum Place {
    Finisher(u64),
    Rtc(u64),
    Clint(u64),
    Plic(u64),
    Uart(u64),
    FwCfg(u64),
}

impl Place {
    fn of(address: u64) -> Option<Self> {
        let within = |base: u64, size: u64| address.checked_sub(base).filter(|offset| *offset < size);
        within(map::FINISHER, 0x1000)
            .map(Self::Finisher)
            .or_else(|| within(map::RTC, 0x1000).map(Self::Rtc))
            .or_else(|| within(map::CLINT, 0x1_0000).map(Self::Clint))
            .or_else(|| within(map::PLIC, 0x60_0000).map(Self::Plic))
            .or_else(|| within(map::UART, 0x100).map(Self::Uart))
            .or_else(|| within(map::FW_CFG, 0x18).map(Self::FwCfg))
    }
}

impl Bus {
    /// Creates a bus with this memory, and all devices after reset.
    #[must_use]
    pub fn new(memory: Memory) -> Self {
        Self {
            clock: Clock::default(),
            memory,
            clint: Clint::default(),
            plic: Plic::default(),
            uart: Uart::default(),
            rtc: GoldfishRtc::default(),
            fw_cfg: FwCfg::default(),
            flash: [(); 2].map(|()| Pflash { status: FLASH_READY, ..Pflash::default() }),
            finisher: Finisher::default(),
            attention: false,
        }
    }

    /// Returns the instruction at `pc`, with zeros above a 16-bit one, or the address that cannot be read.
    #[inline]
    pub(super) fn fetch(&self, pc: u64) -> Result<u32, u64> {
        let bits = match self.memory.load::<4>(pc) {
            Some(bytes) => u32::from_le_bytes(bytes),
            None => self.fetch_halves(pc)?,
        };
        Ok(if bits & 3 == 3 { bits } else { bits & 0xffff })
    }

    /// Fetches in two halves, because a 16-bit instruction can be the last one of a memory.
    fn fetch_halves(&self, pc: u64) -> Result<u32, u64> {
        let half = |address| self.memory.load::<2>(address).map(u16::from_le_bytes).map(u32::from).ok_or(address);
        let low = half(pc)?;
        let high = if low & 3 == 3 { half(pc.wrapping_add(2))? } else { 0 };
        Ok(high << 16 | low)
    }

    /// Reads from `address`. Returns `None` if nothing is mapped there.
    #[inline]
    pub(super) fn load<const N: usize>(&mut self, address: u64) -> Option<[u8; N]> {
        match self.memory.load(address) {
            Some(bytes) => Some(bytes),
            None => self.load_from_device(address),
        }
    }

    /// Writes the low bytes of `value` to `address`. Returns `None` if nothing is mapped there.
    #[inline]
    pub(super) fn store<const N: usize>(&mut self, address: u64, value: u64) -> Option<()> {
        let bytes = *value.to_le_bytes().first_chunk::<N>()?;
        match self.memory.store(address, bytes) {
            Some(()) => Some(()),
            None => self.store_to_device::<N>(address, value),
        }
    }

    #[cold]
    fn load_from_device<const N: usize>(&mut self, address: u64) -> Option<[u8; N]> {
        let place = Place::of(address)?;
        // Reading the time changes no state.
        self.attention |= !matches!(place, Place::Clint(_));
        let value = match place {
            Place::Finisher(_) => 0,
            Place::Rtc(offset) if N == 4 => self.rtc.read(offset, &self.clock),
            Place::Clint(offset) => self.clint.read(offset, N, &self.clock)?,
            Place::Plic(offset) if N == 4 => u64::from(self.plic.read(offset)),
            Place::Uart(offset) => u64::from(self.uart.read(offset, &self.clock)),
            Place::FwCfg(offset) => self.fw_cfg.read(offset, N),
            Place::Rtc(_) | Place::Plic(_) => return None,
        };
        self.update_lines(place);
        value.to_le_bytes().first_chunk().copied()
    }

    #[cold]
    fn store_to_device<const N: usize>(&mut self, address: u64, value: u64) -> Option<()> {
        let Some(place) = Place::of(address) else { return self.memory.is_read_only(address).then_some(()) };
        self.attention = true;
        let [a, b, c, d, ..] = value.to_le_bytes();
        let word = u32::from_le_bytes([a, b, c, d]);
        match place {
            Place::Finisher(offset) => self.finisher.write(offset, word),
            Place::Rtc(offset) if N == 4 => self.rtc.write(offset, word, &self.clock),
            Place::Clint(offset) => self.clint.write(offset, N, value, &self.clock)?,
            Place::Plic(offset) if N == 4 => self.plic.write(offset, word),
            Place::Uart(offset) => self.uart.write(offset, a, &self.clock),
            Place::FwCfg(offset) => self.fw_cfg.write(offset, N, value),
            Place::Rtc(_) | Place::Plic(_) => return None,
        }
        self.update_lines(place);
        Some(())
    }

    /// Passes the interrupt of the accessed device to the interrupt controller.
    fn update_lines(&mut self, place: Place) {
        match place {
            Place::Uart(_) => self.update_uart_line(),
            Place::Rtc(_) => self.plic.set_line(map::RTC_IRQ, self.rtc.interrupts()),
            _ => {}
        }
    }

    pub(super) fn update_uart_line(&mut self) {
        if let Some(level) = self.uart.take_line() {
            self.plic.set_line(map::UART_IRQ, level);
        }
    }

    /// Returns the time in nanoseconds when a device needs an update next.
    pub(super) fn deadline(&self) -> Option<u64> {
        [self.clint.deadline(&self.clock), self.uart.deadline(), self.rtc.deadline(&self.clock)]
            .into_iter()
            .flatten()
            .min()
    }

    /// Updates the devices to the current time.
    pub(super) fn update(&mut self) {
        self.uart.update(&self.clock);
        self.update_uart_line();
        if self.rtc.update(&self.clock) {
            self.plic.set_line(map::RTC_IRQ, self.rtc.interrupts());
        }
    }

    /// Returns the bits of `mip` that devices set.
    pub(super) fn interrupts(&self) -> u64 {
        let lines = [
            (interrupt::SOFTWARE, self.clint.software),
            (interrupt::TIMER, self.clint.is_due(&self.clock)),
            (interrupt::EXTERNAL, self.plic.interrupts()),
        ];
        lines.into_iter().filter(|(_, level)| *level).map(|(bit, _)| bit).sum()
    }
}

/// The interrupts of machine mode, as bits of `mip`.
pub mod interrupt {
    /// The software interrupt.
    pub const SOFTWARE: u64 = 1 << 3;
    /// The timer interrupt.
    pub const TIMER: u64 = 1 << 7;
    /// The external interrupt, from the interrupt controller.
    pub const EXTERNAL: u64 = 1 << 11;
    /// All bits that devices set.
    pub const OF_DEVICES: u64 = SOFTWARE | TIMER | EXTERNAL;
}
