//! The VMware mouse, which reports absolute positions: QEMU's section "vmmouse".
//!
//! The fields follow QEMU's `vmstate_vmmouse` (`hw/i386/vmmouse.c`).

use smart_default::SmartDefault;
use vmstate::prelude::*;

/// The size of the queue in words.
const QUEUE: i32 = 1024;

/// The mouse.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "vmmouse", version = 0)]
pub struct VmMouse {
    /// The size of the queue in words.
    #[vmstate(equal)]
    #[default(QUEUE)]
    pub queue_size: i32,
    /// The events, four words each.
    #[default(Box::new([[0; 4]; 256]))]
    pub queue: Box<[[u32; 4]; 256]>,
    /// The number of words.
    pub nb_queue: u16,
    /// The status.
    pub status: u16,
    /// True if absolute positions are reported.
    pub absolute: u8,
}
