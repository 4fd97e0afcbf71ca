//! What all tests share: the committed streams of real QEMUs, and QEMUs that run.

pub mod qemu;
pub mod streams;
