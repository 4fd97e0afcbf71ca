//! What all processors have in common: QEMU's section "cpu_common".
//!
//! The fields are those of QEMU's `vmstate_cpu_common` (`cpu-target.c`, in 7.2 `cpu.c`) and its subsections.

use vmstate::prelude::*;

/// What QEMU's main loop knows about a processor.
///
/// The subsections are about exceptions that are being delivered; ours are sent when there is one, as in QEMU.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "cpu_common", pre_load = Self::forget)]
pub struct CpuCommon {
    /// Whether it waits for an interrupt.
    pub halted: u32,
    /// Which of QEMU's interrupts are pending.
    pub interrupt_request: u32,
    /// The exception that is being delivered; -1 if none.
    #[vmstate(subsection("cpu_common/exception_index", needed = Self::has_exception))]
    pub exception_index: i32,
    /// Whether the guest crashed.
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
    /// A processor that runs.
    fn default() -> Self {
        Self { halted: 0, interrupt_request: 0, exception_index: -1, crash_occurred: false }
    }
}
