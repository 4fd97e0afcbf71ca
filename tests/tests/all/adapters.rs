//! The adapters for crates of rust-vmm: their bytes, and the laws. `machine::qemu::adapters` has them meet real QEMUs.

mod kvm;
mod memory;
mod superio;
mod virtio;
