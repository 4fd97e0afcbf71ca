//! The UHCI USB controller: QEMU's section "uhci".
//!
//! The fields follow QEMU's `vmstate_uhci` and `vmstate_uhci_port` (`hw/usb/hcd-uhci.c`).

use smart_default::SmartDefault;
use vmstate::prelude::*;

use super::pci::{PciDevice, identities};

/// The controller.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "uhci", version = 3)]
pub struct Uhci {
    /// The PCI device.
    #[vmstate(name = "dev")]
    #[default(PciDevice::new(&identities::PIIX3_UHCI))]
    pub pci: PciDevice,
    /// The number of ports.
    #[vmstate(equal)]
    #[default(2)]
    pub num_ports_vmstate: u8,
    /// The ports.
    pub ports: [Port; 2],
    /// The command.
    pub cmd: u16,
    /// The status.
    pub status: u16,
    /// The interrupt enable register.
    pub intr: u16,
    /// The frame number.
    pub frnum: u16,
    /// The address of the frame list.
    pub fl_base_addr: u32,
    /// The start of frame modify register.
    pub sof_timing: u8,
    /// The second status: interrupt on completion, and short packet.
    pub status2: u8,
    /// The time of the next frame.
    #[vmstate(timer)]
    pub frame_timer: Option<u64>,
    /// The frame timer.
    #[vmstate(since = 2)]
    pub expire_time: i64,
    /// The pending interrupts at the end of the frame.
    #[vmstate(since = 3)]
    pub pending_int_mask: u32,
}

/// A port.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "uhci port")]
pub struct Port {
    /// The port's status and control register.
    #[default(0x0080)]
    pub ctrl: u16,
}
