//! The registers of a hart: those of QEMU's section, and what it takes to use them.

use crate::devices::riscv::{Cpu, Pmp};

/// The registers of a hart with 64 bits.
pub type Registers = Cpu<u64>;

/// Extensions, as bits of `misa`.
pub mod extension {
    /// Atomic instructions.
    pub const A: u32 = 1;
    /// Compressed instructions.
    pub const C: u32 = 1 << 2;
    /// Numbers with a floating point. Not in this board; a hart that comes from elsewhere may have them.
    pub const F: u32 = 1 << 5;
    /// Guests of a hypervisor. As `F`.
    pub const H: u32 = 1 << 7;
    /// The base.
    pub const I: u32 = 1 << 8;
    /// Multiplication and division.
    pub const M: u32 = 1 << 12;
    /// A mode for supervisors. As `F`.
    pub const S: u32 = 1 << 18;
    /// A mode for users. As `F`.
    pub const U: u32 = 1 << 20;
}

/// In `load_res`: no address is reserved.
pub(super) const NOT_RESERVED: u64 = u64::MAX;
/// Machine mode, as a number.
pub(super) const MACHINE: u64 = 3;
/// Version 1.12 of the privileged specification, as QEMU numbers it.
const PRIVILEGED_1_12: u64 = 2;

/// The registers after a reset.
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
    /// Whether the hart has all of these extensions.
    #[must_use]
    pub fn has(&self, extensions: u32) -> bool {
        self.misa_ext & extensions == extensions
    }
}
