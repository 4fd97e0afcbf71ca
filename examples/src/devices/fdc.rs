//! The floppy disk controller: QEMU's section "fdc".
//!
//! The fields are those of QEMU's `vmstate_isa_fdc` (`hw/block/fdc-isa.c`), of `vmstate_fdc` and `vmstate_fdrive`
//! (`hw/block/fdc.c`), and of their subsections.

use smart_default::SmartDefault;
use vmstate::prelude::*;

/// The controller on a PC's ISA bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "fdc", version = 2, minimum_version = 2)]
pub struct IsaFdc {
    /// The controller.
    pub state: Fdc,
}

/// The controller itself.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "fdc", version = 2, minimum_version = 2)]
pub struct Fdc {
    /// Status register A.
    pub sra: u8,
    /// Status register B.
    pub srb: u8,
    /// The digital output register.
    pub dor_vmstate: u8,
    /// The tape drive register.
    pub tdr: u8,
    /// The data rate.
    pub dsr: u8,
    /// The main status.
    pub msr: u8,
    /// The first status byte of a result.
    pub status0: u8,
    /// The second.
    pub status1: u8,
    /// The third.
    pub status2: u8,
    /// Commands, data and results.
    #[default([0; 512])]
    pub fifo: [u8; 512],
    /// The next byte of them.
    pub data_pos: u32,
    /// How many there are.
    pub data_len: u32,
    /// What is being done with them.
    pub data_state: u8,
    /// Whether they come or go.
    pub data_dir: u8,
    /// The last sector of a track.
    pub eot: u8,
    /// Times of a drive: step and head unload.
    pub timer0: u8,
    /// Times of a drive: head load.
    pub timer1: u8,
    /// From which track on writes are compensated.
    pub precomp_trk: u8,
    /// The configuration.
    pub config: u8,
    /// Whether it survives a reset.
    pub lock: u8,
    /// How power is saved.
    pub pwrd: u8,
    /// How many drives there can be.
    #[vmstate(equal)]
    #[default(2)]
    pub num_floppies: u8,
    /// The drives.
    #[vmstate(ambiguous = "QEMU has it so")]
    pub drives: [Drive; 2],
    /// For which drive the guest has to ask after a reset.
    #[vmstate(subsection("fdc/reset_sensei", needed = |fdc| fdc.reset_sensei != 0))]
    pub reset_sensei: i32,
    /// When a result is ready.
    #[vmstate(timer, subsection("fdc/result_timer", needed = |fdc| fdc.result_timer.is_some()))]
    pub result_timer: Option<u64>,
    /// How far a command is, where that does not follow from the rest.
    #[vmstate(subsection("fdc/phase"))]
    pub phase: Option<u8>,
}

/// A drive.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "fdrive")]
pub struct Drive {
    /// The side of the disk.
    pub head: u8,
    /// The track.
    pub track: u8,
    /// The sector.
    pub sect: u8,
    /// Whether the disk was changed, of a drive that has one.
    #[vmstate(subsection("fdrive/media_changed"))]
    pub media_changed: Option<u8>,
    /// The data rate of the disk; old machine types do not look at it.
    #[vmstate(subsection("fdrive/media_rate"))]
    pub media_rate: Option<u8>,
    /// Whether it writes perpendicularly.
    #[vmstate(subsection("fdrive/perpendicular", needed = |drive| drive.perpendicular != 0))]
    pub perpendicular: u8,
}
