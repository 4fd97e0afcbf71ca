//! The registers of a vCPU.

use kvm_bindings::{
    kvm_debugregs, kvm_dtable, kvm_fpu, kvm_msr_entry, kvm_regs, kvm_segment, kvm_sregs, kvm_sregs2, kvm_xcr, kvm_xcrs,
    kvm_xsave,
};
use vmstate_derive::VmState;
use vmstate_types::info::array::Each;

/// A segment register.
#[derive(VmState, Debug)]
#[vmstate(name = "kvm_segment", remote = kvm_segment, crate = crate)]
pub struct Segment {
    base: u64,
    limit: u32,
    selector: u16,
    #[vmstate(name = "type")]
    type_: u8,
    present: u8,
    dpl: u8,
    db: u8,
    s: u8,
    l: u8,
    g: u8,
    avl: u8,
    unusable: u8,
}

/// A descriptor table register.
#[derive(VmState, Debug)]
#[vmstate(name = "kvm_dtable", remote = kvm_dtable, crate = crate)]
pub struct DTable {
    base: u64,
    limit: u16,
}

/// The general-purpose registers: `KVM_GET_REGS`.
#[derive(VmState, Debug)]
#[vmstate(name = "kvm_regs", remote = kvm_regs, crate = crate)]
pub struct Regs {
    rax: u64,
    rbx: u64,
    rcx: u64,
    rdx: u64,
    rsi: u64,
    rdi: u64,
    rsp: u64,
    rbp: u64,
    r8: u64,
    r9: u64,
    r10: u64,
    r11: u64,
    r12: u64,
    r13: u64,
    r14: u64,
    r15: u64,
    rip: u64,
    rflags: u64,
}

/// Defines an adapter for one of the two structs of system registers, which differ only in their last fields.
macro_rules! system_registers {
    ($(#[$attribute:meta])* pub struct $name:ident { .., $($last_fields:tt)* }) => {
        $(#[$attribute])*
        pub struct $name {
            #[vmstate(with = Segment)]
            cs: kvm_segment,
            #[vmstate(with = Segment)]
            ds: kvm_segment,
            #[vmstate(with = Segment)]
            es: kvm_segment,
            #[vmstate(with = Segment)]
            fs: kvm_segment,
            #[vmstate(with = Segment)]
            gs: kvm_segment,
            #[vmstate(with = Segment)]
            ss: kvm_segment,
            #[vmstate(with = Segment)]
            tr: kvm_segment,
            #[vmstate(with = Segment)]
            ldt: kvm_segment,
            #[vmstate(with = DTable)]
            gdt: kvm_dtable,
            #[vmstate(with = DTable)]
            idt: kvm_dtable,
            cr0: u64,
            cr2: u64,
            cr3: u64,
            cr4: u64,
            cr8: u64,
            efer: u64,
            apic_base: u64,
            $($last_fields)*
        }
    };
}

system_registers! {
    /// The system registers: `KVM_GET_SREGS`.
    #[derive(VmState, Debug)]
    #[vmstate(name = "kvm_sregs", remote = kvm_sregs, crate = crate)]
    pub struct Sregs {
        ..,
        interrupt_bitmap: [u64; 4],
    }
}

system_registers! {
    /// The system registers with the page directory pointers: `KVM_GET_SREGS2`.
    #[derive(VmState, Debug)]
    #[vmstate(name = "kvm_sregs2", remote = kvm_sregs2, crate = crate)]
    pub struct Sregs2 {
        ..,
        flags: u64,
        pdptrs: [u64; 4],
    }
}

/// The FPU and SSE registers: `KVM_GET_FPU`.
#[derive(VmState, Debug)]
#[vmstate(name = "kvm_fpu", remote = kvm_fpu, crate = crate)]
pub struct Fpu {
    fpr: [[u8; 16]; 8],
    fcw: u16,
    fsw: u16,
    ftwx: u8,
    last_opcode: u16,
    last_ip: u64,
    last_dp: u64,
    xmm: [[u8; 16]; 16],
    mxcsr: u32,
}

/// The debug registers: `KVM_GET_DEBUGREGS`.
#[derive(VmState, Debug)]
#[vmstate(name = "kvm_debugregs", remote = kvm_debugregs, crate = crate)]
pub struct DebugRegs {
    db: [u64; 4],
    dr6: u64,
    dr7: u64,
    flags: u64,
}

/// An extended control register.
#[derive(VmState, Debug)]
#[vmstate(name = "kvm_xcr", remote = kvm_xcr, crate = crate)]
pub struct Xcr {
    xcr: u32,
    value: u64,
}

/// The extended control registers: `KVM_GET_XCRS`.
#[derive(VmState, Debug)]
#[vmstate(name = "kvm_xcrs", remote = kvm_xcrs, crate = crate)]
pub struct Xcrs {
    nr_xcrs: u32,
    flags: u32,
    #[vmstate(with = Each<Xcr>)]
    xcrs: [kvm_xcr; 16],
}

/// The extended FPU state, up to 4096 bytes: `KVM_GET_XSAVE`.
#[derive(VmState, Debug)]
#[vmstate(name = "kvm_xsave", remote = kvm_xsave, crate = crate)]
pub struct Xsave {
    region: [u32; 1024],
}

/// An entry of the list of model-specific registers that `KVM_GET_MSRS` returns.
#[derive(VmState, Debug)]
#[vmstate(name = "kvm_msr_entry", remote = kvm_msr_entry, crate = crate)]
pub struct Msr {
    index: u32,
    data: u64,
}
