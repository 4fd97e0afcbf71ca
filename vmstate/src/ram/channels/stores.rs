//! Blocks of memory whose pages several threads load.

use vmstate_types::{LoadError, Reader};

use super::load::SharedLoad;
use crate::memory::{DirtyBitmap, RamBlock};
use crate::ram::load::{PageAddress, PageStore};
use crate::ram::record::BlockHeader;

/// Blocks whose pages arrive over several channels.
pub(in crate::ram) struct WithChannels<'c, B> {
    pub(in crate::ram) channels: &'c SharedLoad,
    pub(in crate::ram) blocks: &'c mut [B],
}

impl<B: RamBlock> PageStore<B> for WithChannels<'_, B> {
    fn blocks(&self) -> &[B] {
        self.blocks
    }

    /// The main channel has no such pages, but QEMU accepts them.
    fn receive(&mut self, address: PageAddress, reader: &mut Reader<'_>, page: &mut [u8]) -> Result<(), LoadError> {
        reader.fill(page)?;
        self.channels.with_undo(|undo, blocks| undo.save(blocks, address))?;
        let block = self.blocks.get(address.block);
        block.map_or(Ok(()), |block| Ok(block.write(address.offset, page)?))
    }

    fn fill(&mut self, address: PageAddress, fill: u8, _: &mut [u8]) -> Result<(), LoadError> {
        self.channels.fill(address, fill)
    }

    fn patch(&mut self, address: PageAddress, delta: &[u8]) -> Result<(), LoadError> {
        self.channels.patch(address, delta)
    }

    fn has_channels(&self) -> bool {
        true
    }

    fn synchronize(&mut self) -> Result<(), LoadError> {
        self.channels.synchronize()
    }
}

/// Blocks whose pages several threads read from their places in a file.
pub(in crate::ram) struct FromFile<'c, B> {
    pub(in crate::ram) channels: &'c SharedLoad,
    pub(in crate::ram) blocks: &'c mut [B],
}

/// The stream of such a file has no pages. Other files may have some, which follow the pages with places.
impl<B: RamBlock> PageStore<B> for FromFile<'_, B> {
    fn blocks(&self) -> &[B] {
        self.blocks
    }

    fn receive(&mut self, address: PageAddress, reader: &mut Reader<'_>, page: &mut [u8]) -> Result<(), LoadError> {
        let Self { channels, blocks } = self;
        channels.await_places()?;
        WithChannels { channels, blocks }.receive(address, reader, page)
    }

    fn fill(&mut self, address: PageAddress, fill: u8, _: &mut [u8]) -> Result<(), LoadError> {
        self.channels.await_places()?;
        self.channels.fill(address, fill)
    }

    fn patch(&mut self, address: PageAddress, delta: &[u8]) -> Result<(), LoadError> {
        self.channels.await_places()?;
        self.channels.patch(address, delta)
    }

    fn leave_in_file(
        &mut self,
        block: usize,
        header: &BlockHeader,
        present: DirtyBitmap,
    ) -> Result<Option<DirtyBitmap>, LoadError> {
        let Some(mapped) = &header.mapped else { return Ok(Some(present)) };
        let mut next = 0;
        for run in present.runs() {
            self.channels.zero_run(block, next..run.start)?;
            next = run.end;
        }
        self.channels.zero_run(block, next..present.pages())?;
        self.channels.read_places(block, mapped.pages, present);
        Ok(None)
    }

    fn end_section(&mut self) -> Result<(), LoadError> {
        self.channels.await_places()
    }
}
