//! What the machine was doing: QEMU's section "globalstate".
//!
//! QEMU 10.0 gave a meaning to two bytes that used to be padding, and left the version at 1: both releases write the
//! same bytes and describe them differently. So [`GlobalState`] loads the streams of both, and [`GlobalState7_2`] is
//! how the older one describes them.

use vmstate::prelude::*;

/// The state of the machine as a whole, as QEMU 10.0 has it.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "globalstate")]
pub struct GlobalState {
    /// The length of the run state's name, with the zero that ends it.
    pub size: u32,
    /// The run state's name, such as `paused`, and zeros.
    #[vmstate(buffer, name = "runstate")]
    pub run_state: [u8; 32],
    /// Whether the next byte says something.
    pub has_vm_was_suspended: u8,
    /// Whether the guest was asleep (ACPI S3).
    pub vm_was_suspended: u8,
    /// Room for more. QEMU saves it as bytes, not as the padding that [`Unused`] is.
    #[vmstate(buffer)]
    pub unused: [u8; 66],
}

/// The same bytes, as QEMU 7.2 has them.
#[derive(VmState, Debug, Clone, PartialEq, Eq)]
#[vmstate(name = "globalstate")]
pub struct GlobalState7_2 {
    /// The length of the run state's name, with the zero that ends it.
    pub size: u32,
    /// The run state's name, and zeros.
    #[vmstate(buffer, name = "runstate")]
    pub run_state: [u8; 100],
}

impl GlobalState {
    /// The name of the run state, such as `paused`.
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
