//! Changes of an image that are atomic.
//!
//! All new tables and reference counts are written to clusters that nothing refers to. Then one write of the header, which
//! is in one sector, replaces the L1 table of the disk, the table of snapshots and the reference counts at once. Until then
//! the image is unchanged, so a crash at any time leaves a consistent image.

use std::collections::HashSet;

use super::clusters::{COPIED, L2Entry, L2Table, read_l1};
use super::header::{Header, MAX_L1_ENTRIES, MAX_SNAPSHOTS};
use super::problem::{Problem, damaged, unsupported};
use super::refcounts::Refcounts;
use super::storage::Storage;
use super::table::{self, Entry};

/// A change that has not been written to the header yet. Dropping it leaves the image unchanged.
#[derive(Debug)]
pub(super) struct Change<'s, S> {
    pub(super) header: Header,
    storage: &'s S,
    refcounts: Refcounts,
    entries: Vec<Entry>,
    /// The size of the table of snapshots in bytes.
    table_size: u64,
}

impl<'s, S: Storage> Change<'s, S> {
    pub(super) fn new(storage: &'s S) -> Result<Self, Problem> {
        let header = Header::read(storage)?;
        header.check_writable()?;
        let (entries, table_size) = table::read(&header, storage)?;
        let change = Self { refcounts: Refcounts::read(&header, storage)?, header, storage, entries, table_size };
        change.check_tables()?;
        Ok(change)
    }

    /// Checks that no table has a reference count of 0, so that it would be overwritten, or has a cluster of another table, which a
    /// change would free. The L2 tables of snapshots and the clusters of
    /// data are not read, as in QEMU (`qcow2_check_metadata_overlap` in `block/qcow2-refcount.c`).
    fn check_tables(&self) -> Result<(), Problem> {
        let (header, counts) = (&self.header, &self.refcounts);
        self.check_sizes()?;
        let known = &mut HashSet::new();
        counts.check_table(0, header.cluster(), known)?;
        counts.check_own(known)?;
        counts.check_table(header.l1_offset, u64::from(header.l1_entries) * 8, known)?;
        counts.check_table(header.snapshots_offset, self.table_size, known)?;
        for entry in &self.entries {
            counts.check_table(entry.l1_offset, u64::from(entry.l1_entries) * 8, known)?;
        }
        let tables = read_l1(header, self.storage, header.l1_offset, header.l1_entries)?;
        tables
            .into_iter()
            .filter(|offset| *offset != 0)
            .try_for_each(|offset| counts.check_table(offset, header.cluster(), known))
    }

    /// Checks that the L1 tables, which never overlap, fit in the file. Otherwise the time to check them would
    /// grow with the product of their number and their size.
    fn check_sizes(&self) -> Result<(), Problem> {
        let length = self.storage.length()?;
        let counts = self.entries.iter().map(|entry| entry.l1_entries).chain([self.header.l1_entries]);
        let size = counts.map(|count| u64::from(count) * 8).fold(0, u64::saturating_add);
        if size <= length {
            return Ok(());
        }
        Err(damaged(format!("expected L1 tables in a file of {length:#x} bytes, found {size:#x} bytes of them")))
    }

    /// Checks that no data of the disk has a reference count of 0, before a stream is written.
    pub(super) fn check_disk(&self) -> Result<(), Problem> {
        let header = &self.header;
        let tables = read_l1(header, self.storage, header.l1_offset, header.l1_entries)?;
        for offset in tables.into_iter().filter(|offset| *offset != 0) {
            let table = L2Table::read(header, self.storage, offset)?;
            for place in 0..table.len() {
                let Some(clusters) = table.get(place).0.clusters(header)? else { continue };
                let (first, last) = clusters.into_inner();
                self.refcounts.check_used(first << header.cluster_bits, (last - first + 1) << header.cluster_bits)?;
            }
        }
        Ok(())
    }

    /// Writes data to new clusters. Returns their offset.
    pub(super) fn write_new(&mut self, bytes: &[u8]) -> Result<u64, Problem> {
        let cluster = self.header.cluster();
        let count = (bytes.len() as u64).div_ceil(cluster).max(1);
        let offset = self.refcounts.allocate(count)?;
        if bytes.len() as u64 == count * cluster {
            self.storage.write_at(bytes, offset)?;
        } else {
            // Whole clusters, because the file may end after them.
            let mut padded = bytes.to_vec();
            padded.resize(usize::try_from(count * cluster).unwrap_or(bytes.len()), 0);
            self.storage.write_at(&padded, offset)?;
        }
        Ok(offset)
    }

    /// Adds a snapshot of the disk with the stream in these L2 tables.
    pub(super) fn insert(&mut self, mut entry: Entry, tables: &[u64], length: u64) -> Result<(), Problem> {
        if self.entries.len() >= MAX_SNAPSHOTS as usize {
            return Err(unsupported("the image has the highest number of snapshots"));
        }
        let index = self.header.vm_state_index(self.header.disk_size);
        let entries = index + tables.len() as u64;
        if entries > MAX_L1_ENTRIES {
            return Err(unsupported("the disk and the stream are too large for one image"));
        }
        let mut l1 = self.share_disk(usize::try_from(index).unwrap_or(usize::MAX))?;
        l1.extend(tables);
        entry.l1_entries = u32::try_from(l1.len()).unwrap_or(0);
        entry.l1_offset = self.write_new(&to_bytes(&l1))?;
        entry.vm_state_size = length;
        self.entries.push(entry);
        Ok(())
    }

    /// Gives the tables of the disk to a snapshot, and copies of them to the disk. Returns the snapshot's L1 table of
    /// `count` entries.
    fn share_disk(&mut self, count: usize) -> Result<Vec<u64>, Problem> {
        let old = read_l1(&self.header, self.storage, self.header.l1_offset, self.header.l1_entries)?;
        // The flags of entries after the disk, which can be left from a loaded snapshot, are kept.
        let mut new = self.raw_l1()?;
        for (index, offset) in old.iter().enumerate().take(count).filter(|(_, offset)| **offset != 0) {
            let mut table = L2Table::read(&self.header, self.storage, *offset)?;
            for place in 0..table.len() {
                let (entry, _) = table.get(place);
                let Some(clusters) = entry.clusters(&self.header)? else { continue };
                clusters.into_iter().try_for_each(|cluster| self.refcounts.increase(cluster))?;
                if !entry.is_compressed() {
                    table.set(place, L2Entry(entry.0 & !COPIED));
                }
            }
            new[index] = self.write_new(&table.bytes)? | COPIED;
        }
        self.replace_l1(&new)?;
        let mut snapshot: Vec<_> = old.into_iter().take(count).collect();
        snapshot.resize(count, 0);
        Ok(snapshot)
    }

    /// Removes the snapshot at `index` of the table.
    pub(super) fn delete(&mut self, index: usize) -> Result<(), Problem> {
        let entry = self.entries.remove(index);
        let l1 = read_l1(&self.header, self.storage, entry.l1_offset, entry.l1_entries)?;
        for offset in l1.into_iter().filter(|offset| *offset != 0) {
            let table = L2Table::read(&self.header, self.storage, offset)?;
            for place in 0..table.len() {
                let Some(clusters) = table.get(place).0.clusters(&self.header)? else { continue };
                clusters.into_iter().try_for_each(|cluster| self.refcounts.decrease(cluster))?;
            }
            self.refcounts.release(offset, self.header.cluster())?;
        }
        self.refcounts.release(entry.l1_offset, u64::from(entry.l1_entries) * 8)?;
        self.update_flags()
    }

    /// Sets the flag COPIED for the clusters of the disk that nothing else refers to anymore.
    fn update_flags(&mut self) -> Result<(), Problem> {
        let old = read_l1(&self.header, self.storage, self.header.l1_offset, self.header.l1_entries)?;
        let before = self.raw_l1()?;
        let mut new = before.clone();
        for (index, offset) in old.into_iter().enumerate().filter(|(_, offset)| *offset != 0) {
            if self.refcounts.get(offset >> self.header.cluster_bits) != 1 {
                continue; // A snapshot has the same table, and so the same clusters.
            }
            let mut table = L2Table::read(&self.header, self.storage, offset)?;
            new[index] = offset | COPIED;
            if self.flag_table(&mut table)? {
                new[index] = self.write_new(&table.bytes)? | COPIED;
                self.refcounts.release(offset, self.header.cluster())?;
            }
        }
        if new == before { Ok(()) } else { self.replace_l1(&new) }
    }

    /// Sets the flags in a table that only the disk has. Returns whether it has changed.
    fn flag_table(&self, table: &mut L2Table) -> Result<bool, Problem> {
        let mut changed = false;
        for place in 0..table.len() {
            let (entry, _) = table.get(place);
            let offset = entry.offset().filter(|_| !entry.is_compressed());
            let Some(offset) = offset.filter(|_| entry.0 & COPIED == 0) else { continue };
            if self.refcounts.get(offset >> self.header.cluster_bits) == 1 {
                table.set(place, L2Entry(entry.0 | COPIED));
                changed = true;
            }
        }
        Ok(changed)
    }

    /// Returns the L1 table of the disk with its flags.
    fn raw_l1(&self) -> Result<Vec<u64>, Problem> {
        let mut bytes = vec![0; self.header.l1_entries as usize * 8];
        self.storage.read_at(&mut bytes, self.header.l1_offset)?;
        Ok(bytes.chunks_exact(8).map(|entry| entry.try_into().map_or(0, u64::from_be_bytes)).collect())
    }

    fn replace_l1(&mut self, new: &[u64]) -> Result<(), Problem> {
        if new.is_empty() {
            return Ok(());
        }
        let offset = self.write_new(&to_bytes(new))?;
        let size = u64::from(self.header.l1_entries) * 8;
        self.refcounts.release(self.header.l1_offset, size)?;
        self.header.l1_offset = offset;
        Ok(())
    }

    /// Writes the rest, and replaces the header.
    pub(super) fn commit(mut self) -> Result<(), Problem> {
        self.replace_table()?;
        let (table, clusters) = self.refcounts.write(self.storage)?;
        (self.header.refcount_table, self.header.refcount_clusters) = (table, clusters);
        self.storage.sync()?;
        let bytes = self.header.bytes();
        self.storage.write_at(&bytes[..self.header.length()], 0)?;
        self.storage.sync()?;
        Ok(())
    }

    fn replace_table(&mut self) -> Result<(), Problem> {
        if self.header.snapshots > 0 {
            self.refcounts.release(self.header.snapshots_offset, self.table_size)?;
        }
        let count = u32::try_from(self.entries.len()).map_err(|_| damaged("too many snapshots"))?;
        let bytes = table::write(&self.entries);
        self.header.snapshots = count;
        self.header.snapshots_offset = if count == 0 { 0 } else { self.write_new(&bytes)? };
        Ok(())
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

fn to_bytes(table: &[u64]) -> Vec<u8> {
    table.iter().flat_map(|entry| entry.to_be_bytes()).collect()
}
