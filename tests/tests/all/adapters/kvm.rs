//! KVM's structs, filled by the tests: they do not require KVM.

#![cfg(target_arch = "x86_64")]

use kvm_bindings::*;
use vmstate::adapters::kvm_bindings as kvm;
use vmstate::info::array::Each;
use vmstate::prelude::*;

/// All structs that there are adapters for.
#[derive(VmState, Default)]
#[vmstate(name = "kvm")]
struct Kvm {
    #[vmstate(with = kvm::Regs)]
    regs: kvm_regs,
    #[vmstate(with = kvm::Sregs)]
    sregs: kvm_sregs,
    #[vmstate(with = kvm::Sregs2)]
    sregs2: kvm_sregs2,
    #[vmstate(with = kvm::Fpu)]
    fpu: kvm_fpu,
    #[vmstate(with = kvm::DebugRegs)]
    debugregs: kvm_debugregs,
    #[vmstate(with = kvm::Xcrs)]
    xcrs: kvm_xcrs,
    #[vmstate(with = Each<kvm::Msr>)]
    msrs: [kvm_msr_entry; 2],
    #[vmstate(with = Each<kvm::Cpuid>)]
    cpuid: [kvm_cpuid_entry2; 2],
    #[vmstate(with = kvm::MpState)]
    mp_state: kvm_mp_state,
    #[vmstate(with = kvm::VcpuEvents)]
    events: kvm_vcpu_events,
    #[vmstate(with = kvm::Clock)]
    clock: kvm_clock_data,
    #[vmstate(with = kvm::Pit)]
    pit: kvm_pit_state2,
    #[vmstate(with = Each<kvm::Pic>)]
    pic: [kvm_pic_state; 2],
    #[vmstate(with = kvm::IoApic)]
    ioapic: kvm_ioapic_state,
}

vmstate::laws!(laws: Kvm);

/// The large ones.
#[derive(VmState, Default)]
#[vmstate(name = "large")]
struct Large {
    #[vmstate(with = kvm::Lapic)]
    lapic: kvm_lapic_state,
    #[vmstate(with = kvm::Xsave)]
    xsave: kvm_xsave,
}

#[test]
fn large_structs_round_trip() {
    // The other laws take too long for these.
    let laws = vmstate::laws::Laws::<Large>::new(|_| Large::default());
    laws.round_trip();
    laws.every_field_is_saved();
}

fn saved(device: &mut impl VmState) -> Vec<u8> {
    let mut writer = Writer::new();
    device.save(&mut writer).unwrap();
    writer.take()
}

#[test]
fn unused_kernel_fields_are_not_sent() {
    let sizes = [
        (18 * 8, "regs"),
        (8 * 23 + 2 * 10 + 7 * 8 + 4 * 8, "sregs"),
        (8 * 23 + 2 * 10 + 8 * 8 + 4 * 8, "sregs2"),
        (128 + 2 + 2 + 1 + 2 + 8 + 8 + 256 + 4, "fpu"),
        (7 * 8, "debugregs"),
        (8 + 16 * 12, "xcrs"),
        (2 * 12, "msrs"),
        (2 * 28, "cpuid"),
        (4, "mp_state"),
        (8 + 4 + 3 + 4 + 4 + 4 + 1 + 1 + 8, "events"),
        (8 + 4 + 8 + 8, "clock"),
        (3 * 24 + 4, "pit"),
        (2 * 16, "pic"),
        (8 + 4 + 4 + 4 + 24 * 8, "ioapic"),
    ];
    for ((size, name), field) in sizes.iter().zip(Kvm::DESCRIPTION.fields) {
        assert_eq!((field.name, field.form.total_size()), (*name, Some(*size)));
    }
    assert_eq!(saved(&mut Large::default()).len(), 1024 + 4096);
}

#[test]
fn registers_go_by_the_kernels_names_and_order() {
    let mut vcpu = Kvm::default();
    vcpu.regs.rax = 1;
    vcpu.regs.rflags = 2;
    vcpu.sregs.cs = kvm_segment { base: 0xffff_0000, limit: 0xffff, selector: 0xf000, type_: 11, ..Default::default() };
    let bytes = saved(&mut vcpu);
    assert_eq!(bytes[..8], [0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(bytes[17 * 8..18 * 8], [0, 0, 0, 0, 0, 0, 0, 2]);
    assert_eq!(bytes[18 * 8..][..15], *b"\0\0\0\0\xff\xff\0\0\0\0\xff\xff\xf0\0\x0b");
}

#[test]
fn io_apics_table_is_numbers() {
    let mut chips = Kvm::default();
    chips.ioapic.redirtbl[3].bits = 0x0102_0304_0506_0708;
    let bytes = saved(&mut chips);
    let table = &bytes[bytes.len() - 24 * 8..];
    assert_eq!(table[3 * 8..4 * 8], [1, 2, 3, 4, 5, 6, 7, 8]);
    let mut loaded = Kvm::default();
    loaded.load(&mut Reader::from_slice(&bytes), 1).unwrap();
    assert!(saved(&mut loaded) == bytes);
}
