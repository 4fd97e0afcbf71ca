//! Interrupt controllers and timers that the kernel emulates.

use std::ffi::c_char;

use kvm_bindings::{
    kvm_ioapic_state, kvm_ioapic_state__bindgen_ty_1, kvm_lapic_state, kvm_pic_state, kvm_pit_channel_state,
    kvm_pit_state2,
};
use vmstate_derive::VmState;
use vmstate_types::info::array::Each;
use vmstate_types::{Info, LoadError, Reader, SaveError, Writer};

/// The registers of a vCPU's local APIC: `KVM_GET_LAPIC`.
#[derive(VmState, Debug)]
#[vmstate(name = "kvm_lapic_state", remote = kvm_lapic_state, crate = crate)]
pub struct Lapic {
    regs: [c_char; 1024],
}

/// A channel of the interval timer.
#[derive(VmState, Debug)]
#[vmstate(name = "kvm_pit_channel_state", remote = kvm_pit_channel_state, crate = crate)]
pub struct PitChannel {
    count: u32,
    latched_count: u16,
    count_latched: u8,
    status_latched: u8,
    status: u8,
    read_state: u8,
    write_state: u8,
    write_latch: u8,
    rw_mode: u8,
    mode: u8,
    bcd: u8,
    gate: u8,
    count_load_time: i64,
}

/// The 8254 interval timer: `KVM_GET_PIT2`.
#[derive(VmState, Debug)]
#[vmstate(name = "kvm_pit_state2", remote = kvm_pit_state2, crate = crate)]
pub struct Pit {
    #[vmstate(with = Each<PitChannel>)]
    channels: [kvm_pit_channel_state; 3],
    flags: u32,
}

/// An 8259 interrupt controller: `pic` of the union that `KVM_GET_IRQCHIP` fills.
#[derive(VmState, Debug)]
#[vmstate(name = "kvm_pic_state", remote = kvm_pic_state, crate = crate)]
pub struct Pic {
    last_irr: u8,
    irr: u8,
    imr: u8,
    isr: u8,
    priority_add: u8,
    irq_base: u8,
    read_reg_select: u8,
    poll: u8,
    special_mask: u8,
    init_state: u8,
    auto_eoi: u8,
    rotate_on_auto_eoi: u8,
    special_fully_nested_mode: u8,
    init4: u8,
    elcr: u8,
    elcr_mask: u8,
}

/// The I/O APIC: `ioapic` of the union that `KVM_GET_IRQCHIP` fills.
#[derive(VmState, Debug)]
#[vmstate(name = "kvm_ioapic_state", remote = kvm_ioapic_state, crate = crate)]
pub struct IoApic {
    base_address: u64,
    ioregsel: u32,
    id: u32,
    irr: u32,
    #[vmstate(with = Each<Redirection>)]
    redirtbl: [kvm_ioapic_state__bindgen_ty_1; 24],
}

/// An entry of the redirection table, a union of a 64-bit number and its bit fields. The wire has the number.
struct Redirection;

impl Info<kvm_ioapic_state__bindgen_ty_1> for Redirection {
    const NAME: &'static str = "uint64";
    const SIZE: Option<usize> = Some(8);

    fn put(entry: &kvm_ioapic_state__bindgen_ty_1, to: &mut Writer) -> Result<(), SaveError> {
        to.u64(zerocopy::transmute!(*entry));
        Ok(())
    }

    fn get(entry: &mut kvm_ioapic_state__bindgen_ty_1, from: &mut Reader<'_>) -> Result<(), LoadError> {
        entry.bits = from.u64()?;
        Ok(())
    }
}
