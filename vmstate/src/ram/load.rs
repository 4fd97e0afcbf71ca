//! Loading "ram" sections into blocks of memory.

use vmstate_types::error::LoadErrorKind;
use vmstate_types::{LoadError, Reader};

use super::RamBlock;
use super::block::{look, receive};
use super::page_size::PageSize;
use super::record::{BlockHeader, RamOptions, Record};
use super::record_reader::RecordReader;
use super::zero::is_filled;

/// Loads the "ram" sections of one stream: a start, any number of parts, and an end.
///
/// Pages come as often as the running source has changed them; the last one counts. Loading is in place: what has come
/// stays when something later fails, which can be a part of a page.
#[derive(Debug)]
pub struct RamLoader {
    records: RecordReader,
    page: Vec<u8>,
    /// For each block of the stream, which of ours it is.
    blocks: Vec<usize>,
}

impl RamLoader {
    /// Loads pages of `page_size`.
    #[must_use]
    pub fn new(page_size: PageSize) -> Self {
        Self::with_options(page_size, RamOptions::default())
    }

    /// Loads pages of `page_size` from a stream with special capabilities.
    #[must_use]
    pub fn with_options(page_size: PageSize, options: RamOptions) -> Self {
        let page = vec![0; usize::try_from(page_size.bytes()).unwrap_or(0)];
        Self { records: RecordReader::new(page_size, options), page, blocks: Vec::new() }
    }

    /// Loads the payload of one section into `blocks`, which must be the same ones for all sections.
    ///
    /// # Errors
    /// When the stream has a block that `blocks` lacks, or one of another size; when a page lies outside of its block;
    /// when a page comes in a form that needs more than this side has (XBZRLE, compression, mapped-ram).
    pub fn load<B: RamBlock>(&mut self, blocks: &mut [B], reader: &mut Reader<'_>) -> Result<(), LoadError> {
        self.load_into(&mut InPlace(blocks), reader)
    }

    /// Loads the payload of one section into `pages`.
    pub(super) fn load_into<B: RamBlock>(
        &mut self,
        pages: &mut impl Pages<B>,
        reader: &mut Reader<'_>,
    ) -> Result<(), LoadError> {
        loop {
            let start = reader.offset();
            match self.records.next_record(reader)? {
                Record::EndOfSection => return Ok(()),
                Record::BlockList(_) => {}
                Record::Block(header) => {
                    self.add_block(pages.blocks(), &header).map_err(|error| error.at_offset(start))?
                }
                Record::Zero { offset, fill, .. } => {
                    let place = self.place(pages.blocks(), offset);
                    let filled = place.and_then(|place| pages.fill(place, fill, &mut self.page));
                    filled.map_err(|error| error.at_offset(start))?;
                }
                Record::Page { offset, .. } => {
                    let place = self.place(pages.blocks(), offset);
                    let received = place.and_then(|place| pages.receive(place, reader, &mut self.page));
                    received.map_err(|error| error.at_offset(start))?;
                }
                other => {
                    return Err(unsupported(&other).at_offset(start));
                }
            }
        }
    }

    fn add_block<B: RamBlock>(&mut self, blocks: &[B], header: &BlockHeader) -> Result<(), LoadError> {
        let idstr = &header.idstr;
        let Some(index) = blocks.iter().position(|block| block.idstr() == idstr) else {
            let ours: Vec<_> = blocks.iter().map(|block| format!("`{}`", block.idstr())).collect();
            return Err(LoadError::incompatible(
                format!("one of our blocks: {}", ours.join(", ")),
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
        if self.blocks.contains(&index) {
            return Err(LoadError::malformed("each block once", format!("`{idstr}` again")));
        }
        self.blocks.push(index);
        Ok(())
    }

    /// Which page of `blocks` the record that was just read is about.
    fn place<B: RamBlock>(&self, blocks: &[B], offset: u64) -> Result<Place, LoadError> {
        let index = self.records.current_block().and_then(|current| self.blocks.get(current)).copied();
        match index {
            Some(block) if block < blocks.len() => Ok(Place { block, offset }),
            _ => Err(LoadError::misuse("the same blocks for all sections", "fewer of them")),
        }
    }
}

fn unsupported(record: &Record) -> LoadError {
    let found = record.name().unwrap_or("pages at fixed places of a file");
    LoadError::new(LoadErrorKind::Unsupported, "zero pages and plain pages", found)
        .or_advice("switch the capabilities xbzrle, compress, multifd and mapped-ram off at the source")
}

/// Where a page is: at `offset` of block number `block`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) block: usize,
    pub(super) offset: u64,
}

/// Where pages go. What is given as `page` is as large as one, for whoever needs it.
pub(super) trait Pages<B: RamBlock> {
    fn blocks(&self) -> &[B];

    /// Reads the page at `place`, which comes next.
    fn receive(&mut self, place: Place, reader: &mut Reader<'_>, page: &mut [u8]) -> Result<(), LoadError>;

    /// Fills the page at `place`.
    fn fill(&mut self, place: Place, fill: u8, page: &mut [u8]) -> Result<(), LoadError>;
}

/// Blocks that take pages for good.
struct InPlace<'b, B>(&'b mut [B]);

impl<B: RamBlock> Pages<B> for InPlace<'_, B> {
    fn blocks(&self) -> &[B] {
        self.0
    }

    fn receive(&mut self, place: Place, reader: &mut Reader<'_>, page: &mut [u8]) -> Result<(), LoadError> {
        self.0.get_mut(place.block).map_or(Ok(()), |block| receive(block, place.offset, reader, page))
    }

    /// A page that is what it shall be is not touched: the host may not have given it any memory yet
    /// (`ram_handle_zero` in QEMU's `migration/ram.c`).
    fn fill(&mut self, place: Place, fill: u8, page: &mut [u8]) -> Result<(), LoadError> {
        let Some(block) = self.0.get_mut(place.block) else { return Ok(()) };
        if look(block, place.offset, page).is_ok_and(|memory| is_filled(memory, fill)) {
            return Ok(());
        }
        page.fill(fill);
        block.write(place.offset, page)
    }
}
