//! The OLED display SSD0303 on an I2C bus: QEMU's section "ssd0303_oled".
//!
//! The fields follow QEMU's `vmstate_ssd0303` (`hw/display/ssd0303.c`) and `vmstate_i2c_slave` (`hw/i2c/core.c`).

use vmstate::prelude::*;

/// The size of the frame buffer: 132 columns of 8 pages.
const FRAME_BUFFER: usize = 132 * 8;

/// The display.
#[derive(VmState, Debug, Clone, PartialEq, Eq, smart_default::SmartDefault)]
#[vmstate(name = "ssd0303_oled")]
pub struct Ssd0303 {
    /// The page of the next byte.
    pub row: i32,
    /// The column of the next byte.
    pub col: i32,
    /// The line at the top.
    pub start_line: i32,
    /// Set if columns are mirrored.
    pub mirror: i32,
    /// Set if the display flashes.
    pub flash: i32,
    /// Set if the display is on.
    pub enabled: i32,
    /// Set if colors are inverted.
    pub inverse: i32,
    /// Set if the frame buffer has changed.
    pub redraw: i32,
    /// The kind of the next byte.
    pub mode: u32,
    /// The command whose argument is the next byte.
    pub cmd_state: u32,
    /// The pixels, eight in a byte.
    #[vmstate(buffer)]
    #[default([0; FRAME_BUFFER])]
    pub framebuffer: [u8; FRAME_BUFFER],
    /// The device on the bus.
    #[vmstate(name = "parent_obj")]
    pub i2c: I2cSlave,
}

/// A device on an I2C bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "I2CSlave")]
pub struct I2cSlave {
    /// Its address.
    pub address: u8,
}
