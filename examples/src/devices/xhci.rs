//! The USB controller of today: QEMU's section "xhci".
//!
//! The fields are those of QEMU's `vmstate_xhci_pci` (`hw/usb/hcd-xhci-pci.c`), `vmstate_xhci`, `vmstate_xhci_port`,
//! `vmstate_xhci_slot`, `vmstate_xhci_intr`, `vmstate_xhci_event` and `vmstate_xhci_ring` (`hw/usb/hcd-xhci.c`).

use smart_default::SmartDefault;
use vmstate::prelude::*;

use super::msix::Msix;
use super::pci::PciDevice;

/// How many ports there can be.
const MAX_PORTS: usize = 30;
/// How many devices there can be.
const MAX_SLOTS: usize = 64;
/// How many interrupters there can be.
const MAX_INTERRUPTERS: usize = 16;
/// How many events an interrupter could keep.
const MAX_EVENTS: usize = 88 * 64;

/// A controller on the PCI bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "xhci")]
pub struct PciXhci {
    /// The device on the bus.
    #[vmstate(name = "parent_obj[0]")]
    #[default(PciDevice::express())]
    pub pci: PciDevice,
    /// Its interrupts.
    #[vmstate(name = "parent_obj[1]")]
    #[default(Msix::new(16))]
    pub msix: Msix,
    /// The controller.
    pub xhci: Xhci,
}

/// The controller itself.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "xhci-core")]
pub struct Xhci {
    /// How many ports there are.
    #[vmstate(skip = "fixed when the controller is built")]
    #[default(8)]
    pub numports: u32,
    /// The ports.
    #[vmstate(len = numports, max = MAX_PORTS)]
    #[default(vec![Port::default(); 8])]
    pub ports: Vec<Port>,
    /// How many devices there can be.
    #[vmstate(skip = "fixed when the controller is built")]
    #[default(64)]
    pub numslots: u32,
    /// The devices.
    #[vmstate(len = numslots, max = MAX_SLOTS)]
    #[default(vec![Slot::default(); 64])]
    pub slots: Vec<Slot>,
    /// How many interrupters there are.
    #[vmstate(skip = "fixed when the controller is built")]
    #[default(16)]
    pub numintrs: u32,
    /// The interrupters.
    #[vmstate(name = "intr", len = numintrs, max = MAX_INTERRUPTERS)]
    #[default(vec![Interrupter::default(); 16])]
    pub interrupters: Vec<Interrupter>,
    /// The command.
    pub usbcmd: u32,
    /// The status.
    pub usbsts: u32,
    /// Which notifications of devices count.
    pub dnctrl: u32,
    /// Where commands are, and whether they are done.
    pub crcr_low: u32,
    /// The upper half of that.
    pub crcr_high: u32,
    /// Where the contexts of the devices are.
    pub dcbaap_low: u32,
    /// The upper half of that.
    pub dcbaap_high: u32,
    /// How many devices the guest uses.
    pub config: u32,
    /// When frames began to be counted.
    pub mfindex_start: i64,
    /// When their number wraps.
    #[vmstate(timer)]
    pub mfwrap_timer: Option<u64>,
    /// The commands.
    pub cmd_ring: Ring,
}

/// A port.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "xhci-port")]
pub struct Port {
    /// What is attached, and whether it is on.
    pub portsc: u32,
}

/// A device. The rest of it is in the guest's memory.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "xhci-slot")]
pub struct Slot {
    /// Whether there is one.
    pub enabled: bool,
    /// Whether it has an address.
    pub addressed: bool,
}

/// An interrupter.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "xhci-intr")]
pub struct Interrupter {
    /// Whether it interrupts.
    pub iman: u32,
    /// How often it may.
    pub imod: u32,
    /// How many parts the ring of events has.
    pub erstsz: u32,
    /// Where the list of them is.
    pub erstba_low: u32,
    /// The upper half of that.
    pub erstba_high: u32,
    /// The event that the guest reads next.
    pub erdp_low: u32,
    /// The upper half of that.
    pub erdp_high: u32,
    /// Whether its message is used.
    pub msix_used: bool,
    /// The mark of new events.
    pub er_pcs: bool,
    /// Where the ring of events is.
    pub er_start: u64,
    /// How many events it holds.
    pub er_size: u32,
    /// The next event.
    pub er_ep_idx: u32,
    /// Whether events had to be kept, as QEMU once did.
    pub er_full_unused: bool,
    /// The next place for an event that is kept.
    #[vmstate(when = |intr| intr.er_full_unused)]
    pub ev_buffer_put: u32,
    /// The first event that is kept.
    #[vmstate(when = |intr| intr.er_full_unused)]
    pub ev_buffer_get: u32,
    /// How many could be kept.
    #[vmstate(skip = "always the same")]
    #[default(5632)]
    pub ev_buffer_len: u32,
    /// Events that are kept.
    #[vmstate(when = |intr| intr.er_full_unused, len = ev_buffer_len, max = MAX_EVENTS)]
    pub ev_buffer: Vec<Event>,
}

/// An event that is kept.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "xhci-event")]
pub struct Event {
    /// What has happened.
    #[vmstate(name = "type")]
    pub kind: u32,
    /// How it went.
    pub ccode: u32,
    /// What it is about.
    pub ptr: u64,
    /// How many bytes were left.
    pub length: u32,
    /// More about it.
    pub flags: u32,
    /// The device.
    pub slotid: u8,
    /// The device's endpoint.
    pub epid: u8,
}

/// A ring of commands.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "xhci-ring")]
pub struct Ring {
    /// The next one.
    pub dequeue: u64,
    /// The mark of new ones.
    pub ccs: bool,
}
