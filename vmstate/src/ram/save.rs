//! Saving blocks of memory as "ram" sections.

use vmstate_types::{SaveError, Writer};

use super::Block;
use super::record::{BlockHeader, PageSize, Record, write_record};

/// Saves the "ram" sections of one stream: a start, any number of parts, and an end.
///
/// Every page goes out once, in the order of blocks and offsets, as QEMU sends those of a machine that stands still.
#[derive(Debug)]
pub struct Saver {
    page_size: PageSize,
    page: Vec<u8>,
    /// The next page to send.
    block: usize,
    offset: u64,
    /// The block of the last page that was sent.
    last_block: Option<usize>,
}

impl Saver {
    /// Saves pages of `page_size`.
    #[must_use]
    pub fn new(page_size: PageSize) -> Self {
        let page = vec![0; usize::try_from(page_size.bytes()).unwrap_or(0)];
        Self { page_size, page, block: 0, offset: 0, last_block: None }
    }

    /// Writes the payload of the start: the list of `blocks`, which must be the same ones for all sections.
    ///
    /// # Errors
    /// When a block is empty or no whole number of pages, or its name is longer than 255 bytes.
    pub fn setup<B: Block>(&mut self, blocks: &[B], out: &mut Writer) -> Result<(), SaveError> {
        blocks.iter().try_for_each(|block| self.check_block(block))?;
        let total = blocks.iter().try_fold(0_u64, |sum, block| sum.checked_add(block.size()));
        let total = total.ok_or_else(|| SaveError::new("the blocks have more than 2^64 bytes in all"))?;
        write_record(out, &Record::BlockList(total), "");
        for block in blocks {
            write_record(out, &Record::Block(BlockHeader::new(block.idstr(), block.size())), "");
        }
        write_record(out, &Record::EndOfSection, "");
        Ok(())
    }

    /// Writes the payload of a part: pages until `limit` bytes are written. `true` when all pages have been sent.
    ///
    /// # Errors
    /// When memory cannot be read.
    pub fn iterate<B: Block>(&mut self, blocks: &[B], limit: u64, out: &mut Writer) -> Result<bool, SaveError> {
        let done = self.send_pages(blocks, limit, out)?;
        self.end_section(out);
        Ok(done)
    }

    /// Writes pages until `limit` bytes are written. `true` when all pages have been sent.
    pub(super) fn send_pages<B: Block>(
        &mut self,
        blocks: &[B],
        limit: u64,
        out: &mut Writer,
    ) -> Result<bool, SaveError> {
        let start = out.offset();
        let mut more = true;
        while more && out.offset() - start < limit {
            more = self.send_page(blocks, out)?;
        }
        Ok(!more)
    }

    /// Writes the end of a section's payload.
    pub(super) fn end_section(&self, out: &mut Writer) {
        write_record(out, &Record::EndOfSection, "");
    }

    /// The bytes of memory that have not been sent.
    pub(super) fn left<B: Block>(&self, blocks: &[B]) -> u64 {
        let blocks = blocks.iter().skip(self.block).map(Block::size);
        blocks.fold(0, u64::saturating_add).saturating_sub(self.offset)
    }

    /// Writes the payload of the end: all pages that have not been sent.
    ///
    /// # Errors
    /// When memory cannot be read.
    pub fn complete<B: Block>(&mut self, blocks: &[B], out: &mut Writer) -> Result<(), SaveError> {
        self.iterate(blocks, u64::MAX, out).map(drop)
    }

    fn check_block<B: Block>(&self, block: &B) -> Result<(), SaveError> {
        let reason = if block.idstr().len() > usize::from(u8::MAX) {
            "its name is longer than 255 bytes".to_owned()
        } else if block.size() == 0 {
            // The list ends when the total is used up: a reader would take an empty block at its end for what follows.
            "it is empty".to_owned()
        } else if !block.size().is_multiple_of(self.page_size.bytes()) {
            format!("its {:#x} bytes are no whole number of pages of {} bytes", block.size(), self.page_size.bytes())
        } else {
            return Ok(());
        };
        Err(SaveError::new(reason).in_field(block.idstr().to_owned()))
    }

    /// Writes the next page. `false` when there was none.
    fn send_page<B: Block>(&mut self, blocks: &[B], out: &mut Writer) -> Result<bool, SaveError> {
        while blocks.get(self.block).is_some_and(|block| self.offset >= block.size()) {
            (self.block, self.offset) = (self.block + 1, 0);
        }
        let Some(block) = blocks.get(self.block) else { return Ok(false) };
        let (offset, same_block) = (self.offset, self.last_block == Some(self.block));
        block.read(offset, &mut self.page).map_err(|error| error.in_field(block.idstr().to_owned()))?;
        if is_zero(&self.page) {
            write_record(out, &Record::Zero { offset, same_block, fill: 0 }, block.idstr());
        } else {
            write_record(out, &Record::Page { offset, same_block }, block.idstr());
            out.bytes(&self.page);
        }
        self.last_block = Some(self.block);
        self.offset += self.page_size.bytes();
        Ok(true)
    }
}

/// Whether all bytes are zero. Or-ing 32 bytes at a time is what the compiler turns into vector code.
pub(super) fn is_zero(page: &[u8]) -> bool {
    page.chunks(32).all(|chunk| chunk.iter().fold(0, |or, byte| or | byte) == 0)
}
