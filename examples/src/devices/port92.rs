//! The PC's port 0x92, which switches the address line A20: QEMU's section "port92".
//!
//! The fields are those of QEMU's `vmstate_port92_isa` (`hw/i386/port92.c`).

use vmstate::prelude::*;

/// The port.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "port92")]
pub struct Port92 {
    /// What was written to it.
    pub outport: u8,
}
