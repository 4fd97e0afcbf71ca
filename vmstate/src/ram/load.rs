//! Loads "ram" sections into blocks of memory.

use std::ops::Range;

use vmstate_types::error::LoadErrorKind;
use vmstate_types::{LoadError, Reader};

use super::mapped::{RUN_BYTES, read_bitmap};
use super::record::{BlockHeader, RamOptions, Record};
use super::record_reader::RecordReader;
use super::view::{is_filled_at, receive};
use super::xbzrle;
use crate::memory::{DirtyBitmap, PageSize, RamBlock, Sharing};

/// Loader of the "ram" sections of one stream: a start, any number of parts, and an end.
///
/// A page is sent again whenever the running source has changed it; the last one counts. Pages are loaded in place, and
/// keep loaded pages if an error follows, even in the middle of a page. [`Ram`](super::Ram) can roll back.
#[derive(Debug, Clone)]
pub struct RamLoader {
    records: RecordReader,
    page: Vec<u8>,
    /// A buffer of pages at fixed places.
    run: Vec<u8>,
    /// The index of our block for each block of the stream.
    blocks: Vec<usize>,
    /// The size of all blocks of the stream, and of the pages that have arrived in records or at fixed places.
    size: u64,
    received: u64,
    /// Set if the channels synchronize at the end of each section; `None` until the first section has ended.
    section_ends_synchronize: Option<bool>,
}

impl RamLoader {
    /// Creates a loader of pages of `page_size`.
    #[must_use]
    pub fn new(page_size: PageSize) -> Self {
        Self::with_options(page_size, RamOptions::default())
    }

    /// Creates a loader for a stream whose capabilities change the format.
    #[must_use]
    pub fn with_options(page_size: PageSize, options: RamOptions) -> Self {
        let page = vec![0; usize::try_from(page_size.bytes()).unwrap_or(0)];
        Self {
            records: RecordReader::new(page_size, options),
            page,
            run: Vec::new(),
            blocks: Vec::new(),
            size: 0,
            received: 0,
            section_ends_synchronize: None,
        }
    }

    /// Returns whether as many pages have arrived as the blocks of the stream have.
    pub(super) fn has_all_pages(&self) -> bool {
        self.size > 0 && self.received >= self.size
    }

    /// Checks that a page has arrived, unless all blocks may have been left out.
    pub(super) fn check_pages(&self) -> Result<(), LoadError> {
        if self.received > 0 || self.records.blocks().iter().all(|header| header.size == 0 || header.address.is_some())
        {
            return Ok(());
        }
        Err(LoadError::incompatible("pages of memory", "none").or_advice(
            "if the source hands its memory over, take it with `HandedOver`, and set the mode `cpr-transfer` here",
        ))
    }

    /// Loads the payload of one section into `blocks`, which must be the same for all sections.
    ///
    /// # Errors
    /// Returns an error if `blocks` lacks a block of the stream or has it with another size, if a page is outside of its
    /// block, if a page is compressed or sent over other channels (multifd), or if the fixed places of pages in a file
    /// overlap.
    pub fn load<B: RamBlock>(&mut self, blocks: &mut [B], reader: &mut Reader<'_>) -> Result<(), LoadError> {
        let page_size = self.page.len();
        self.load_into(&mut InPlace { blocks, page_size }, reader)
    }

    /// Loads the payload of one section into a page store.
    pub(super) fn load_into<B: RamBlock>(
        &mut self,
        pages: &mut impl PageStore<B>,
        reader: &mut Reader<'_>,
    ) -> Result<(), LoadError> {
        loop {
            let start = reader.offset();
            match self.records.next_record(reader)? {
                Record::EndOfSection if pages.has_channels() => {
                    // Machine types before 8.1 do not write MULTIFD_FLUSH (`multifd-flush-after-each-section` in QEMU).
                    if *self.section_ends_synchronize.get_or_insert(true) {
                        pages.synchronize().map_err(|error| error.at_offset(start))?;
                    }
                    return Ok(());
                }
                Record::EndOfSection => return pages.end_section().map_err(|error| error.at_offset(start)),
                Record::MultifdFlush if pages.has_channels() => {
                    self.section_ends_synchronize = Some(false);
                    pages.synchronize().map_err(|error| error.at_offset(start))?;
                }
                Record::BlockList(_) => {}
                Record::Block(header) => {
                    pages.announce(&header).map_err(|error| error.at_offset(start))?;
                    self.add_block(pages.blocks(), &header).map_err(|error| error.at_offset(start))?;
                }
                Record::Space(_) => self.placed_block(pages, reader)?,
                Record::Zero { offset, fill, .. } => {
                    let address = self.address(pages.blocks(), offset);
                    let filled = address.and_then(|address| pages.fill(address, fill, &mut self.page));
                    filled.map_err(|error| error.at_offset(start))?;
                    self.received = self.received.saturating_add(self.page.len() as u64);
                }
                Record::Page { offset, .. } => {
                    let address = self.address(pages.blocks(), offset);
                    let received = address.and_then(|address| pages.receive(address, reader, &mut self.page));
                    received.map_err(|error| error.at_offset(start))?;
                    self.received = self.received.saturating_add(self.page.len() as u64);
                }
                Record::Xbzrle { offset, length, .. } => {
                    let patched = self.patch(pages, offset, length.into(), reader);
                    patched.map_err(|error| error.at_offset(start))?;
                }
                other => {
                    return Err(unsupported(&other).at_offset(start));
                }
            }
        }
    }

    /// Applies the changes to the page at `offset`, which are the next `length` bytes.
    /// (QEMU: `load_xbzrle` in `migration/ram.c`.)
    fn patch<B: RamBlock>(
        &mut self,
        pages: &mut impl PageStore<B>,
        offset: u64,
        length: usize,
        reader: &mut Reader<'_>,
    ) -> Result<(), LoadError> {
        let address = self.address(pages.blocks(), offset)?;
        let size = self.page.len();
        let Some(delta) = self.page.get_mut(..length) else {
            let expected = format!("changes of at most {size:#x} bytes");
            return Err(LoadError::malformed(expected, format!("{length:#x}"))
                .with_qemu_message("Failed to load XBZRLE page - len overflow!"));
        };
        reader.fill(delta)?;
        xbzrle::check(delta, size)?;
        pages.patch(address, delta)
    }

    /// Reads the pages at fixed places of the block that was listed last (`read_ramblock_mapped_ram` in QEMU's
    /// `migration/ram.c`).
    fn placed_block<B: RamBlock>(
        &mut self,
        pages: &mut impl PageStore<B>,
        reader: &mut Reader<'_>,
    ) -> Result<(), LoadError> {
        let start = reader.offset();
        let (Some(header), Some(&block)) = (self.records.blocks().last(), self.blocks.last()) else { return Ok(()) };
        let page_size = self.page.len() as u64;
        let bitmap = read_bitmap(header, page_size, reader);
        let bitmap = bitmap.map_err(|error| error.at_offset(start).in_field(header.idstr.clone()))?;
        self.received = self.received.saturating_add(header.size);
        let Some(bitmap) = pages.leave_in_file(block, header, bitmap)? else { return reader.skip(header.size) };
        let mut next = 0;
        while next < bitmap.pages() {
            let run = bitmap.run_from(next, u64::MAX).unwrap_or(bitmap.pages()..bitmap.pages());
            self.zero_pages(pages, block, next..run.start)?;
            reader.skip((run.start - next) * page_size)?;
            self.read_pages(pages, block, run.clone(), reader)?;
            next = run.end;
        }
        Ok(())
    }

    fn zero_pages<B: RamBlock>(
        &mut self,
        pages: &mut impl PageStore<B>,
        block: usize,
        run: Range<u64>,
    ) -> Result<(), LoadError> {
        for number in run {
            let offset = number * self.page.len() as u64;
            pages.fill(PageAddress { block, offset }, 0, &mut self.page)?;
        }
        Ok(())
    }

    fn read_pages<B: RamBlock>(
        &mut self,
        pages: &mut impl PageStore<B>,
        block: usize,
        run: Range<u64>,
        reader: &mut Reader<'_>,
    ) -> Result<(), LoadError> {
        let page_size = self.page.len() as u64;
        let (mut offset, end) = (run.start * page_size, run.end * page_size);
        while offset < end {
            let length = (end - offset).min(RUN_BYTES.max(page_size));
            self.run.resize(usize::try_from(length).unwrap_or(0), 0);
            pages.receive(PageAddress { block, offset }, reader, &mut self.run)?;
            offset += length;
        }
        Ok(())
    }

    /// Changes the page size, before the first page.
    #[cfg(all(unix, feature = "migration"))]
    pub(super) fn set_page_size(&mut self, page_size: PageSize) {
        self.records.set_page_size(page_size);
        self.page = vec![0; usize::try_from(page_size.bytes()).unwrap_or(0)];
    }

    /// Returns the page size in bytes.
    #[cfg(all(unix, feature = "migration"))]
    pub(super) fn page_size(&self) -> usize {
        self.page.len()
    }

    /// Returns the indices of our blocks for the blocks of the stream.
    #[cfg(all(target_os = "linux", feature = "migration", feature = "mapping"))]
    pub(super) fn listed(&self) -> &[usize] {
        &self.blocks
    }

    /// Continues on a new connection, whose first page names its block.
    #[cfg(all(target_os = "linux", feature = "migration", feature = "mapping"))]
    pub(super) fn restart(&mut self) {
        self.records.restart();
    }

    fn add_block<B: RamBlock>(&mut self, blocks: &[B], header: &BlockHeader) -> Result<(), LoadError> {
        let idstr = &header.idstr;
        let Some(index) = blocks.iter().position(|block| block.idstr() == idstr) else {
            let ours: Vec<_> = blocks.iter().map(|block| format!("`{}`", block.idstr())).collect();
            return Err(LoadError::incompatible(
                format!("one of the registered blocks {}", ours.join(", ")),
                format!("{idstr:?}"),
            )
            .with_qemu_message(format!("Unknown ramblock \"{idstr}\", cannot accept migration")));
        };
        let size = blocks[index].size();
        if size != header.size {
            return Err(LoadError::incompatible(
                format!("{size:#x} bytes of `{idstr}`"),
                format!("{:#x}", header.size),
            )
            .with_qemu_message(format!(
                "Size mismatch: {idstr}: 0x{:x} != 0x{size:x}: Invalid argument",
                header.size
            )));
        }
        if !size.is_multiple_of(self.page.len() as u64) {
            let expected = format!("a block of whole pages of {} bytes", self.page.len());
            return Err(LoadError::misuse(expected, format!("{size:#x} bytes of `{idstr}`")));
        }
        check_address(&blocks[index], header)?;
        if self.blocks.contains(&index) {
            return Err(LoadError::malformed("distinct blocks", format!("duplicate block `{idstr}`")));
        }
        self.blocks.push(index);
        self.size = self.size.saturating_add(size);
        Ok(())
    }

    /// Returns the address of the page to which the last record belongs.
    fn address<B: RamBlock>(&self, blocks: &[B], offset: u64) -> Result<PageAddress, LoadError> {
        let index = self.records.current_block().and_then(|current| self.blocks.get(current)).copied();
        match index {
            Some(block) if block < blocks.len() => Ok(PageAddress { block, offset }),
            _ => Err(LoadError::misuse("the same blocks for all sections", "fewer blocks")),
        }
    }
}

/// Compares the guest address of a block whose pages are left out: the source and this process map the same file.
fn check_address<B: RamBlock>(block: &B, header: &BlockHeader) -> Result<(), LoadError> {
    let (Some(address), Sharing::File) = (header.address, block.sharing()) else { return Ok(()) };
    let ours = block.guest_address();
    if address == ours {
        return Ok(());
    }
    let idstr = &header.idstr;
    Err(LoadError::incompatible(format!("`{idstr}` at {ours:#x}"), format!("{address:#x}"))
        .or_advice("map the block at the address that it has on the source")
        .with_qemu_message(format!("Mismatched GPAs for block {idstr} {address}!= {ours}")))
}

fn unsupported(record: &Record) -> LoadError {
    let found = record.name().unwrap_or("an unknown record");
    LoadError::new(LoadErrorKind::Unsupported, "zero pages, plain pages and their changes (XBZRLE)", found)
        .or_advice("switch the capabilities compress and multifd off at the source")
}

/// The address of a page.
#[derive(Debug, Clone, Copy)]
pub(super) struct PageAddress {
    /// The index of the block.
    pub(super) block: usize,
    /// The offset in the block.
    pub(super) offset: u64,
}

/// The blocks that pages are loaded into. The argument `page` is a buffer of whole pages.
pub(super) trait PageStore<B: RamBlock> {
    fn blocks(&self) -> &[B];

    /// Creates a block that the stream lists, if the store does that.
    fn announce(&mut self, header: &BlockHeader) -> Result<(), LoadError> {
        let _ = header;
        Ok(())
    }

    /// Reads the next bytes into the pages from `address` on, as many as `page` has room for.
    fn receive(&mut self, address: PageAddress, reader: &mut Reader<'_>, page: &mut [u8]) -> Result<(), LoadError>;

    /// Fills the page at `address`.
    fn fill(&mut self, address: PageAddress, fill: u8, page: &mut [u8]) -> Result<(), LoadError>;

    /// Applies changes, which were checked, to the page at `address`.
    fn patch(&mut self, address: PageAddress, delta: &[u8]) -> Result<(), LoadError>;

    /// Leaves the pages of a block at their places in the file, which are read later or by others. Returns the bitmap of
    /// the pages if they must be read now.
    fn leave_in_file(
        &mut self,
        _: usize,
        _: &BlockHeader,
        present: DirtyBitmap,
    ) -> Result<Option<DirtyBitmap>, LoadError> {
        Ok(Some(present))
    }

    /// Waits for the pages of the section that others read.
    fn end_section(&mut self) -> Result<(), LoadError> {
        Ok(())
    }

    /// Returns whether pages arrive over other channels, too.
    fn has_channels(&self) -> bool {
        false
    }

    /// Waits for the other channels.
    fn synchronize(&mut self) -> Result<(), LoadError> {
        Ok(())
    }
}

/// Writes the changed bytes of the page at `offset`.
pub(super) fn patch<B: RamBlock>(block: &B, offset: u64, delta: &[u8], size: usize) -> Result<(), LoadError> {
    for change in xbzrle::Changes::new(delta, size) {
        let (range, bytes) = change?;
        block.write(offset + range.start as u64, bytes)?;
    }
    Ok(())
}

/// Fills a page. A page that has the content already is not touched: the host may not have allocated it yet
/// (`ram_handle_zero` in QEMU's `migration/ram.c`).
pub(super) fn fill_page<B: RamBlock>(
    blocks: &mut [B],
    address: PageAddress,
    fill: u8,
    page: &mut [u8],
) -> Result<(), LoadError> {
    let Some(block) = blocks.get_mut(address.block) else { return Ok(()) };
    if is_filled_at(block, address.offset, fill, page).unwrap_or(false) {
        return Ok(());
    }
    page.fill(fill);
    Ok(block.write(address.offset, page)?)
}

/// Blocks whose pages are loaded without a way to roll back.
struct InPlace<'b, B> {
    blocks: &'b mut [B],
    page_size: usize,
}

impl<B: RamBlock> PageStore<B> for InPlace<'_, B> {
    fn blocks(&self) -> &[B] {
        self.blocks
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
}

#[cfg(all(test, unix, feature = "migration"))]
mod tests;
