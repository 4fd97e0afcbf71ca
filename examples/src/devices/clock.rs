//! The machine's clocks: QEMU's section "timer".
//!
//! The fields are those of QEMU's `vmstate_timers` (`softmmu/cpu-timers.c`, in 10.0 `system/cpu-timers.c`), and of its
//! subsection about a clock that counts instructions.

use vmstate::prelude::*;

/// What QEMU adds to the host's clocks to get those of the machine.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "timer", version = 2)]
pub struct Clock {
    /// Ticks of the host's processor.
    #[vmstate(name = "cpu_ticks_offset")]
    pub ticks_offset: i64,
    /// Was once another clock.
    pub unused: Unused<8>,
    /// Nanoseconds. While the machine stands still, this is how long it has run.
    #[vmstate(name = "cpu_clock_offset", since = 2)]
    pub nanoseconds: i64,
    /// What there is more of a clock that counts instructions.
    #[vmstate(subsection)]
    pub icount: Option<Icount>,
}

/// A clock that counts instructions (`-icount`).
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "timer/icount")]
pub struct Icount {
    /// What the clock is ahead of the instructions, in nanoseconds.
    #[vmstate(name = "qemu_icount_bias")]
    pub bias: i64,
    /// How many instructions there were.
    #[vmstate(name = "qemu_icount")]
    pub instructions: i64,
    /// How the clock goes on while the processor sleeps.
    #[vmstate(subsection)]
    pub warp_timer: Option<WarpTimer>,
    /// When the instructions' time is compared with the host's, if it adapts.
    #[vmstate(subsection)]
    pub timers: Option<AdaptTimers>,
    /// How long an instruction takes, if it adapts.
    #[vmstate(subsection)]
    pub shift: Option<Shift>,
}

/// How the clock goes on while the processor sleeps.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "timer/icount/warp_timer")]
pub struct WarpTimer {
    /// When it fell asleep; -1 if it is awake.
    #[vmstate(name = "vm_clock_warp_start")]
    pub start: i64,
    /// When it is woken.
    #[vmstate(name = "icount_warp_timer", timer)]
    pub timer: Option<u64>,
}

/// When the instructions' time is compared with the host's.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "timer/icount/timers")]
pub struct AdaptTimers {
    /// By the host's clock.
    #[vmstate(name = "icount_rt_timer", timer)]
    pub host: Option<u64>,
    /// By the machine's.
    #[vmstate(name = "icount_vm_timer", timer)]
    pub machine: Option<u64>,
}

/// How long an instruction takes.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "timer/icount/shift", version = 2, minimum_version = 2)]
pub struct Shift {
    /// Nanoseconds, as a power of two.
    #[vmstate(name = "icount_time_shift")]
    pub shift: i16,
    /// How far it was off last.
    pub last_delta: i64,
}
