//! The I/O APIC: QEMU's section "ioapic".
//!
//! The fields follow QEMU's `vmstate_ioapic_common` (`hw/intc/ioapic_common.c`).

use vmstate::prelude::*;

/// An I/O APIC.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ioapic", version = 3)]
pub struct IoApic {
    /// The APIC ID.
    pub id: u8,
    /// The selected register.
    pub ioregsel: u8,
    /// Padding of the former address, which KVM used.
    #[vmstate(name = "unused", since = 2)]
    pub was_address: Unused<8>,
    /// The pending interrupts.
    #[vmstate(since = 2)]
    pub irr: u32,
    /// The redirection table.
    pub ioredtbl: [u64; 24],
}
