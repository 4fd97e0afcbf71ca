//! A machine that is all memory.

use std::io::{Read, Write};

use vmstate::machine::{LoadOptions, SaveOptions, Trailer};
use vmstate::memory::{HugePages, Mapping, MappingOptions, MemoryError, PageSize, RamBlock};
use vmstate::prelude::*;

/// Guest memory as a virtual machine has it: mapped, in huge pages if the host has some, and all there.
pub(crate) struct Memory {
    map: Mapping,
    /// Set if the memory can be borrowed.
    pub(crate) lends: bool,
}

impl Memory {
    pub(crate) fn zero(size: usize) -> Self {
        let options = MappingOptions::anonymous().huge_pages(HugePages::Transparent).prefault(true);
        Self { map: options.map("ram", size as u64).expect("memory"), lends: true }
    }

    pub(crate) fn random(size: usize) -> Self {
        let mut memory = Self::zero(size);
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for word in memory.bytes().as_chunks_mut().0 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *word = state.to_le_bytes();
        }
        memory
    }

    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        self.map.exclusive().expect("memory of one owner")
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
        self.map.idstr()
    }

    fn size(&self) -> u64 {
        self.map.size()
    }

    fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        self.map.read(offset, into)
    }

    fn write(&self, offset: u64, from: &[u8]) -> Result<(), MemoryError> {
        self.map.write(offset, from)
    }

    fn exclusive(&mut self) -> Option<&mut [u8]> {
        if self.lends { self.map.exclusive() } else { None }
    }
}
