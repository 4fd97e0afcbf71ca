//! vCPU state other than registers, and the clock of the machine.

use kvm_bindings::{
    kvm_clock_data, kvm_cpuid_entry2, kvm_mp_state, kvm_vcpu_events, kvm_vcpu_events__bindgen_ty_1,
    kvm_vcpu_events__bindgen_ty_2, kvm_vcpu_events__bindgen_ty_3, kvm_vcpu_events__bindgen_ty_4,
    kvm_vcpu_events__bindgen_ty_5,
};
use vmstate_derive::VmState;

/// An entry of the list of CPUID leaves that `KVM_GET_CPUID2` returns.
#[derive(VmState, Debug)]
#[vmstate(name = "kvm_cpuid_entry2", remote = kvm_cpuid_entry2, crate = crate)]
pub struct Cpuid {
    function: u32,
    index: u32,
    flags: u32,
    eax: u32,
    ebx: u32,
    ecx: u32,
    edx: u32,
}

/// The run state of a vCPU, such as running or halted: `KVM_GET_MP_STATE`.
#[derive(VmState, Debug)]
#[vmstate(name = "kvm_mp_state", remote = kvm_mp_state, crate = crate)]
pub struct MpState {
    mp_state: u32,
}

#[derive(VmState, Debug)]
#[vmstate(name = "kvm_vcpu_events/exception", remote = kvm_vcpu_events__bindgen_ty_1, crate = crate)]
struct Exception {
    injected: u8,
    nr: u8,
    has_error_code: u8,
    pending: u8,
    error_code: u32,
}

#[derive(VmState, Debug)]
#[vmstate(name = "kvm_vcpu_events/interrupt", remote = kvm_vcpu_events__bindgen_ty_2, crate = crate)]
struct Interrupt {
    injected: u8,
    nr: u8,
    soft: u8,
    shadow: u8,
}

#[derive(VmState, Debug)]
#[vmstate(name = "kvm_vcpu_events/nmi", remote = kvm_vcpu_events__bindgen_ty_3, crate = crate)]
struct Nmi {
    injected: u8,
    pending: u8,
    masked: u8,
}

#[derive(VmState, Debug)]
#[vmstate(name = "kvm_vcpu_events/smi", remote = kvm_vcpu_events__bindgen_ty_4, crate = crate)]
struct Smi {
    smm: u8,
    pending: u8,
    smm_inside_nmi: u8,
    latched_init: u8,
}

#[derive(VmState, Debug)]
#[vmstate(name = "kvm_vcpu_events/triplefault", remote = kvm_vcpu_events__bindgen_ty_5, crate = crate)]
struct TripleFault {
    pending: u8,
}

/// The pending exceptions and interrupts of a vCPU: `KVM_GET_VCPU_EVENTS`.
#[derive(VmState, Debug)]
#[vmstate(name = "kvm_vcpu_events", remote = kvm_vcpu_events, crate = crate)]
pub struct VcpuEvents {
    #[vmstate(with = Exception)]
    exception: kvm_vcpu_events__bindgen_ty_1,
    #[vmstate(with = Interrupt)]
    interrupt: kvm_vcpu_events__bindgen_ty_2,
    #[vmstate(with = Nmi)]
    nmi: kvm_vcpu_events__bindgen_ty_3,
    sipi_vector: u32,
    flags: u32,
    #[vmstate(with = Smi)]
    smi: kvm_vcpu_events__bindgen_ty_4,
    #[vmstate(with = TripleFault)]
    triple_fault: kvm_vcpu_events__bindgen_ty_5,
    exception_has_payload: u8,
    exception_payload: u64,
}

/// The paravirtual clock (kvmclock): `KVM_GET_CLOCK`.
#[derive(VmState, Debug)]
#[vmstate(name = "kvm_clock_data", remote = kvm_clock_data, crate = crate)]
pub struct Clock {
    clock: u64,
    flags: u32,
    realtime: u64,
    host_tsc: u64,
}
