//! The local APIC: QEMU's section "apic".
//!
//! The fields are those of QEMU's `vmstate_apic_common` (`hw/intc/apic_common.c`) and its subsection.

use vmstate::prelude::*;

/// A processor's interrupt controller.
///
/// Its subsection has the name of no parent: QEMU wrote it before subsections had to.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "apic", version = 3, minimum_version = 3, subsection("apic_sipi", needed = |apic| apic.wait_for_sipi != 0))]
pub struct Apic {
    /// Where it is, and whether it is on.
    pub apicbase: u32,
    /// Its number.
    pub id: u8,
    /// Its number for arbitration.
    pub arb_id: u8,
    /// The priority of what the processor does.
    pub tpr: u8,
    /// The vector of spurious interrupts, and whether it is on.
    pub spurious_vec: u32,
    /// Its number in logical mode.
    pub log_dest: u8,
    /// What the logical mode is like.
    pub dest_mode: u8,
    /// Which interrupts are being served.
    pub isr: [u32; 8],
    /// Which interrupts go by level.
    pub tmr: [u32; 8],
    /// Which interrupts are pending.
    pub irr: [u32; 8],
    /// What its own sources cause: timer, thermal sensor, performance counters, two pins, errors.
    pub lvt: [u32; 6],
    /// Which errors there were.
    pub esr: u32,
    /// The interrupt that it sends to another one.
    pub icr: [u32; 2],
    /// What the timer's clock is divided by.
    pub divide_conf: u32,
    /// The same, as a shift.
    pub count_shift: i32,
    /// Where the timer starts.
    pub initial_count: u32,
    /// When it started, in nanoseconds.
    pub initial_count_load_time: i64,
    /// When it is due, in nanoseconds.
    pub next_time: i64,
    /// The same, or -1 if it is off.
    pub timer_expiry: i64,
    /// Where the processor starts when another one says so.
    #[vmstate(in = "apic_sipi")]
    pub sipi_vector: i32,
    /// Whether it waits for that.
    #[vmstate(in = "apic_sipi")]
    pub wait_for_sipi: i32,
}
