//! The run state of the machine: QEMU's section "globalstate".
//!
//! QEMU 10.0 uses two bytes that were padding, at the same version: both releases write the same bytes with different
//! descriptions. [`GlobalState`] loads the streams of both; [`GlobalState7_2`] has the older description.

use vmstate::prelude::*;

/// The state of the whole machine in QEMU 10.0 and 11.1.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "globalstate")]
pub struct GlobalState {
    /// The length of the run state's name, including the terminating zero.
    pub size: u32,
    /// The run state's name, such as `paused`, padded with zeros.
    #[vmstate(buffer, name = "runstate")]
    pub run_state: [u8; 32],
    /// True if the next byte is valid.
    pub has_vm_was_suspended: u8,
    /// True if the guest was asleep (ACPI S3).
    pub vm_was_suspended: u8,
    /// Padding. QEMU sends it as bytes, not as [`Unused`].
    #[vmstate(buffer)]
    pub unused: [u8; 66],
}

/// The same bytes with the description of QEMU 7.2.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "globalstate")]
pub struct GlobalState7_2 {
    /// The length of the run state's name, including the terminating zero.
    pub size: u32,
    /// The run state's name, padded with zeros.
    #[vmstate(buffer, name = "runstate")]
    pub run_state: [u8; 100],
}

impl GlobalState {
    /// Returns the name of the run state, such as `paused`.
    #[must_use]
    pub fn run_state(&self) -> String {
        let name = self.run_state.split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(name).into_owned()
    }
}

impl Default for GlobalState {
    fn default() -> Self {
        Self { size: 0, run_state: [0; 32], has_vm_was_suspended: 0, vm_was_suspended: 0, unused: [0; 66] }
    }
}

impl Default for GlobalState7_2 {
    fn default() -> Self {
        Self { size: 0, run_state: [0; 100] }
    }
}

impl From<&GlobalState> for GlobalState7_2 {
    fn from(state: &GlobalState) -> Self {
        let mut run_state = [0; 100];
        run_state[..32].copy_from_slice(&state.run_state);
        run_state[32..34].copy_from_slice(&[state.has_vm_was_suspended, state.vm_was_suspended]);
        run_state[34..].copy_from_slice(&state.unused);
        Self { size: state.size, run_state }
    }
}

impl From<&GlobalState7_2> for GlobalState {
    fn from(state: &GlobalState7_2) -> Self {
        let mut new = Self { size: state.size, ..Self::default() };
        new.run_state.copy_from_slice(&state.run_state[..32]);
        [new.has_vm_was_suspended, new.vm_was_suspended] = [state.run_state[32], state.run_state[33]];
        new.unused.copy_from_slice(&state.run_state[34..]);
        new
    }
}
