//! The hart: RV64IMAC with Zicsr and Zifencei, in machine mode.
//!
//! Where the specification leaves a choice, the hart behaves as QEMU's, because a guest can be migrated at any
//! instruction. A guest from QEMU may run on a hart with more extensions; if it uses one, the board stops with
//! [`Unsupported`] instead of changing the hart.

mod alu;
mod compressed;
mod csr;
mod decode;
mod execute;
mod registers;
mod trap;

use std::fmt;

use decode::Instruction;
pub use registers::{Registers, extension};

use super::bus::Bus;

/// The number of cached decoded instructions.
const DECODED: usize = 2048;

/// A hart.
#[derive(Debug, Clone)]
pub struct Hart {
    /// The registers.
    pub regs: Registers,
    /// True if the hart waits for an interrupt.
    pub halted: bool,
    /// The cached decoded instructions by address. Each is compared with the memory before use, so self-modifying code
    /// needs no invalidation.
    decoded: Box<[Instruction; DECODED]>,
}

/// The reason why an instruction was not completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Exception(Exception),
    Unsupported(Unsupported),
}

/// An exception: a trap that an instruction causes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exception {
    cause: Cause,
    /// The value of `mtval`.
    value: u64,
}

/// The causes of exceptions, with the numbers of `mcause`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cause {
    InstructionAccess = 1,
    IllegalInstruction = 2,
    Breakpoint = 3,
    LoadMisaligned = 4,
    LoadAccess = 5,
    StoreAccess = 7,
    EcallFromMachine = 11,
}

/// A feature that this board does not support.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsupported {
    /// A mode other than machine mode.
    Mode,
    /// Floating-point numbers.
    FloatingPoint,
    /// A hart without one of the extensions I, M, A and C.
    Extensions,
    /// Physical memory protection rules that apply to machine mode.
    LockedMemory,
}

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mode => "the guest leaves machine mode, which is all that this board has",
            Self::FloatingPoint => "the guest uses floating point numbers, which this board lacks",
            Self::Extensions => "the guest's hart lacks instructions of RV64IMAC",
            Self::LockedMemory => "the guest locks a rule of memory protection, which this board cannot enforce",
        })
    }
}

impl Cause {
    fn because_of(self, value: u64) -> Exit {
        Exit::Exception(Exception { cause: self, value })
    }
}

impl From<Unsupported> for Exit {
    fn from(unsupported: Unsupported) -> Self {
        Self::Unsupported(unsupported)
    }
}

impl Hart {
    /// Creates a hart after reset.
    #[must_use]
    pub fn new(resetvec: u64) -> Self {
        let decoded = Box::new([const { Instruction::illegal(0) }; DECODED]);
        Self { regs: registers::after_reset(resetvec), halted: false, decoded }
    }

    /// Checks whether this board supports the state of the hart.
    ///
    /// # Errors
    /// Returns the unsupported feature in use.
    pub(super) fn check(&self) -> Result<(), Unsupported> {
        let regs = &self.regs;
        let locked = regs.pmp.iter().flat_map(|pmp| pmp.entries.iter()).any(|entry| entry.cfg_reg & csr::LOCKED != 0);
        match self.reject_modified_privilege() {
            Err(Exit::Unsupported(unsupported)) => Err(unsupported),
            _ if regs.privilege != registers::MACHINE || regs.virt_enabled => Err(Unsupported::Mode),
            _ if !regs.has(extension::I | extension::M | extension::A | extension::C) => Err(Unsupported::Extensions),
            _ if locked => Err(Unsupported::LockedMemory),
            _ => Ok(()),
        }
    }

    /// Takes an enabled pending interrupt, and wakes up on any pending one.
    pub(super) fn check_interrupts(&mut self) {
        if self.regs.mip & self.regs.mie != 0 {
            self.halted = false;
        }
        if let Some(number) = self.interrupt() {
            self.enter_interrupt(number);
        }
    }

    /// Executes instructions until the clock has counted `end` of them, or the hart needs attention.
    ///
    /// # Errors
    /// Returns an unsupported feature that the guest needs. The program counter is at the instruction.
    pub(super) fn run(&mut self, bus: &mut Bus, end: u64) -> Result<(), Unsupported> {
        bus.attention = false;
        while bus.clock.instructions < end && !bus.attention {
            let result = self.step(bus);
            bus.clock.instructions += 1;
            match result {
                Ok(()) => {}
                Err(Exit::Exception(exception)) => self.enter_exception(exception),
                Err(Exit::Unsupported(unsupported)) => return Err(unsupported),
            }
        }
        Ok(())
    }

    #[inline]
    fn step(&mut self, bus: &mut Bus) -> Result<(), Exit> {
        let instruction = self.fetch(bus)?;
        self.execute(bus, &instruction)
    }

    #[inline]
    fn fetch(&mut self, bus: &Bus) -> Result<Instruction, Exit> {
        let pc = self.regs.pc;
        let bits = bus.fetch(pc).map_err(|address| Cause::InstructionAccess.because_of(address))?;
        let slot = &mut self.decoded[(pc >> 1) as usize % DECODED];
        if slot.raw != bits {
            *slot = Instruction::decode(bits);
        }
        Ok(*slot)
    }
}
