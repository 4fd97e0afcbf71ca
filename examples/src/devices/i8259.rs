//! The 8259 interrupt controller: QEMU's section "i8259".
//!
//! The fields follow QEMU's `vmstate_pic_common` (`hw/intc/i8259_common.c`) and its subsection.

use vmstate::prelude::*;

/// One of a PC's two controllers.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "i8259")]
pub struct Pic {
    /// The previous levels, for edge detection.
    pub last_irr: u8,
    /// The requested interrupts.
    pub irr: u8,
    /// The masked interrupts.
    pub imr: u8,
    /// The interrupts in service.
    pub isr: u8,
    /// The line with the highest priority.
    pub priority_add: u8,
    /// The vector of the first line.
    pub irq_base: u8,
    /// The register to read: `irr` or `isr`.
    pub read_reg_select: u8,
    /// True if poll mode is selected.
    pub poll: u8,
    /// True if special mask mode is enabled.
    pub special_mask: u8,
    /// The initialization step.
    pub init_state: u8,
    /// True if automatic end of interrupt is enabled.
    pub auto_eoi: u8,
    /// True if priorities rotate on it.
    pub rotate_on_auto_eoi: u8,
    /// True if special fully nested mode is enabled.
    pub special_fully_nested_mode: u8,
    /// True if initialization has a fourth word.
    pub init4: u8,
    /// True if it is the only controller.
    pub single_mode: u8,
    /// The level-triggered lines.
    pub elcr: u8,
    /// True if all lines are level-triggered. QEMU 7.2 lacks the field.
    #[vmstate(subsection("i8259/ltim", needed = |pic| pic.ltim != 0))]
    pub ltim: u8,
}
