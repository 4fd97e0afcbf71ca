//! Traps: interrupts, exceptions, and `mret`.

use super::csr::status;
use super::registers::{NOT_RESERVED, extension};
use super::{Exception, Exit, Hart, Unsupported};
use crate::virt::bus::Bus;

/// The interrupt bit of `mcause`.
const INTERRUPT: u64 = 1 << 63;
/// The vectored mode of `mtvec`.
const VECTORED: u64 = 1;

impl Hart {
    /// Returns the interrupt to take. As in QEMU, the lowest number has priority.
    pub(super) fn interrupt(&self) -> Option<u64> {
        let pending = self.regs.mip & self.regs.mie & !self.regs.mideleg;
        let taken = self.regs.mstatus & status::MIE != 0 && pending != 0;
        taken.then(|| u64::from(pending.trailing_zeros()))
    }

    pub(super) fn enter_interrupt(&mut self, number: u64) {
        self.enter(INTERRUPT | number, 0);
        if self.regs.mtvec & VECTORED != 0 {
            self.regs.pc = self.regs.pc.wrapping_add(4 * number);
        }
    }

    pub(super) fn enter_exception(&mut self, exception: Exception) {
        self.enter(exception.cause as u64, exception.value);
    }

    fn enter(&mut self, cause: u64, value: u64) {
        let regs = &mut self.regs;
        regs.mcause = cause;
        regs.mepc = regs.pc;
        regs.mtval = value;
        let enabled = regs.mstatus & status::MIE != 0;
        regs.mstatus &= !(status::MIE | status::MPIE);
        regs.mstatus |= status::MPP | if enabled { status::MPIE } else { 0 };
        regs.pc = regs.mtvec & !3;
        regs.load_res = NOT_RESERVED;
    }

    /// Executes `mret`.
    pub(super) fn return_from_trap(&mut self, bus: &mut Bus) -> Result<(), Exit> {
        let old = self.regs.mstatus;
        if old & status::MPP != status::MPP {
            return Err(Unsupported::Mode.into());
        }
        let enabled = old & status::MPIE != 0;
        let least = if self.regs.has(extension::U) { 0 } else { status::MPP };
        let kept = old & !(status::MIE | status::MPP);
        self.regs.mstatus = kept | least | status::MPIE | if enabled { status::MIE } else { 0 };
        self.reject_modified_privilege().inspect_err(|_| self.regs.mstatus = old)?;
        self.regs.pc = self.regs.mepc;
        self.regs.load_res = NOT_RESERVED;
        bus.attention = true;
        Ok(())
    }

    /// Rejects `MPRV` with a mode other than machine mode.
    pub(super) fn reject_modified_privilege(&self) -> Result<(), Exit> {
        let modified = self.regs.mstatus & status::MPRV != 0;
        if modified && self.regs.mstatus & status::MPP != status::MPP {
            return Err(Unsupported::Mode.into());
        }
        Ok(())
    }
}
