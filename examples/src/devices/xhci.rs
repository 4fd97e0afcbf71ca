//! The xHCI USB controller: QEMU's section "xhci".
//!
//! The fields follow QEMU's `vmstate_xhci_pci` (`hw/usb/hcd-xhci-pci.c`), `vmstate_xhci`, `vmstate_xhci_port`,
//! `vmstate_xhci_slot`, `vmstate_xhci_intr`, `vmstate_xhci_event` and `vmstate_xhci_ring` (`hw/usb/hcd-xhci.c`).

use smart_default::SmartDefault;
use vmstate::prelude::*;

use super::msix::Msix;
use super::pci::PciDevice;

/// The maximum number of ports.
const MAX_PORTS: usize = 30;
/// The maximum number of device slots.
const MAX_SLOTS: usize = 64;
/// The maximum number of interrupters.
const MAX_INTERRUPTERS: usize = 16;
/// The former size of an interrupter's event buffer.
const MAX_EVENTS: usize = 88 * 64;

/// A controller on the PCI bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "xhci", minimum_version = 0)]
pub struct PciXhci {
    /// The PCI device.
    #[vmstate(name = "parent_obj[0]")]
    #[default(PciDevice::express())]
    pub pci: PciDevice,
    /// The MSI-X state.
    #[vmstate(name = "parent_obj[1]")]
    #[default(Msix::new(16))]
    pub msix: Msix,
    /// The controller.
    pub xhci: Xhci,
}

/// The state of the controller.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "xhci-core", minimum_version = 0)]
pub struct Xhci {
    /// The number of ports.
    #[vmstate(skip = "fixed when the controller is built")]
    #[default(8)]
    pub numports: u32,
    /// The ports.
    #[vmstate(len = numports, max = MAX_PORTS)]
    #[default(vec![Port::default(); 8])]
    pub ports: Vec<Port>,
    /// The number of device slots.
    #[vmstate(skip = "fixed when the controller is built")]
    #[default(64)]
    pub numslots: u32,
    /// The device slots.
    #[vmstate(len = numslots, max = MAX_SLOTS)]
    #[default(vec![Slot::default(); 64])]
    pub slots: Vec<Slot>,
    /// The number of interrupters.
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
    /// The device notification control.
    pub dnctrl: u32,
    /// The command ring control, low half.
    pub crcr_low: u32,
    /// The command ring control, high half.
    pub crcr_high: u32,
    /// The address of the device context array, low half.
    pub dcbaap_low: u32,
    /// The address of the device context array, high half.
    pub dcbaap_high: u32,
    /// The number of enabled slots.
    pub config: u32,
    /// The time of the first microframe.
    pub mfindex_start: i64,
    /// The wrap timer of the microframe index.
    #[vmstate(timer)]
    pub mfwrap_timer: Option<u64>,
    /// The command ring.
    pub cmd_ring: Ring,
}

/// A port.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "xhci-port", minimum_version = 0)]
pub struct Port {
    /// The port status and control register.
    pub portsc: u32,
}

/// A device slot. The rest of its state is in guest memory.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "xhci-slot", minimum_version = 0)]
pub struct Slot {
    /// True if the slot is enabled.
    pub enabled: bool,
    /// True if the slot has an address.
    pub addressed: bool,
}

/// An interrupter.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "xhci-intr", minimum_version = 0)]
pub struct Interrupter {
    /// The interrupt management register.
    pub iman: u32,
    /// The interrupt moderation register.
    pub imod: u32,
    /// The size of the event ring segment table.
    pub erstsz: u32,
    /// The address of the segment table, low half.
    pub erstba_low: u32,
    /// The address of the segment table, high half.
    pub erstba_high: u32,
    /// The dequeue pointer, low half.
    pub erdp_low: u32,
    /// The dequeue pointer, high half.
    pub erdp_high: u32,
    /// True if the MSI-X vector is in use.
    pub msix_used: bool,
    /// The producer cycle state.
    pub er_pcs: bool,
    /// The address of the current segment.
    pub er_start: u64,
    /// The size of the current segment.
    pub er_size: u32,
    /// The enqueue index.
    pub er_ep_idx: u32,
    /// A flag of releases that buffered events. QEMU stopped sending the buffer, also if the flag is set (`xhci_er_full` in
    /// QEMU's `hw/usb/hcd-xhci.c`).
    pub er_full_unused: bool,
    /// The put index of the event buffer.
    #[vmstate(when = |_| false)]
    pub ev_buffer_put: u32,
    /// The get index of the event buffer.
    #[vmstate(when = |_| false)]
    pub ev_buffer_get: u32,
    /// The size of the event buffer.
    #[vmstate(skip = "always the same")]
    #[default(5632)]
    pub ev_buffer_len: u32,
    /// The event buffer.
    #[vmstate(when = |_| false, len = ev_buffer_len, max = MAX_EVENTS)]
    pub ev_buffer: Vec<Event>,
}

/// A buffered event.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "xhci-event", minimum_version = 0)]
pub struct Event {
    /// The type.
    #[vmstate(name = "type")]
    pub kind: u32,
    /// The completion code.
    pub ccode: u32,
    /// The pointer to the TRB.
    pub ptr: u64,
    /// The remaining length.
    pub length: u32,
    /// The flags.
    pub flags: u32,
    /// The slot.
    pub slotid: u8,
    /// The endpoint.
    pub epid: u8,
}

/// A ring of commands.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "xhci-ring", minimum_version = 0)]
pub struct Ring {
    /// The dequeue pointer.
    pub dequeue: u64,
    /// The consumer cycle state.
    pub ccs: bool,
}
