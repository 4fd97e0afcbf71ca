//! Saving blocks of memory as "ram" sections.

use vmstate_types::{SaveError, Writer};

use super::Block;
use super::pages::Pages;
use super::record::{BlockHeader, PageSize, Record, write_record};

/// Saves the "ram" sections of one stream: a start, any number of parts, and an end.
///
/// Every page goes out once, in the order of blocks and offsets, as QEMU sends those of a machine that stands still; then
/// those go out again that were [written](Block::take_dirty) in the meantime.
#[derive(Debug)]
pub struct Saver {
    page_size: PageSize,
    page: Vec<u8>,
    /// The pages to send, for each block.
    dirty: Vec<Pages>,
    /// The next page to look at.
    block: usize,
    number: u64,
    /// The block of the last page that was sent.
    last_block: Option<usize>,
}

impl Saver {
    /// Saves pages of `page_size`.
    #[must_use]
    pub fn new(page_size: PageSize) -> Self {
        let page = vec![0; usize::try_from(page_size.bytes()).unwrap_or(0)];
        Self { page_size, page, dirty: Vec::new(), block: 0, number: 0, last_block: None }
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
        // What was written before now goes out anyway.
        blocks.iter().for_each(|block| block.take_dirty(&mut |_| {}));
        self.dirty = blocks.iter().map(|block| Pages::all(block.size() / self.page_size.bytes())).collect();
        (self.block, self.number, self.last_block) = (0, 0, None);
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

    /// The bytes of memory that are to be sent, as far as is known without asking for what was written.
    pub(super) fn left(&self) -> u64 {
        self.dirty.iter().map(Pages::count).sum::<u64>().saturating_mul(self.page_size.bytes())
    }

    /// Adds the pages that were written since this was last done.
    pub(super) fn look_for_dirty<B: Block>(&mut self, blocks: &[B]) {
        let size = self.page_size.bytes();
        for (block, dirty) in blocks.iter().zip(&mut self.dirty) {
            block.take_dirty(&mut |bytes| {
                let end = bytes.end.min(block.size());
                for page in bytes.start / size..end.div_ceil(size) {
                    dirty.insert(page);
                }
            });
        }
    }

    /// Writes the payload of the end: all pages that have not been sent. The machine must stand still.
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
        let next = self.next_page().or_else(|| {
            self.look_for_dirty(blocks);
            (self.block, self.number) = (0, 0);
            self.next_page()
        });
        let Some((index, number)) = next else { return Ok(false) };
        let Some(block) = blocks.get(index) else { return Ok(false) };
        let (offset, same_block) = (number * self.page_size.bytes(), self.last_block == Some(index));
        block.read(offset, &mut self.page).map_err(|error| error.in_field(block.idstr().to_owned()))?;
        if is_zero(&self.page) {
            write_record(out, &Record::Zero { offset, same_block, fill: 0 }, block.idstr());
        } else {
            write_record(out, &Record::Page { offset, same_block }, block.idstr());
            out.bytes(&self.page);
        }
        self.dirty[index].remove(number);
        (self.block, self.number, self.last_block) = (index, number + 1, Some(index));
        Ok(true)
    }

    /// The next page that is to be sent, from where the last one was.
    fn next_page(&self) -> Option<(usize, u64)> {
        let mut from = self.number;
        for (index, dirty) in self.dirty.iter().enumerate().skip(self.block) {
            if let Some(number) = dirty.next_from(from) {
                return Some((index, number));
            }
            from = 0;
        }
        None
    }
}

/// Whether all bytes are zero. Slices are compared by `memcmp`, which is fast in builds without optimization too.
pub(super) fn is_zero(page: &[u8]) -> bool {
    static ZEROS: [u8; 4096] = [0; 4096];
    page.chunks(ZEROS.len()).all(|chunk| *chunk == ZEROS[..chunk.len()])
}

/// Whether all bytes are `fill`.
pub(super) fn is_filled(page: &[u8], fill: u8) -> bool {
    if fill == 0 { is_zero(page) } else { page.iter().all(|byte| *byte == fill) }
}
