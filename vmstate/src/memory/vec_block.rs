//! Blocks of guest memory in vectors.

use std::sync::atomic::AtomicU8;

use super::sys::vector;
use super::{HostRange, MemoryError, RamBlock};

/// A block of guest memory in a vector.
pub struct VecBlock {
    idstr: String,
    bytes: Box<[AtomicU8]>,
}

impl VecBlock {
    /// Creates a block with the content `bytes`.
    #[must_use]
    pub fn new(idstr: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { idstr: idstr.into(), bytes: vector::share(bytes) }
    }

    /// Returns the content.
    pub fn bytes(&mut self) -> &mut [u8] {
        vector::exclusive(&mut self.bytes)
    }

    /// Returns a copy of the content.
    #[must_use]
    pub fn to_vec(&self) -> Vec<u8> {
        self.memory().to_vec()
    }

    /// Returns all of the memory.
    #[inline]
    #[must_use]
    pub fn memory(&self) -> HostRange<'_> {
        HostRange::from(&*self.bytes)
    }
}

impl RamBlock for VecBlock {
    fn idstr(&self) -> &str {
        &self.idstr
    }

    fn size(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        let range = self.range(offset, into.len())?;
        self.memory().read(range.start, into);
        Ok(())
    }

    fn write(&self, offset: u64, from: &[u8]) -> Result<(), MemoryError> {
        let range = self.range(offset, from.len())?;
        self.memory().write(range.start, from);
        Ok(())
    }

    fn host_range(&self, offset: u64, length: usize) -> Option<HostRange<'_>> {
        self.memory().get(self.range(offset, length).ok()?)
    }

    fn exclusive(&mut self) -> Option<&mut [u8]> {
        Some(self.bytes())
    }
}

impl Clone for VecBlock {
    fn clone(&self) -> Self {
        Self::new(self.idstr.clone(), self.to_vec())
    }
}

impl PartialEq for VecBlock {
    fn eq(&self, other: &Self) -> bool {
        self.idstr == other.idstr && self.to_vec() == other.to_vec()
    }
}

impl Eq for VecBlock {}

impl std::fmt::Debug for VecBlock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("VecBlock").field("idstr", &self.idstr).field("size", &self.bytes.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_read_written_and_borrowed() {
        let mut block = VecBlock::new("ram", vec![1; 100]);
        block.write(3, &[7; 90]).unwrap();
        let mut copy = [0; 5];
        block.read(1, &mut copy).unwrap();
        assert_eq!(copy, [1, 1, 7, 7, 7]);
        block.exclusive().unwrap()[92..94].fill(9);
        assert_eq!(block.to_vec()[90..96], [7, 7, 9, 9, 1, 1]);
        assert_eq!(block.clone(), block);
    }

    #[test]
    fn ranges_outside_of_the_block_are_errors() {
        let block = VecBlock::new("ram", vec![1; 100]);
        let error = block.read(99, &mut [0; 2]).unwrap_err().to_string();
        assert_eq!(error, "expected a range within the 0x64 bytes of RAM block `ram`, found 0x2 bytes at 0x63");
        assert!(block.write(u64::MAX, &[0]).is_err());
        assert!(block.host_range(0, 101).is_none());
    }
}
