//! The PS/2 keyboard and mouse: QEMU's sections "ps2kbd" and "ps2mouse".
//!
//! The fields follow QEMU's `vmstate_ps2_keyboard`, `vmstate_ps2_mouse` and `vmstate_ps2_common`
//! (`hw/input/ps2.c`), and their subsections.

use smart_default::SmartDefault;
use vmstate::prelude::*;

/// The keyboard.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ps2kbd", version = 3, minimum_version = 2)]
pub struct Keyboard {
    /// The common state.
    pub parent_obj: Ps2,
    /// True if scanning is enabled.
    pub scan_enabled: i32,
    /// True if scan codes are translated to set 1.
    pub translate: i32,
    /// The scan code set.
    #[vmstate(since = 3)]
    pub scancode_set: i32,
    /// The LEDs.
    #[vmstate(subsection("ps2kbd/ledstate", version = 3, minimum_version = 2, needed = |kbd| kbd.ledstate != 0))]
    pub ledstate: i32,
    /// True if the next code is a break code.
    #[vmstate(subsection("ps2kbd/need_high_bit", needed = |kbd| kbd.need_high_bit))]
    pub need_high_bit: bool,
    /// The position of an incomplete reply.
    #[vmstate(name = "parent_obj.queue.cwptr", subsection("ps2kbd/command_reply_queue", version = 0))]
    pub command_reply: Option<i32>,
}

/// The mouse.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ps2mouse", version = 2, minimum_version = 2)]
pub struct Mouse {
    /// The common state.
    pub parent_obj: Ps2,
    /// The status byte.
    pub mouse_status: u8,
    /// The resolution.
    pub mouse_resolution: u8,
    /// The sample rate.
    pub mouse_sample_rate: u8,
    /// True if wrap mode is enabled.
    pub mouse_wrap: u8,
    /// The type: standard, wheel, or five buttons.
    pub mouse_type: u8,
    /// The step of the type detection.
    pub mouse_detect_state: u8,
    /// The horizontal movement.
    pub mouse_dx: i32,
    /// The vertical movement.
    pub mouse_dy: i32,
    /// The wheel movement.
    pub mouse_dz: i32,
    /// The pressed buttons.
    pub mouse_buttons: u8,
    /// The position of an incomplete reply.
    #[vmstate(name = "parent_obj.queue.cwptr", subsection("ps2mouse/command_reply_queue"))]
    pub command_reply: Option<i32>,
}

/// The state common to both devices.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "PS2 Common State", version = 3, minimum_version = 2)]
pub struct Ps2 {
    /// The command that waits for its argument, or -1.
    #[default(-1)]
    pub write_cmd: i32,
    /// The read position.
    #[vmstate(name = "queue.rptr")]
    pub queue_rptr: i32,
    /// The write position.
    #[vmstate(name = "queue.wptr")]
    pub queue_wptr: i32,
    /// The number of bytes.
    #[vmstate(name = "queue.count")]
    pub queue_count: i32,
    /// The queue of unread bytes.
    #[vmstate(name = "queue.data", buffer)]
    #[default([0; 256])]
    pub queue_data: [u8; 256],
}
