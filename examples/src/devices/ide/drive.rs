//! A drive.

use smart_default::SmartDefault;
use vmstate::prelude::*;

/// The buffer size of all drives of QEMU.
const BUFFER: usize = 256 * 512 + 4;

/// A disk, a CD drive, or an empty slot.
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
    /// The number of sectors between interrupts.
    pub mult_sectors: i32,
    /// True if the next field is valid.
    pub identify_set: i32,
    /// The identification data.
    #[vmstate(buffer, when = |drive| drive.identify_set != 0)]
    #[default([0; 512])]
    pub identify_data: [u8; 512],
    /// The feature register.
    pub feature: u8,
    /// The error register.
    pub error: u8,
    /// The sector count.
    pub nsector: u32,
    /// The sector number.
    pub sector: u8,
    /// The cylinder, low byte.
    pub lcyl: u8,
    /// The cylinder, high byte.
    pub hcyl: u8,
    /// The previous value of the feature register.
    pub hob_feature: u8,
    /// The previous sector number.
    pub hob_sector: u8,
    /// The previous sector count.
    pub hob_nsector: u8,
    /// The previous low byte of the cylinder.
    pub hob_lcyl: u8,
    /// The previous high byte of the cylinder.
    pub hob_hcyl: u8,
    /// The drive/head register.
    pub select: u8,
    /// The status register.
    pub status: u8,
    /// True if the command uses 48-bit addresses.
    pub lba48: u8,
    /// CD drive: the sense key.
    pub sense_key: u8,
    /// CD drive: the additional sense code.
    pub asc: u8,
    /// CD drive: whether the disk was changed. The default is 1.
    #[vmstate(since = 3)]
    pub cdrom_changed: u8,
    /// The PIO transfer in progress.
    #[vmstate(subsection)]
    pub pio: Option<PioState>,
    /// The tray, if it is open or locked.
    #[vmstate(subsection)]
    pub tray: Option<TrayState>,
    /// CD drive: whether a new disk was not reported yet.
    #[vmstate(name = "events.new_media", in = "ide_drive/atapi/gesn_state")]
    pub new_media: bool,
    /// CD drive: whether the user requested ejection.
    #[vmstate(name = "events.eject_request", in = "ide_drive/atapi/gesn_state")]
    pub eject_request: bool,
}

/// A PIO transfer in progress.
#[derive(VmState, Debug, Clone, PartialEq, Eq, SmartDefault)]
#[vmstate(name = "ide_drive/pio_state")]
pub struct PioState {
    /// The number of requested sectors.
    pub req_nb_sectors: i32,
    /// The size of the buffer.
    #[vmstate(skip = "the same for all drives")]
    #[default(131_076)]
    pub io_buffer_total_len: i32,
    /// The buffer.
    #[vmstate(len = io_buffer_total_len, max = BUFFER)]
    #[default(vec![0; BUFFER])]
    pub io_buffer: Vec<u8>,
    /// The position of the next byte.
    pub cur_io_buffer_offset: i32,
    /// The end of the data.
    pub cur_io_buffer_len: i32,
    /// The function called at the end, as an index in QEMU.
    pub end_transfer_fn_idx: u8,
    /// The size of an elementary transfer.
    pub elementary_transfer_size: i32,
    /// CD drive: the size of the whole reply.
    pub packet_transfer_size: i32,
}

/// The tray of a CD drive.
#[derive(VmState, Debug, Clone, PartialEq, Eq, Default)]
#[vmstate(name = "ide_drive/tray_state")]
pub struct TrayState {
    /// True if the tray is open.
    pub tray_open: bool,
    /// True if the tray is locked.
    pub tray_locked: bool,
}
