//! Registers that are sent only when there is something in them.

use vmstate::prelude::*;

/// Whether KVM's host may poll while the guest waits; it may, where nothing else is said.
#[derive(VmState, Debug, Clone, Copy, PartialEq, Eq)]
#[vmstate(transparent)]
pub struct PollControl(pub u64);

impl Default for PollControl {
    fn default() -> Self {
        Self(1)
    }
}

/// Various features; quick copying of strings is on, where nothing else is said.
#[derive(VmState, Debug, Clone, Copy, PartialEq, Eq)]
#[vmstate(transparent)]
pub struct MiscEnable(pub u64);

impl Default for MiscEnable {
    fn default() -> Self {
        Self(1)
    }
}

/// An exception that is pending while a nested guest runs.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/exception_info")]
pub struct Exception {
    /// Whether it is pending.
    #[vmstate(name = "env.exception_pending")]
    pub pending: u8,
    /// Whether it is being delivered.
    #[vmstate(name = "env.exception_injected")]
    pub injected: u8,
    /// Whether something belongs to it.
    #[vmstate(name = "env.exception_has_payload")]
    pub has_payload: u8,
    /// What belongs to it.
    #[vmstate(name = "env.exception_payload")]
    pub payload: u64,
}

/// The FPU's last instruction.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "cpu/fpop_ip_dp", needed = |last| *last != Self::default())]
pub struct LastFpu {
    /// What it was.
    #[vmstate(name = "env.fpop")]
    pub opcode: u16,
    /// Where it was.
    #[vmstate(name = "env.fpip")]
    pub instruction: u64,
    /// Where its operand was.
    #[vmstate(name = "env.fpdp")]
    pub operand: u64,
}
