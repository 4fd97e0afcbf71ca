//! QEMU's devices as structs, one file per kind.

pub mod acpi;
pub mod acpi_build;
pub mod acpi_ged;
pub mod ahci;
pub mod apic;
pub mod avr;
pub mod cirrus_vga;
pub mod clock;
pub mod cmsdk_apb_watchdog;
pub mod cpu_common;
pub mod e1000;
pub mod e1000e;
pub mod fdc;
pub mod fw_cfg;
pub mod globalstate;
pub mod goldfish_rtc;
pub mod gpex;
pub mod hpet;
pub mod i2c;
pub mod i8254;
pub mod i8257;
pub mod i8259;
pub mod ich9;
pub mod ide;
pub mod ioapic;
pub mod kvm_tpr_opt;
pub mod mc146818rtc;
pub mod msix;
pub mod ne2000;
pub mod parallel;
pub mod pci;
pub mod pcie;
pub mod pckbd;
pub mod pcspk;
pub mod pflash_cfi01;
pub mod piix;
pub mod piix4_pm;
pub mod pl011;
pub mod port92;
pub mod ps2;
pub mod ptimer;
pub mod qdev_clock;
pub mod riscv;
pub mod riscv_mtimer;
pub mod serial;
pub mod sifive_plic;
pub mod slirp;
pub mod ssd0303;
pub mod stellaris_adc;
pub mod uhci;
pub mod usb;
pub mod vga;
pub mod virtio;
pub mod vmmouse;
pub mod x86;
pub mod xhci;

/// Allocates an array of zeros on the heap, without a copy on the stack.
fn zeros<T: Clone + Default, const N: usize>() -> Box<[T; N]> {
    let zeros = vec![T::default(); N].into_boxed_slice();
    zeros.try_into().unwrap_or_else(|_| unreachable!("it has this length"))
}
