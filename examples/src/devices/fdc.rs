//! The floppy disk controller: QEMU's section "fdc".
//!
//! The fields follow QEMU's `vmstate_isa_fdc` (`hw/block/fdc-isa.c`), `vmstate_fdc` and `vmstate_fdrive`
//! (`hw/block/fdc.c`), and their subsections.

use smart_default::SmartDefault;
use vmstate::prelude::*;

/// The controller on the ISA bus.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "fdc", version = 2, minimum_version = 2)]
pub struct IsaFdc {
    /// The controller.
    pub state: Fdc,
}

/// The state of the controller.
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
    /// The data rate select register.
    pub dsr: u8,
    /// The main status register.
    pub msr: u8,
    /// Result status byte 0.
    pub status0: u8,
    /// Result status byte 1.
    pub status1: u8,
    /// Result status byte 2.
    pub status2: u8,
    /// The FIFO for commands, data and results.
    #[default([0; 512])]
    pub fifo: [u8; 512],
    /// The position in the FIFO.
    pub data_pos: u32,
    /// The length of the transfer.
    pub data_len: u32,
    /// The phase of the command.
    pub data_state: u8,
    /// The direction of the transfer.
    pub data_dir: u8,
    /// The last sector of a track.
    pub eot: u8,
    /// Timing: step rate and head unload.
    pub timer0: u8,
    /// Timing: head load.
    pub timer1: u8,
    /// The first track with write precompensation.
    pub precomp_trk: u8,
    /// The configuration.
    pub config: u8,
    /// True if the configuration is locked against resets.
    pub lock: u8,
    /// The power-down mode.
    pub pwrd: u8,
    /// The number of drives.
    #[vmstate(equal)]
    #[default(2)]
    pub num_floppies: u8,
    /// The drives.
    #[vmstate(ambiguous = "QEMU's layout")]
    pub drives: [Drive; 2],
    /// The drive to report after a reset.
    #[vmstate(subsection("fdc/reset_sensei", needed = |fdc| fdc.reset_sensei != 0))]
    pub reset_sensei: i32,
    /// The timer of the result.
    #[vmstate(timer, subsection("fdc/result_timer", needed = |fdc| fdc.result_timer.is_some()))]
    pub result_timer: Option<u64>,
    /// The phase of the command, if it cannot be derived.
    #[vmstate(subsection("fdc/phase"))]
    pub phase: Option<u8>,
}

/// A drive.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "fdrive")]
pub struct Drive {
    /// The head.
    pub head: u8,
    /// The track.
    pub track: u8,
    /// The sector.
    pub sect: u8,
    /// True if the disk was changed.
    #[vmstate(subsection("fdrive/media_changed"))]
    pub media_changed: Option<u8>,
    /// The data rate of the disk, which old machine types ignore.
    #[vmstate(subsection("fdrive/media_rate"))]
    pub media_rate: Option<u8>,
    /// True if perpendicular mode is enabled.
    #[vmstate(subsection("fdrive/perpendicular", needed = |drive| drive.perpendicular != 0))]
    pub perpendicular: u8,
}
