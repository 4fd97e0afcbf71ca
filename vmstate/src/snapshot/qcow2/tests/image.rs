//! Images in memory.

use std::cell::{Cell, RefCell};
use std::io;

use super::super::clusters::{L2Table, read_l1};
use super::super::header::Header;
use super::super::storage::Storage;
use super::super::table;

/// The parameters of an image.
#[derive(Debug, Clone, Copy)]
pub(super) struct Format {
    pub(super) version: u32,
    pub(super) cluster_bits: u32,
    pub(super) refcount_order: u32,
    pub(super) extended: bool,
}

/// An image in memory, whose writes can fail.
#[derive(Debug)]
pub(super) struct Memory {
    bytes: RefCell<Vec<u8>>,
    /// The number of writes after which all fail.
    left: Cell<Option<usize>>,
    /// The offset of the first write that failed.
    lost: Cell<Option<u64>>,
    /// The bytes that were read.
    read: Cell<u64>,
}

impl From<Vec<u8>> for Memory {
    fn from(bytes: Vec<u8>) -> Self {
        Self { bytes: RefCell::new(bytes), left: Cell::new(None), lost: Cell::new(None), read: Cell::new(0) }
    }
}

impl Memory {
    pub(super) fn bytes(&self) -> Vec<u8> {
        self.bytes.borrow().clone()
    }

    /// Returns a copy whose writes fail after the first `writes`.
    pub(super) fn crash_after(&self, writes: usize) -> Self {
        let copy = Self::from(self.bytes());
        copy.left.set(Some(writes));
        copy
    }

    /// Lets writes succeed again.
    pub(super) fn repaired(self) -> Self {
        self.left.set(None);
        self
    }

    pub(super) fn lost_write(&self) -> Option<u64> {
        self.lost.get()
    }

    /// Returns the number of bytes that were read so far.
    pub(super) fn read_bytes(&self) -> u64 {
        self.read.get()
    }

    /// Returns the content of the disk.
    pub(super) fn disk(&self) -> Vec<Vec<u8>> {
        let header = Header::read(self).unwrap();
        self.disk_in(&header, header.l1_offset, header.l1_entries)
    }

    /// Returns the content of the disk in a snapshot.
    pub(super) fn disk_of(&self, index: usize) -> Vec<Vec<u8>> {
        let header = Header::read(self).unwrap();
        let entry = table::read(&header, self).unwrap().0.swap_remove(index);
        self.disk_in(&header, entry.l1_offset, entry.l1_entries)
    }

    fn disk_in(&self, header: &Header, l1_offset: u64, l1_entries: u32) -> Vec<Vec<u8>> {
        let l1 = read_l1(header, self, l1_offset, l1_entries).unwrap();
        let count = usize::try_from(header.vm_state_index(header.disk_size)).unwrap();
        let mut clusters = Vec::new();
        for offset in l1.into_iter().take(count) {
            let table = if offset == 0 { L2Table::empty(header) } else { L2Table::read(header, self, offset).unwrap() };
            for place in 0..table.len() {
                let mut bytes = vec![0; 1 << header.cluster_bits];
                if let Some(offset) = table.get(place).0.offset() {
                    self.read_at(&mut bytes, offset).unwrap();
                }
                clusters.push(bytes);
            }
        }
        clusters
    }
}

impl Storage for Memory {
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        self.read.set(self.read.get() + into.len() as u64);
        let bytes = self.bytes.borrow();
        let rest = usize::try_from(offset).ok().and_then(|start| bytes.get(start..)).unwrap_or_default();
        let count = rest.len().min(into.len());
        into[..count].copy_from_slice(&rest[..count]);
        into[count..].fill(0);
        Ok(())
    }

    fn write_at(&self, from: &[u8], offset: u64) -> io::Result<()> {
        match self.left.get() {
            Some(0) => {
                self.lost.set(self.lost.get().or(Some(offset)));
                return Err(io::ErrorKind::StorageFull.into());
            }
            Some(left) => self.left.set(Some(left - 1)),
            None => {}
        }
        let mut bytes = self.bytes.borrow_mut();
        let start = usize::try_from(offset).unwrap();
        assert!(start < 1 << 30, "a write at {start:#x}");
        let end = bytes.len().max(start + from.len());
        bytes.resize(end, 0);
        bytes[start..start + from.len()].copy_from_slice(from);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.bytes.borrow().len() as u64)
    }
}

/// Creates an image of a disk that is a bit larger than one L2 table covers, with data in every third of the first
/// `clusters` clusters and in the last one.
pub(super) fn create(format: Format, clusters: u64) -> Memory {
    let cluster = 1_u64 << format.cluster_bits;
    let entry_size = if format.extended { 16 } else { 8 };
    let l2_entries = cluster / entry_size;
    let disk_clusters = l2_entries + 3;
    // Header, L1 table, refcount table, refcount block, then L2 tables and data.
    let (l1, refcount_table, block) = (cluster, 2 * cluster, 3 * cluster);
    let mut next = 4 * cluster;
    let mut bytes = vec![0; usize::try_from(next).unwrap()];
    let put = |bytes: &mut Vec<u8>, at: u64, value: &[u8]| {
        let at = usize::try_from(at).unwrap();
        bytes.resize(bytes.len().max((at + value.len()).next_multiple_of(cluster as usize)), 0);
        bytes[at..at + value.len()].copy_from_slice(value);
    };
    let mut allocate = || {
        next += cluster;
        next - cluster
    };
    let copied = 1_u64 << 63;
    for table in 0..2 {
        let l2 = allocate();
        put(&mut bytes, l1 + 8 * table, &(l2 | copied).to_be_bytes());
        put(&mut bytes, l2, &vec![0; cluster as usize]);
        let used = if table == 0 { (0..clusters).step_by(3).collect() } else { vec![2] };
        for place in used {
            let data = allocate();
            put(&mut bytes, data, &vec![(place + 1) as u8; cluster as usize]);
            put(&mut bytes, l2 + place * entry_size, &(data | copied).to_be_bytes());
            if format.extended {
                put(&mut bytes, l2 + place * entry_size + 8, &0xffff_ffff_u64.to_be_bytes());
            }
        }
    }
    let used = bytes.len() as u64 / cluster;
    put(&mut bytes, refcount_table, &block.to_be_bytes());
    assert!(used < (cluster * 8) >> format.refcount_order, "one refcount block");
    for number in 0..used {
        let bits = 1_u64 << format.refcount_order;
        match format.refcount_order {
            0..3 => {
                let at = usize::try_from(block + number * bits / 8).unwrap();
                bytes[at] |= 1 << (number * bits % 8);
            }
            _ => put(&mut bytes, block + (number + 1) * bits / 8 - 1, &[1]),
        }
    }
    let head: [(u64, &[u8]); 9] = [
        (0, b"QFI\xfb"),
        (4, &format.version.to_be_bytes()),
        (20, &format.cluster_bits.to_be_bytes()),
        (24, &(disk_clusters * cluster).to_be_bytes()),
        (36, &2_u32.to_be_bytes()),
        (40, &l1.to_be_bytes()),
        (48, &refcount_table.to_be_bytes()),
        (56, &1_u32.to_be_bytes()),
        (72, &[0; 8]),
    ];
    head.iter().for_each(|(at, value)| put(&mut bytes, *at, value));
    if format.version > 2 {
        put(&mut bytes, 72, &(u64::from(format.extended) * 16).to_be_bytes());
        put(&mut bytes, 96, &format.refcount_order.to_be_bytes());
        put(&mut bytes, 100, &104_u32.to_be_bytes());
    }
    Memory::from(bytes)
}
