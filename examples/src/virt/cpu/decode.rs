//! Decodes instructions.

use super::compressed;

/// The operation of an instruction. Arithmetic uses `rs1` and `rs2 + imm`, one of which is always zero, so instructions
/// with an immediate are not separate operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[rustfmt::skip]
pub(super) enum Op {
    Illegal,
    Lui, Auipc, Jal, Jalr,
    Beq, Bne, Blt, Bge, Bltu, Bgeu,
    Lb, Lh, Lw, Ld, Lbu, Lhu, Lwu,
    Sb, Sh, Sw, Sd,
    Add, Sub, Sll, Slt, Sltu, Xor, Srl, Sra, Or, And,
    Addw, Subw, Sllw, Srlw, Sraw,
    Mul, Mulh, Mulhsu, Mulhu, Div, Divu, Rem, Remu,
    Mulw, Divw, Divuw, Remw, Remuw,
    LrW, LrD, ScW, ScD, AmoW(Amo), AmoD(Amo),
    Fence, Ecall, Ebreak, Mret, Sret, Wfi, SfenceVma,
    Csrrw, Csrrs, Csrrc, Csrrwi, Csrrsi, Csrrci,
}

/// The operation of an atomic instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[rustfmt::skip]
pub(super) enum Amo { Swap, Add, Xor, And, Or, Min, Max, Minu, Maxu }

/// A decoded instruction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Instruction {
    /// The instruction: 32 bits, or 16 bits with zeros above.
    pub(super) raw: u32,
    pub(super) imm: i32,
    pub(super) op: Op,
    pub(super) rd: u8,
    pub(super) rs1: u8,
    pub(super) rs2: u8,
    /// The length in bytes: 2 or 4.
    pub(super) length: u8,
}

impl Instruction {
    /// Creates an illegal instruction.
    pub(super) const fn illegal(raw: u32) -> Self {
        Self { raw, imm: 0, op: Op::Illegal, rd: 0, rs1: 0, rs2: 0, length: if raw & 3 == 3 { 4 } else { 2 } }
    }

    /// Decodes the instruction at the low end of `bits`.
    pub(super) fn decode(bits: u32) -> Self {
        match bits & 3 {
            3 => decode_full(bits),
            _ => compressed::decode(bits),
        }
    }
}

/// Returns the bits `low + width - 1 ..= low`.
pub(super) fn field(bits: u32, low: u32, width: u32) -> u32 {
    (bits >> low) & ((1 << width) - 1)
}

/// Returns the register number at bit `low`.
fn register(bits: u32, low: u32) -> u8 {
    field(bits, low, 5) as u8
}

fn decode_full(raw: u32) -> Instruction {
    let funct3 = field(raw, 12, 3);
    let (rd, rs1, rs2) = (register(raw, 7), register(raw, 15), register(raw, 20));
    let blank = Instruction { rd, rs1, ..Instruction::illegal(raw) };
    match field(raw, 2, 5) {
        0x00 => Instruction { op: load(funct3), imm: imm_i(raw), ..blank },
        0x03 if funct3 < 2 => Instruction { op: Op::Fence, ..blank },
        0x04 => immediate(blank, funct3),
        0x05 => Instruction { op: Op::Auipc, imm: imm_u(raw), ..blank },
        0x06 => immediate_word(blank, funct3),
        0x08 => Instruction { op: store(funct3), rs2, imm: imm_s(raw), ..blank },
        0x0b => Instruction { op: atomic(funct3, field(raw, 27, 5), rs2), rs2, ..blank },
        0x0c => Instruction { op: register_op(funct3, field(raw, 25, 7)), rs2, ..blank },
        0x0d => Instruction { op: Op::Lui, imm: imm_u(raw), ..blank },
        0x0e => Instruction { op: register_op_word(funct3, field(raw, 25, 7)), rs2, ..blank },
        0x18 => Instruction { op: branch(funct3), rs2, imm: imm_b(raw), ..blank },
        0x19 if funct3 == 0 => Instruction { op: Op::Jalr, imm: imm_i(raw), ..blank },
        0x1b => Instruction { op: Op::Jal, imm: imm_j(raw), ..blank },
        0x1c => Instruction { op: system(raw, funct3), imm: field(raw, 20, 12).cast_signed(), ..blank },
        _ => Instruction::illegal(raw),
    }
}

fn imm_i(raw: u32) -> i32 {
    raw.cast_signed() >> 20
}

fn imm_s(raw: u32) -> i32 {
    (raw.cast_signed() >> 25 << 5) | field(raw, 7, 5).cast_signed()
}

fn imm_b(raw: u32) -> i32 {
    let low = field(raw, 8, 4) << 1 | field(raw, 25, 6) << 5 | field(raw, 7, 1) << 11;
    (raw.cast_signed() >> 31 << 12) | low.cast_signed()
}

fn imm_u(raw: u32) -> i32 {
    (raw & 0xffff_f000).cast_signed()
}

fn imm_j(raw: u32) -> i32 {
    let low = field(raw, 21, 10) << 1 | field(raw, 20, 1) << 11 | field(raw, 12, 8) << 12;
    (raw.cast_signed() >> 31 << 20) | low.cast_signed()
}

fn load(funct3: u32) -> Op {
    [Op::Lb, Op::Lh, Op::Lw, Op::Ld, Op::Lbu, Op::Lhu, Op::Lwu, Op::Illegal][funct3 as usize]
}

fn store(funct3: u32) -> Op {
    [Op::Sb, Op::Sh, Op::Sw, Op::Sd].get(funct3 as usize).copied().unwrap_or(Op::Illegal)
}

fn branch(funct3: u32) -> Op {
    [Op::Beq, Op::Bne, Op::Illegal, Op::Illegal, Op::Blt, Op::Bge, Op::Bltu, Op::Bgeu][funct3 as usize]
}

fn immediate(blank: Instruction, funct3: u32) -> Instruction {
    let shift = field(blank.raw, 20, 6).cast_signed();
    let (op, imm) = match (funct3, field(blank.raw, 26, 6)) {
        (1, 0x00) => (Op::Sll, shift),
        (5, 0x00) => (Op::Srl, shift),
        (5, 0x10) => (Op::Sra, shift),
        (1 | 5, _) => (Op::Illegal, 0),
        _ => (register_op(funct3, 0), imm_i(blank.raw)),
    };
    Instruction { op, imm, ..blank }
}

fn immediate_word(blank: Instruction, funct3: u32) -> Instruction {
    let shift = field(blank.raw, 20, 5).cast_signed();
    let (op, imm) = match (funct3, field(blank.raw, 25, 7)) {
        (0, _) => (Op::Addw, imm_i(blank.raw)),
        (1, 0x00) => (Op::Sllw, shift),
        (5, 0x00) => (Op::Srlw, shift),
        (5, 0x20) => (Op::Sraw, shift),
        _ => (Op::Illegal, 0),
    };
    Instruction { op, imm, ..blank }
}

fn register_op(funct3: u32, funct7: u32) -> Op {
    const PLAIN: [Op; 8] = [Op::Add, Op::Sll, Op::Slt, Op::Sltu, Op::Xor, Op::Srl, Op::Or, Op::And];
    const MULTIPLY: [Op; 8] = [Op::Mul, Op::Mulh, Op::Mulhsu, Op::Mulhu, Op::Div, Op::Divu, Op::Rem, Op::Remu];
    match (funct7, funct3) {
        (0x00, _) => PLAIN[funct3 as usize],
        (0x01, _) => MULTIPLY[funct3 as usize],
        (0x20, 0) => Op::Sub,
        (0x20, 5) => Op::Sra,
        _ => Op::Illegal,
    }
}

fn register_op_word(funct3: u32, funct7: u32) -> Op {
    match (funct7, funct3) {
        (0x00, 0) => Op::Addw,
        (0x00, 1) => Op::Sllw,
        (0x00, 5) => Op::Srlw,
        (0x01, 0) => Op::Mulw,
        (0x01, 4) => Op::Divw,
        (0x01, 5) => Op::Divuw,
        (0x01, 6) => Op::Remw,
        (0x01, 7) => Op::Remuw,
        (0x20, 0) => Op::Subw,
        (0x20, 5) => Op::Sraw,
        _ => Op::Illegal,
    }
}

fn atomic(funct3: u32, funct5: u32, rs2: u8) -> Op {
    let amo = match funct5 {
        0x00 => Amo::Add,
        0x01 => Amo::Swap,
        0x04 => Amo::Xor,
        0x08 => Amo::Or,
        0x0c => Amo::And,
        0x10 => Amo::Min,
        0x14 => Amo::Max,
        0x18 => Amo::Minu,
        0x1c => Amo::Maxu,
        _ => return reserved(funct3, funct5, rs2),
    };
    match funct3 {
        2 => Op::AmoW(amo),
        3 => Op::AmoD(amo),
        _ => Op::Illegal,
    }
}

/// Decodes load-reserved and store-conditional.
fn reserved(funct3: u32, funct5: u32, rs2: u8) -> Op {
    match (funct5, funct3, rs2) {
        (0x02, 2, 0) => Op::LrW,
        (0x02, 3, 0) => Op::LrD,
        (0x03, 2, _) => Op::ScW,
        (0x03, 3, _) => Op::ScD,
        _ => Op::Illegal,
    }
}

fn system(raw: u32, funct3: u32) -> Op {
    match (funct3, raw) {
        (0, 0x0000_0073) => Op::Ecall,
        (0, 0x0010_0073) => Op::Ebreak,
        (0, 0x1020_0073) => Op::Sret,
        (0, 0x1050_0073) => Op::Wfi,
        (0, 0x3020_0073) => Op::Mret,
        (0, _) if raw & 0xfe00_7fff == 0x1200_0073 => Op::SfenceVma,
        (1, _) => Op::Csrrw,
        (2, _) => Op::Csrrs,
        (3, _) => Op::Csrrc,
        (5, _) => Op::Csrrwi,
        (6, _) => Op::Csrrsi,
        (7, _) => Op::Csrrci,
        _ => Op::Illegal,
    }
}
