//! The controller of keyboard and mouse: QEMU's section "pckbd".
//!
//! The fields are those of QEMU's `vmstate_kbd_isa`, `vmstate_kbd` and its subsections (`hw/input/pckbd.c`).

use vmstate::prelude::*;

/// The controller on a PC's ISA bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "pckbd", version = 3, minimum_version = 3)]
pub struct IsaKbd {
    /// The controller.
    pub kbd: Kbd,
}

/// The controller itself.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "pckbd", version = 3, minimum_version = 3)]
pub struct Kbd {
    /// The command whose argument is to come.
    pub write_cmd: u8,
    /// The status.
    pub status: u8,
    /// Which of the two interrupt and translate.
    pub mode: u8,
    /// Who has something to say.
    pub pending_tmp: u8,
    /// The output port, if it is not what follows from the status.
    #[vmstate(subsection("pckbd_outport", needed = |kbd| kbd.outport != Some(kbd.usual_outport())))]
    pub outport: Option<u8>,
    /// What older machine types do not send.
    #[vmstate(subsection)]
    pub extended: Option<Extended>,
}

/// The byte that the PC reads next.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "pckbd/extended_state", version = 0)]
pub struct Extended {
    /// Whether the controller has something to do soon, as bits of QEMU's.
    pub migration_flags: u32,
    /// Where the byte came from.
    pub obsrc: u32,
    /// The byte, if it came from one of the two.
    pub obdata: u8,
    /// The byte, if the controller answers a command with it.
    pub cbdata: u8,
}

impl Kbd {
    /// In `status`: there is a byte to be read, and it is the mouse's.
    const FULL: [u8; 2] = [0x01, 0x20];
    /// In the output port: the same.
    const OUTPORT_FULL: [u8; 2] = [0x10, 0x20];
    /// In the output port: no reset, the address line A20, and bits that are always 1.
    const OUTPORT_USUAL: u8 = 0xcf;

    /// What the output port is as long as the guest does not write it.
    #[must_use]
    pub fn usual_outport(&self) -> u8 {
        let bits = Self::FULL.into_iter().zip(Self::OUTPORT_FULL);
        let set = bits.filter(|(status, _)| self.status & status != 0);
        set.fold(Self::OUTPORT_USUAL, |port, (_, bit)| port | bit)
    }
}
