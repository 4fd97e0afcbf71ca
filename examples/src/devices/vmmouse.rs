//! VMware's mouse, which knows where on the screen it is: QEMU's section "vmmouse".
//!
//! The fields are those of QEMU's `vmstate_vmmouse` (`hw/i386/vmmouse.c`).

use smart_default::SmartDefault;
use vmstate::prelude::*;

/// The words of the queue.
const QUEUE: i32 = 1024;

/// The mouse.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "vmmouse", version = 0)]
pub struct VmMouse {
    /// The words of the queue.
    #[vmstate(equal)]
    #[default(QUEUE)]
    pub queue_size: i32,
    /// Events, of four words each.
    #[default(Box::new([[0; 4]; 256]))]
    pub queue: Box<[[u32; 4]; 256]>,
    /// How many words there are.
    pub nb_queue: u16,
    /// What it answers when it is asked.
    pub status: u16,
    /// Whether it sends places and not movements.
    pub absolute: u8,
}
