//! A check of images that is independent of the code under test: it counts all references.

use std::collections::BTreeMap;

use super::image::Memory;

struct Image {
    bytes: Vec<u8>,
    cluster: u64,
    references: BTreeMap<u64, u64>,
    problems: Vec<String>,
}

/// Returns the inconsistencies that `qemu-img check` would report: wrong reference counts, leaks, wrong flags.
pub(super) fn check(image: &Memory) -> Vec<String> {
    let bytes = image.bytes();
    let cluster = 1 << be(&bytes, 20, 4);
    let mut image = Image { bytes, cluster, references: BTreeMap::new(), problems: Vec::new() };
    image.run();
    image.problems
}

fn be(bytes: &[u8], at: u64, size: usize) -> u64 {
    let at = usize::try_from(at).unwrap();
    bytes.get(at..at + size).map_or(0, |bytes| bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;

impl Image {
    fn get(&self, at: u64, size: usize) -> u64 {
        be(&self.bytes, at, size)
    }

    fn run(&mut self) {
        let version = self.get(4, 4);
        let entry_size = if version > 2 && self.get(72, 8) & 16 != 0 { 16 } else { 8 };
        let order = if version > 2 { self.get(96, 4) } else { 4 };
        self.refer(0, 1);
        self.tables(self.get(40, 8), self.get(36, 4), entry_size);
        self.snapshots(entry_size);
        let (table, clusters) = (self.get(48, 8), self.get(56, 4));
        self.refer(table, clusters * self.cluster);
        let blocks: Vec<_> = (0..clusters * self.cluster / 8).map(|index| self.get(table + index * 8, 8)).collect();
        for block in blocks.iter().filter(|block| **block != 0) {
            self.refer(*block, self.cluster);
        }
        self.compare(&blocks, order);
        self.flags(&blocks, order, entry_size);
    }

    fn refer(&mut self, offset: u64, size: u64) {
        for number in offset / self.cluster..(offset + size).div_ceil(self.cluster) {
            *self.references.entry(number).or_default() += 1;
        }
    }

    fn tables(&mut self, l1: u64, entries: u64, entry_size: u64) {
        self.refer(l1, entries * 8);
        for index in 0..entries {
            let l2 = self.get(l1 + index * 8, 8) & OFFSET;
            if l2 == 0 {
                continue;
            }
            self.refer(l2, self.cluster);
            for place in 0..self.cluster / entry_size {
                let data = self.get(l2 + place * entry_size, 8) & OFFSET;
                if data != 0 {
                    self.refer(data, self.cluster);
                }
            }
        }
    }

    fn snapshots(&mut self, entry_size: u64) {
        let start = self.get(64, 8);
        let mut at = start;
        for _ in 0..self.get(60, 4) {
            at = at.next_multiple_of(8);
            self.tables(self.get(at, 8), self.get(at + 8, 4), entry_size);
            at += 40 + self.get(at + 36, 4) + self.get(at + 12, 2) + self.get(at + 14, 2);
        }
        self.refer(start, at - start);
    }

    fn count(&self, blocks: &[u64], order: u64, cluster: u64) -> u64 {
        let per_block = (self.cluster * 8) >> order;
        let block = blocks.get(usize::try_from(cluster / per_block).unwrap()).copied().unwrap_or(0);
        if block == 0 {
            return 0;
        }
        let bit = (cluster % per_block) << order;
        match order {
            0..3 => self.get(block + bit / 8, 1) >> (bit % 8) & ((1 << (1 << order)) - 1),
            _ => self.get(block + bit / 8, 1 << (order - 3)),
        }
    }

    fn compare(&mut self, blocks: &[u64], order: u64) {
        let last =
            (self.bytes.len() as u64 / self.cluster).max(self.references.keys().max().map_or(0, |last| last + 1));
        for cluster in 0..last {
            let (count, expected) =
                (self.count(blocks, order, cluster), self.references.get(&cluster).copied().unwrap_or(0));
            if count != expected {
                self.problems.push(format!("cluster {cluster:#x}: count {count}, {expected} references"));
            }
        }
    }

    fn flags(&mut self, blocks: &[u64], order: u64, entry_size: u64) {
        let (l1, entries) = (self.get(40, 8), self.get(36, 4));
        for index in 0..entries {
            let l2 = self.get(l1 + index * 8, 8);
            self.flag(blocks, order, l2, "table");
            if l2 & OFFSET == 0 {
                continue;
            }
            for place in 0..self.cluster / entry_size {
                let entry = self.get((l2 & OFFSET) + place * entry_size, 8);
                self.flag(blocks, order, entry, "cluster");
            }
        }
    }

    fn flag(&mut self, blocks: &[u64], order: u64, entry: u64, what: &str) {
        let is_single = self.count(blocks, order, (entry & OFFSET) / self.cluster) == 1;
        if entry & OFFSET != 0 && is_single != (entry >> 63 == 1) {
            self.problems.push(format!("flag of the {what} {entry:#x}"));
        }
    }
}
