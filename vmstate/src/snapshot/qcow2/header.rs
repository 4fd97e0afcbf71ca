//! The header of an image.

use std::io;

use super::problem::{Problem, changed, damaged, unsupported};
use super::storage::Storage;

/// The length of the part of the header that this module knows.
pub(super) const LENGTH: usize = 104;
const MAGIC: u32 = 0x5146_49fb;
/// The largest tables that QEMU accepts (`QCOW_MAX_*` in `block/qcow2.h`).
pub(super) const MAX_L1_ENTRIES: u64 = (32 << 20) / 8;
const MAX_REFCOUNT_TABLE: u64 = 8 << 20;
pub(super) const MAX_SNAPSHOTS: u32 = 65536;
/// Incompatible features.
const DIRTY: u64 = 1;
const CORRUPT: u64 = 2;
const EXTERNAL_DATA: u64 = 4;
const COMPRESSION_TYPE: u64 = 8;
const EXTENDED_L2: u64 = 16;
/// The autoclear features that a new snapshot does not invalidate: dirty bitmaps, and raw external data.
const KNOWN_AUTOCLEAR: u64 = 3;

/// The header (`QCowHeader` in QEMU's `block/qcow2.h`).
#[derive(Debug, Clone)]
pub(super) struct Header {
    bytes: [u8; LENGTH],
    version: u32,
    pub(super) cluster_bits: u32,
    pub(super) disk_size: u64,
    pub(super) l1_entries: u32,
    pub(super) l1_offset: u64,
    pub(super) refcount_table: u64,
    pub(super) refcount_clusters: u32,
    pub(super) snapshots: u32,
    pub(super) snapshots_offset: u64,
    incompatible: u64,
    encrypted: bool,
    pub(super) refcount_order: u32,
}

fn be32(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).map_or(0, u32::from_be_bytes)
}

fn be64(bytes: &[u8], at: usize) -> u64 {
    bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_be_bytes)
}

impl Header {
    pub(super) fn read(storage: &impl Storage) -> Result<Self, Problem> {
        let mut bytes = [0; LENGTH];
        storage.read_at(&mut bytes, 0)?;
        if be32(&bytes, 0) != MAGIC {
            return Err(damaged("expected a qcow2 image, found another file"));
        }
        let version = be32(&bytes, 4);
        let is_new = match version {
            2 => false,
            3 => true,
            _ => return Err(unsupported(format!("expected qcow2 version 2 or 3, found {version}"))),
        };
        let header = Self {
            version,
            cluster_bits: be32(&bytes, 20),
            disk_size: be64(&bytes, 24),
            encrypted: be32(&bytes, 32) != 0,
            l1_entries: be32(&bytes, 36),
            l1_offset: be64(&bytes, 40),
            refcount_table: be64(&bytes, 48),
            refcount_clusters: be32(&bytes, 56),
            snapshots: be32(&bytes, 60),
            snapshots_offset: be64(&bytes, 64),
            incompatible: if is_new { be64(&bytes, 72) } else { 0 },
            refcount_order: if is_new { be32(&bytes, 96) } else { 4 },
            bytes,
        };
        header.check()?;
        Ok(header)
    }

    /// Returns whether the image has still this header: each change replaces it.
    pub(super) fn is_current(&self, storage: &impl Storage) -> io::Result<bool> {
        let mut bytes = [0; LENGTH];
        storage.read_at(&mut bytes, 0)?;
        Ok(bytes == self.bytes)
    }

    /// Checks that no process has changed the image since the header was read. Clusters that were freed may have another
    /// content then.
    pub(super) fn check_current(&self, storage: &impl Storage) -> Result<(), Problem> {
        if self.is_current(storage)? { Ok(()) } else { Err(changed()) }
    }

    fn check(&self) -> Result<(), Problem> {
        if !(9..=21).contains(&self.cluster_bits) || self.refcount_order > 6 {
            let found = format!("{} and {}", self.cluster_bits, self.refcount_order);
            return Err(damaged(format!(
                "expected 9 to 21 cluster bits and a refcount order of 0 to 6, found {found}"
            )));
        }
        let known = DIRTY | CORRUPT | EXTERNAL_DATA | COMPRESSION_TYPE | EXTENDED_L2;
        if self.incompatible & !known != 0 {
            return Err(unsupported(format!("unknown incompatible features {:#x}", self.incompatible & !known)));
        }
        if self.incompatible & EXTERNAL_DATA != 0 {
            return Err(unsupported("images with an external data file have no snapshots"));
        }
        if self.encrypted {
            return Err(unsupported("the image is encrypted; decrypt it with `qemu-img convert`"));
        }
        let table = u64::from(self.refcount_clusters) << self.cluster_bits;
        if u64::from(self.l1_entries) > MAX_L1_ENTRIES || table > MAX_REFCOUNT_TABLE || self.snapshots > MAX_SNAPSHOTS {
            return Err(damaged("expected tables that QEMU accepts, found larger ones"));
        }
        Ok(())
    }

    /// Checks that the image can be changed.
    pub(super) fn check_writable(&self) -> Result<(), Problem> {
        if self.incompatible & (DIRTY | CORRUPT) != 0 {
            return Err(damaged("the image was not closed or is corrupt; repair it with `qemu-img check -r all`"));
        }
        if self.refcount_clusters == 0 {
            return Err(damaged("expected a refcount table, found none"));
        }
        // As in QEMU (`qcow2_do_open` in `block/qcow2.c`). A snapshot has as many entries.
        let needed = self.vm_state_index(self.disk_size);
        if u64::from(self.l1_entries) < needed {
            let found = self.l1_entries;
            return Err(damaged(format!(
                "expected an L1 table of at least {needed} entries for the disk, found {found}"
            )));
        }
        Ok(())
    }

    pub(super) fn cluster(&self) -> u64 {
        1 << self.cluster_bits
    }

    /// Returns the size of an entry of an L2 table.
    pub(super) fn l2_entry(&self) -> usize {
        if self.incompatible & EXTENDED_L2 != 0 { 16 } else { 8 }
    }

    /// Returns the number of entries of an L2 table.
    pub(super) fn l2_entries(&self) -> u64 {
        self.cluster() / self.l2_entry() as u64
    }

    /// Returns whether clusters have parts that are allocated separately.
    pub(super) fn has_subclusters(&self) -> bool {
        self.incompatible & EXTENDED_L2 != 0
    }

    /// Returns the first index of the VM state in the L1 table of a disk of this size (`qcow2_vm_state_offset`).
    pub(super) fn vm_state_index(&self, disk_size: u64) -> u64 {
        disk_size.div_ceil(self.cluster().saturating_mul(self.l2_entries()))
    }

    /// Returns the beginning of the header with its current values.
    pub(super) fn bytes(&self) -> [u8; LENGTH] {
        let mut bytes = self.bytes;
        let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
        put(36, &self.l1_entries.to_be_bytes());
        put(40, &self.l1_offset.to_be_bytes());
        put(48, &self.refcount_table.to_be_bytes());
        put(56, &self.refcount_clusters.to_be_bytes());
        put(60, &self.snapshots.to_be_bytes());
        put(64, &self.snapshots_offset.to_be_bytes());
        if self.version > 2 {
            let autoclear = be64(&self.bytes, 88) & KNOWN_AUTOCLEAR;
            put(88, &autoclear.to_be_bytes());
        }
        bytes
    }

    /// Returns the length of the header that may be written. After it, images of version 2 have other content.
    pub(super) fn length(&self) -> usize {
        if self.version > 2 { LENGTH } else { 72 }
    }
}
