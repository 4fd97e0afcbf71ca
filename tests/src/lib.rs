//! Shared code of all tests: committed streams, conversations and dumps of QEMU, running QEMUs and boards, a browser, worst-case inputs, and fuzz
//! targets.

pub mod board;
pub mod browser;
pub mod certificates;
pub mod conversations;
pub mod dumps;
pub mod forms;
pub mod frame;
pub mod fuzz;
pub mod guests;
pub mod hostile;
pub mod import;
pub mod monitor;
pub mod proxy;
pub mod qcow2;
pub mod qemu;
pub mod recorder;
pub mod releases;
pub mod report;
pub mod saved_guest;
pub mod streams;
pub mod tool;
pub mod transport;

/// Runs the example of the derive macro, whose crate cannot depend on `vmstate`.
#[cfg(doctest)]
#[doc = include_str!("../../vmstate-derive/src/vm_state.md")]
pub struct DerivePage;
