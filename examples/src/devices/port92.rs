//! Port 0x92, which controls A20 and fast reset: QEMU's section "port92".
//!
//! The fields follow QEMU's `vmstate_port92_isa` (`hw/i386/port92.c`).

use vmstate::prelude::*;

/// The port.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "port92")]
pub struct Port92 {
    /// The register.
    pub outport: u8,
}
