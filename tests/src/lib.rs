//! What all tests share: the committed streams and dumps of real QEMUs, QEMUs that run, a browser, and inputs that are as
//! bad as can be.

pub mod browser;
pub mod dumps;
pub mod hostile;
pub mod qemu;
pub mod streams;
