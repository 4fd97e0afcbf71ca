//! What the examples share: QEMU's devices as structs, and machines made of them.
#![forbid(unsafe_code)]

pub mod devices;
pub mod difference;
pub mod machines;
pub mod uno;
pub mod virt;
