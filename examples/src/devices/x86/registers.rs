//! Registers with several parts.

use vmstate::Temporary;
use vmstate::prelude::*;

/// An 80-bit FPU register.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "fpreg", version = 0)]
pub struct FpReg {
    /// The mantissa with its integer bit.
    #[vmstate(name = "tmp", tmp = FpRegParts)]
    pub mantissa: u64,
    /// The sign and the exponent.
    #[vmstate(skip = "the temporary has it")]
    pub exponent: u16,
}

/// The wire format of the register, sent from a temporary (QEMU's `VMSTATE_WITH_TMP`).
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

/// A segment or descriptor table register.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "segment")]
pub struct Segment {
    /// The selector.
    pub selector: u32,
    /// The base address.
    pub base: u64,
    /// The limit.
    pub limit: u32,
    /// The attributes, in the positions of the descriptor's second word.
    pub flags: u32,
}

/// The low 128 bits of a vector register.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "xmm_reg")]
pub struct Xmm {
    /// The low half.
    #[vmstate(name = "_q_ZMMReg[0]")]
    pub low: u64,
    /// The high half.
    #[vmstate(name = "_q_ZMMReg[1]")]
    pub high: u64,
}

/// The bits 128 to 255 of a vector register.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ymmh_reg")]
pub struct Ymmh {
    /// The low half.
    #[vmstate(name = "_q_ZMMReg[2]")]
    pub low: u64,
    /// The high half.
    #[vmstate(name = "_q_ZMMReg[3]")]
    pub high: u64,
}

/// A variable-range MTRR.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "mtrr_var")]
pub struct MtrrVar {
    /// The base address and the type.
    pub base: u64,
    /// The address mask and the enable bit.
    pub mask: u64,
}
