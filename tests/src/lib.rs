//! What all tests share: the committed streams of real QEMUs, QEMUs that run, and a browser.

pub mod browser;
pub mod qemu;
pub mod streams;
