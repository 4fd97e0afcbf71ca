//! Files in which bytes have fixed places.

use std::fs::File;
use std::io;
use std::sync::Arc;

use super::piece::Piece;
use super::recorded::{Recorded, RecordedBlock};
use crate::memory::DirtyBitmap;

/// A file that is written at offsets, without its cursor.
#[derive(Debug, Clone, Copy)]
pub(super) struct PlacedFile<'f> {
    file: &'f File,
    /// The offset in the file of the stream's first byte.
    start: u64,
    /// The places of memory, for the store that has created the file.
    recorded: Option<&'f Recorded<'f>>,
}

impl<'f> PlacedFile<'f> {
    pub(super) fn new(file: &'f File, start: u64) -> Self {
        Self { file, start, recorded: None }
    }

    #[cfg(all(unix, feature = "snapshot"))]
    pub(super) fn recorded(file: &'f File, recorded: &'f Recorded<'f>) -> Self {
        Self { file, start: 0, recorded: Some(recorded) }
    }

    /// Records a block of memory. Returns the pages that the file has to contain, unless these are all pages.
    pub(super) fn record(self, block: RecordedBlock) -> Option<Arc<DirtyBitmap>> {
        self.recorded?.add(block)
    }

    #[cfg(all(target_os = "linux", feature = "mapping", any(feature = "migration", feature = "snapshot")))]
    pub(super) fn file(self) -> &'f File {
        self.file
    }

    /// Returns the place in the file of the stream's byte at `offset`.
    pub(super) fn place(self, offset: u64) -> u64 {
        self.start.saturating_add(offset)
    }

    /// Writes all of `bytes` at a place in the file.
    pub(super) fn write(self, bytes: &[u8], place: u64) -> io::Result<()> {
        write_all_at(self.file, bytes, place)
    }

    /// Writes guest memory at a place in the file.
    pub(super) fn write_piece(self, piece: Piece<'_>, place: u64) -> io::Result<()> {
        match piece {
            Piece::Slice(bytes) => self.write(bytes, place),
            Piece::Memory(memory) => self.write_memory(memory, place),
        }
    }

    #[cfg(all(target_os = "linux", feature = "mapping"))]
    fn write_memory(self, memory: crate::memory::HostRange<'_>, place: u64) -> io::Result<()> {
        let mut written = 0;
        while let Some(rest) = memory.get(written..memory.len()).filter(|rest| !rest.is_empty()) {
            match crate::memory::write_memory_at(self.file, rest, place.saturating_add(written as u64)) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    #[cfg(not(all(target_os = "linux", feature = "mapping")))]
    fn write_memory(self, memory: crate::memory::HostRange<'_>, place: u64) -> io::Result<()> {
        self.write(&memory.to_vec(), place)
    }
}

#[cfg(unix)]
fn write_all_at(file: &File, bytes: &[u8], place: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, place)
}

#[cfg(windows)]
fn write_all_at(file: &File, mut bytes: &[u8], mut place: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_write(file, bytes, place) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => {
                bytes = &bytes[count.min(bytes.len())..];
                place = place.saturating_add(count as u64);
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(not(any(unix, windows)))]
fn write_all_at(_: &File, _: &[u8], _: u64) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
