//! The streams of snapshots, which are after the end of the disk.

use std::io::{self, Write};
use std::ops::Range;

use vmstate_types::LoadError;
use vmstate_types::wire::ByteSource;

use super::change::Change;
use super::clusters::{L2Entry, L2Table, read_l1};
use super::header::Header;
use super::problem::{Problem, damaged, unsupported};
use super::storage::Storage;
use super::table::Entry;

/// Reads the stream of a snapshot.
#[derive(Debug)]
pub(super) struct StateReader<'s, S> {
    header: Header,
    storage: &'s S,
    /// The L2 tables of the stream.
    tables: Vec<u64>,
    position: u64,
    length: u64,
    /// The number and the content of the table that was read last.
    table: Option<(usize, L2Table)>,
}

impl<'s, S: Storage> StateReader<'s, S> {
    pub(super) fn new(header: &Header, storage: &'s S, entry: &Entry) -> Result<Self, Problem> {
        let first = usize::try_from(header.vm_state_index(entry.disk_size)).unwrap_or(usize::MAX);
        let tables = read_l1(header, storage, entry.l1_offset, entry.l1_entries)?;
        let tables = tables.get(first..).unwrap_or_default().to_vec();
        let most = (tables.len() as u64).saturating_mul(header.l2_entries()).saturating_mul(header.cluster());
        if entry.vm_state_size > most {
            let found = format!("a stream of {} bytes", entry.vm_state_size);
            return Err(damaged(format!("expected at most {most} bytes in the tables of the snapshot, found {found}")));
        }
        let (header, length) = (header.clone(), entry.vm_state_size);
        Ok(Self { header, storage, tables, position: 0, length, table: None })
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Reads bytes of one cluster. Returns their number, which is 0 at the end.
    fn read_some(&mut self, into: &mut [u8]) -> Result<usize, Problem> {
        let read = self.read_unchecked(into);
        // Before an error, because freed tables can have any content.
        self.header.check_current(self.storage)?;
        read
    }

    fn read_unchecked(&mut self, into: &mut [u8]) -> Result<usize, Problem> {
        let inside = self.position & (self.header.cluster() - 1);
        let most = (self.header.cluster() - inside).min(self.length - self.position);
        let count = into.len().min(usize::try_from(most).unwrap_or(usize::MAX));
        let into = &mut into[..count];
        if count > 0 {
            let (entry, subclusters) = self.entry()?;
            self.read_cluster(entry, subclusters, inside, into)?;
        }
        self.position += count as u64;
        Ok(count)
    }

    fn entry(&mut self) -> Result<(L2Entry, u64), Problem> {
        let cluster = self.position >> self.header.cluster_bits;
        let index = usize::try_from(cluster / self.header.l2_entries()).unwrap_or(usize::MAX);
        let within = usize::try_from(cluster % self.header.l2_entries()).unwrap_or(usize::MAX);
        let offset = self.tables.get(index).copied().unwrap_or(0);
        let table = match self.table.take() {
            Some((known, table)) if known == index => table,
            _ if offset == 0 => L2Table::empty(&self.header),
            _ => L2Table::read(&self.header, self.storage, offset)?,
        };
        let (_, table) = self.table.insert((index, table));
        Ok(table.get(within))
    }

    fn read_cluster(&self, entry: L2Entry, subclusters: u64, inside: u64, into: &mut [u8]) -> Result<(), Problem> {
        if entry.is_compressed() {
            return Err(unsupported("the stream is compressed; decompress the image with `qemu-img convert`"));
        }
        let is_zero = entry.is_zero() && !self.header.has_subclusters();
        let Some(offset) = entry.offset().filter(|_| !is_zero) else {
            into.fill(0);
            return Ok(());
        };
        self.storage.read_at(into, offset.saturating_add(inside))?;
        if self.header.has_subclusters() {
            let size = self.header.cluster() / 32;
            let mut start = 0;
            while let Some(rest) = into.get_mut(start..).filter(|rest| !rest.is_empty()) {
                let place = inside + start as u64;
                let count = usize::try_from(size - place % size).unwrap_or(usize::MAX).min(rest.len());
                if subclusters >> (place / size) & 1 == 0 {
                    rest[..count].fill(0);
                }
                start += count;
            }
        }
        Ok(())
    }
}

fn to_io(problem: Problem) -> io::Error {
    match problem {
        Problem::Io(error) => error,
        Problem::Other(_, reason) => io::Error::new(io::ErrorKind::InvalidData, reason),
    }
}

impl<S: Storage> ByteSource for StateReader<'_, S> {
    fn read(&mut self, into: &mut [u8]) -> Result<usize, LoadError> {
        self.read_some(into).map_err(|problem| LoadError::io(to_io(problem)))
    }

    fn skip(&mut self, count: u64) -> Result<u64, LoadError> {
        let count = count.min(self.length - self.position);
        self.position += count;
        Ok(count)
    }

    fn peek_last(&mut self, count: usize) -> Result<Option<Vec<u8>>, LoadError> {
        let position = std::mem::replace(&mut self.position, self.length.saturating_sub(count as u64));
        let mut bytes = vec![0; usize::try_from(self.length - self.position).unwrap_or(usize::MAX).min(count)];
        let mut filled = 0;
        while filled < bytes.len() {
            match self.read(&mut bytes[filled..])? {
                0 => break,
                got => filled += got,
            }
        }
        bytes.truncate(filled);
        self.position = position;
        Ok(Some(bytes))
    }
}

impl<S: Storage> io::Read for StateReader<'_, S> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.read_some(into).map_err(to_io)
    }
}

/// Writes the stream of a new snapshot to free clusters.
#[derive(Debug)]
pub(super) struct StateWriter<'c, 's, S> {
    change: &'c mut Change<'s, S>,
    /// The bytes of the last cluster.
    cluster: Vec<u8>,
    table: L2Table,
    /// The entries of the table that are used.
    used: Range<usize>,
    /// The complete L2 tables.
    tables: Vec<u64>,
    length: u64,
}

impl<'c, 's, S: Storage> StateWriter<'c, 's, S> {
    pub(super) fn new(change: &'c mut Change<'s, S>) -> Self {
        let table = L2Table::empty(&change.header);
        Self { change, cluster: Vec::new(), table, used: 0..0, tables: Vec::new(), length: 0 }
    }

    /// Writes the rest. Returns the L2 tables and the length of the stream.
    pub(super) fn finish(mut self) -> Result<(Vec<u64>, u64), Problem> {
        if !self.cluster.is_empty() {
            self.end_cluster()?;
        }
        if !self.used.is_empty() {
            self.end_table()?;
        }
        Ok((self.tables, self.length))
    }

    fn end_cluster(&mut self) -> Result<(), Problem> {
        self.cluster.resize(1 << self.change.header.cluster_bits, 0);
        let offset = self.change.write_new(&self.cluster)?;
        self.cluster.clear();
        self.table.set(self.used.end, L2Entry(offset));
        self.table.allocate_subclusters(self.used.end);
        self.used.end += 1;
        if self.used.end == self.table.len() { self.end_table() } else { Ok(()) }
    }

    fn end_table(&mut self) -> Result<(), Problem> {
        let offset = self.change.write_new(&self.table.bytes)?;
        self.tables.push(offset);
        self.table = L2Table::empty(&self.change.header);
        self.used = 0..0;
        Ok(())
    }
}

impl<S: Storage> Write for StateWriter<'_, '_, S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let room = (1 << self.change.header.cluster_bits) - self.cluster.len();
        let count = bytes.len().min(room);
        self.cluster.extend_from_slice(&bytes[..count]);
        self.length += count as u64;
        if count == room {
            self.end_cluster().map_err(to_io)?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
