//! What makes old guests' accesses to the task priority fast: QEMU's section "kvm-tpr-opt".
//!
//! The fields are those of QEMU's `vmstate_vapic`, `vmstate_guest_rom_state` and `vmstate_handlers`
//! (`hw/i386/vapic.c`).

use vmstate::prelude::*;

/// How far the guest's code was changed.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "kvm-tpr-opt")]
pub struct KvmTprOpt {
    /// What the ROM says about itself.
    pub rom_state: GuestRom,
    /// Whether it is on: inactive, on standby, active.
    pub state: u32,
    /// Where the guest has the register.
    pub real_tpr_addr: u32,
    /// Where the guest has the ROM's state.
    pub rom_state_vaddr: u32,
    /// Where the virtual APIC is.
    pub vapic_paddr: u32,
    /// Where the ROM's state is.
    pub rom_state_paddr: u32,
}

/// What the ROM says about itself.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "kvmvapic-guest-rom")]
pub struct GuestRom {
    /// The ROM's signature, which is always the same.
    #[vmstate(name = "unused")]
    pub signature: Unused<8>,
    /// Where the guest has the ROM.
    pub vaddr: u32,
    /// The first place in it that must be changed.
    pub fixup_start: u32,
    /// The end of those places.
    pub fixup_end: u32,
    /// Where the guest has the virtual APIC.
    pub vapic_vaddr: u32,
    /// How large it is.
    pub vapic_size: u32,
    /// How large the part of each processor is, as a shift.
    pub vcpu_shift: u32,
    /// Where the guest has the real register.
    pub real_tpr_addr: u32,
    /// What is called on machines with one processor.
    pub up: Handlers,
    /// What is called on machines with several.
    pub mp: Handlers,
}

/// Where the ROM's functions are.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "kvmvapic-handlers")]
pub struct Handlers {
    /// Writes what is on the stack.
    pub set_tpr: u32,
    /// Writes EAX.
    pub set_tpr_eax: u32,
    /// Reads into each of the registers.
    pub get_tpr: [u32; 8],
    /// Reads onto the stack.
    pub get_tpr_stack: u32,
}
