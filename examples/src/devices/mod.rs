//! Devices of QEMU as structs, one file for each kind.

pub mod acpi_build;
pub mod avr;
pub mod clock;
pub mod cpu_common;
pub mod e1000;
pub mod fw_cfg;
pub mod globalstate;
pub mod goldfish_rtc;
pub mod gpex;
pub mod i8254;
pub mod mc146818rtc;
pub mod pci;
pub mod pflash_cfi01;
pub mod riscv;
pub mod riscv_mtimer;
pub mod serial;
pub mod sifive_plic;
pub mod slirp;
pub mod virtio;

/// An array of zeros that never was on the stack.
fn zeros<T: Clone + Default, const N: usize>() -> Box<[T; N]> {
    let zeros = vec![T::default(); N].into_boxed_slice();
    zeros.try_into().unwrap_or_else(|_| unreachable!("it has this length"))
}
