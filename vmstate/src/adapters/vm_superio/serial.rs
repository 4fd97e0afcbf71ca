//! The serial port in QEMU's wire format.

use vm_superio::SerialState;
use vmstate_derive::VmState;
use vmstate_types::state::VmState as _;
use vmstate_types::{LoadError, SaveError};

/// QEMU's `vmstate_serial` (hw/char/serial.c), for `#[vmstate(with = QemuSerial)]` on a `SerialState`.
///
/// The ports differ: the port of `vm-superio` always has a FIFO of 64 bytes, transmits immediately, and interrupts only
/// for received data and the transmitter. Therefore:
///
/// - saving fails if more than 16 received bytes are unread, the size of QEMU's FIFO;
/// - loading fails if QEMU's port has bytes to transmit, or retries a transmission;
/// - pending interrupts are derived on load, and interrupts for line and modem status are lost;
/// - the saved FIFOs are enabled with a trigger level of one byte, which is how `vm-superio` behaves.
///
/// ```
/// use vm_superio::SerialState;
/// use vmstate::adapters::vm_superio::QemuSerial;
///
/// let state = SerialState { in_buffer: b"ls\n".to_vec(), line_status: 0x61, ..SerialState::default() };
/// assert_eq!(QemuSerial::from_state(&state)?.state()?, state);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(
    name = "serial",
    version = 3,
    minimum_version = 2,
    crate = crate,
    subsection("serial/tsr", needed = |port| port.tsr_retry != 0),
    subsection("serial/poll", needed = |port| port.poll_msl >= 0)
)]
pub struct QemuSerial {
    #[vmstate(since = 2)]
    divider: u16,
    rbr: u8,
    ier: u8,
    iir: u8,
    lcr: u8,
    mcr: u8,
    lsr: u8,
    msr: u8,
    scr: u8,
    #[vmstate(name = "fcr_vmstate", since = 3, default)]
    fcr: u8,
    #[vmstate(subsection("serial/thr_ipending", needed = Self::interrupts_unexpectedly))]
    thr_ipending: i32,
    #[vmstate(in = "serial/tsr")]
    tsr_retry: u32,
    #[vmstate(in = "serial/tsr")]
    thr: u8,
    #[vmstate(in = "serial/tsr")]
    tsr: u8,
    #[vmstate(name = "recv_fifo", subsection("serial/recv_fifo", needed = |port| port.received.num != 0))]
    received: Fifo8,
    #[vmstate(name = "xmit_fifo", subsection("serial/xmit_fifo", needed = |port| port.to_send.num != 0))]
    to_send: Fifo8,
    #[vmstate(timer, subsection("serial/fifo_timeout_timer", needed = |port| port.fifo_timeout_timer.is_some()))]
    fifo_timeout_timer: Option<u64>,
    #[vmstate(subsection("serial/timeout_ipending", needed = |port| port.timeout_ipending != 0))]
    timeout_ipending: i32,
    #[vmstate(in = "serial/poll")]
    poll_msl: i32,
    #[vmstate(in = "serial/poll", timer)]
    modem_status_poll: Option<u64>,
}

/// A ring buffer of bytes: QEMU's `Fifo8` (util/fifo8.c).
#[derive(VmState, Debug, Clone, Default, PartialEq, Eq)]
#[vmstate(name = "Fifo8", crate = crate)]
struct Fifo8 {
    #[vmstate(buffer)]
    data: [u8; 16],
    head: u32,
    num: u32,
}

impl Default for QemuSerial {
    /// The state to load a stream into, with an unknown transmitter interrupt.
    fn default() -> Self {
        Self {
            divider: 0,
            rbr: 0,
            ier: 0,
            iir: iir::NONE,
            lcr: 0,
            mcr: 0,
            lsr: lsr::THR_EMPTY | lsr::IDLE,
            msr: 0,
            scr: 0,
            fcr: 0,
            thr_ipending: UNKNOWN,
            tsr_retry: 0,
            thr: 0,
            tsr: 0,
            received: Fifo8::default(),
            to_send: Fifo8::default(),
            fifo_timeout_timer: None,
            timeout_ipending: 0,
            poll_msl: UNKNOWN,
            modem_status_poll: None,
        }
    }
}

/// The value of `thr_ipending` without its subsection: `serial_post_load` in QEMU derives it from `iir`.
const UNKNOWN: i32 = -1;
/// The bit of `fcr` that enables the FIFOs.
const FIFOS: u8 = 0x01;

/// Bits of the interrupt enable register.
mod ier {
    pub(super) const DATA: u8 = 0x01;
    pub(super) const TRANSMITTER: u8 = 0x02;
}

/// Bits of the interrupt identification register. QEMU reports the interrupt with the highest priority, `vm-superio`
/// sets a bit for each.
mod iir {
    pub(super) const NONE: u8 = 0x01;
    pub(super) const TRANSMITTER: u8 = 0x02;
    pub(super) const DATA: u8 = 0x04;
    pub(super) const WHICH: u8 = 0x06;
    pub(super) const FIFOS: u8 = 0xc0;
}

/// Bits of the line status register.
mod lsr {
    pub(super) const DATA: u8 = 0x01;
    pub(super) const THR_EMPTY: u8 = 0x20;
    pub(super) const IDLE: u8 = 0x40;
}

impl QemuSerial {
    /// Converts a state to QEMU's device.
    ///
    /// # Errors
    /// Returns an error if more received bytes are unread than fit QEMU's FIFO.
    pub fn from_state(state: &SerialState) -> Result<Self, SaveError> {
        let pending = state.interrupt_identification;
        let which = match pending {
            _ if pending & iir::DATA != 0 => iir::DATA,
            _ if pending & iir::TRANSMITTER != 0 => iir::TRANSMITTER,
            _ => iir::NONE,
        };
        Ok(Self {
            divider: u16::from_be_bytes([state.baud_divisor_high, state.baud_divisor_low]),
            ier: state.interrupt_enable,
            iir: which | iir::FIFOS,
            lcr: state.line_control,
            mcr: state.modem_control,
            lsr: state.line_status,
            msr: state.modem_status,
            scr: state.scratch,
            fcr: FIFOS,
            thr_ipending: i32::from(pending & iir::TRANSMITTER != 0),
            received: Fifo8::from_bytes(&state.in_buffer)?,
            ..Self::default()
        })
    }

    /// Converts QEMU's device to a state.
    ///
    /// # Errors
    /// Returns an error if the port has bytes to transmit, or if the FIFO is malformed.
    pub fn state(&self) -> Result<SerialState, LoadError> {
        if self.tsr_retry != 0 || self.to_send.num != 0 {
            let found = format!("`tsr_retry` is {} and {} bytes are in `xmit_fifo`", self.tsr_retry, self.to_send.num);
            return Err(LoadError::incompatible("an idle transmitter", found));
        }
        let in_buffer = self.received()?;
        let [baud_divisor_high, baud_divisor_low] = self.divider.to_be_bytes();
        Ok(SerialState {
            baud_divisor_low,
            baud_divisor_high,
            interrupt_enable: self.ier,
            interrupt_identification: self.pending(!in_buffer.is_empty()),
            line_control: self.lcr,
            line_status: self.lsr,
            modem_control: self.mcr,
            modem_status: self.msr,
            scratch: self.scr,
            in_buffer,
        })
    }

    /// Returns the received bytes that the guest has not read.
    fn received(&self) -> Result<Vec<u8>, LoadError> {
        match (self.fcr & FIFOS != 0, self.lsr & lsr::DATA != 0) {
            (true, _) => self.received.bytes(),
            (false, true) => Ok(vec![self.rbr]),
            (false, false) => Ok(Vec::new()),
        }
    }

    /// Returns the pending interrupts as `vm-superio` encodes them.
    fn pending(&self, data: bool) -> u8 {
        let transmitter = match self.thr_ipending {
            UNKNOWN => self.iir & iir::WHICH == iir::TRANSMITTER,
            pending => pending != 0,
        };
        let data = if data { self.ier & ier::DATA } else { 0 };
        let transmitter = if transmitter { self.ier & ier::TRANSMITTER } else { 0 };
        match (data, transmitter) {
            (0, 0) => iir::NONE,
            (0, _) => iir::TRANSMITTER,
            (_, 0) => iir::DATA,
            (_, _) => iir::DATA | iir::TRANSMITTER,
        }
    }

    /// Returns whether `thr_ipending` cannot be derived from `iir`: QEMU's `serial_thr_ipending_needed`.
    fn interrupts_unexpectedly(&self) -> bool {
        let expected = i32::from(self.iir & iir::WHICH == iir::TRANSMITTER);
        self.ier & ier::TRANSMITTER != 0 && self.thr_ipending != UNKNOWN && self.thr_ipending != expected
    }
}

impl Fifo8 {
    fn from_bytes(bytes: &[u8]) -> Result<Self, SaveError> {
        let mut fifo = Self::default();
        let room = fifo.data.len();
        let count = bytes.len();
        let data = fifo.data.get_mut(..count).ok_or_else(|| {
            SaveError::out_of_range(format!("{count} received bytes exceed QEMU's FIFO of {room} bytes"))
        })?;
        data.copy_from_slice(bytes);
        fifo.num = u32::try_from(count).unwrap_or_default();
        Ok(fifo)
    }

    fn bytes(&self) -> Result<Vec<u8>, LoadError> {
        match (usize::try_from(self.head), usize::try_from(self.num)) {
            (Ok(head), Ok(count)) if head < self.data.len() && count <= self.data.len() => {
                Ok(self.data.iter().cycle().skip(head).take(count).copied().collect())
            }
            _ => {
                let found = format!("{} bytes at {}", self.num, self.head);
                Err(LoadError::malformed("at most 16 bytes, starting within the ring", found).in_field("recv_fifo"))
            }
        }
    }
}

super::converted!(QemuSerial: SerialState);
