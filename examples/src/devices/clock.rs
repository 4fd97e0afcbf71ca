//! The machine's clocks: QEMU's section "timer".
//!
//! The fields follow QEMU's `vmstate_timers` (`softmmu/cpu-timers.c`, in 10.0 `system/cpu-timers.c`), and its
//! subsection about a clock that counts instructions.

use vmstate::prelude::*;

/// The offsets of the machine's clocks from the host's.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "timer", version = 2)]
pub struct Clock {
    /// The offset of the tick counter.
    #[vmstate(name = "cpu_ticks_offset")]
    pub ticks_offset: i64,
    /// Padding of a former clock.
    pub unused: Unused<8>,
    /// The offset of the virtual clock in nanoseconds: the run time of a stopped machine.
    #[vmstate(name = "cpu_clock_offset", since = 2)]
    pub nanoseconds: i64,
    /// The state of an instruction-counting clock.
    #[vmstate(subsection)]
    pub icount: Option<Icount>,
}

/// A clock that counts instructions (`-icount`).
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "timer/icount")]
pub struct Icount {
    /// The offset of the clock in nanoseconds.
    #[vmstate(name = "qemu_icount_bias")]
    pub bias: i64,
    /// The number of executed instructions.
    #[vmstate(name = "qemu_icount")]
    pub instructions: i64,
    /// The warp timer, which advances the clock while the processor sleeps.
    #[vmstate(subsection)]
    pub warp_timer: Option<WarpTimer>,
    /// The timers that adjust the speed, if it is adaptive.
    #[vmstate(subsection)]
    pub timers: Option<AdaptTimers>,
    /// The speed, if it is adaptive.
    #[vmstate(subsection)]
    pub shift: Option<Shift>,
}

/// The warp timer, which advances the clock while the processor sleeps.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "timer/icount/warp_timer")]
pub struct WarpTimer {
    /// The start of the sleep, or -1.
    #[vmstate(name = "vm_clock_warp_start")]
    pub start: i64,
    /// The end of the sleep.
    #[vmstate(name = "icount_warp_timer", timer)]
    pub timer: Option<u64>,
}

/// The timers that adjust the speed.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "timer/icount/timers")]
pub struct AdaptTimers {
    /// The timer on the host's clock.
    #[vmstate(name = "icount_rt_timer", timer)]
    pub host: Option<u64>,
    /// The timer on the virtual clock.
    #[vmstate(name = "icount_vm_timer", timer)]
    pub machine: Option<u64>,
}

/// The duration of an instruction.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "timer/icount/shift", version = 2, minimum_version = 2)]
pub struct Shift {
    /// The binary logarithm of its nanoseconds.
    #[vmstate(name = "icount_time_shift")]
    pub shift: i16,
    /// The last deviation.
    pub last_delta: i64,
}
