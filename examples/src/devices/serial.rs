//! The 16550 serial port: QEMU's section "serial".
//!
//! The fields are those of QEMU's `vmstate_serial` and its subsections, and of `vmstate_isa_serial` and
//! `vmstate_serial_mm`, which give the section its name and hold nothing but the port.

use vmstate::prelude::*;

/// A serial port on a PC's ISA bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "serial", version = 3, minimum_version = 2)]
pub struct IsaSerial {
    /// The port.
    #[vmstate(name = "state")]
    pub port: Serial,
}

/// A serial port whose registers are in memory, as on the machines of RISC-V.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "serial", version = 3, minimum_version = 2)]
pub struct MemorySerial {
    /// The port.
    #[vmstate(name = "serial")]
    pub port: Serial,
}

/// The port itself. What is rarely in use, such as a FIFO with something in it, is sent only when it is.
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
    /// What the clock is divided by.
    #[vmstate(since = 2)]
    pub divider: u16,
    /// The byte that was received.
    pub rbr: u8,
    /// Which interrupts are enabled.
    pub ier: u8,
    /// Which interrupt is pending.
    pub iir: u8,
    /// Control of the line: bits, parity, break.
    pub lcr: u8,
    /// Control of the modem.
    pub mcr: u8,
    /// Status of the line.
    pub lsr: u8,
    /// Status of the modem.
    pub msr: u8,
    /// The scratch register.
    pub scr: u8,
    /// Control of the FIFOs. Older ports had none.
    #[vmstate(name = "fcr_vmstate", since = 3, default)]
    pub fcr: u8,
    /// Whether the transmitter interrupts: 1 or 0, or -1 if that follows from `iir`.
    #[vmstate(
        subsection("serial/thr_ipending", needed = Self::interrupts_unexpectedly, absent = default),
        default = UNKNOWN
    )]
    pub thr_ipending: i32,
    /// How often the byte in `tsr` was tried in vain.
    #[vmstate(in = "serial/tsr")]
    pub tsr_retry: u32,
    /// The next byte to be sent.
    #[vmstate(in = "serial/tsr")]
    pub thr: u8,
    /// The byte that is being sent.
    #[vmstate(in = "serial/tsr")]
    pub tsr: u8,
    /// Bytes that were received.
    #[vmstate(name = "recv_fifo", subsection("serial/recv_fifo", needed = |port| port.received.num != 0))]
    pub received: Fifo8<16>,
    /// Bytes to be sent.
    #[vmstate(name = "xmit_fifo", subsection("serial/xmit_fifo", needed = |port| port.to_send.num != 0))]
    pub to_send: Fifo8<16>,
    /// When received bytes that are too few for an interrupt cause one nevertheless.
    #[vmstate(timer, subsection("serial/fifo_timeout_timer", needed = |port| port.fifo_timeout_timer.is_some()))]
    pub fifo_timeout_timer: Option<u64>,
    /// Whether they have caused one.
    #[vmstate(subsection("serial/timeout_ipending", needed = |port| port.timeout_ipending != 0))]
    pub timeout_ipending: i32,
    /// Whether the modem's status is polled: 1 or 0, or -1 if it cannot be.
    #[vmstate(in = "serial/poll", default = UNKNOWN)]
    pub poll_msl: i32,
    /// When it is polled next.
    #[vmstate(in = "serial/poll", timer)]
    pub modem_status_poll: Option<u64>,
}

/// A queue of bytes in a ring: QEMU's `Fifo8`.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "Fifo8")]
pub struct Fifo8<const CAPACITY: usize> {
    /// The ring.
    #[vmstate(buffer)]
    pub data: [u8; CAPACITY],
    /// Where the oldest byte is.
    pub head: u32,
    /// How many bytes there are.
    pub num: u32,
}

impl<const CAPACITY: usize> Default for Fifo8<CAPACITY> {
    fn default() -> Self {
        Self { data: [0; CAPACITY], head: 0, num: 0 }
    }
}

/// What `thr_ipending` and `poll_msl` are when nobody knows.
const UNKNOWN: i32 = -1;

impl Default for Serial {
    /// A port after its reset, at 9600 baud.
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
    /// In `ier`: the transmitter may interrupt.
    const TRANSMITTER_INTERRUPTS: u8 = 0x02;
    /// In `iir`: nothing is pending.
    const NO_INTERRUPT: u8 = 0x01;
    /// In `iir`: which interrupt is pending.
    const INTERRUPT_ID: u8 = 0x06;
    /// In `iir`: it is the transmitter's.
    const TRANSMITTER: u8 = 0x02;
    /// In `lsr`: there is room for the next byte.
    const THR_EMPTY: u8 = 0x20;
    /// In `lsr`: nothing is being sent.
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

    /// Fills in what was not sent, and refuses a port that sends nothing and a byte at once.
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
