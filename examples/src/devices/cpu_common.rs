//! The state common to all processors: QEMU's section "cpu_common".
//!
//! The fields follow QEMU's `vmstate_cpu_common` (`cpu-target.c`, in 7.2 `cpu.c`) and its subsections.

use vmstate::prelude::*;

/// The state of a processor in QEMU's main loop.
///
/// The subsections contain exceptions in delivery and are sent only if there is one, as in QEMU.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "cpu_common", pre_load = Self::forget)]
pub struct CpuCommon {
    /// True if the processor waits for an interrupt.
    pub halted: u32,
    /// The pending interrupts, with QEMU's bits.
    pub interrupt_request: u32,
    /// The exception in delivery, or -1.
    #[vmstate(subsection("cpu_common/exception_index", needed = Self::has_exception))]
    pub exception_index: i32,
    /// True if the guest has crashed.
    #[vmstate(subsection("cpu_common/crash_occurred", needed = Self::has_crashed))]
    pub crash_occurred: bool,
}

impl CpuCommon {
    fn has_exception(&self) -> bool {
        self.exception_index != -1
    }

    fn has_crashed(&self) -> bool {
        self.crash_occurred
    }

    fn forget(&mut self) {
        self.exception_index = -1;
    }
}

impl Default for CpuCommon {
    /// Creates a running processor.
    fn default() -> Self {
        Self { halted: 0, interrupt_request: 0, exception_index: -1, crash_occurred: false }
    }
}
