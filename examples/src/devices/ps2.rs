//! Keyboard and mouse of the PS/2: QEMU's sections "ps2kbd" and "ps2mouse".
//!
//! The fields are those of QEMU's `vmstate_ps2_keyboard`, `vmstate_ps2_mouse` and `vmstate_ps2_common`
//! (`hw/input/ps2.c`), and of their subsections.

use smart_default::SmartDefault;
use vmstate::prelude::*;

/// The keyboard.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ps2kbd", version = 3, minimum_version = 2)]
pub struct Keyboard {
    /// What both have.
    pub parent_obj: Ps2,
    /// Whether keys are sent.
    pub scan_enabled: i32,
    /// Whether they are translated to the oldest set of codes.
    pub translate: i32,
    /// Which set of codes it is.
    #[vmstate(since = 3)]
    pub scancode_set: i32,
    /// Which lights are on.
    #[vmstate(subsection("ps2kbd/ledstate", version = 3, minimum_version = 2, needed = |kbd| kbd.ledstate != 0))]
    pub ledstate: i32,
    /// Whether the next code has its highest bit set.
    #[vmstate(subsection("ps2kbd/need_high_bit", needed = |kbd| kbd.need_high_bit))]
    pub need_high_bit: bool,
    /// How far the answer to a command is written, while it is not complete.
    #[vmstate(name = "parent_obj.queue.cwptr", subsection("ps2kbd/command_reply_queue", version = 0))]
    pub command_reply: Option<i32>,
}

/// The mouse.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ps2mouse", version = 2, minimum_version = 2)]
pub struct Mouse {
    /// What both have.
    pub parent_obj: Ps2,
    /// What its status byte says.
    pub mouse_status: u8,
    /// The resolution.
    pub mouse_resolution: u8,
    /// Reports per second.
    pub mouse_sample_rate: u8,
    /// Whether it echoes what it is sent.
    pub mouse_wrap: u8,
    /// The kind: plain, with a wheel, with five buttons.
    pub mouse_type: u8,
    /// How far the detection of the kind is.
    pub mouse_detect_state: u8,
    /// How far it has moved to the right.
    pub mouse_dx: i32,
    /// How far it has moved up.
    pub mouse_dy: i32,
    /// How far the wheel has turned.
    pub mouse_dz: i32,
    /// Which buttons are pressed.
    pub mouse_buttons: u8,
    /// How far the answer to a command is written, while it is not complete.
    #[vmstate(name = "parent_obj.queue.cwptr", subsection("ps2mouse/command_reply_queue"))]
    pub command_reply: Option<i32>,
}

/// What both have.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "PS2 Common State", version = 3, minimum_version = 2)]
pub struct Ps2 {
    /// The command whose argument is to come; -1 if none.
    #[default(-1)]
    pub write_cmd: i32,
    /// The byte that is read next.
    #[vmstate(name = "queue.rptr")]
    pub queue_rptr: i32,
    /// The byte that is written next.
    #[vmstate(name = "queue.wptr")]
    pub queue_wptr: i32,
    /// How many there are.
    #[vmstate(name = "queue.count")]
    pub queue_count: i32,
    /// Bytes that the PC has not read.
    #[vmstate(name = "queue.data", buffer)]
    #[default([0; 256])]
    pub queue_data: [u8; 256],
}
