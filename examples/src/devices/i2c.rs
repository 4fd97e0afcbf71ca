//! An I2C bus: QEMU's section "i2c_bus".
//!
//! The fields are those of QEMU's `vmstate_i2c_bus` (`hw/i2c/core.c`).

use vmstate::prelude::*;

/// The bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, smart_default::SmartDefault)]
#[vmstate(name = "i2c_bus")]
pub struct I2cBus {
    /// The address that is spoken to; 0xff if none.
    #[default(0xff)]
    pub saved_address: u8,
}
