//! The control and status registers.
//!
//! Which bits can be written is what QEMU 10.0 allows, whose registers depend on the hart's extensions in the same way.

use super::decode::{Instruction, Op};
use super::registers::extension;
use super::{Exit, Hart, Registers, Unsupported};
use crate::virt::bus::Bus;
use crate::virt::clock::Clock;

/// Fields of `mstatus`.
pub(super) mod status {
    /// Interrupts are enabled.
    pub(in super::super) const MIE: u64 = 1 << 3;
    /// They were before the trap.
    pub(in super::super) const MPIE: u64 = 1 << 7;
    /// The mode before the trap.
    pub(in super::super) const MPP: u64 = 3 << 11;
    /// Whether there are floating point registers, and whether they have changed.
    pub(in super::super) const FS: u64 = 3 << 13;
    /// Loads and stores are those of the mode in `MPP`.
    pub(in super::super) const MPRV: u64 = 1 << 17;
    /// The width of a user's registers.
    pub(super) const UXL: u64 = 3 << 32;
    /// The width of a supervisor's registers.
    pub(super) const SXL: u64 = 3 << 34;
    /// Their only width here.
    pub(super) const SXL_64: u64 = 2 << 34;
    /// After a reset: 64 bits in all modes, and machine mode before the trap that there was none of.
    pub(in super::super) const AFTER_RESET: u64 = SXL_64 | 2 << 32 | MPP;
    /// What traps have to say about a hypervisor's guest.
    pub(super) const GVA_MPV: u64 = 3 << 38;
    /// Some extension's registers have changed.
    pub(super) const SD: u64 = 1 << 63;
    /// SIE, SPIE, SPP, SUM, MXR, TVM, TW, TSR: a supervisor's, which can be written even when there is none.
    pub(super) const SUPERVISOR: u64 = 0x7c_0122;
}

/// The numbers of registers.
mod number {
    pub(super) const MSTATUS: u32 = 0x300;
    pub(super) const MISA: u32 = 0x301;
    pub(super) const MEDELEG: u32 = 0x302;
    pub(super) const MIDELEG: u32 = 0x303;
    pub(super) const MIE: u32 = 0x304;
    pub(super) const MTVEC: u32 = 0x305;
    pub(super) const MCOUNTEREN: u32 = 0x306;
    pub(super) const MCOUNTINHIBIT: u32 = 0x320;
    pub(super) const MSCRATCH: u32 = 0x340;
    pub(super) const MEPC: u32 = 0x341;
    pub(super) const MCAUSE: u32 = 0x342;
    pub(super) const MTVAL: u32 = 0x343;
    pub(super) const MIP: u32 = 0x344;
    pub(super) const TIME: u32 = 0xc01;
    pub(super) const MVENDORID: u32 = 0xf11;
    pub(super) const MARCHID: u32 = 0xf12;
    pub(super) const MIMPID: u32 = 0xf13;
    pub(super) const MHARTID: u32 = 0xf14;
    pub(super) const MCONFIGPTR: u32 = 0xf15;
}

/// Interrupts that can be enabled: those of both modes, and the overflow of counters.
const ENABLED: u64 = 0x2aaa;
/// Interrupts that a program can make pending, and delegate: those of a supervisor.
const SOFTWARE: u64 = 0x2222;
/// Exceptions that can be delegated.
const DELEGATED: u64 = 0xf4_bfff;
/// The counters that there are: of cycles, time and instructions, and sixteen more.
const COUNTERS: u32 = 0x7_ffff;
/// The one of time, which never stops.
const TIME_COUNTER: u32 = 2;
/// In a byte of `pmpcfg`: the rule holds in machine mode too, until the next reset.
pub(super) const LOCKED: u8 = 0x80;

impl Hart {
    /// Executes an instruction that reads, and maybe writes, a register. Returns what it has read.
    pub(super) fn access_csr(&mut self, bus: &mut Bus, insn: &Instruction, rs1: u64) -> Result<u64, Exit> {
        let number = insn.imm.cast_unsigned();
        let operand = match insn.op {
            Op::Csrrwi | Op::Csrrsi | Op::Csrrci => u64::from(insn.rs1),
            _ => rs1,
        };
        let always = matches!(insn.op, Op::Csrrw | Op::Csrrwi);
        let writes = always || insn.rs1 != 0;
        let read_only = number >> 10 == 3;
        let old = self.read_csr(bus, number).ok_or_else(|| self.missing_csr(insn, number))?;
        if writes && read_only {
            return Err(self.illegal(insn));
        }
        if writes {
            let value = match insn.op {
                Op::Csrrw | Op::Csrrwi => operand,
                Op::Csrrs | Op::Csrrsi => old | operand,
                _ => old & !operand,
            };
            self.write_csr(&bus.clock, number, value)?;
            bus.attention = true;
        }
        Ok(old)
    }

    /// What happens at a register that there is not, or that only a hart with more extensions has.
    fn missing_csr(&self, insn: &Instruction, number: u32) -> Exit {
        match number {
            0x001..=0x003 if self.has_floating_point() => Unsupported::FloatingPoint.into(),
            0x100..=0x1ff if self.regs.has(extension::S) => Unsupported::Mode.into(),
            0x200..=0x2ff | 0x600..=0x6ff if self.regs.has(extension::H) => Unsupported::Mode.into(),
            _ => self.illegal(insn),
        }
    }

    /// Whether the guest sees floating point registers, which are not there.
    pub(super) fn has_floating_point(&self) -> bool {
        self.regs.has(extension::F) && self.regs.mstatus & status::FS != 0
    }

    fn read_csr(&self, bus: &Bus, number: u32) -> Option<u64> {
        let regs = &self.regs;
        Some(match number {
            number::MSTATUS => regs.mstatus_with_summary(),
            number::MISA => u64::from(regs.misa_mxl) << 62 | u64::from(regs.misa_ext),
            number::MEDELEG => regs.medeleg,
            number::MIDELEG => regs.mideleg,
            number::MIE => regs.mie,
            number::MTVEC => regs.mtvec,
            number::MCOUNTEREN if regs.has(extension::U) => u64::from(regs.mcounteren),
            number::MCOUNTINHIBIT => u64::from(regs.mcountinhibit),
            0x323..=0x33f => regs.mhpmevent_val[low5(number)],
            number::MSCRATCH => regs.mscratch,
            number::MEPC => regs.mepc,
            number::MCAUSE => regs.mcause,
            number::MTVAL => regs.mtval,
            number::MIP => regs.mip,
            0x3a0 | 0x3a2 => regs.pmp_config(number)?,
            0x3b0..=0x3bf => regs.pmp.as_ref()?.entries[low4(number)].addr_reg,
            number::TIME => bus.clint.time(&bus.clock),
            0xb00 | 0xb02..=0xb12 | 0xc00 | 0xc02..=0xc12 => regs.counter(&bus.clock, low5(number)),
            number::MVENDORID | number::MARCHID | number::MIMPID | number::MCONFIGPTR => 0,
            number::MHARTID => regs.mhartid,
            _ => return None,
        })
    }

    fn write_csr(&mut self, clock: &Clock, number: u32, value: u64) -> Result<(), Exit> {
        let regs = &mut self.regs;
        match number {
            number::MSTATUS => return self.write_mstatus(value),
            number::MEDELEG => regs.medeleg = value & DELEGATED,
            number::MIDELEG => regs.mideleg = regs.mideleg & !SOFTWARE | value & SOFTWARE,
            number::MIE => regs.mie = regs.mie & !ENABLED | value & ENABLED,
            number::MTVEC if value & 3 < 2 => regs.mtvec = value,
            number::MCOUNTEREN => regs.mcounteren = low32(value) & COUNTERS,
            number::MCOUNTINHIBIT => regs.inhibit(clock, low32(value) & COUNTERS & !TIME_COUNTER),
            0x323..=0x33f => regs.mhpmevent_val[low5(number)] = value,
            number::MSCRATCH => regs.mscratch = value,
            number::MEPC => regs.mepc = value,
            number::MCAUSE => regs.mcause = value,
            number::MTVAL => regs.mtval = value,
            number::MIP => regs.mip = regs.mip & !SOFTWARE | value & SOFTWARE,
            0x3a0 | 0x3a2 => return regs.set_pmp_config(number, value),
            0x3b0..=0x3bf => regs.set_pmp_address(number, value),
            0xb00 | 0xb02..=0xb12 => regs.set_counter(clock, low5(number), value),
            // `misa`, and modes of `mtvec` that there are not: ignored.
            _ => {}
        }
        Ok(())
    }

    fn write_mstatus(&mut self, value: u64) -> Result<(), Exit> {
        let regs = &self.regs;
        let mut writable = status::MIE | status::MPIE | status::MPRV | status::SUPERVISOR;
        for (present, bits) in [
            (regs.has(extension::F), status::FS),
            (regs.has(extension::H), status::GVA_MPV),
            (value & status::UXL != 0, status::UXL),
            (regs.has_mode(value), status::MPP),
        ] {
            writable |= if present { bits } else { 0 };
        }
        let mut new = regs.mstatus & !(writable | status::SXL) | value & writable | status::SXL_64;
        if !regs.has_mode(new) {
            new |= status::MPP;
        }
        let old = std::mem::replace(&mut self.regs.mstatus, new);
        self.refuse_modified_privilege().inspect_err(|_| self.regs.mstatus = old)
    }
}

impl Registers {
    fn mstatus_with_summary(&self) -> u64 {
        match self.mstatus & status::FS {
            status::FS => self.mstatus | status::SD,
            _ => self.mstatus,
        }
    }

    /// Whether there is the mode that `mstatus` says was before the trap.
    fn has_mode(&self, mstatus: u64) -> bool {
        match (mstatus & status::MPP) >> 11 {
            0 => self.has(extension::U),
            1 => self.has(extension::S),
            2 => false,
            _ => true,
        }
    }

    /// Eight of the bytes of `pmpcfg`.
    fn pmp_config(&self, number: u32) -> Option<u64> {
        let entries = &self.pmp.as_ref()?.entries[4 * low4(number)..];
        let mut bytes = [0; 8];
        for (byte, entry) in bytes.iter_mut().zip(entries) {
            *byte = entry.cfg_reg;
        }
        Some(u64::from_le_bytes(bytes))
    }

    fn set_pmp_config(&mut self, number: u32, value: u64) -> Result<(), Exit> {
        let bytes = value.to_le_bytes();
        if bytes.iter().any(|byte| byte & LOCKED != 0) {
            return Err(Unsupported::LockedMemory.into());
        }
        if let Some(pmp) = &mut self.pmp {
            for (entry, byte) in pmp.entries[4 * low4(number)..].iter_mut().zip(bytes) {
                entry.cfg_reg = byte;
            }
        }
        Ok(())
    }

    fn set_pmp_address(&mut self, number: u32, value: u64) {
        if let Some(pmp) = &mut self.pmp {
            pmp.entries[low4(number)].addr_reg = value;
        }
    }

    fn counter(&self, clock: &Clock, index: usize) -> u64 {
        let counter = &self.pmu_ctrs[index];
        let since = clock.instructions.wrapping_sub(counter.mhpmcounter_prev);
        match index {
            0 | 2 if self.mcountinhibit & (1 << index) == 0 => counter.mhpmcounter_val.wrapping_add(since),
            _ => counter.mhpmcounter_val,
        }
    }

    fn set_counter(&mut self, clock: &Clock, index: usize, value: u64) {
        let counter = &mut self.pmu_ctrs[index];
        (counter.mhpmcounter_val, counter.mhpmcounter_prev) = (value, clock.instructions);
    }

    /// Lets counters that run count from now on, wherever they have come from.
    pub(in super::super) fn rebase_counters(&mut self, clock: &Clock) {
        for index in [0, 2] {
            self.pmu_ctrs[index].mhpmcounter_prev = clock.instructions;
        }
    }

    /// Brings the counters that run up to date.
    pub(in super::super) fn update_counters(&mut self, clock: &Clock) {
        for index in [0, 2] {
            self.set_counter(clock, index, self.counter(clock, index));
        }
    }

    /// Lets counters stand still, or go on from where they are.
    fn inhibit(&mut self, clock: &Clock, inhibited: u32) {
        self.update_counters(clock);
        self.mcountinhibit = inhibited;
    }
}

fn low32(value: u64) -> u32 {
    value as u32
}

fn low5(number: u32) -> usize {
    (number & 31) as usize
}

fn low4(number: u32) -> usize {
    (number & 15) as usize
}
