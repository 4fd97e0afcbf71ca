//! The PL031 clock in QEMU's wire format.

use std::time::{SystemTime, UNIX_EPOCH};

use vm_superio::RtcState;
use vmstate_derive::VmState;
use vmstate_types::state::VmState as _;
use vmstate_types::{LoadError, SaveError};

/// QEMU's section `pl031` (hw/rtc/pl031.c), for `#[vmstate(with = QemuPl031)]` on an `RtcState`.
///
/// Both devices store the seconds by which the guest's clock is ahead of the host's, QEMU modulo 2^32. As with QEMU,
/// the clocks of both hosts must agree. Streams of QEMU before 4.0 are rejected because its offset has another base.
///
/// QEMU's section contains these fields directly, not in a member. The bytes are the same; to get the same description
/// too, register a `QemuPl031` instead of a device with such a member.
#[derive(VmState, Debug, Clone, Default, PartialEq, Eq)]
#[vmstate(name = "pl031", crate = crate)]
pub struct QemuPl031 {
    // The offset of QEMU before 4.0. Later releases still send it, and prefer the subsection (`pl031_post_load`).
    tick_offset_vmstate: u32,
    mr: u32,
    lr: u32,
    // QEMU never writes this register.
    cr: u32,
    im: u32,
    is: u32,
    #[vmstate(subsection("pl031/tick-offset", needed = |_| true, absent = error))]
    tick_offset: u32,
}

/// The period of the 32-bit clock register.
const SECONDS: i64 = 1 << 32;

impl QemuPl031 {
    /// Converts a state to QEMU's device.
    ///
    /// # Errors
    /// Never; every state can be saved.
    pub fn from_state(state: &RtcState) -> Result<Self, SaveError> {
        let tick_offset = u32::try_from(state.offset.rem_euclid(SECONDS)).unwrap_or_default();
        let RtcState { lr, mr, imsc, ris, .. } = *state;
        Ok(Self { tick_offset_vmstate: tick_offset, mr, lr, cr: 0, im: imsc, is: ris, tick_offset })
    }

    /// Converts QEMU's device to a state.
    ///
    /// # Errors
    /// Never; every device can be loaded.
    pub fn state(&self) -> Result<RtcState, LoadError> {
        let ahead = i64::from(self.tick_offset);
        // `vm-superio` shows the host's time if the sum exceeds 32 bits, so such an offset is sent as a negative one.
        let offset = if now().saturating_add(ahead) < SECONDS { ahead } else { ahead - SECONDS };
        Ok(RtcState { lr: self.lr, offset, mr: self.mr, imsc: self.im, ris: self.is })
    }
}

/// Returns the host's time in seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

super::converted!(QemuPl031: RtcState);
