//! RISC-V arithmetic. Every operation is defined for all operands.

use super::decode::{Amo, Op};

/// Sign-extends the low 32 bits.
pub(super) fn word(value: u64) -> u64 {
    i64::from(low(value).cast_signed()).cast_unsigned()
}

/// Returns the low 32 bits.
pub(super) fn low(value: u64) -> u32 {
    value as u32
}

/// Returns the shift amount of a 64-bit shift by `value`.
pub(super) fn shift64(value: u64) -> u32 {
    low(value & 63)
}

/// Returns the shift amount of a 32-bit shift by `value`.
pub(super) fn shift32(value: u64) -> u32 {
    low(value & 31)
}

/// Multiplies or divides 64-bit values.
pub(super) fn multiply(op: Op, a: u64, b: u64) -> u64 {
    match op {
        Op::Mul => a.wrapping_mul(b),
        Op::Mulh => high(i128::from(a.cast_signed()) * i128::from(b.cast_signed())),
        Op::Mulhsu => high(i128::from(a.cast_signed()) * i128::from(b)),
        Op::Mulhu => high((u128::from(a) * u128::from(b)).cast_signed()),
        Op::Div => match b {
            0 => u64::MAX,
            _ => a.cast_signed().wrapping_div(b.cast_signed()).cast_unsigned(),
        },
        Op::Divu => a.checked_div(b).unwrap_or(u64::MAX),
        Op::Rem => match b {
            0 => a,
            _ => a.cast_signed().wrapping_rem(b.cast_signed()).cast_unsigned(),
        },
        _ => a.checked_rem(b).unwrap_or(a),
    }
}

/// Multiplies or divides 32-bit values.
pub(super) fn multiply_word(op: Op, a: u64, b: u64) -> u64 {
    let result = match op {
        Op::Mulw => low(a).wrapping_mul(low(b)),
        Op::Divw => return word(multiply(Op::Div, word(a), word(b))),
        Op::Divuw => low(a).checked_div(low(b)).unwrap_or(u32::MAX),
        Op::Remw => return word(multiply(Op::Rem, word(a), word(b))),
        _ => low(a).checked_rem(low(b)).unwrap_or(low(a)),
    };
    word(u64::from(result))
}

/// Returns the new value in memory of an atomic instruction.
pub(super) fn atomic(amo: Amo, memory: u64, operand: u64) -> u64 {
    match amo {
        Amo::Swap => operand,
        Amo::Add => memory.wrapping_add(operand),
        Amo::Xor => memory ^ operand,
        Amo::And => memory & operand,
        Amo::Or => memory | operand,
        Amo::Min => memory.cast_signed().min(operand.cast_signed()).cast_unsigned(),
        Amo::Max => memory.cast_signed().max(operand.cast_signed()).cast_unsigned(),
        Amo::Minu => memory.min(operand),
        Amo::Maxu => memory.max(operand),
    }
}

fn high(product: i128) -> u64 {
    (product >> 64) as u64
}
