//! The bytes of an image.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use super::problem::{Problem, damaged};

/// A file that is read and written at offsets.
pub(super) trait Storage {
    /// Fills `into`, with zeros beyond the end.
    fn read_at(&self, into: &mut [u8], offset: u64) -> io::Result<()>;

    /// Writes all bytes. The file grows if necessary.
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()>;

    /// Waits until everything that was written is durable.
    fn sync(&self) -> io::Result<()>;

    /// Returns the length in bytes.
    fn length(&self) -> io::Result<u64>;
}

/// Checks that a table is in the file of `length` bytes. QEMU writes all bytes of its tables, so a table that exceeds the file is invalid, and memory
/// for it would not be bounded by the size of the file.
pub(super) fn check_in_file(length: u64, table: &str, offset: u64, bytes: u64) -> Result<(), Problem> {
    if bytes == 0 || offset.checked_add(bytes).is_some_and(|end| end <= length) {
        return Ok(());
    }
    Err(damaged(format!(
        "expected {table} in the file of {length:#x} bytes, found one of {bytes:#x} bytes at {offset:#x}"
    )))
}

impl Storage for File {
    fn read_at(&self, mut into: &mut [u8], mut offset: u64) -> io::Result<()> {
        while !into.is_empty() {
            match FileExt::read_at(self, into, offset) {
                Ok(0) => {
                    into.fill(0);
                    return Ok(());
                }
                Ok(count) => {
                    into = &mut into[count..];
                    offset = offset.saturating_add(count as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        self.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_all()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}
