//! Private memory whose pages a file can replace.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;

use super::MemoryError;
use super::sys::mapped::Mapped;

/// Private memory, in pages of the usual size, whose pages can be replaced by pages of a file
/// ([`RamBlock::private_memory`](super::RamBlock::private_memory)).
#[derive(Debug, Clone, Copy)]
pub struct PrivateMemory<'m> {
    idstr: &'m str,
    memory: &'m Mapped,
}

impl<'m> PrivateMemory<'m> {
    pub(super) fn new(idstr: &'m str, memory: &'m Mapped) -> Self {
        Self { idstr, memory }
    }

    /// Replaces all pages by zeros.
    pub(crate) fn clear(self) -> Result<(), MemoryError> {
        let length = self.memory.range().len();
        self.memory.replace(0..length, None).map_err(|error| self.failed("clearing", error))
    }

    /// Replaces `length` bytes at `offset` by the bytes of a file from `place` on, which are read when they are accessed. Changes stay
    /// in memory.
    pub(crate) fn map(self, offset: u64, length: u64, file: &File, place: u64) -> Result<(), MemoryError> {
        let end = offset.checked_add(length).and_then(|end| usize::try_from(end).ok());
        let start = usize::try_from(offset).ok();
        let range = start.zip(end).map(|(start, end)| start..end);
        let replaced = range.ok_or_else(|| io::ErrorKind::InvalidInput.into());
        let replaced = replaced.and_then(|range| self.memory.replace(range, Some((file.as_fd(), place))));
        replaced.map_err(|error| self.failed("mapping a file as a part", error))
    }

    fn failed(self, operation: &'static str, error: io::Error) -> MemoryError {
        let remedy = match error.kind() {
            io::ErrorKind::OutOfMemory => "free memory, or raise the limit of mappings (`vm.max_map_count`)",
            _ => "move the file to a file system whose files can be mapped",
        };
        MemoryError::system(operation, self.idstr, remedy, error)
    }
}
