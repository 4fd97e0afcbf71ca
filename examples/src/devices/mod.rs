//! Devices of QEMU as structs, one file for each kind.

pub mod avr;
pub mod clock;
pub mod globalstate;
