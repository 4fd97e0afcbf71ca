//! The clock of Arm's boards as QEMU's.

use std::time::{SystemTime, UNIX_EPOCH};

use vm_superio::RtcState;
use vmstate_derive::VmState;
use vmstate_types::state::VmState as _;
use vmstate_types::{LoadError, SaveError};

/// A clock as QEMU's section `pl031`, for `RtcState`: what `#[vmstate(with = QemuPl031)]` names.
///
/// Both count the seconds by which the guest's time is ahead of the host's, QEMU modulo 2^32. The hosts' clocks must
/// agree, as they must for QEMU. Streams of QEMU before 4.0, which counts otherwise, are not loaded.
///
/// QEMU's section holds these fields themselves, and no member that holds them. The bytes are the same; for the same
/// description register a `QemuPl031` instead of a device with such a member.
#[derive(VmState, Debug, Clone, Default, PartialEq, Eq)]
#[vmstate(name = "pl031", crate = crate)]
pub struct QemuPl031 {
    // What QEMU before 4.0 counted. Later ones send it, and go by the subsection if there is one.
    tick_offset_vmstate: u32,
    mr: u32,
    lr: u32,
    // QEMU has this register, and never writes it.
    cr: u32,
    im: u32,
    is: u32,
    #[vmstate(subsection("pl031/tick-offset", needed = |_| true, absent = error))]
    tick_offset: u32,
}

/// One more than the largest number of seconds that the clock shows.
const SECONDS: i64 = 1 << 32;

impl QemuPl031 {
    /// The clock that has this state.
    ///
    /// # Errors
    /// None: every state can be saved.
    pub fn of(state: &RtcState) -> Result<Self, SaveError> {
        let tick_offset = u32::try_from(state.offset.rem_euclid(SECONDS)).unwrap_or_default();
        let RtcState { lr, mr, imsc, ris, .. } = *state;
        Ok(Self { tick_offset_vmstate: tick_offset, mr, lr, cr: 0, im: imsc, is: ris, tick_offset })
    }

    /// The state that the clock is in.
    ///
    /// # Errors
    /// None: every clock can be loaded.
    pub fn state(&self) -> Result<RtcState, LoadError> {
        let ahead = i64::from(self.tick_offset);
        // `vm-superio` shows the host's time where the sum is none that the clock can show.
        let offset = if now().saturating_add(ahead) < SECONDS { ahead } else { ahead - SECONDS };
        Ok(RtcState { lr: self.lr, offset, mr: self.mr, imsc: self.im, ris: self.is })
    }
}

/// The host's time, in seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

super::converted!(QemuPl031: RtcState);
