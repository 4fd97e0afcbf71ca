//! Guest memory of a destination that does not know its guest: the blocks are created when the stream lists them.

use std::sync::{Arc, OnceLock};

use vmstate_types::{LoadError, Reader, SaveError};

use super::channels::SharedLoad;
use super::load::{PageAddress, PageStore, RamLoader, fill_page, patch};
use super::page_size::{find_page_size, mapped_page_size};
use super::record::{BlockHeader, RamOptions};
use super::view::receive;
use crate::memory::{MemoryError, PageSize, RamBlock};
use crate::section::{LiveSection, Output};
use crate::stream::{Configuration, SectionKind};

/// A block that other threads use at the same time.
type Block = Arc<dyn RamBlock + Send + Sync>;

/// Creates a block.
pub(crate) type CreateBlock = dyn Fn(&BlockHeader) -> Result<Block, MemoryError> + Send + Sync;

/// The memory of a guest that is not known before its stream arrives.
pub(crate) struct AnnouncedMemory {
    /// The page size, or `None` to find it in the stream.
    page_size: Option<PageSize>,
    create: Box<CreateBlock>,
    created: OnceLock<Created>,
}

/// The memory of the stream.
#[derive(Clone)]
pub(crate) struct Created {
    pub(crate) page_size: PageSize,
    pub(crate) blocks: Vec<Block>,
    /// The offset of the section's first payload in the stream.
    pub(crate) offset: u64,
}

impl AnnouncedMemory {
    pub(crate) fn new(page_size: Option<PageSize>, create: Box<CreateBlock>) -> Self {
        Self { page_size, create, created: OnceLock::new() }
    }

    /// Returns the page size of data channels, whose first packets do not depend on it.
    pub(crate) fn channel_page_size(&self) -> PageSize {
        self.page_size.unwrap_or(PageSize::DEFAULT)
    }

    /// Returns the memory, after all of it was loaded.
    pub(crate) fn created(&self) -> Option<&Created> {
        self.created.get()
    }
}

/// The most blocks of a list. The largest machines have a few hundred.
const MAX_BLOCKS: usize = 4096;

/// The section `ram` of memory that is created when it is listed. It only loads, and a failed load leaves nothing to undo:
/// its blocks are not used.
pub(crate) struct AnnouncedRam {
    memory: Arc<AnnouncedMemory>,
    channels: Option<Arc<SharedLoad>>,
    options: RamOptions,
    loader: Option<RamLoader>,
    /// The page size, as soon as it is known.
    page_size: Option<PageSize>,
    blocks: Vec<Block>,
    headers: Vec<BlockHeader>,
    /// The offset of the first payload.
    offset: u64,
}

impl AnnouncedRam {
    pub(crate) fn new(memory: Arc<AnnouncedMemory>, channels: Option<Arc<SharedLoad>>) -> Self {
        let page_size = memory.page_size.or_else(|| channels.is_some().then_some(PageSize::DEFAULT));
        let (blocks, headers) = (Vec::new(), Vec::new());
        let options = RamOptions::default();
        Self { memory, channels, options, loader: None, page_size, blocks, headers, offset: 0 }
    }

    /// Creates the loader of the first payload, which lists the blocks.
    fn begin(&mut self, reader: &mut Reader<'_>) -> Result<RamLoader, LoadError> {
        self.offset = reader.offset();
        if self.options.ignore_shared {
            return Err(LoadError::incompatible("a stream with all memory", "one without shared memory")
                .at_offset(self.offset)
                .or_advice("switch the capability `x-ignore-shared` off at the source"));
        }
        if self.options.mapped {
            self.page_size = Some(mapped_page_size(reader)?);
        }
        // The list of blocks has no flags above the smallest page size.
        let page_size = self.page_size.unwrap_or(PageSize::SMALLEST);
        Ok(RamLoader::with_options(page_size, self.options))
    }

    /// Finds the page size in the first pages, unless the payload has no pages.
    fn find_page_size(&mut self, loader: &mut RamLoader, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        let offset = reader.offset();
        let Some(page_size) = find_page_size(reader, &self.headers)? else { return Ok(()) };
        if let Some(header) = self.headers.iter().find(|header| !header.size.is_multiple_of(page_size.bytes())) {
            let expected = format!("blocks of whole pages of {} bytes", page_size.bytes());
            return Err(LoadError::malformed(expected, format!("{:#x} bytes of `{}`", header.size, header.idstr))
                .at_offset(offset)
                .or_advice("set the target page size"));
        }
        loader.set_page_size(page_size);
        self.page_size = Some(page_size);
        Ok(())
    }
}

impl LiveSection for AnnouncedRam {
    fn save_setup(&mut self, _: &mut Output<'_>) -> Result<(), SaveError> {
        Err(only_loads())
    }

    fn save_iterate(&mut self, _: &mut Output<'_>, _: u64) -> Result<bool, SaveError> {
        Err(only_loads())
    }

    fn save_complete(&mut self, _: &mut Output<'_>) -> Result<(), SaveError> {
        Err(only_loads())
    }

    fn load_format(&mut self, configuration: &Configuration) {
        let capabilities = configuration.capabilities.as_deref().unwrap_or_default();
        self.options = RamOptions::from_capabilities(capabilities);
    }

    fn load_setup(&mut self, _: bool) -> Result<(), LoadError> {
        Ok(())
    }

    fn is_complete_without_end(&self) -> bool {
        self.loader.as_ref().is_some_and(RamLoader::has_all_pages)
    }

    fn load(&mut self, reader: &mut Reader<'_>, _: SectionKind, _: u32) -> Result<(), LoadError> {
        let mut loader = match self.loader.take() {
            None => self.begin(reader)?,
            Some(loader) if self.page_size.is_some() => loader,
            Some(mut loader) => {
                self.find_page_size(&mut loader, reader)?;
                loader
            }
        };
        let Self { memory, channels, blocks, headers, .. } = self;
        let (create, channels, page_size) = (&*memory.create, channels.as_deref(), loader.page_size());
        let mut store = Growing { create, channels, blocks, headers, page_size };
        loader.load_into(&mut store, reader)?;
        self.loader = Some(loader);
        Ok(())
    }

    fn load_finish(&mut self) -> Result<(), LoadError> {
        if let Some(channels) = &self.channels {
            channels.stop();
        }
        // A stream without pages has no sign of their size.
        let page_size = self.page_size.unwrap_or(PageSize::DEFAULT);
        let created = Created { page_size, blocks: std::mem::take(&mut self.blocks), offset: self.offset };
        self.memory.created.set(created).map_err(|_| LoadError::misuse("one load of the memory", "another one"))
    }

    fn load_undo(&mut self) -> Result<(), LoadError> {
        Ok(())
    }

    fn load_cleanup(&mut self) {
        if let Some(channels) = &self.channels {
            channels.stop();
        }
    }
}

fn only_loads() -> SaveError {
    SaveError::misuse("the memory of an unknown guest is only loaded")
}

/// Blocks that are created when they are listed.
struct Growing<'s> {
    create: &'s CreateBlock,
    channels: Option<&'s SharedLoad>,
    blocks: &'s mut Vec<Block>,
    headers: &'s mut Vec<BlockHeader>,
    page_size: usize,
}

impl PageStore<Block> for Growing<'_> {
    fn blocks(&self) -> &[Block] {
        self.blocks
    }

    fn announce(&mut self, header: &BlockHeader) -> Result<(), LoadError> {
        if self.blocks.len() == MAX_BLOCKS {
            return Err(LoadError::malformed(format!("at most {MAX_BLOCKS} blocks"), "more"));
        }
        // A duplicate is rejected when it is added.
        if !self.headers.iter().any(|other| other.idstr == header.idstr) {
            self.blocks.push((self.create)(header)?);
            self.headers.push(header.clone());
        }
        Ok(())
    }

    fn receive(&mut self, address: PageAddress, reader: &mut Reader<'_>, page: &mut [u8]) -> Result<(), LoadError> {
        self.blocks.get_mut(address.block).map_or(Ok(()), |block| receive(block, address.offset, reader, page))
    }

    fn fill(&mut self, address: PageAddress, fill: u8, page: &mut [u8]) -> Result<(), LoadError> {
        fill_page(self.blocks, address, fill, page)
    }

    fn patch(&mut self, address: PageAddress, delta: &[u8]) -> Result<(), LoadError> {
        let block = self.blocks.get(address.block);
        block.map_or(Ok(()), |block| patch(block, address.offset, delta, self.page_size))
    }

    fn has_channels(&self) -> bool {
        self.channels.is_some()
    }

    fn synchronize(&mut self) -> Result<(), LoadError> {
        let Some(channels) = self.channels else { return Ok(()) };
        // The first synchronization point follows the list.
        channels.set_blocks(self.blocks.clone());
        channels.synchronize()
    }
}
