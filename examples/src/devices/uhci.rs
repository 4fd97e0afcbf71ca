//! Intel's first USB controller: QEMU's section "uhci".
//!
//! The fields are those of QEMU's `vmstate_uhci` and `vmstate_uhci_port` (`hw/usb/hcd-uhci.c`).

use smart_default::SmartDefault;
use vmstate::prelude::*;

use super::pci::PciDevice;

/// The controller.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "uhci", version = 3)]
pub struct Uhci {
    /// The device on the bus.
    #[vmstate(name = "dev")]
    pub pci: PciDevice,
    /// How many ports there are.
    #[vmstate(equal)]
    #[default(2)]
    pub num_ports_vmstate: u8,
    /// The ports.
    pub ports: [Port; 2],
    /// The command.
    pub cmd: u16,
    /// The status.
    pub status: u16,
    /// What interrupts.
    pub intr: u16,
    /// The number of the frame.
    pub frnum: u16,
    /// Where the list of frames is.
    pub fl_base_addr: u32,
    /// How long a frame is.
    pub sof_timing: u8,
    /// Whether an interrupt was asked for, and a short packet seen.
    pub status2: u8,
    /// When the next frame is.
    #[vmstate(timer)]
    pub frame_timer: Option<u64>,
    /// The same, even while it stands still.
    #[vmstate(since = 2)]
    pub expire_time: i64,
    /// What interrupts at the end of the frame.
    #[vmstate(since = 3)]
    pub pending_int_mask: u32,
}

/// A port.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "uhci port")]
pub struct Port {
    /// What is attached, and whether it is on.
    #[default(0x0080)]
    pub ctrl: u16,
}
