//! The control and status registers.
//!
//! The writable bits follow QEMU 10.0 (target/riscv/csr.c), where they depend on the extensions of the hart, too.

use super::decode::{Instruction, Op};
use super::registers::extension;
use super::{Exit, Hart, Registers, Unsupported};
use crate::virt::bus::Bus;
use crate::virt::clock::Clock;

/// Fields of `mstatus`.
pub(super) mod status {
    /// Interrupt enable.
    pub(in super::super) const MIE: u64 = 1 << 3;
    /// Interrupt enable before the trap.
    pub(in super::super) const MPIE: u64 = 1 << 7;
    /// The privilege mode before the trap.
    pub(in super::super) const MPP: u64 = 3 << 11;
    /// The state of the floating-point registers.
    pub(in super::super) const FS: u64 = 3 << 13;
    /// Makes loads and stores use the mode in `MPP`.
    pub(in super::super) const MPRV: u64 = 1 << 17;
    /// The register width of user mode.
    pub(super) const UXL: u64 = 3 << 32;
    /// The register width of supervisor mode.
    pub(super) const SXL: u64 = 3 << 34;
    /// The value of both for 64 bits.
    pub(super) const SXL_64: u64 = 2 << 34;
    /// The value after reset: 64 bits in all modes, and machine mode as the previous mode.
    pub(in super::super) const AFTER_RESET: u64 = SXL_64 | 2 << 32 | MPP;
    /// Bits that traps set for a hypervisor's guest.
    pub(super) const GVA_MPV: u64 = 3 << 38;
    /// The state of additional extensions.
    pub(super) const SD: u64 = 1 << 63;
    /// The supervisor's bits SIE, SPIE, SPP, SUM, MXR, TVM, TW and TSR, which are writable even without supervisor
    /// mode.
    pub(super) const SUPERVISOR: u64 = 0x7c_0122;
}

/// Register numbers.
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

/// Interrupts that can be enabled: all of both modes, and counter overflow.
const ENABLED: u64 = 0x2aaa;
/// Interrupts that a program can raise and delegate: the supervisor's.
const SOFTWARE: u64 = 0x2222;
/// Exceptions that can be delegated.
const DELEGATED: u64 = 0xf4_bfff;
/// The implemented counters: cycles, time, instructions, and sixteen programmable ones.
const COUNTERS: u32 = 0x7_ffff;
/// The time counter, which never stops.
const TIME_COUNTER: u32 = 2;
/// The lock bit in a byte of `pmpcfg`: the rule also applies to machine mode, until reset.
pub(super) const LOCKED: u8 = 0x80;

impl Hart {
    /// Executes an instruction that reads and possibly writes a register. Returns the value read.
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

    /// Handles an access to a register that does not exist, or only on a hart with more extensions.
    fn missing_csr(&self, insn: &Instruction, number: u32) -> Exit {
        match number {
            0x001..=0x003 if self.has_floating_point() => Unsupported::FloatingPoint.into(),
            0x100..=0x1ff if self.regs.has(extension::S) => Unsupported::Mode.into(),
            0x200..=0x2ff | 0x600..=0x6ff if self.regs.has(extension::H) => Unsupported::Mode.into(),
            _ => self.illegal(insn),
        }
    }

    /// Returns whether the guest enabled floating-point registers, which are not implemented.
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
            // Writes to `misa` and unsupported modes of `mtvec` are ignored.
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
        self.reject_modified_privilege().inspect_err(|_| self.regs.mstatus = old)
    }
}

impl Registers {
    fn mstatus_with_summary(&self) -> u64 {
        match self.mstatus & status::FS {
            status::FS => self.mstatus | status::SD,
            _ => self.mstatus,
        }
    }

    /// Returns whether the mode in `mstatus.MPP` is implemented.
    fn has_mode(&self, mstatus: u64) -> bool {
        match (mstatus & status::MPP) >> 11 {
            0 => self.has(extension::U),
            1 => self.has(extension::S),
            2 => false,
            _ => true,
        }
    }

    /// Returns eight bytes of `pmpcfg`.
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

    /// Rebases running counters to the current clock after a load.
    pub(in super::super) fn rebase_counters(&mut self, clock: &Clock) {
        for index in [0, 2] {
            self.pmu_ctrs[index].mhpmcounter_prev = clock.instructions;
        }
    }

    /// Updates the values of running counters.
    pub(in super::super) fn update_counters(&mut self, clock: &Clock) {
        for index in [0, 2] {
            self.set_counter(clock, index, self.counter(clock, index));
        }
    }

    /// Stops or restarts counters.
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
