//! Decodes the 16-bit instructions, each of which abbreviates a 32-bit one.

use super::decode::{Instruction, Op, field};

/// The stack pointer.
const SP: u8 = 2;
/// The return address register.
const RA: u8 = 1;

/// Decodes the instruction in the low 16 bits of `bits`.
pub(super) fn decode(bits: u32) -> Instruction {
    let raw = bits & 0xffff;
    let blank = Instruction::illegal(raw);
    match raw & 3 {
        0 => memory(blank),
        1 => arithmetic(blank),
        _ => stack(blank),
    }
}

/// Returns the number of a register in the five bits at `low`.
fn register(raw: u32, low: u32) -> u8 {
    field(raw, low, 5) as u8
}

/// Returns the number of a register x8 to x15 in the three bits at `low`.
fn short_register(raw: u32, low: u32) -> u8 {
    field(raw, low, 3) as u8 + 8
}

/// Decodes quadrant 0: loads, stores and `c.addi4spn`.
fn memory(blank: Instruction) -> Instruction {
    let raw = blank.raw;
    let low = short_register(raw, 2);
    let base = short_register(raw, 7);
    let word = (field(raw, 10, 3) << 3 | field(raw, 6, 1) << 2 | field(raw, 5, 1) << 6).cast_signed();
    let double = (field(raw, 10, 3) << 3 | field(raw, 5, 2) << 6).cast_signed();
    match field(raw, 13, 3) {
        0 => match offset_from_stack(raw) {
            0 => blank,
            imm => Instruction { op: Op::Add, rd: low, rs1: SP, imm, ..blank },
        },
        2 => Instruction { op: Op::Lw, rd: low, rs1: base, imm: word, ..blank },
        3 => Instruction { op: Op::Ld, rd: low, rs1: base, imm: double, ..blank },
        6 => Instruction { op: Op::Sw, rs1: base, rs2: low, imm: word, ..blank },
        7 => Instruction { op: Op::Sd, rs1: base, rs2: low, imm: double, ..blank },
        _ => blank,
    }
}

/// Returns the immediate of `c.addi4spn`.
fn offset_from_stack(raw: u32) -> i32 {
    (field(raw, 11, 2) << 4 | field(raw, 7, 4) << 6 | field(raw, 6, 1) << 2 | field(raw, 5, 1) << 3).cast_signed()
}

/// Decodes quadrant 1: arithmetic, jumps and branches.
fn arithmetic(blank: Instruction) -> Instruction {
    let raw = blank.raw;
    let rd = register(raw, 7);
    let imm = imm6(raw);
    match (field(raw, 13, 3), rd) {
        (0, _) => Instruction { op: Op::Add, rd, rs1: rd, imm, ..blank },
        (1, 0) => blank,
        (1, _) => Instruction { op: Op::Addw, rd, rs1: rd, imm, ..blank },
        (2, _) => Instruction { op: Op::Add, rd, imm, ..blank },
        (3, _) if imm == 0 => blank,
        (3, SP) => Instruction { op: Op::Add, rd, rs1: SP, imm: imm_stack(raw), ..blank },
        (3, _) => Instruction { op: Op::Lui, rd, imm: imm << 12, ..blank },
        (4, _) => among_short_register(blank),
        (5, _) => Instruction { op: Op::Jal, imm: imm_jump(raw), ..blank },
        (6, _) => Instruction { op: Op::Beq, rs1: short_register(raw, 7), imm: imm_branch(raw), ..blank },
        _ => Instruction { op: Op::Bne, rs1: short_register(raw, 7), imm: imm_branch(raw), ..blank },
    }
}

/// Returns the common 6-bit immediate, sign-extended.
fn imm6(raw: u32) -> i32 {
    let bits = field(raw, 12, 1) << 5 | field(raw, 2, 5);
    bits.cast_signed() << 26 >> 26
}

/// Returns the shift amount.
fn shift(raw: u32) -> i32 {
    imm6(raw) & 0x3f
}

/// Returns the immediate of `c.addi16sp`.
fn imm_stack(raw: u32) -> i32 {
    let bits = field(raw, 12, 1) << 9
        | field(raw, 6, 1) << 4
        | field(raw, 5, 1) << 6
        | field(raw, 3, 2) << 7
        | field(raw, 2, 1) << 5;
    bits.cast_signed() << 22 >> 22
}

/// Returns the offset of `c.j`.
fn imm_jump(raw: u32) -> i32 {
    let bits = field(raw, 12, 1) << 11
        | field(raw, 11, 1) << 4
        | field(raw, 9, 2) << 8
        | field(raw, 8, 1) << 10
        | field(raw, 7, 1) << 6
        | field(raw, 6, 1) << 7
        | field(raw, 3, 3) << 1
        | field(raw, 2, 1) << 5;
    bits.cast_signed() << 20 >> 20
}

/// Returns the offset of `c.beqz` and `c.bnez`.
fn imm_branch(raw: u32) -> i32 {
    let bits = field(raw, 12, 1) << 8
        | field(raw, 10, 2) << 3
        | field(raw, 5, 2) << 6
        | field(raw, 3, 2) << 1
        | field(raw, 2, 1) << 5;
    bits.cast_signed() << 23 >> 23
}

/// Decodes shifts and arithmetic on the registers x8 to x15.
fn among_short_register(blank: Instruction) -> Instruction {
    let raw = blank.raw;
    let rd = short_register(raw, 7);
    let blank = Instruction { rd, rs1: rd, ..blank };
    let op = match (field(raw, 10, 2), field(raw, 12, 1), field(raw, 5, 2)) {
        (0, ..) => return Instruction { op: Op::Srl, imm: shift(raw), ..blank },
        (1, ..) => return Instruction { op: Op::Sra, imm: shift(raw), ..blank },
        (2, ..) => return Instruction { op: Op::And, imm: imm6(raw), ..blank },
        (_, 0, 0) => Op::Sub,
        (_, 0, 1) => Op::Xor,
        (_, 0, 2) => Op::Or,
        (_, 0, _) => Op::And,
        (_, _, 0) => Op::Subw,
        (_, _, 1) => Op::Addw,
        _ => Op::Illegal,
    };
    Instruction { op, rs2: short_register(raw, 2), ..blank }
}

/// Decodes quadrant 2: stack-pointer loads and stores, jumps to registers, and moves.
fn stack(blank: Instruction) -> Instruction {
    let raw = blank.raw;
    let (rd, rs2) = (register(raw, 7), register(raw, 2));
    let load_word = (field(raw, 12, 1) << 5 | field(raw, 4, 3) << 2 | field(raw, 2, 2) << 6).cast_signed();
    let load_double = (field(raw, 12, 1) << 5 | field(raw, 5, 2) << 3 | field(raw, 2, 3) << 6).cast_signed();
    let store_word = (field(raw, 9, 4) << 2 | field(raw, 7, 2) << 6).cast_signed();
    let store_double = (field(raw, 10, 3) << 3 | field(raw, 7, 3) << 6).cast_signed();
    match (field(raw, 13, 3), rd) {
        (0, _) => Instruction { op: Op::Sll, rd, rs1: rd, imm: shift(raw), ..blank },
        (2 | 3, 0) => blank,
        (2, _) => Instruction { op: Op::Lw, rd, rs1: SP, imm: load_word, ..blank },
        (3, _) => Instruction { op: Op::Ld, rd, rs1: SP, imm: load_double, ..blank },
        (4, _) => jump_or_move(blank, rd, rs2),
        (6, _) => Instruction { op: Op::Sw, rs1: SP, rs2, imm: store_word, ..blank },
        (7, _) => Instruction { op: Op::Sd, rs1: SP, rs2, imm: store_double, ..blank },
        _ => blank,
    }
}

fn jump_or_move(blank: Instruction, rd: u8, rs2: u8) -> Instruction {
    match (field(blank.raw, 12, 1), rd, rs2) {
        (0, 0, 0) => blank,
        (0, _, 0) => Instruction { op: Op::Jalr, rs1: rd, ..blank },
        (0, ..) => Instruction { op: Op::Add, rd, rs2, ..blank },
        (_, 0, 0) => Instruction { op: Op::Ebreak, ..blank },
        (_, _, 0) => Instruction { op: Op::Jalr, rd: RA, rs1: rd, ..blank },
        _ => Instruction { op: Op::Add, rd, rs1: rd, rs2, ..blank },
    }
}
