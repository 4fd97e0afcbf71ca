//! The optimization of task priority accesses: QEMU's section "kvm-tpr-opt".
//!
//! The fields follow QEMU's `vmstate_vapic`, `vmstate_guest_rom_state` and `vmstate_handlers`
//! (`hw/i386/vapic.c`).

use vmstate::prelude::*;

/// The state of the patched guest code.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "kvm-tpr-opt")]
pub struct KvmTprOpt {
    /// The state that the option ROM reported.
    pub rom_state: GuestRom,
    /// The mode: inactive, standby or active.
    pub state: u32,
    /// The guest address of the TPR.
    pub real_tpr_addr: u32,
    /// The guest address of the ROM state.
    pub rom_state_vaddr: u32,
    /// The physical address of the virtual APIC.
    pub vapic_paddr: u32,
    /// The physical address of the ROM state.
    pub rom_state_paddr: u32,
}

/// The state that the option ROM reports.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "kvmvapic-guest-rom")]
pub struct GuestRom {
    /// The signature, a constant.
    #[vmstate(name = "unused")]
    pub signature: Unused<8>,
    /// The guest address of the ROM.
    pub vaddr: u32,
    /// The start of the fixup table.
    pub fixup_start: u32,
    /// The end of the fixup table.
    pub fixup_end: u32,
    /// The guest address of the virtual APIC.
    pub vapic_vaddr: u32,
    /// The size of the virtual APIC.
    pub vapic_size: u32,
    /// The shift of a processor's part.
    pub vcpu_shift: u32,
    /// The guest address of the real TPR.
    pub real_tpr_addr: u32,
    /// The handlers on machines with one processor.
    pub up: Handlers,
    /// The handlers on machines with several processors.
    pub mp: Handlers,
}

/// The addresses of the handlers.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "kvmvapic-handlers")]
pub struct Handlers {
    /// The handler that sets the TPR from the stack.
    pub set_tpr: u32,
    /// The handler that sets the TPR from EAX.
    pub set_tpr_eax: u32,
    /// The handlers that read the TPR into each register.
    pub get_tpr: [u32; 8],
    /// The handler that reads the TPR onto the stack.
    pub get_tpr_stack: u32,
}
