//! A drive.

use smart_default::SmartDefault;
use vmstate::prelude::*;

/// The largest buffer of a drive, with which QEMU makes all.
const BUFFER: usize = 256 * 512 + 4;

/// A disk, a CD drive, or none.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(
    name = "ide_drive",
    version = 3,
    minimum_version = 0,
    subsection(
        "ide_drive/atapi/gesn_state",
        needed = |drive| drive.new_media || drive.eject_request
    )
)]
pub struct Drive {
    /// How many sectors are transferred between interrupts.
    pub mult_sectors: i32,
    /// Whether the next field is there.
    pub identify_set: i32,
    /// What the drive says about itself, once it was asked.
    #[vmstate(buffer, when = |drive| drive.identify_set != 0)]
    #[default([0; 512])]
    pub identify_data: [u8; 512],
    /// The feature register.
    pub feature: u8,
    /// The error register.
    pub error: u8,
    /// How many sectors.
    pub nsector: u32,
    /// The sector.
    pub sector: u8,
    /// The cylinder, lower half.
    pub lcyl: u8,
    /// The cylinder, upper half.
    pub hcyl: u8,
    /// What was in the feature register before.
    pub hob_feature: u8,
    /// What the sector was before.
    pub hob_sector: u8,
    /// What the number of sectors was before.
    pub hob_nsector: u8,
    /// What the lower half of the cylinder was before.
    pub hob_lcyl: u8,
    /// What the upper half of the cylinder was before.
    pub hob_hcyl: u8,
    /// The drive and the head.
    pub select: u8,
    /// The status register.
    pub status: u8,
    /// Whether the command has addresses of 48 bits.
    pub lba48: u8,
    /// A CD drive: what went wrong.
    pub sense_key: u8,
    /// A CD drive: what exactly.
    pub asc: u8,
    /// A CD drive: whether the disk was changed. 1 if nothing is said.
    #[vmstate(since = 3)]
    pub cdrom_changed: u8,
    /// The data that are being transferred by the processor.
    #[vmstate(subsection)]
    pub pio: Option<PioState>,
    /// The tray, if it is open or locked.
    #[vmstate(subsection)]
    pub tray: Option<TrayState>,
    /// A CD drive: whether there is a new disk that nobody was told about.
    #[vmstate(name = "events.new_media", in = "ide_drive/atapi/gesn_state")]
    pub new_media: bool,
    /// A CD drive: whether somebody pressed its button.
    #[vmstate(name = "events.eject_request", in = "ide_drive/atapi/gesn_state")]
    pub eject_request: bool,
}

/// Data that are being transferred by the processor.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "ide_drive/pio_state")]
pub struct PioState {
    /// How many sectors are asked for.
    pub req_nb_sectors: i32,
    /// The size of the buffer.
    #[vmstate(skip = "the same for all drives")]
    #[default(131_076)]
    pub io_buffer_total_len: i32,
    /// The buffer.
    #[vmstate(len = io_buffer_total_len, max = BUFFER)]
    #[default(vec![0; BUFFER])]
    pub io_buffer: Vec<u8>,
    /// The next byte.
    pub cur_io_buffer_offset: i32,
    /// The end.
    pub cur_io_buffer_len: i32,
    /// What is done then, as a number of QEMU's.
    pub end_transfer_fn_idx: u8,
    /// How many bytes belong together.
    pub elementary_transfer_size: i32,
    /// A CD drive: how many bytes the whole answer has.
    pub packet_transfer_size: i32,
}

/// The tray of a CD drive.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ide_drive/tray_state")]
pub struct TrayState {
    /// Whether it is open.
    pub tray_open: bool,
    /// Whether the guest has locked it.
    pub tray_locked: bool,
}
