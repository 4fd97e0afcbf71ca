//! A machine that is all memory.

use std::io::{Read, Write};

use memmap2::{Advice, MmapMut};
use vmstate::machine::{LoadOptions, SaveOptions, Trailer};
use vmstate::prelude::*;
use vmstate::ram::{PageSize, RamBlock};

/// Guest memory as a virtual machine has it: mapped, in huge pages if the host has some, and all there.
pub(crate) struct Memory {
    map: MmapMut,
    /// Set if the memory can be borrowed.
    pub(crate) lends: bool,
}

impl Memory {
    pub(crate) fn zero(size: usize) -> Self {
        let mut map = MmapMut::map_anon(size).expect("memory");
        // A host without huge pages has others.
        let _ = map.advise(Advice::HugePage);
        map.fill(0);
        Self { map, lends: true }
    }

    pub(crate) fn random(size: usize) -> Self {
        let mut memory = Self::zero(size);
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for word in memory.map.as_chunks_mut().0 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *word = state.to_le_bytes();
        }
        memory
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.map
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.map
    }

    fn part(&self, offset: u64, length: usize) -> &[u8] {
        &self.map[usize::try_from(offset).expect("an offset inside")..][..length]
    }

    fn part_mut(&mut self, offset: u64, length: usize) -> &mut [u8] {
        &mut self.map[usize::try_from(offset).expect("an offset inside")..][..length]
    }

    /// Saves a machine with this memory.
    pub(crate) fn save(&mut self, out: &mut (dyn Write + Send)) {
        let mut machine = Machine::with_type("all-memory");
        machine.register_ram(PageSize::DEFAULT, std::slice::from_mut(self)).expect("the only section");
        machine.save_with(out, SaveOptions::new()).expect("a machine that can be saved");
    }

    /// Loads a machine with this memory.
    pub(crate) fn load(&mut self, input: impl Read + Send, options: LoadOptions) {
        let mut machine = Machine::with_type("all-memory");
        machine.register_ram(PageSize::DEFAULT, std::slice::from_mut(self)).expect("the only section");
        let mut reader = Reader::from_read(input);
        machine.load_with(&mut reader, options.trailer(Trailer::Required)).expect("a stream of this machine");
    }
}

impl RamBlock for Memory {
    fn idstr(&self) -> &str {
        "ram"
    }

    fn size(&self) -> u64 {
        self.map.len() as u64
    }

    fn read(&self, offset: u64, page: &mut [u8]) -> Result<(), SaveError> {
        page.copy_from_slice(self.part(offset, page.len()));
        Ok(())
    }

    fn write(&mut self, offset: u64, page: &[u8]) -> Result<(), LoadError> {
        self.part_mut(offset, page.len()).copy_from_slice(page);
        Ok(())
    }

    fn slice(&self, offset: u64, length: usize) -> Option<&[u8]> {
        self.lends.then(|| self.part(offset, length))
    }

    fn slice_mut(&mut self, offset: u64, length: usize) -> Option<&mut [u8]> {
        self.lends.then(|| self.part_mut(offset, length))
    }
}
