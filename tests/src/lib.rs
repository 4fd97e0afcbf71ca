//! What all tests share: the committed streams and dumps of real QEMUs, QEMUs that run, a browser, inputs that are as bad
//! as can be, and what fuzzers do.

pub mod browser;
pub mod dumps;
pub mod frame;
pub mod fuzz;
pub mod hostile;
pub mod qemu;
pub mod streams;
pub mod tool;
