//! What all tests share: the committed streams and dumps of real QEMUs, QEMUs that run, and a browser.

pub mod browser;
pub mod dumps;
pub mod qemu;
pub mod streams;
