//! The local APIC: QEMU's section "apic".
//!
//! The fields follow QEMU's `vmstate_apic_common` (`hw/intc/apic_common.c`) and its subsection.

use vmstate::prelude::*;

/// A local APIC.
///
/// The subsection's name does not begin with the section's, because QEMU wrote it before that became a rule.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "apic", version = 3, minimum_version = 3, subsection("apic_sipi", needed = |apic| apic.wait_for_sipi != 0))]
pub struct Apic {
    /// The base address and the enable bit.
    pub apicbase: u32,
    /// The APIC ID.
    pub id: u8,
    /// The arbitration ID.
    pub arb_id: u8,
    /// The task priority.
    pub tpr: u8,
    /// The spurious interrupt vector, and the software enable bit.
    pub spurious_vec: u32,
    /// The logical destination.
    pub log_dest: u8,
    /// The destination format.
    pub dest_mode: u8,
    /// The in-service interrupts.
    pub isr: [u32; 8],
    /// The level-triggered interrupts.
    pub tmr: [u32; 8],
    /// The pending interrupts.
    pub irr: [u32; 8],
    /// The local vector table: timer, thermal sensor, performance counters, LINT0, LINT1, errors.
    pub lvt: [u32; 6],
    /// The error status.
    pub esr: u32,
    /// The interrupt command register.
    pub icr: [u32; 2],
    /// The timer's divide configuration.
    pub divide_conf: u32,
    /// The timer's divider as a shift.
    pub count_shift: i32,
    /// The timer's initial count.
    pub initial_count: u32,
    /// The time when the count was loaded, in nanoseconds.
    pub initial_count_load_time: i64,
    /// The time when the timer expires, in nanoseconds.
    pub next_time: i64,
    /// The expiry of QEMU's timer, or -1 if it is stopped.
    pub timer_expiry: i64,
    /// The startup vector (SIPI).
    #[vmstate(in = "apic_sipi")]
    pub sipi_vector: i32,
    /// True if the processor waits for a SIPI.
    #[vmstate(in = "apic_sipi")]
    pub wait_for_sipi: i32,
}
