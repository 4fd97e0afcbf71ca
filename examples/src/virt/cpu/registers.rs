//! The registers of a hart, as in QEMU's section, with the values that the board uses.

use crate::devices::riscv::{Cpu, Pmp};

/// The registers of a hart with 64 bits.
pub type Registers = Cpu;

/// Extensions in `misa`.
pub mod extension {
    /// Atomic instructions.
    pub const A: u32 = 1;
    /// Compressed instructions.
    pub const C: u32 = 1 << 2;
    /// Floating-point numbers. Not implemented; a hart from QEMU may have them.
    pub const F: u32 = 1 << 5;
    /// The hypervisor extension. Like `F`.
    pub const H: u32 = 1 << 7;
    /// The base instruction set.
    pub const I: u32 = 1 << 8;
    /// Multiplication and division.
    pub const M: u32 = 1 << 12;
    /// Supervisor mode. Like `F`.
    pub const S: u32 = 1 << 18;
    /// User mode. Like `F`.
    pub const U: u32 = 1 << 20;
}

/// The value of `load_res` without a reservation.
pub(super) const NOT_RESERVED: u64 = u64::MAX;
/// The number of machine mode.
pub(super) const MACHINE: u8 = 3;
/// QEMU's number of version 1.12 of the privileged specification.
const PRIVILEGED_1_12: u32 = 2;

/// Creates the registers after reset.
pub(super) fn after_reset(resetvec: u64) -> Registers {
    use extension::{A, C, I, M};
    Registers {
        pc: resetvec,
        resetvec,
        load_res: NOT_RESERVED,
        privilege: MACHINE,
        priv_ver: PRIVILEGED_1_12,
        misa_ext: A | C | I | M,
        misa_ext_mask: A | C | I | M,
        mstatus: super::csr::status::AFTER_RESET,
        pmp: Some(Pmp::default()),
        ..Registers::default()
    }
}

impl Registers {
    /// Returns whether the hart has all of these extensions.
    #[must_use]
    pub fn has(&self, extensions: u32) -> bool {
        self.misa_ext & extensions == extensions
    }
}
