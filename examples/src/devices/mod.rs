//! Devices of QEMU as structs, one file for each kind.

pub mod avr;
pub mod clock;
pub mod e1000;
pub mod globalstate;
pub mod i8254;
pub mod mc146818rtc;
pub mod pci;
pub mod serial;
