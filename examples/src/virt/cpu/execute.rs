//! Executes instructions.

use super::alu::{atomic, multiply, multiply_word, shift32, shift64, word};
use super::decode::{Amo, Instruction, Op};
use super::registers::{NOT_RESERVED, extension};
use super::{Cause, Exit, Hart, Unsupported};
use crate::virt::bus::Bus;

impl Hart {
    /// Executes one instruction. A trap changes nothing except `load_res`.
    #[inline]
    pub(super) fn execute(&mut self, bus: &mut Bus, insn: &Instruction) -> Result<(), Exit> {
        let (a, rs2) = (self.x(insn.rs1), self.x(insn.rs2));
        let imm = i64::from(insn.imm).cast_unsigned();
        let b = rs2.wrapping_add(imm);
        let pc = self.regs.pc;
        let next = pc.wrapping_add(u64::from(insn.length));
        let value = match insn.op {
            Op::Lui => imm,
            Op::Auipc => pc.wrapping_add(imm),
            Op::Add => a.wrapping_add(b),
            Op::Sub => a.wrapping_sub(b),
            Op::Sll => a << shift64(b),
            Op::Slt => u64::from(a.cast_signed() < b.cast_signed()),
            Op::Sltu => u64::from(a < b),
            Op::Xor => a ^ b,
            Op::Srl => a >> shift64(b),
            Op::Sra => (a.cast_signed() >> shift64(b)).cast_unsigned(),
            Op::Or => a | b,
            Op::And => a & b,
            Op::Addw => word(a.wrapping_add(b)),
            Op::Subw => word(a.wrapping_sub(b)),
            Op::Sllw => word(a << shift32(b)),
            Op::Srlw => word((a & 0xffff_ffff) >> shift32(b)),
            Op::Sraw => word((word(a).cast_signed() >> shift32(b)).cast_unsigned()),
            Op::Mul | Op::Mulh | Op::Mulhsu | Op::Mulhu | Op::Div | Op::Divu | Op::Rem | Op::Remu => {
                multiply(insn.op, a, b)
            }
            Op::Mulw | Op::Divw | Op::Divuw | Op::Remw | Op::Remuw => multiply_word(insn.op, a, b),
            Op::Lb => i64::from(i8::from_le_bytes(load(bus, a.wrapping_add(imm))?)).cast_unsigned(),
            Op::Lh => i64::from(i16::from_le_bytes(load(bus, a.wrapping_add(imm))?)).cast_unsigned(),
            Op::Lw => i64::from(i32::from_le_bytes(load(bus, a.wrapping_add(imm))?)).cast_unsigned(),
            Op::Ld => u64::from_le_bytes(load(bus, a.wrapping_add(imm))?),
            Op::Lbu => u64::from(u8::from_le_bytes(load(bus, a.wrapping_add(imm))?)),
            Op::Lhu => u64::from(u16::from_le_bytes(load(bus, a.wrapping_add(imm))?)),
            Op::Lwu => u64::from(u32::from_le_bytes(load(bus, a.wrapping_add(imm))?)),
            Op::Sb => return self.store::<1>(bus, a.wrapping_add(imm), rs2, next),
            Op::Sh => return self.store::<2>(bus, a.wrapping_add(imm), rs2, next),
            Op::Sw => return self.store::<4>(bus, a.wrapping_add(imm), rs2, next),
            Op::Sd => return self.store::<8>(bus, a.wrapping_add(imm), rs2, next),
            Op::Beq => return self.branch(a == rs2, imm, next),
            Op::Bne => return self.branch(a != rs2, imm, next),
            Op::Blt => return self.branch(a.cast_signed() < rs2.cast_signed(), imm, next),
            Op::Bge => return self.branch(a.cast_signed() >= rs2.cast_signed(), imm, next),
            Op::Bltu => return self.branch(a < rs2, imm, next),
            Op::Bgeu => return self.branch(a >= rs2, imm, next),
            Op::Jal => return self.jump(insn.rd, pc.wrapping_add(imm), next),
            Op::Jalr => return self.jump(insn.rd, a.wrapping_add(imm) & !1, next),
            Op::LrW => self.load_reserved(a, word_at(bus, a, Cause::LoadAccess)?),
            Op::LrD => self.load_reserved(a, double_at(bus, a, Cause::LoadAccess)?),
            Op::ScW => self.store_conditional::<4>(bus, a, rs2)?,
            Op::ScD => self.store_conditional::<8>(bus, a, rs2)?,
            Op::AmoW(amo) => amo_word(bus, amo, a, rs2)?,
            Op::AmoD(amo) => amo_double(bus, amo, a, rs2)?,
            Op::Fence => return self.go_on(next),
            Op::Csrrw | Op::Csrrs | Op::Csrrc | Op::Csrrwi | Op::Csrrsi | Op::Csrrci => {
                self.access_csr(bus, insn, a)?
            }
            Op::Ecall | Op::Ebreak | Op::Mret | Op::Sret | Op::Wfi | Op::SfenceVma | Op::Illegal => {
                return self.execute_rare(bus, insn, next);
            }
        };
        self.set_x(insn.rd, value);
        self.go_on(next)
    }

    /// Executes system instructions.
    fn execute_rare(&mut self, bus: &mut Bus, insn: &Instruction, next: u64) -> Result<(), Exit> {
        match insn.op {
            Op::Ecall => Err(Cause::EcallFromMachine.because_of(0)),
            // QEMU 7.2 sets `mtval` to zero.
            Op::Ebreak => Err(Cause::Breakpoint.because_of(self.regs.pc)),
            Op::Mret => self.return_from_trap(bus),
            Op::Sret if self.regs.has(extension::S) => Err(Unsupported::Mode.into()),
            Op::SfenceVma if self.regs.has(extension::S) => self.go_on(next),
            Op::Wfi => {
                self.halted = true;
                bus.attention = true;
                self.go_on(next)
            }
            _ => Err(self.illegal(insn)),
        }
    }

    /// Returns the exception of an illegal instruction, or an error if a hart with more extensions supports it.
    pub(super) fn illegal(&self, insn: &Instruction) -> Exit {
        match insn.raw & 0x7f {
            0x07 | 0x27 | 0x43 | 0x47 | 0x4b | 0x4f | 0x53 if self.has_floating_point() => {
                Unsupported::FloatingPoint.into()
            }
            _ => Cause::IllegalInstruction.because_of(u64::from(insn.raw)),
        }
    }

    #[inline]
    fn x(&self, register: u8) -> u64 {
        self.regs.gpr[usize::from(register & 31)]
    }

    #[inline]
    fn set_x(&mut self, register: u8, value: u64) {
        self.regs.gpr[usize::from(register & 31)] = value;
        self.regs.gpr[0] = 0;
    }

    #[inline]
    fn go_on(&mut self, next: u64) -> Result<(), Exit> {
        self.regs.pc = next;
        Ok(())
    }

    #[inline]
    fn branch(&mut self, taken: bool, offset: u64, next: u64) -> Result<(), Exit> {
        self.regs.pc = if taken { self.regs.pc.wrapping_add(offset) } else { next };
        Ok(())
    }

    #[inline]
    fn jump(&mut self, rd: u8, target: u64, next: u64) -> Result<(), Exit> {
        self.set_x(rd, next);
        self.go_on(target)
    }

    #[inline]
    fn store<const N: usize>(&mut self, bus: &mut Bus, address: u64, value: u64, next: u64) -> Result<(), Exit> {
        store::<N>(bus, address, value)?;
        self.go_on(next)
    }

    fn load_reserved(&mut self, address: u64, value: u64) -> u64 {
        (self.regs.load_res, self.regs.load_val) = (address, value);
        value
    }

    /// As in QEMU, the store succeeds if the memory still has the loaded value (`trans_rva.c.inc`), even if it was
    /// written meanwhile.
    fn store_conditional<const N: usize>(&mut self, bus: &mut Bus, address: u64, value: u64) -> Result<u64, Exit> {
        let reserved = std::mem::replace(&mut self.regs.load_res, NOT_RESERVED);
        if reserved != address {
            return Ok(1);
        }
        let found = match N {
            4 => word_at(bus, address, Cause::StoreAccess)?,
            _ => double_at(bus, address, Cause::StoreAccess)?,
        };
        let expected = if N == 4 { word(self.regs.load_val) } else { self.regs.load_val };
        if found != expected {
            return Ok(1);
        }
        store::<N>(bus, address, value)?;
        Ok(0)
    }
}

fn load<const N: usize>(bus: &mut Bus, address: u64) -> Result<[u8; N], Exit> {
    bus.load(address).ok_or_else(|| Cause::LoadAccess.because_of(address))
}

fn store<const N: usize>(bus: &mut Bus, address: u64, value: u64) -> Result<(), Exit> {
    bus.store::<N>(address, value).ok_or_else(|| Cause::StoreAccess.because_of(address))
}

/// Loads the sign-extended word of an atomic instruction, or returns the exception `fault`.
fn word_at(bus: &mut Bus, address: u64, fault: Cause) -> Result<u64, Exit> {
    Ok(i64::from(i32::from_le_bytes(atomic_load(bus, address, fault)?)).cast_unsigned())
}

/// Loads the doubleword of an atomic instruction.
fn double_at(bus: &mut Bus, address: u64, fault: Cause) -> Result<u64, Exit> {
    Ok(u64::from_le_bytes(atomic_load(bus, address, fault)?))
}

/// Checks the alignment of an atomic instruction. As in QEMU, a misaligned one is reported as a load, even if it also
/// stores.
fn atomic_load<const N: usize>(bus: &mut Bus, address: u64, fault: Cause) -> Result<[u8; N], Exit> {
    match address % N as u64 {
        0 => bus.load(address).ok_or_else(|| fault.because_of(address)),
        _ => Err(Cause::LoadMisaligned.because_of(address)),
    }
}

fn amo_word(bus: &mut Bus, amo: Amo, address: u64, operand: u64) -> Result<u64, Exit> {
    let found = word_at(bus, address, Cause::StoreAccess)?;
    store::<4>(bus, address, atomic(amo, found, word(operand)))?;
    Ok(found)
}

fn amo_double(bus: &mut Bus, amo: Amo, address: u64, operand: u64) -> Result<u64, Exit> {
    let found = double_at(bus, address, Cause::StoreAccess)?;
    store::<8>(bus, address, atomic(amo, found, operand))?;
    Ok(found)
}
