//! The PC's speaker: QEMU's section "pcspk".
//!
//! The fields follow QEMU's `vmstate_spk` (`hw/audio/pcspk.c`).

use vmstate::prelude::*;

/// The speaker.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "pcspk")]
pub struct Speaker {
    /// True if the speaker is on.
    pub data_on: u8,
    /// The refresh clock bit, which changes with each read.
    pub dummy_refresh_clock: u8,
}
