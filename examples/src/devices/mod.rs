//! Devices of QEMU as structs, one file for each kind.

pub mod avr;
pub mod clock;
pub mod e1000;
pub mod globalstate;
pub mod i8254;
pub mod mc146818rtc;
pub mod pci;
pub mod serial;
pub mod virtio;

/// An array of zeros that never was on the stack.
fn zeros<T: Clone + Default, const N: usize>() -> Box<[T; N]> {
    let zeros = vec![T::default(); N].into_boxed_slice();
    zeros.try_into().unwrap_or_else(|_| unreachable!("it has this length"))
}
