//! The 16550 serial port: QEMU's section "serial".
//!
//! The fields follow QEMU's `vmstate_serial` and its subsections (`hw/char/serial.c`), and `vmstate_isa_serial` and
//! `vmstate_serial_mm`, which have the section's name and contain only the port.

use vmstate::prelude::*;

/// A serial port on the ISA bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "serial", version = 3, minimum_version = 2)]
pub struct IsaSerial {
    /// The port.
    #[vmstate(name = "state")]
    pub port: Serial,
}

/// A memory-mapped serial port, as on RISC-V machines.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "serial", version = 3, minimum_version = 2)]
pub struct MemorySerial {
    /// The port.
    #[vmstate(name = "serial")]
    pub port: Serial,
}

/// The state of the port. Rarely used parts are subsections, sent only if they are in use.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(
    name = "serial",
    version = 3,
    minimum_version = 2,
    post_load = Self::check,
    subsection("serial/tsr", needed = |port| port.tsr_retry != 0),
    subsection("serial/poll", needed = |port| port.poll_msl >= 0, absent = default)
)]
pub struct Serial {
    /// The divider of the clock.
    #[vmstate(since = 2)]
    pub divider: u16,
    /// The received byte.
    pub rbr: u8,
    /// The interrupt enable register.
    pub ier: u8,
    /// The interrupt identification register.
    pub iir: u8,
    /// The line control register.
    pub lcr: u8,
    /// The modem control register.
    pub mcr: u8,
    /// The line status register.
    pub lsr: u8,
    /// The modem status register.
    pub msr: u8,
    /// The scratch register.
    pub scr: u8,
    /// The FIFO control register. Older versions lack it.
    #[vmstate(name = "fcr_vmstate", since = 3, default)]
    pub fcr: u8,
    /// The pending transmitter interrupt: 1 or 0, or -1 to derive it from `iir`.
    #[vmstate(
        subsection("serial/thr_ipending", needed = Self::interrupts_unexpectedly, absent = default),
        default = UNKNOWN
    )]
    pub thr_ipending: i32,
    /// The number of failed attempts to transmit `tsr`.
    #[vmstate(in = "serial/tsr")]
    pub tsr_retry: u32,
    /// The transmit holding register.
    #[vmstate(in = "serial/tsr")]
    pub thr: u8,
    /// The transmit shift register.
    #[vmstate(in = "serial/tsr")]
    pub tsr: u8,
    /// The receive FIFO.
    #[vmstate(name = "recv_fifo", subsection("serial/recv_fifo", needed = |port| port.received.num != 0))]
    pub received: Fifo8<16>,
    /// The transmit FIFO.
    #[vmstate(name = "xmit_fifo", subsection("serial/xmit_fifo", needed = |port| port.to_send.num != 0))]
    pub to_send: Fifo8<16>,
    /// The receive timeout.
    #[vmstate(timer, subsection("serial/fifo_timeout_timer", needed = |port| port.fifo_timeout_timer.is_some()))]
    pub fifo_timeout_timer: Option<u64>,
    /// True if the timeout interrupt is pending.
    #[vmstate(subsection("serial/timeout_ipending", needed = |port| port.timeout_ipending != 0))]
    pub timeout_ipending: i32,
    /// The polling of the modem status: 1 if on, 0 if off, or -1 if it is impossible.
    #[vmstate(in = "serial/poll", default = UNKNOWN)]
    pub poll_msl: i32,
    /// The timer of the next poll.
    #[vmstate(in = "serial/poll", timer)]
    pub modem_status_poll: Option<u64>,
}

/// A ring buffer of bytes: QEMU's `Fifo8` (util/fifo8.c).
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "Fifo8")]
pub struct Fifo8<const CAPACITY: usize> {
    /// The bytes.
    #[vmstate(buffer)]
    pub data: [u8; CAPACITY],
    /// The position of the oldest byte.
    pub head: u32,
    /// The number of bytes.
    pub num: u32,
}

impl<const CAPACITY: usize> Default for Fifo8<CAPACITY> {
    fn default() -> Self {
        Self { data: [0; CAPACITY], head: 0, num: 0 }
    }
}

/// The unknown value of `thr_ipending` and `poll_msl`.
const UNKNOWN: i32 = -1;

impl Default for Serial {
    /// Creates a port after reset, at 9600 baud.
    fn default() -> Self {
        Self {
            divider: 12,
            rbr: 0,
            ier: 0,
            iir: Self::NO_INTERRUPT,
            lcr: 0,
            mcr: 8,
            lsr: Self::TRANSMITTER_EMPTY | Self::THR_EMPTY,
            msr: 0xb0,
            scr: 0,
            fcr: 0,
            thr_ipending: 0,
            tsr_retry: 0,
            thr: 0,
            tsr: 0,
            received: Fifo8::default(),
            to_send: Fifo8::default(),
            fifo_timeout_timer: None,
            timeout_ipending: 0,
            poll_msl: 0,
            modem_status_poll: None,
        }
    }
}

impl Serial {
    /// The transmitter bit of `ier`.
    const TRANSMITTER_INTERRUPTS: u8 = 0x02;
    /// The value of `iir` without an interrupt.
    const NO_INTERRUPT: u8 = 0x01;
    /// The interrupt in `iir`.
    const INTERRUPT_ID: u8 = 0x06;
    /// The transmitter interrupt in `iir`.
    const TRANSMITTER: u8 = 0x02;
    /// The bit of `lsr` for an empty holding register.
    const THR_EMPTY: u8 = 0x20;
    /// The bit of `lsr` for an idle transmitter.
    const TRANSMITTER_EMPTY: u8 = 0x40;

    fn transmitter_interrupt_is_pending(&self) -> bool {
        self.iir & Self::INTERRUPT_ID == Self::TRANSMITTER
    }

    fn interrupts_unexpectedly(&self) -> bool {
        let expected = i32::from(self.transmitter_interrupt_is_pending());
        self.ier & Self::TRANSMITTER_INTERRUPTS != 0 && self.thr_ipending != expected
    }

    fn is_sending(&self) -> bool {
        self.tsr_retry != 0
    }

    /// Derives fields that were not sent, and rejects inconsistent transmitter state (`serial_post_load`).
    fn check(&mut self) -> Result<(), LoadError> {
        if self.thr_ipending == UNKNOWN {
            self.thr_ipending = i32::from(self.transmitter_interrupt_is_pending());
        }
        let empty = self.lsr & Self::TRANSMITTER_EMPTY != 0;
        if empty == self.is_sending() {
            let found = format!("`lsr` is {:#x} and `tsr_retry` is {}", self.lsr, self.tsr_retry);
            return Err(LoadError::malformed("an empty transmitter or something to send", found));
        }
        Ok(())
    }
}
