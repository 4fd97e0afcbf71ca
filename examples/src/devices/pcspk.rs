//! The PC's speaker: QEMU's section "pcspk".
//!
//! The fields are those of QEMU's `vmstate_spk` (`hw/audio/pcspk.c`).

use vmstate::prelude::*;

/// The speaker.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "pcspk")]
pub struct Speaker {
    /// Whether it beeps.
    pub data_on: u8,
    /// The bit that changes each time it is read.
    pub dummy_refresh_clock: u8,
}
