//! The I/O APIC: QEMU's section "ioapic".
//!
//! The fields are those of QEMU's `vmstate_ioapic_common` (`hw/intc/ioapic_common.c`).

use vmstate::prelude::*;

/// An interrupt controller for devices.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ioapic", version = 3)]
pub struct IoApic {
    /// Its number.
    pub id: u8,
    /// Which register is accessed next.
    pub ioregsel: u8,
    /// Was once the address of its memory, which KVM wanted.
    #[vmstate(name = "unused", since = 2)]
    pub was_address: Unused<8>,
    /// Which pins want an interrupt.
    #[vmstate(since = 2)]
    pub irr: u32,
    /// Where each pin's interrupt goes.
    pub ioredtbl: [u64; 24],
}
