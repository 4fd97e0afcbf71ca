//! Timers: QEMU's `timer`.

use alloc::boxed::Box;

use super::Info;
use crate::error::{LoadError, SaveError};
use crate::state::Wire;
use crate::wire::{Reader, Writer};

/// The deadline of a timer that is not armed (`timer_expire_time_ns` in QEMU's `util/qemu-timer.c` returns -1).
const DISARMED: u64 = u64::MAX;

/// A timer with an optional deadline in nanoseconds, as required by `#[vmstate(timer)]`.
///
/// `Option<u64>` implements it. Emulators implement it for their own timer types.
///
/// ```
/// use vmstate_types::{Reader, Timer, VmState, Writer};
///
/// /// A timer in microseconds.
/// #[derive(Default)]
/// struct Alarm {
///     rings_at: Option<u64>,
/// }
///
/// impl Timer for Alarm {
///     fn deadline(&self) -> Option<u64> {
///         self.rings_at.map(|at| at * 1000)
///     }
///
///     fn set_deadline(&mut self, deadline: Option<u64>) {
///         self.rings_at = deadline.map(|at| at / 1000);
///     }
/// }
///
/// #[derive(VmState, Default)]
/// struct Clock {
///     #[vmstate(timer)]
///     alarm: Alarm,
/// }
///
/// let mut writer = Writer::new();
/// Clock { alarm: Alarm { rings_at: Some(2) } }.save(&mut writer)?;
/// assert_eq!(writer.pending(), [0, 0, 0, 0, 0, 0, 0x07, 0xd0]);
///
/// let mut clock = Clock::default();
/// clock.load(&mut Reader::from_slice(writer.pending()), 1)?;
/// assert_eq!(clock.alarm.rings_at, Some(2));
/// clock.load(&mut Reader::from_slice(&[255; 8]), 1)?;
/// assert_eq!(clock.alarm.rings_at, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not implement `Timer`",
    label = "expected a timer",
    note = "implement `vmstate::Timer` for `{Self}`, or store the deadline in nanoseconds as `Option<u64>`",
    note = "for a `Duration` that is not a deadline, remove the attribute"
)]
pub trait Timer {
    /// Returns the deadline, or `None` if the timer is not armed.
    fn deadline(&self) -> Option<u64>;

    /// Arms the timer for `deadline`, or disarms it.
    ///
    /// The deadline is not validated. A deadline of 2⁶³ or more only occurs in damaged streams; QEMU, whose clocks are
    /// signed, treats it as 0, which is in the past (`timer_mod_ns_locked` in `util/qemu-timer.c`).
    fn set_deadline(&mut self, deadline: Option<u64>);
}

impl Timer for Option<u64> {
    #[inline]
    fn deadline(&self) -> Option<u64> {
        *self
    }

    #[inline]
    fn set_deadline(&mut self, deadline: Option<u64>) {
        *self = deadline;
    }
}

impl<T: Timer + ?Sized> Timer for Box<T> {
    fn deadline(&self) -> Option<u64> {
        (**self).deadline()
    }

    fn set_deadline(&mut self, deadline: Option<u64>) {
        (**self).set_deadline(deadline);
    }
}

/// `#[vmstate(timer)]`: the deadline in nanoseconds, or all ones for a timer that is not armed.
#[derive(Debug)]
pub struct TimerInfo;

impl<T: Timer> Info<T> for TimerInfo {
    const NAME: &'static str = "timer";
    const SIZE: Option<usize> = Some(8);

    fn put(timer: &T, to: &mut Writer) -> Result<(), SaveError> {
        Self::put_fixed(timer, to.reserve(8));
        Ok(())
    }

    fn get(timer: &mut T, from: &mut Reader<'_>) -> Result<(), LoadError> {
        Self::get_fixed(timer, from.take(8)?);
        Ok(())
    }

    const FIXED: bool = true;

    #[inline]
    fn put_fixed(timer: &T, out: &mut [u8]) {
        timer.deadline().unwrap_or(DISARMED).put(out);
    }

    #[inline]
    fn get_fixed(timer: &mut T, from: &[u8]) {
        let mut deadline = DISARMED;
        deadline.get(from);
        timer.set_deadline((deadline != DISARMED).then_some(deadline));
    }
}
