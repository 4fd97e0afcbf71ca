//! An I2C bus: QEMU's section "i2c_bus".
//!
//! The fields follow QEMU's `vmstate_i2c_bus` (`hw/i2c/core.c`).

use vmstate::prelude::*;

/// The bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, smart_default::SmartDefault)]
#[vmstate(name = "i2c_bus")]
pub struct I2cBus {
    /// The address of the current device, or 0xff.
    #[default(0xff)]
    pub saved_address: u8,
}
