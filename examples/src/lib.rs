//! The library of the examples: QEMU's devices as structs, and machines that contain them.
#![forbid(unsafe_code)]

pub mod devices;
pub mod difference;
pub mod machines;
pub mod uno;
pub mod virt;
