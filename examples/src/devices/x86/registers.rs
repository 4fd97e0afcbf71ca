//! Registers that have parts.

use vmstate::Temporary;
use vmstate::prelude::*;

/// A register of the FPU, with 80 bits.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "fpreg", version = 0)]
pub struct FpReg {
    /// The mantissa, with its first bit.
    #[vmstate(name = "tmp", tmp = FpRegParts)]
    pub mantissa: u64,
    /// The sign and the exponent.
    #[vmstate(skip = "the temporary has it")]
    pub exponent: u16,
}

/// What QEMU sends of it, through a temporary.
#[derive(VmState, Debug)]
#[vmstate(name = "fpreg_tmp", version = 0)]
pub(super) struct FpRegParts {
    tmp_mant: u64,
    tmp_exp: u16,
}

impl Temporary<FpReg> for FpRegParts {
    fn from_parent(register: &FpReg) -> Self {
        Self { tmp_mant: register.mantissa, tmp_exp: register.exponent }
    }

    fn apply(self, register: &mut FpReg) -> Result<(), LoadError> {
        *register = FpReg { mantissa: self.tmp_mant, exponent: self.tmp_exp };
        Ok(())
    }
}

/// A segment, or one of the tables.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "segment")]
pub struct Segment {
    /// Which descriptor it is.
    pub selector: u32,
    /// Where it begins.
    pub base: u64,
    /// Its last byte.
    pub limit: u32,
    /// The rest of its descriptor, in the second word's bits.
    pub flags: u32,
}

/// The lower 128 bits of a vector register.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "xmm_reg")]
pub struct Xmm {
    /// The lower half.
    #[vmstate(name = "_q_ZMMReg[0]")]
    pub low: u64,
    /// The upper half.
    #[vmstate(name = "_q_ZMMReg[1]")]
    pub high: u64,
}

/// The bits 128 to 255 of a vector register.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ymmh_reg")]
pub struct Ymmh {
    /// The lower half.
    #[vmstate(name = "_q_ZMMReg[2]")]
    pub low: u64,
    /// The upper half.
    #[vmstate(name = "_q_ZMMReg[3]")]
    pub high: u64,
}

/// A range of memory and its type.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "mtrr_var")]
pub struct MtrrVar {
    /// Where it begins, and the type.
    pub base: u64,
    /// Which bits of an address count, and whether it is on.
    pub mask: u64,
}
