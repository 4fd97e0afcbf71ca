//! Registers that are sent only if they differ from their defaults.

use vmstate::prelude::*;

/// KVM: whether the host may poll on halt, enabled by default.
#[derive(VmState, Debug, Clone, Copy, PartialEq, Eq)]
#[vmstate(transparent)]
pub struct PollControl(pub u64);

impl Default for PollControl {
    fn default() -> Self {
        Self(1)
    }
}

/// MISC_ENABLE. By default, fast string operations are enabled.
#[derive(VmState, Debug, Clone, Copy, PartialEq, Eq)]
#[vmstate(transparent)]
pub struct MiscEnable(pub u64);

impl Default for MiscEnable {
    fn default() -> Self {
        Self(1)
    }
}

/// An exception pending while a nested guest runs.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/exception_info")]
pub struct Exception {
    /// True if the exception is pending.
    #[vmstate(name = "env.exception_pending")]
    pub pending: u8,
    /// True if the exception is in delivery.
    #[vmstate(name = "env.exception_injected")]
    pub injected: u8,
    /// True if the payload is valid.
    #[vmstate(name = "env.exception_has_payload")]
    pub has_payload: u8,
    /// The payload.
    #[vmstate(name = "env.exception_payload")]
    pub payload: u64,
}

/// The last FPU instruction.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/fpop_ip_dp", needed = |last| *last != Self::default())]
pub struct LastFpu {
    /// The opcode.
    #[vmstate(name = "env.fpop")]
    pub opcode: u16,
    /// The address of the instruction.
    #[vmstate(name = "env.fpip")]
    pub instruction: u64,
    /// The address of the operand.
    #[vmstate(name = "env.fpdp")]
    pub operand: u64,
}
