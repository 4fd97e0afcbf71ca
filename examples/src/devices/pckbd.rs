//! The keyboard controller: QEMU's section "pckbd".
//!
//! The fields follow QEMU's `vmstate_kbd_isa`, `vmstate_kbd` and its subsections (`hw/input/pckbd.c`).

use vmstate::prelude::*;

/// The controller on the ISA bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "pckbd", version = 3, minimum_version = 3)]
pub struct IsaKbd {
    /// The controller.
    pub kbd: Kbd,
}

/// The state of the controller.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "pckbd", version = 3, minimum_version = 3)]
pub struct Kbd {
    /// The command that waits for its argument.
    pub write_cmd: u8,
    /// The status.
    pub status: u8,
    /// The mode: enabled interrupts and translation.
    pub mode: u8,
    /// The sources with pending data.
    pub pending_tmp: u8,
    /// The output port, if it cannot be derived from the status.
    #[vmstate(subsection("pckbd_outport", needed = |kbd| kbd.outport != Some(kbd.usual_outport())))]
    pub outport: Option<u8>,
    /// Fields that older machine types do not send.
    #[vmstate(subsection)]
    pub extended: Option<Extended>,
}

/// The output buffer.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "pckbd/extended_state", version = 0)]
pub struct Extended {
    /// The pending actions, with QEMU's bits.
    pub migration_flags: u32,
    /// The source of the output buffer.
    pub obsrc: u32,
    /// The byte, if it came from the keyboard or the mouse.
    pub obdata: u8,
    /// The byte, if it is the controller's reply.
    pub cbdata: u8,
}

impl Kbd {
    /// The bit of `status` for a byte from the mouse.
    const FULL: [u8; 2] = [0x01, 0x20];
    /// The bit of the output port for a byte from the mouse.
    const OUTPORT_FULL: [u8; 2] = [0x10, 0x20];
    /// The bits of the output port: no reset, A20, and bits that are always 1.
    const OUTPORT_USUAL: u8 = 0xcf;

    /// Returns the output port before the guest writes it.
    #[must_use]
    pub fn usual_outport(&self) -> u8 {
        let bits = Self::FULL.into_iter().zip(Self::OUTPORT_FULL);
        let set = bits.filter(|(status, _)| self.status & status != 0);
        set.fold(Self::OUTPORT_USUAL, |port, (_, bit)| port | bit)
    }
}
