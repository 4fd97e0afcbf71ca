//! The reference counts of clusters.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::header::Header;
use super::problem::{Problem, damaged, unsupported};
use super::storage::{Storage, check_in_file};

/// The most bytes of reference counts that are kept in memory: an image of 8 TiB with the usual clusters.
const MAX_BYTES: u64 = 256 << 20;
/// Offsets have 56 bits.
const OFFSET_BITS: u32 = 56;

/// The reference counts of an image, and the changes to them.
///
/// Clusters that were in use at the beginning are not allocated again, so that the image on disk stays valid until the
/// header refers to the new counts.
#[derive(Debug)]
pub(super) struct Refcounts {
    order: u32,
    cluster_bits: u32,
    blocks: BTreeMap<u64, Block>,
    /// The offset and the number of clusters of the table.
    table: (u64, u32),
    /// No cluster before this one is free.
    hint: u64,
    /// The changed blocks, each once.
    changed: Vec<u64>,
}

#[derive(Debug)]
struct Block {
    /// The counts at the beginning.
    before: Vec<u8>,
    counts: Vec<u8>,
    /// The offset at the beginning, or 0 if the block is new.
    place: u64,
    changed: bool,
}

impl Refcounts {
    pub(super) fn read(header: &Header, storage: &impl Storage) -> Result<Self, Problem> {
        let length = storage.length()?;
        let size = u64::from(header.refcount_clusters) << header.cluster_bits;
        check_in_file(length, "a refcount table", header.refcount_table, size)?;
        let mut table = vec![0; usize::try_from(size).unwrap_or(0)];
        storage.read_at(&mut table, header.refcount_table)?;
        let mut counts = Self {
            order: header.refcount_order,
            cluster_bits: header.cluster_bits,
            blocks: BTreeMap::new(),
            table: (header.refcount_table, header.refcount_clusters),
            hint: 1,
            changed: Vec::new(),
        };
        let mut known = BTreeSet::new();
        for (index, entry) in (0..).zip(table.chunks_exact(8)) {
            let place = entry.try_into().map_or(0, u64::from_be_bytes) & !511;
            if place == 0 {
                continue;
            }
            if place & (header.cluster() - 1) != 0 || place >= length || !known.insert(place) {
                return Err(damaged(format!("expected distinct refcount blocks in the file, found one at {place:#x}")));
            }
            if known.len() as u64 * header.cluster() > MAX_BYTES {
                return Err(unsupported("expected at most 256 MiB of reference counts, found more"));
            }
            let mut before = vec![0; 1 << header.cluster_bits];
            storage.read_at(&mut before, place)?;
            counts.blocks.insert(index, Block { counts: before.clone(), before, place, changed: false });
        }
        Ok(counts)
    }

    /// Returns the number of counts in a block, as a power of two.
    fn block_bits(&self) -> u32 {
        self.cluster_bits + 3 - self.order
    }

    fn split(&self, cluster: u64) -> (u64, usize) {
        let mask = (1 << self.block_bits()) - 1;
        (cluster >> self.block_bits(), usize::try_from(cluster & mask).unwrap_or(usize::MAX))
    }

    pub(super) fn get(&self, cluster: u64) -> u64 {
        let (block, index) = self.split(cluster);
        self.blocks.get(&block).map_or(0, |block| get(&block.counts, self.order, index))
    }

    /// Returns whether nothing refers to a cluster, neither at the beginning nor now.
    fn is_free(&self, cluster: u64) -> bool {
        let (block, index) = self.split(cluster);
        self.blocks.get(&block).is_none_or(|block| {
            get(&block.counts, self.order, index) == 0 && get(&block.before, self.order, index) == 0
        })
    }

    fn set(&mut self, cluster: u64, count: u64) {
        let (number, index) = self.split(cluster);
        let size = 1 << self.cluster_bits;
        let block = self.blocks.entry(number).or_insert_with(|| Block {
            before: vec![0; size],
            counts: vec![0; size],
            place: 0,
            changed: false,
        });
        set(&mut block.counts, self.order, index, count);
        if !std::mem::replace(&mut block.changed, true) {
            self.changed.push(number);
        }
    }

    /// Adds a reference.
    pub(super) fn increase(&mut self, cluster: u64) -> Result<(), Problem> {
        let count = self.get(cluster);
        let most = u64::MAX >> (64 - (1 << self.order));
        if count == 0 || count >= most {
            return Err(damaged(format!(
                "expected a reference count of 1 to {} for cluster {cluster:#x}, found {count}; repair the image with \
                 `qemu-img check -r all`",
                most - 1
            )));
        }
        self.set(cluster, count + 1);
        Ok(())
    }

    /// Removes a reference.
    pub(super) fn decrease(&mut self, cluster: u64) -> Result<(), Problem> {
        let less = self.get(cluster).checked_sub(1).ok_or_else(|| unreferenced(cluster))?;
        self.set(cluster, less);
        Ok(())
    }

    /// Checks that no cluster of these bytes would be allocated, because they are in use.
    pub(super) fn check_used(&self, offset: u64, bytes: u64) -> Result<(), Problem> {
        let first = offset >> self.cluster_bits;
        let clusters = first..first.saturating_add(bytes.div_ceil(1 << self.cluster_bits));
        clusters
            .into_iter()
            .find(|cluster| self.get(*cluster) == 0)
            .map_or(Ok(()), |cluster| Err(unreferenced(cluster)))
    }

    /// Checks that no cluster of these bytes would be allocated, and adds them to the clusters of other tables.
    pub(super) fn check_table(&self, offset: u64, bytes: u64, others: &mut HashSet<u64>) -> Result<(), Problem> {
        self.check_used(offset, bytes)?;
        let first = offset >> self.cluster_bits;
        let clusters = first..first.saturating_add(bytes.div_ceil(1 << self.cluster_bits));
        clusters.into_iter().find(|cluster| !others.insert(*cluster)).map_or(Ok(()), |cluster| {
            Err(damaged(format!(
                "expected one table in cluster {cluster:#x}, found two; repair the image with `qemu-img check -r all`"
            )))
        })
    }

    /// Checks the clusters of the counts themselves.
    pub(super) fn check_own(&self, others: &mut HashSet<u64>) -> Result<(), Problem> {
        let cluster = 1_u64 << self.cluster_bits;
        self.check_table(self.table.0, u64::from(self.table.1) * cluster, others)?;
        self.blocks.values().try_for_each(|block| self.check_table(block.place, cluster, others))
    }

    /// Allocates consecutive clusters. Returns the offset of the first one.
    pub(super) fn allocate(&mut self, count: u64) -> Result<u64, Problem> {
        let mut first = self.hint;
        let mut next = first;
        while next < first.saturating_add(count) {
            if !self.is_free(next) {
                first = next + 1;
            }
            next += 1;
        }
        if next > 1 << (OFFSET_BITS - self.cluster_bits) {
            return Err(unsupported("the image has no free clusters"));
        }
        if first == self.hint || count == 1 {
            self.hint = next;
        }
        (first..next).for_each(|cluster| self.set(cluster, 1));
        Ok(first << self.cluster_bits)
    }

    /// Removes the references to a table of `bytes` bytes.
    pub(super) fn release(&mut self, offset: u64, bytes: u64) -> Result<(), Problem> {
        let first = offset >> self.cluster_bits;
        (first..first + bytes.div_ceil(1 << self.cluster_bits)).try_for_each(|cluster| self.decrease(cluster))
    }

    /// Writes the changed counts and a new table to free clusters. Returns the offset and the number of clusters of the
    /// table.
    pub(super) fn write(mut self, storage: &impl Storage) -> Result<(u64, u32), Problem> {
        let cluster = 1_u64 << self.cluster_bits;
        let mut places = BTreeMap::new();
        let mut table: Option<(u64, u64)> = None;
        self.release(self.table.0, u64::from(self.table.1) * cluster)?;
        // Allocating a place for a block can change another block.
        loop {
            if let Some(&index) = self.changed.get(places.len()) {
                let old = self.blocks.get(&index).map_or(0, |block| block.place);
                places.insert(index, self.allocate(1)?);
                if old != 0 {
                    self.decrease(old >> self.cluster_bits)?;
                }
                continue;
            }
            let entries = self.blocks.last_key_value().map_or(0, |(index, _)| index + 1);
            let needed = (entries * 8).div_ceil(cluster).max(self.table.1.into());
            match table {
                Some((_, clusters)) if clusters >= needed => break,
                Some((offset, clusters)) => self.release(offset, clusters * cluster)?,
                None => {}
            }
            table = Some((self.allocate(needed)?, needed));
        }
        let (offset, clusters) = table.unwrap_or_default();
        self.write_at(storage, &places, offset, clusters * cluster)?;
        let clusters = u32::try_from(clusters).map_err(|_| unsupported("the image is too large"))?;
        Ok((offset, clusters))
    }

    fn write_at(
        &self,
        storage: &impl Storage,
        places: &BTreeMap<u64, u64>,
        offset: u64,
        size: u64,
    ) -> Result<(), Problem> {
        let mut table = vec![0; usize::try_from(size).unwrap_or(0)];
        for (index, block) in &self.blocks {
            let place = places.get(index).copied().unwrap_or(block.place);
            if block.changed {
                storage.write_at(&block.counts, place)?;
            }
            let at = usize::try_from(index * 8).unwrap_or(usize::MAX);
            if let Some(entry) = table.get_mut(at..at.saturating_add(8)) {
                entry.copy_from_slice(&place.to_be_bytes());
            }
        }
        storage.write_at(&table, offset)?;
        Ok(())
    }
}

fn unreferenced(cluster: u64) -> Problem {
    damaged(format!(
        "expected a reference count of at least 1 for cluster {cluster:#x}, found 0; repair the image with \
         `qemu-img check -r all`"
    ))
}

/// Returns a count of `1 << order` bits. Several in one byte begin at its lowest bit (`get_refcount_ro0` and others in
/// QEMU's `block/qcow2-refcount.c`).
fn get(counts: &[u8], order: u32, index: usize) -> u64 {
    if order < 3 {
        let (byte, shift, mask) = bits(order, index);
        return counts.get(byte).map_or(0, |byte| u64::from(byte >> shift & mask));
    }
    let size = 1 << (order - 3);
    let bytes = counts.get(index * size..(index + 1) * size).unwrap_or_default();
    bytes.iter().fold(0, |count, byte| count << 8 | u64::from(*byte))
}

fn set(counts: &mut [u8], order: u32, index: usize, count: u64) {
    if order < 3 {
        let (byte, shift, mask) = bits(order, index);
        if let Some(byte) = counts.get_mut(byte) {
            let count = u8::try_from(count).unwrap_or(u8::MAX) & mask;
            *byte = *byte & !(mask << shift) | count << shift;
        }
        return;
    }
    let size = 1 << (order - 3);
    if let Some(bytes) = counts.get_mut(index * size..(index + 1) * size) {
        bytes.copy_from_slice(&count.to_be_bytes()[8 - size..]);
    }
}

/// Returns the byte of a count of fewer than 8 bits, its shift and its mask.
fn bits(order: u32, index: usize) -> (usize, usize, u8) {
    let in_byte = 8 >> order;
    let mask = u8::MAX >> (8 - (1 << order));
    (index / in_byte, (index % in_byte) << order, mask)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_all_sizes_are_kept() {
        for order in 0..=6 {
            let most = u64::MAX >> (64 - (1_u32 << order));
            let mut counts = vec![0; 64];
            let number = 512 >> order;
            for index in 0..number {
                set(&mut counts, order, index, most.min(index as u64));
            }
            set(&mut counts, order, 3, most);
            set(&mut counts, order, 3, 1);
            for index in 0..number {
                let expected = if index == 3 { 1 } else { most.min(index as u64) };
                assert_eq!(get(&counts, order, index), expected, "{order} {index}");
            }
        }
        assert_eq!(get(&[0b0001_0010], 2, 0), 2);
        assert_eq!(get(&[1, 2, 3, 4], 4, 1), 0x304);
    }
}
