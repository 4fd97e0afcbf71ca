//! The serial port: a 16550 UART.
//!
//! Transmitted bytes are stored until they are taken, and typed bytes wait outside until the port has room, so the port
//! does not depend on a terminal. The order of all effects follows QEMU's hw/char/serial.c, because a guest can be
//! migrated at any time. As in QEMU, transmission takes no time.

use super::clock::Clock;
use crate::devices::serial::{Fifo8, MemorySerial, Serial};

/// Register offsets.
mod register {
    /// Data, or the low byte of the divider.
    pub(super) const DATA: u64 = 0;
    /// Interrupt enable, or the high byte of the divider.
    pub(super) const IER: u64 = 1;
    /// Interrupt identification when read, FIFO control when written.
    pub(super) const IIR: u64 = 2;
    pub(super) const LCR: u64 = 3;
    pub(super) const MCR: u64 = 4;
    pub(super) const LSR: u64 = 5;
    pub(super) const MSR: u64 = 6;
    pub(super) const SCR: u64 = 7;
}

/// Bits of the interrupt enable register.
mod ier {
    pub(super) const RECEIVED: u8 = 1;
    pub(super) const TRANSMITTER: u8 = 2;
    pub(super) const LINE: u8 = 4;
    pub(super) const MODEM: u8 = 8;
}

/// Values of the interrupt identification register.
mod iir {
    pub(super) const MODEM: u8 = 0x00;
    pub(super) const NOTHING: u8 = 0x01;
    pub(super) const TRANSMITTER: u8 = 0x02;
    pub(super) const RECEIVED: u8 = 0x04;
    pub(super) const LINE: u8 = 0x06;
    pub(super) const TIMEOUT: u8 = 0x0c;
    /// The mask of the interrupt.
    pub(super) const ID: u8 = 0x06;
    /// The FIFOs are enabled.
    pub(super) const FIFOS: u8 = 0xc0;
}

/// Bits of the FIFO control register.
mod fcr {
    pub(super) const ENABLED: u8 = 1;
    pub(super) const CLEAR_RECEIVED: u8 = 2;
    pub(super) const CLEAR_TO_SEND: u8 = 4;
    /// The bits that are stored.
    pub(super) const KEPT: u8 = 0xc9;
}

/// Bits of the line status register.
mod lsr {
    pub(super) const DATA_READY: u8 = 0x01;
    pub(super) const OVERRUN: u8 = 0x02;
    pub(super) const BREAK: u8 = 0x10;
    /// All error bits.
    pub(super) const ERRORS: u8 = 0x1e;
    pub(super) const THR_EMPTY: u8 = 0x20;
    pub(super) const TRANSMITTER_EMPTY: u8 = 0x40;
}

/// The bit of the line control register that maps the divider.
const DIVIDER: u8 = 0x80;
/// The loopback bit of the modem control register.
const LOOPBACK: u8 = 0x10;
/// The change bits of the modem status register.
const CHANGES: u8 = 0x0f;
/// The base rate of the divider.
const BAUD_BASE: u64 = 399_193;

/// A serial port.
#[derive(Debug, Clone)]
pub struct Uart {
    /// The state in QEMU's section.
    pub serial: MemorySerial,
    /// The transmitted bytes.
    sent: Vec<u8>,
    /// The level of the interrupt, if it was updated since it was taken.
    line: Option<bool>,
}

impl Default for Uart {
    fn default() -> Self {
        // Without a modem, the status is not polled (`poll_msl` in QEMU).
        let port = Serial { poll_msl: -1, ..Serial::default() };
        Self { serial: MemorySerial { port }, sent: Vec::new(), line: None }
    }
}

impl Uart {
    /// Takes the transmitted bytes.
    pub fn take_sent(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.sent)
    }

    /// Returns the number of bytes that can be typed now.
    #[must_use]
    pub fn room(&self) -> usize {
        let queued = self.serial.port.received.num as usize;
        if !self.has_fifos() {
            return usize::from(self.serial.port.lsr & lsr::DATA_READY == 0);
        }
        // As in QEMU's `serial_can_receive`: up to the trigger level, then one byte at a time.
        if queued < 16 { self.trigger_level().saturating_sub(queued).max(1) } else { 0 }
    }

    /// Receives as many of `bytes` as fit. Returns their number.
    pub fn receive(&mut self, bytes: &[u8], clock: &Clock) -> usize {
        let mut received = 0;
        for byte in bytes {
            if self.room() == 0 {
                break;
            }
            self.receive_byte(*byte, clock);
            received += 1;
        }
        received
    }

    /// Takes the level of the interrupt, if it was updated.
    pub(super) fn take_line(&mut self) -> Option<bool> {
        self.line.take()
    }

    /// Returns the time when waiting bytes cause a timeout interrupt.
    pub(super) fn deadline(&self) -> Option<u64> {
        self.serial.port.fifo_timeout_timer
    }

    /// Raises the timeout interrupt if it is due.
    pub(super) fn update(&mut self, clock: &Clock) {
        if self.serial.port.fifo_timeout_timer.is_none_or(|deadline| clock.nanoseconds() < deadline) {
            return;
        }
        self.serial.port.fifo_timeout_timer = None;
        if self.serial.port.received.num != 0 {
            self.serial.port.timeout_ipending = 1;
            self.update_interrupt();
        }
    }

    pub(super) fn read(&mut self, offset: u64, clock: &Clock) -> u8 {
        let [low, high] = self.serial.port.divider.to_le_bytes();
        let divider = self.serial.port.lcr & DIVIDER != 0;
        match offset {
            register::DATA if divider => low,
            register::DATA => self.read_data(clock),
            register::IER if divider => high,
            register::IER => self.serial.port.ier,
            register::IIR => self.read_iir(),
            register::LCR => self.serial.port.lcr,
            register::MCR => self.serial.port.mcr,
            register::LSR => self.read_lsr(),
            register::MSR => self.read_msr(),
            register::SCR => self.serial.port.scr,
            _ => 0,
        }
    }

    fn read_data(&mut self, clock: &Clock) -> u8 {
        let byte = if self.has_fifos() {
            self.pop_received(clock)
        } else {
            self.serial.port.lsr &= !(lsr::DATA_READY | lsr::BREAK);
            self.serial.port.rbr
        };
        self.update_interrupt();
        byte
    }

    fn pop_received(&mut self, clock: &Clock) -> u8 {
        let byte = self.serial.port.received.pop().unwrap_or_default();
        match self.serial.port.received.num {
            0 => self.serial.port.lsr &= !(lsr::DATA_READY | lsr::BREAK),
            _ => self.start_timeout(clock),
        }
        self.serial.port.timeout_ipending = 0;
        byte
    }

    fn read_iir(&mut self) -> u8 {
        let value = self.serial.port.iir;
        if value & iir::ID == iir::TRANSMITTER {
            self.serial.port.thr_ipending = 0;
            self.update_interrupt();
        }
        value
    }

    fn read_lsr(&mut self) -> u8 {
        let value = self.serial.port.lsr;
        if value & (lsr::BREAK | lsr::OVERRUN) != 0 {
            self.serial.port.lsr &= !(lsr::BREAK | lsr::OVERRUN);
            self.update_interrupt();
        }
        value
    }

    fn read_msr(&mut self) -> u8 {
        let mcr = self.serial.port.mcr;
        if mcr & LOOPBACK != 0 {
            return (mcr & 0x0c) << 4 | (mcr & 0x02) << 3 | (mcr & 0x01) << 5;
        }
        let value = self.serial.port.msr;
        if value & CHANGES != 0 {
            self.serial.port.msr &= !CHANGES;
            self.update_interrupt();
        }
        value
    }

    pub(super) fn write(&mut self, offset: u64, value: u8, clock: &Clock) {
        let [low, high] = self.serial.port.divider.to_le_bytes();
        let divider = self.serial.port.lcr & DIVIDER != 0;
        match offset {
            register::DATA if divider => self.serial.port.divider = u16::from_le_bytes([value, high]),
            register::DATA => self.send(value, clock),
            register::IER if divider => self.serial.port.divider = u16::from_le_bytes([low, value]),
            register::IER => self.write_ier(value & 0x0f),
            register::IIR => self.write_fcr(value),
            register::LCR => self.serial.port.lcr = value,
            register::MCR => self.serial.port.mcr = value & 0x1f,
            register::SCR => self.serial.port.scr = value,
            _ => {}
        }
    }

    fn write_ier(&mut self, value: u8) {
        let changed = self.serial.port.ier ^ value;
        self.serial.port.ier = value;
        if changed & ier::TRANSMITTER != 0 {
            let empty = self.serial.port.lsr & lsr::THR_EMPTY != 0;
            self.serial.port.thr_ipending = i32::from(value & ier::TRANSMITTER != 0 && empty);
        }
        if changed != 0 {
            self.update_interrupt();
        }
    }

    fn write_fcr(&mut self, value: u8) {
        let switched = (value ^ self.serial.port.fcr) & fcr::ENABLED != 0;
        if switched || value & fcr::CLEAR_RECEIVED != 0 {
            self.serial.port.lsr &= !(lsr::DATA_READY | lsr::BREAK);
            self.serial.port.fifo_timeout_timer = None;
            self.serial.port.timeout_ipending = 0;
            self.serial.port.received = Fifo8::default();
        }
        if switched || value & fcr::CLEAR_TO_SEND != 0 {
            self.serial.port.lsr |= lsr::THR_EMPTY;
            self.serial.port.thr_ipending = 1;
            self.serial.port.to_send = Fifo8::default();
        }
        self.serial.port.fcr = value & fcr::KEPT;
        let fifos = if self.has_fifos() { iir::FIFOS } else { 0 };
        self.serial.port.iir = self.serial.port.iir & !iir::FIFOS | fifos;
        self.update_interrupt();
    }

    /// Transmits a byte, and bytes that QEMU could not transmit before the migration.
    fn send(&mut self, byte: u8, clock: &Clock) {
        self.serial.port.thr = byte;
        self.serial.port.thr_ipending = 0;
        self.serial.port.lsr &= !(lsr::THR_EMPTY | lsr::TRANSMITTER_EMPTY);
        self.update_interrupt();
        if self.has_fifos() {
            self.serial.port.to_send.push(byte);
        }
        self.transmit(clock);
    }

    fn transmit(&mut self, clock: &Clock) {
        if self.serial.port.tsr_retry != 0 {
            self.put(self.serial.port.tsr, clock);
        }
        while self.serial.port.lsr & lsr::THR_EMPTY == 0 {
            self.serial.port.tsr = if self.has_fifos() {
                self.serial.port.to_send.pop().unwrap_or_default()
            } else {
                self.serial.port.thr
            };
            if self.serial.port.to_send.num == 0 {
                self.serial.port.lsr |= lsr::THR_EMPTY;
                self.serial.port.thr_ipending = 1;
                self.update_interrupt();
            }
            self.put(self.serial.port.tsr, clock);
        }
        self.serial.port.lsr |= lsr::TRANSMITTER_EMPTY;
    }

    /// Transmits a byte, or receives it in loopback mode.
    fn put(&mut self, byte: u8, clock: &Clock) {
        self.serial.port.tsr_retry = 0;
        match self.serial.port.mcr & LOOPBACK {
            0 => self.sent.push(byte),
            _ => self.receive_byte(byte, clock),
        }
    }

    fn receive_byte(&mut self, byte: u8, clock: &Clock) {
        let overrun = if self.has_fifos() {
            !self.serial.port.received.push(byte)
        } else {
            self.serial.port.rbr = byte;
            self.serial.port.lsr & lsr::DATA_READY != 0
        };
        self.serial.port.lsr |= lsr::DATA_READY | if overrun { lsr::OVERRUN } else { 0 };
        if self.has_fifos() {
            self.start_timeout(clock);
        }
        self.update_interrupt();
    }

    /// Schedules the timeout interrupt: four character times without a read, as in QEMU's `fifo_timeout_int`.
    fn start_timeout(&mut self, clock: &Clock) {
        self.serial.port.fifo_timeout_timer = Some(clock.nanoseconds().saturating_add(4 * self.byte_time()));
    }

    /// Returns the duration of a byte on the line in nanoseconds.
    fn byte_time(&self) -> u64 {
        let divider = u64::from(self.serial.port.divider);
        let lcr = u64::from(self.serial.port.lcr);
        let data_and_start = 6 + (lcr & 3);
        let bits = data_and_start + (lcr >> 3 & 1) + 1 + (lcr >> 2 & 1);
        match divider {
            0 => 1_000_000_000 / 9600 * 10,
            _ => 1_000_000_000 * divider / BAUD_BASE * bits,
        }
    }

    fn has_fifos(&self) -> bool {
        self.serial.port.fcr & fcr::ENABLED != 0
    }

    /// Returns the trigger level in bytes.
    fn trigger_level(&self) -> usize {
        [1, 4, 8, 14][usize::from(self.serial.port.fcr >> 6)]
    }

    fn update_interrupt(&mut self) {
        let id = self.most_important();
        self.serial.port.iir = id | self.serial.port.iir & 0xf0;
        self.line = Some(id != iir::NOTHING);
    }

    fn most_important(&self) -> u8 {
        let port = &self.serial.port;
        let enabled = |bit| port.ier & bit != 0;
        let enough = !self.has_fifos() || port.received.num as usize >= self.trigger_level();
        match () {
            () if enabled(ier::LINE) && port.lsr & lsr::ERRORS != 0 => iir::LINE,
            () if enabled(ier::RECEIVED) && port.timeout_ipending != 0 => iir::TIMEOUT,
            () if enabled(ier::RECEIVED) && port.lsr & lsr::DATA_READY != 0 && enough => iir::RECEIVED,
            () if enabled(ier::TRANSMITTER) && port.thr_ipending != 0 => iir::TRANSMITTER,
            () if enabled(ier::MODEM) && port.msr & CHANGES != 0 => iir::MODEM,
            () => iir::NOTHING,
        }
    }
}
