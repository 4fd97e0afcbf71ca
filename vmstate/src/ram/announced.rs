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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use vmstate_types::Writer;

    use super::*;
    use crate::memory::VecBlock;
    use crate::ram::channels::Connections;
    use crate::ram::record::{Record, write_record};

    fn memory() -> Arc<AnnouncedMemory> {
        with_page_size(Some(PageSize::DEFAULT))
    }

    fn with_page_size(page_size: Option<PageSize>) -> Arc<AnnouncedMemory> {
        let create = |header: &BlockHeader| -> Result<Block, MemoryError> {
            Ok(Arc::new(VecBlock::new(&header.idstr, vec![0; usize::try_from(header.size).unwrap()])))
        };
        Arc::new(AnnouncedMemory::new(page_size, Box::new(create)))
    }

    /// A payload with these records, each with its content. Pages are in the block `a`.
    fn payload(records: &[(Record, &[u8])]) -> Vec<u8> {
        let mut out = Writer::new();
        for (record, content) in records {
            write_record(&mut out, record, "a");
            out.bytes(content);
        }
        out.take()
    }

    fn list() -> Vec<u8> {
        let block = Record::Block(BlockHeader::new("a", 8192));
        payload(&[(Record::BlockList(8192), &[]), (block, &[]), (Record::EndOfSection, &[])])
    }

    fn load(ram: &mut AnnouncedRam, payload: &[u8]) -> Result<(), LoadError> {
        ram.load(&mut Reader::from_slice(payload), SectionKind::Part, super::super::VERSION)
    }

    #[test]
    fn pages_and_changes_load_into_created_blocks() {
        let memory = memory();
        let mut ram = AnnouncedRam::new(Arc::clone(&memory), None);
        let begin = [&[0; 5][..], &list()].concat();
        let mut reader = Reader::from_slice(&begin);
        reader.skip(5).unwrap();
        ram.load(&mut reader, SectionKind::Start, super::super::VERSION).unwrap();
        assert!(!ram.is_complete_without_end());
        // Two bytes stay, and one becomes 9.
        let changes = Record::Xbzrle { offset: 0, same_block: true, length: 3 };
        let records = [
            (Record::Page { offset: 0, same_block: false }, &[7; 4096][..]),
            (changes, &[2, 1, 9][..]),
            (Record::Zero { offset: 4096, same_block: true, fill: 3 }, &[]),
            (Record::EndOfSection, &[]),
        ];
        load(&mut ram, &payload(&records)).unwrap();
        assert!(ram.is_complete_without_end());
        assert!(memory.created().is_none(), "the load has not ended");
        ram.load_finish().unwrap();
        let created = memory.created().unwrap();
        assert_eq!((created.page_size, created.offset, created.blocks.len()), (PageSize::DEFAULT, 5, 1));
        let mut bytes = vec![0; 8192];
        created.blocks[0].read(0, &mut bytes).unwrap();
        assert_eq!((&bytes[..4], &bytes[4095..4098]), (&[7, 7, 9, 7][..], &[7, 3, 3][..]));
        ram.load_finish().unwrap_err();
    }

    #[test]
    fn synchronization_without_channels_is_rejected() {
        let mut ram = AnnouncedRam::new(memory(), None);
        load(&mut ram, &list()).unwrap();
        let error = load(&mut ram, &payload(&[(Record::MultifdFlush, &[]), (Record::EndOfSection, &[])])).unwrap_err();
        assert_eq!(error.found(), "MULTIFD_FLUSH");
    }

    #[test]
    fn memory_of_an_unknown_guest_is_not_saved() {
        let mut ram = AnnouncedRam::new(memory(), None);
        let mut writer = Writer::new();
        let mut out = Output::new(&mut writer, None);
        ram.save_setup(&mut out).unwrap_err();
        ram.save_iterate(&mut out, 1).unwrap_err();
        ram.save_complete(&mut out).unwrap_err();
    }

    /// Counts how often the data channels are closed.
    struct Closed(Arc<AtomicUsize>);

    impl Connections for Closed {
        fn interrupt_main(&self) {}

        fn close_data(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn end_of_the_load_closes_the_channels() {
        let closed = Arc::new(AtomicUsize::new(0));
        let connections = Box::new(Closed(Arc::clone(&closed)));
        let shared = SharedLoad::new(PageSize::DEFAULT, None, 0, connections, Duration::from_secs(60));
        let memory = memory();
        let mut ram = AnnouncedRam::new(Arc::clone(&memory), Some(Arc::new(shared)));
        load(&mut ram, &list()).unwrap();
        let zero = Record::Zero { offset: 0, same_block: false, fill: 5 };
        load(&mut ram, &payload(&[(Record::MultifdFlush, &[]), (zero, &[]), (Record::EndOfSection, &[])])).unwrap();
        assert_eq!(closed.load(Ordering::Relaxed), 0);
        ram.load_finish().unwrap();
        assert_eq!(closed.load(Ordering::Relaxed), 1);
        ram.load_cleanup();
        assert_eq!(closed.load(Ordering::Relaxed), 2);
        let mut byte = [0];
        memory.created().unwrap().blocks[0].read(4095, &mut byte).unwrap();
        assert_eq!(byte, [5]);
    }

    #[test]
    fn page_size_of_listed_blocks_is_found() {
        let memory = with_page_size(None);
        let mut ram = AnnouncedRam::new(Arc::clone(&memory), None);
        let block = |name: &str| (Record::Block(BlockHeader::new(name, 1024)), &[][..]);
        load(
            &mut ram,
            &payload(&[(Record::BlockList(2048), &[]), block("a"), block("b"), (Record::EndOfSection, &[])]),
        )
        .unwrap();
        let page = Record::Page { offset: 0, same_block: false };
        let mut pages = Writer::new();
        for name in ["a", "b"] {
            write_record(&mut pages, &page, name);
            pages.bytes(&[7; 1024]);
        }
        write_record(&mut pages, &Record::EndOfSection, "");
        load(&mut ram, pages.pending()).unwrap();
        // With smaller pages, the flag of this record would be a part of an address.
        let compressed = Record::Compressed { offset: 0, same_block: false, length: 0 };
        let error = load(&mut ram, &payload(&[(compressed, &[])])).unwrap_err();
        assert_eq!(error.found(), "COMPRESS_PAGE");
        ram.load_finish().unwrap();
        let created = memory.created().unwrap();
        assert_eq!((created.page_size.bytes(), created.blocks.len()), (1024, 2));
        for (block, name) in created.blocks.iter().zip(["a", "b"]) {
            let mut bytes = [0; 1024];
            block.read(0, &mut bytes).unwrap();
            assert_eq!((block.idstr(), bytes), (name, [7; 1024]));
        }
    }
}
