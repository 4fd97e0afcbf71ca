//! The tables that map guest offsets to clusters of the image.

use std::collections::HashSet;
use std::ops::RangeInclusive;

use super::header::{Header, MAX_L1_ENTRIES};
use super::problem::{Problem, damaged};
use super::storage::{Storage, check_in_file};

/// Set in an entry of the active tables if the cluster has a reference count of 1 (`QCOW_OFLAG_COPIED`).
pub(super) const COPIED: u64 = 1 << 63;
const COMPRESSED: u64 = 1 << 62;
/// Set if the cluster reads as zeros.
const ZERO: u64 = 1;
/// The bits of an offset.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;

/// An entry of an L2 table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct L2Entry(pub(super) u64);

impl L2Entry {
    pub(super) fn is_compressed(self) -> bool {
        self.0 & COMPRESSED != 0
    }

    pub(super) fn is_zero(self) -> bool {
        self.0 & ZERO != 0
    }

    /// Returns the offset of the cluster, if the entry has one. The result is meaningless for a compressed cluster.
    pub(super) fn offset(self) -> Option<u64> {
        Some(self.0 & OFFSET).filter(|offset| *offset != 0)
    }

    /// Returns the numbers of the clusters to which the entry refers.
    pub(super) fn clusters(self, header: &Header) -> Result<Option<RangeInclusive<u64>>, Problem> {
        let bits = header.cluster_bits;
        if self.is_compressed() {
            // `qcow2_parse_compressed_l2_entry` in QEMU's `block/qcow2.c`.
            let shift = 62 - (bits - 8);
            let first = self.0 & ((1 << shift) - 1) & !511;
            let sectors = ((self.0 >> shift) & ((1 << (bits - 8)) - 1)) + 1;
            return Ok(Some(first >> bits..=(first + sectors * 512 - 1) >> bits));
        }
        let Some(offset) = self.offset() else { return Ok(None) };
        aligned(header, offset)?;
        Ok(Some(offset >> bits..=offset >> bits))
    }
}

fn aligned(header: &Header, offset: u64) -> Result<(), Problem> {
    if offset & (header.cluster() - 1) == 0 {
        return Ok(());
    }
    Err(damaged(format!("expected the offset of a cluster, found {offset:#x}")))
}

/// Reads an L1 table, without the flags of its entries. The tables in it are distinct and in the file, so that their
/// number is bounded by the size of the file.
pub(super) fn read_l1(header: &Header, storage: &impl Storage, offset: u64, entries: u32) -> Result<Vec<u64>, Problem> {
    aligned(header, offset)?;
    if u64::from(entries) > MAX_L1_ENTRIES {
        return Err(damaged(format!("expected at most {MAX_L1_ENTRIES} entries of an L1 table, found {entries}")));
    }
    let length = storage.length()?;
    check_in_file(length, "an L1 table", offset, u64::from(entries) * 8)?;
    let mut bytes = vec![0; entries as usize * 8];
    storage.read_at(&mut bytes, offset)?;
    let mut known = HashSet::new();
    let entry = |bytes: &[u8]| {
        let offset = bytes.try_into().map_or(0, u64::from_be_bytes) & OFFSET;
        if offset != 0 {
            aligned(header, offset)?;
            if offset >= length || !known.insert(offset) {
                return Err(damaged(format!("expected distinct L2 tables in the file, found one at {offset:#x}")));
            }
        }
        Ok(offset)
    };
    bytes.chunks_exact(8).map(entry).collect()
}

/// An L2 table.
#[derive(Debug, Clone)]
pub(super) struct L2Table {
    pub(super) bytes: Vec<u8>,
    /// The size of an entry.
    size: usize,
}

impl L2Table {
    pub(super) fn empty(header: &Header) -> Self {
        Self { bytes: vec![0; 1 << header.cluster_bits], size: header.l2_entry() }
    }

    pub(super) fn read(header: &Header, storage: &impl Storage, offset: u64) -> Result<Self, Problem> {
        let mut table = Self::empty(header);
        storage.read_at(&mut table.bytes, offset)?;
        Ok(table)
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len() / self.size
    }

    /// Returns an entry, and which of its subclusters are allocated and zero.
    pub(super) fn get(&self, index: usize) -> (L2Entry, u64) {
        let word = |at: usize| {
            let bytes = self.bytes.get(at..at + 8).and_then(|bytes| bytes.try_into().ok());
            bytes.map_or(0, u64::from_be_bytes)
        };
        let at = index * self.size;
        (L2Entry(word(at)), if self.size == 16 { word(at + 8) } else { 0 })
    }

    pub(super) fn set(&mut self, index: usize, entry: L2Entry) {
        let at = index * self.size;
        if let Some(bytes) = self.bytes.get_mut(at..at + 8) {
            bytes.copy_from_slice(&entry.0.to_be_bytes());
        }
    }

    /// Marks all subclusters of an entry as allocated.
    pub(super) fn allocate_subclusters(&mut self, index: usize) {
        let at = index * self.size + 8;
        if let Some(bytes) = self.bytes.get_mut(at..at + 8).filter(|_| self.size == 16) {
            bytes.copy_from_slice(&u64::from(u32::MAX).to_be_bytes());
        }
    }
}
