//! The Goldfish real-time clock (hw/rtc/goldfish_rtc.c).

use super::clock::Clock;
use crate::devices::goldfish_rtc::GoldfishRtc;

/// Register offsets.
mod offset {
    pub(super) const TIME_LOW: u64 = 0x00;
    pub(super) const TIME_HIGH: u64 = 0x04;
    pub(super) const ALARM_LOW: u64 = 0x08;
    pub(super) const ALARM_HIGH: u64 = 0x0c;
    pub(super) const IRQ_ENABLED: u64 = 0x10;
    pub(super) const CLEAR_ALARM: u64 = 0x14;
    pub(super) const ALARM_STATUS: u64 = 0x18;
    pub(super) const CLEAR_INTERRUPT: u64 = 0x1c;
}

impl GoldfishRtc {
    /// Returns the date in nanoseconds since 1970.
    #[must_use]
    pub fn time(&self, clock: &Clock) -> u64 {
        clock.nanoseconds().wrapping_add(clock.world).wrapping_add(self.tick_offset)
    }

    /// Returns whether the alarm interrupt is raised.
    #[must_use]
    pub fn interrupts(&self) -> bool {
        self.irq_pending & self.irq_enabled != 0
    }

    /// Returns the board's time in nanoseconds when the alarm is due.
    pub(super) fn deadline(&self, clock: &Clock) -> Option<u64> {
        let left = self.alarm_next.saturating_sub(self.time(clock));
        (self.alarm_running != 0).then_some(clock.nanoseconds().saturating_add(left))
    }

    /// Raises the alarm if it is due. Returns whether it was.
    pub(super) fn update(&mut self, clock: &Clock) -> bool {
        let due = self.alarm_running != 0 && self.alarm_next <= self.time(clock);
        if due {
            (self.alarm_running, self.irq_pending) = (0, 1);
        }
        due
    }

    pub(super) fn read(&mut self, offset: u64, clock: &Clock) -> u64 {
        let (low, high) = halves(self.alarm_next);
        let value = match offset {
            offset::TIME_LOW => {
                let (low, high) = halves(self.time(clock));
                self.time_high = high;
                low
            }
            offset::TIME_HIGH => self.time_high,
            offset::ALARM_LOW => low,
            offset::ALARM_HIGH => high,
            offset::IRQ_ENABLED => self.irq_enabled,
            offset::ALARM_STATUS => self.alarm_running,
            _ => 0,
        };
        u64::from(value)
    }

    pub(super) fn write(&mut self, offset: u64, value: u32, clock: &Clock) {
        let now = self.time(clock);
        match offset {
            offset::TIME_LOW => self.set_time(now, with_low(now, value)),
            offset::TIME_HIGH => self.set_time(now, with_high(now, value)),
            offset::ALARM_LOW => {
                self.alarm_next = with_low(self.alarm_next, value);
                self.alarm_running = 1;
                self.update(clock);
            }
            offset::ALARM_HIGH => self.alarm_next = with_high(self.alarm_next, value),
            offset::IRQ_ENABLED => self.irq_enabled = value & 1,
            offset::CLEAR_ALARM => self.alarm_running = 0,
            offset::CLEAR_INTERRUPT => self.irq_pending = 0,
            _ => {}
        }
    }

    fn set_time(&mut self, now: u64, new: u64) {
        self.tick_offset = self.tick_offset.wrapping_add(new.wrapping_sub(now));
    }
}

/// Returns the low and the high half of a 64-bit register.
fn halves(value: u64) -> (u32, u32) {
    (value as u32, (value >> 32) as u32)
}

fn with_low(value: u64, low: u32) -> u64 {
    value & !0xffff_ffff | u64::from(low)
}

fn with_high(value: u64, high: u32) -> u64 {
    value & 0xffff_ffff | u64::from(high) << 32
}
