//! The 8259 interrupt controller: QEMU's section "i8259".
//!
//! The fields are those of QEMU's `vmstate_pic_common` (`hw/intc/i8259_common.c`) and its subsection.

use vmstate::prelude::*;

/// One of the PC's two controllers.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "i8259")]
pub struct Pic {
    /// The lines as they were last, to see edges.
    pub last_irr: u8,
    /// Which lines want an interrupt.
    pub irr: u8,
    /// Which lines are off.
    pub imr: u8,
    /// Which interrupts are being served.
    pub isr: u8,
    /// The line with the highest priority.
    pub priority_add: u8,
    /// The vector of the first line.
    pub irq_base: u8,
    /// Which register is read next: `irr` or `isr`.
    pub read_reg_select: u8,
    /// Whether it is polled.
    pub poll: u8,
    /// Whether masked lines may be served.
    pub special_mask: u8,
    /// How far its initialisation is.
    pub init_state: u8,
    /// Whether interrupts end by themselves.
    pub auto_eoi: u8,
    /// Whether priorities then rotate.
    pub rotate_on_auto_eoi: u8,
    /// Whether the other controller's priorities count.
    pub special_fully_nested_mode: u8,
    /// Whether the initialisation has a fourth word.
    pub init4: u8,
    /// Whether it is the only controller.
    pub single_mode: u8,
    /// Which lines go by level.
    pub elcr: u8,
    /// Whether all lines do. QEMU 7.2 does not know it.
    #[vmstate(subsection("i8259/ltim", needed = |pic| pic.ltim != 0))]
    pub ltim: u8,
}
