//! The timer and the software interrupt: SiFive's CLINT, or an ACLINT at the same addresses.

use super::clock::{Clock, NANOSECONDS_PER_TICK};
use crate::devices::riscv_mtimer::Mtimer;

/// Register offsets.
mod offset {
    pub(super) const MSIP: u64 = 0;
    pub(super) const MTIMECMP: u64 = 0x4000;
    pub(super) const MTIME: u64 = 0xbff8;
}

/// The timer and the software interrupt of one hart.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Clint {
    /// The timer in QEMU's section. QEMU 7.2 and 10.0 do not send its offset, so that it is lost in a migration.
    pub mtimer: Mtimer,
    /// The software interrupt. QEMU stores it only as a bit of `mip`.
    pub software: bool,
}

impl Clint {
    /// Returns the time in ticks.
    #[must_use]
    pub fn time(&self, clock: &Clock) -> u64 {
        clock.ticks().wrapping_add(self.mtimer.time_delta)
    }

    /// Returns the compare value in ticks.
    fn timecmp(&self) -> u64 {
        let [timecmp] = self.mtimer.timecmp;
        timecmp
    }

    /// Returns whether the timer interrupt is pending.
    #[must_use]
    pub fn is_due(&self, clock: &Clock) -> bool {
        self.time(clock) >= self.timecmp()
    }

    /// Returns the clock's time in nanoseconds when the timer will interrupt, unless it is pending already.
    pub(super) fn deadline(&self, clock: &Clock) -> Option<u64> {
        let left = self.timecmp().checked_sub(self.time(clock)).filter(|left| *left > 0)?;
        clock.ticks().checked_add(left)?.checked_mul(NANOSECONDS_PER_TICK)
    }

    pub(super) fn read(&self, offset: u64, size: usize, clock: &Clock) -> Option<u64> {
        let register = match offset & !7 {
            offset::MSIP => return Some(u64::from(offset == 0 && self.software)),
            offset::MTIMECMP => self.timecmp(),
            offset::MTIME => self.time(clock),
            _ => 0,
        };
        match (size, offset & 7) {
            (8, 0) => Some(register),
            (4, 0) => Some(register & 0xffff_ffff),
            (4, 4) => Some(register >> 32),
            _ => None,
        }
    }

    pub(super) fn write(&mut self, offset: u64, size: usize, value: u64, clock: &Clock) -> Option<()> {
        let merge = |old: u64| match (size, offset & 7) {
            (8, 0) => Some(value),
            (4, 0) => Some(old & !0xffff_ffff | value & 0xffff_ffff),
            (4, 4) => Some(old & 0xffff_ffff | value << 32),
            _ => None,
        };
        match offset & !7 {
            offset::MSIP if offset == 0 => self.software = value & 1 != 0,
            offset::MTIMECMP => self.mtimer.timecmp = [merge(self.timecmp())?],
            offset::MTIME => self.mtimer.time_delta = merge(self.time(clock))?.wrapping_sub(clock.ticks()),
            _ => {}
        }
        Some(())
    }
}
