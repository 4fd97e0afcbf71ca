//! The table of snapshots.

use std::time::{Duration, UNIX_EPOCH};

use super::header::Header;
use super::problem::{Problem, damaged};
use super::storage::{Storage, check_in_file};
use crate::snapshot::SnapshotInfo;

/// The largest table (`QCOW_MAX_SNAPSHOTS_SIZE`).
const MAX_SIZE: u64 = 64 << 20;
/// The most extra data of an entry (`QCOW_MAX_SNAPSHOT_EXTRA_DATA`).
const MAX_EXTRA: u32 = 1024;
/// Begins our part of the extra data, which QEMU keeps: the parent and the comment, each after its length.
const OURS: &[u8; 8] = b"vmstate1";

/// An entry of the table (`QCowSnapshotHeader` in QEMU's `block/qcow2.h`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) l1_offset: u64,
    pub(super) l1_entries: u32,
    pub(super) id: Vec<u8>,
    pub(super) name: Vec<u8>,
    seconds: u32,
    nanoseconds: u32,
    guest_clock: u64,
    pub(super) vm_state_size: u64,
    pub(super) disk_size: u64,
    /// The extra data after the sizes: the instruction counter, and parts that QEMU does not know.
    more: Vec<u8>,
}

impl Entry {
    /// Creates the entry of a new snapshot.
    pub(super) fn new(snapshot: &SnapshotInfo, disk_size: u64) -> Self {
        let date = snapshot.since_epoch();
        let mut more = u64::MAX.to_be_bytes().to_vec();
        let parent = snapshot.parent.as_deref().unwrap_or_default();
        if !parent.is_empty() || !snapshot.comment.is_empty() {
            more.extend(OURS);
            for text in [parent, &snapshot.comment] {
                more.extend(u16::try_from(text.len()).unwrap_or(u16::MAX).to_be_bytes());
                more.extend(text.as_bytes());
            }
        }
        Self {
            l1_offset: 0,
            l1_entries: 0,
            id: snapshot.id.clone().into_bytes(),
            name: snapshot.name.clone().into_bytes(),
            seconds: u32::try_from(date.as_secs()).unwrap_or(u32::MAX),
            nanoseconds: date.subsec_nanos(),
            guest_clock: u64::try_from(snapshot.guest_clock.as_nanos()).unwrap_or(u64::MAX),
            vm_state_size: 0,
            disk_size,
            more,
        }
    }

    /// Returns whether the entry fits the format.
    pub(super) fn fits(&self) -> bool {
        self.more.len() + 16 <= MAX_EXTRA as usize
    }

    pub(super) fn snapshot(&self) -> SnapshotInfo {
        let (parent, comment) = self.ours().unwrap_or_default();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        SnapshotInfo {
            id: text(&self.id),
            name: text(&self.name),
            date: UNIX_EPOCH + Duration::new(self.seconds.into(), self.nanoseconds % 1_000_000_000),
            guest_clock: Duration::from_nanos(self.guest_clock),
            size: self.vm_state_size,
            parent: Some(text(parent)).filter(|parent| !parent.is_empty()),
            base: None,
            comment: text(comment),
        }
    }

    /// Returns the parent and the comment.
    fn ours(&self) -> Option<(&[u8], &[u8])> {
        let rest = self.more.get(8..)?.strip_prefix(OURS)?;
        let (parent, rest) = counted(rest)?;
        Some((parent, counted(rest)?.0))
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.resize(out.len().next_multiple_of(8), 0);
        let length = |bytes: &[u8]| u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
        out.extend(self.l1_offset.to_be_bytes());
        out.extend(self.l1_entries.to_be_bytes());
        out.extend(length(&self.id));
        out.extend(length(&self.name));
        out.extend(self.seconds.to_be_bytes());
        out.extend(self.nanoseconds.to_be_bytes());
        out.extend(self.guest_clock.to_be_bytes());
        // Readers of the extra data ignore it (`qcow2_write_snapshots` in QEMU's `block/qcow2-snapshot.c`).
        out.extend(u32::try_from(self.vm_state_size).unwrap_or(0).to_be_bytes());
        out.extend(u32::try_from(16 + self.more.len()).unwrap_or(0).to_be_bytes());
        out.extend(self.vm_state_size.to_be_bytes());
        out.extend(self.disk_size.to_be_bytes());
        out.extend(&self.more);
        out.extend(&self.id);
        out.extend(&self.name);
    }
}

fn counted(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u16::from_be_bytes(*length).into())
}

/// Reads bytes one after another.
struct Cursor<'s, S> {
    storage: &'s S,
    /// The length of the file.
    length: u64,
    start: u64,
    offset: u64,
}

impl<S: Storage> Cursor<'_, S> {
    fn take(&mut self, count: usize) -> Result<Vec<u8>, Problem> {
        let end = self.offset.checked_add(count as u64);
        if end.and_then(|end| end.checked_sub(self.start)).is_none_or(|size| size > MAX_SIZE) {
            return Err(damaged("the table of snapshots is larger than 64 MiB"));
        }
        check_in_file(self.length, "a table of snapshots", self.offset, count as u64)?;
        let mut bytes = vec![0; count];
        self.storage.read_at(&mut bytes, self.offset)?;
        self.offset += count as u64;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, Problem> {
        Ok(self.take(4)?.try_into().map_or(0, u32::from_be_bytes))
    }

    fn u64(&mut self) -> Result<u64, Problem> {
        Ok(self.take(8)?.try_into().map_or(0, u64::from_be_bytes))
    }
}

/// Reads the table. Returns its entries and its size in bytes.
pub(super) fn read(header: &Header, storage: &impl Storage) -> Result<(Vec<Entry>, u64), Problem> {
    let start = header.snapshots_offset;
    let mut cursor = Cursor { storage, length: storage.length()?, start, offset: start };
    let mut entries = Vec::new();
    for _ in 0..header.snapshots {
        entries.push(entry(header, &mut cursor)?);
    }
    Ok((entries, cursor.offset - start))
}

fn entry<S: Storage>(header: &Header, cursor: &mut Cursor<'_, S>) -> Result<Entry, Problem> {
    cursor.offset = cursor.offset.checked_next_multiple_of(8).ok_or_else(|| damaged("no table of snapshots"))?;
    let (l1_offset, l1_entries) = (cursor.u64()?, cursor.u32()?);
    let lengths = cursor.u32()?;
    let (seconds, nanoseconds, guest_clock) = (cursor.u32()?, cursor.u32()?, cursor.u64()?);
    let (small_size, extra) = (cursor.u32()?, cursor.u32()?);
    if extra > MAX_EXTRA {
        return Err(damaged(format!("expected at most {MAX_EXTRA} bytes of extra data, found {extra}")));
    }
    let extra = cursor.take(extra as usize)?;
    let number = |at: usize| Some(u64::from_be_bytes(extra.get(at..at + 8)?.try_into().ok()?));
    let id = cursor.take((lengths >> 16) as usize)?;
    let name = cursor.take((lengths & 0xffff) as usize)?;
    Ok(Entry {
        l1_offset,
        l1_entries,
        id,
        name,
        seconds,
        nanoseconds,
        guest_clock,
        vm_state_size: number(0).unwrap_or(small_size.into()),
        disk_size: number(8).unwrap_or(header.disk_size),
        more: extra.get(16..).unwrap_or_default().to_vec(),
    })
}

/// Returns the bytes of a table.
pub(super) fn write(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    entries.iter().for_each(|entry| entry.write(&mut bytes));
    bytes
}
