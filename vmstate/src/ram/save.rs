//! Saves blocks of memory as "ram" sections.

use std::ops::Range;

use vmstate_types::{SaveError, Writer};

use super::RamBlock;
use super::block::{slice, view};
use super::invalid_blocks::{self, InvalidBlocks};
use super::page_bitmap::PageBitmap;
use super::page_size::PageSize;
use super::record::{BlockHeader, Record, write_record};
use super::zero::is_zero;
use crate::section::BorrowedPages;

/// Saver of the "ram" sections of one stream: a start, any number of parts, and an end.
///
/// Every page is sent once, in the order of blocks and offsets, as QEMU sends the pages of a stopped machine. Pages that
/// were [written](RamBlock::sync_dirty_log) meanwhile are sent again.
#[derive(Debug)]
pub struct RamSaver {
    page_size: PageSize,
    page: Vec<u8>,
    /// The pages to send, for each block.
    dirty: Vec<PageBitmap>,
    /// The block and the number of the page at which the search for a dirty page continues.
    block: usize,
    number: u64,
    /// The block of the last page that was sent: the flag CONTINUE replaces its name.
    last_block: Option<usize>,
}

impl RamSaver {
    /// Creates a saver of pages of `page_size`.
    #[must_use]
    pub fn new(page_size: PageSize) -> Self {
        let page = vec![0; usize::try_from(page_size.bytes()).unwrap_or(0)];
        Self { page_size, page, dirty: Vec::new(), block: 0, number: 0, last_block: None }
    }

    /// Writes the payload of the section start: the list of `blocks`. All later calls must get the same blocks.
    ///
    /// # Errors
    /// Returns an error, and writes nothing, if a block is empty, its size is not a multiple of the page size, or its name
    /// is longer than 255 bytes.
    pub fn setup<B: RamBlock>(&mut self, blocks: &[B], out: &mut Writer) -> Result<(), InvalidBlocks> {
        let total = invalid_blocks::check(blocks, self.page_size)?;
        write_record(out, &Record::BlockList(total), "");
        for block in blocks {
            write_record(out, &Record::Block(BlockHeader::new(block.idstr(), block.size())), "");
        }
        write_record(out, &Record::EndOfSection, "");
        // All pages are dirty from now on, so the log up to here is not needed. QEMU starts its log here, too
        // (`ram_init_bitmaps` in `migration/ram.c`).
        blocks.iter().for_each(|block| block.sync_dirty_log(&mut |_| {}));
        self.dirty = blocks.iter().map(|block| PageBitmap::all(block.size() / self.page_size.bytes())).collect();
        (self.block, self.number, self.last_block) = (0, 0, None);
        Ok(())
    }

    /// Writes the payload of a section part, with pages until `limit` bytes are written. Returns whether all pages have
    /// been sent.
    ///
    /// # Errors
    /// Returns an error if memory cannot be read.
    pub fn iterate<B: RamBlock>(&mut self, blocks: &[B], limit: u64, out: &mut Writer) -> Result<bool, SaveError> {
        let done = self.send_pages(blocks, limit, &mut PageWriter { writer: out, borrowed: None })?;
        self.end_section(out);
        Ok(done)
    }

    /// Writes pages until `limit` bytes are written. Returns whether all pages have been sent.
    pub(super) fn send_pages<'m, B: RamBlock>(
        &mut self,
        blocks: &'m [B],
        limit: u64,
        out: &mut PageWriter<'_, 'm>,
    ) -> Result<bool, SaveError> {
        let end = out.written().saturating_add(limit);
        while out.written() < end {
            let Some((index, run)) = self.next_run(blocks) else { return Ok(true) };
            let Some(block) = blocks.get(index) else { return Ok(true) };
            let sent = self.send_run(block, index, run, end, out);
            sent.map_err(|error| error.in_field(block.idstr().to_owned()))?;
        }
        Ok(false)
    }

    /// Writes the record at the end of a section's payload.
    pub(super) fn end_section(&self, out: &mut Writer) {
        write_record(out, &Record::EndOfSection, "");
    }

    /// Returns the number of bytes of memory left to send, without synchronizing the dirty log.
    pub(super) fn remaining(&self) -> u64 {
        self.dirty.iter().map(PageBitmap::count).sum::<u64>().saturating_mul(self.page_size.bytes())
    }

    /// Adds the pages that were written since the last call.
    pub(super) fn sync_dirty_log<B: RamBlock>(&mut self, blocks: &[B]) {
        let size = self.page_size.bytes();
        for (block, dirty) in blocks.iter().zip(&mut self.dirty) {
            block.sync_dirty_log(&mut |bytes| {
                let end = bytes.end.min(block.size());
                for page in bytes.start / size..end.div_ceil(size) {
                    dirty.insert(page);
                }
            });
        }
    }

    /// Writes the payload of the section end, with all pages that are left. The machine must be stopped.
    ///
    /// # Errors
    /// Returns an error if memory cannot be read.
    pub fn complete<B: RamBlock>(&mut self, blocks: &[B], out: &mut Writer) -> Result<(), SaveError> {
        self.iterate(blocks, u64::MAX, out).map(drop)
    }

    /// Returns the index of a block and the next run of pages to send in it. At the end of the last block a new pass
    /// begins, with the pages that were written during the pass before.
    fn next_run<B: RamBlock>(&mut self, blocks: &[B]) -> Option<(usize, Range<u64>)> {
        self.run_from_here().or_else(|| {
            self.sync_dirty_log(blocks);
            (self.block, self.number) = (0, 0);
            self.run_from_here()
        })
    }

    fn run_from_here(&self) -> Option<(usize, Range<u64>)> {
        let mut from = self.number;
        for (index, dirty) in self.dirty.iter().enumerate().skip(self.block) {
            if let Some(run) = dirty.run_from(from) {
                return Some((index, run));
            }
            from = 0;
        }
        None
    }

    /// Writes the pages of `run` until the output reaches `end`, or only the first page if the run cannot be borrowed as a
    /// whole.
    fn send_run<'m, B: RamBlock>(
        &mut self,
        block: &'m B,
        index: usize,
        run: Range<u64>,
        end: u64,
        out: &mut PageWriter<'_, 'm>,
    ) -> Result<(), SaveError> {
        let size = self.page.len();
        let offset = run.start * self.page_size.bytes();
        let length = usize::try_from(run.end - run.start).map_or(size, |pages| pages * size);
        let Some(memory) = slice(block, offset, length).or_else(|| slice(block, offset, size)) else {
            view(block, offset, &mut self.page)?;
            out.page(block.idstr(), offset, self.last_block == Some(index), Page::Copied(&self.page));
            self.sent(index, run.start);
            return Ok(());
        };
        for (number, page) in run.zip(memory.chunks_exact(size)) {
            if out.written() >= end {
                break;
            }
            out.page(block.idstr(), number * size as u64, self.last_block == Some(index), Page::Borrowed(page));
            self.sent(index, number);
        }
        Ok(())
    }

    /// Records that a page was sent.
    fn sent(&mut self, index: usize, number: u64) {
        self.dirty[index].remove(number);
        (self.block, self.number, self.last_block) = (index, number + 1, Some(index));
    }
}

/// The output of pages: the writer gets their records, and also their content unless that is borrowed.
pub(super) struct PageWriter<'o, 'm> {
    pub(super) writer: &'o mut Writer,
    pub(super) borrowed: Option<&'o mut BorrowedPages<'m>>,
}

/// A page, borrowed from the block or in the saver's buffer.
enum Page<'p, 'm> {
    Borrowed(&'m [u8]),
    Copied(&'p [u8]),
}

/// Smaller pages are copied: that costs less than a slice of a vectored write for each.
const MIN_BORROWED: usize = 4096;

impl<'m> PageWriter<'_, 'm> {
    /// Returns the number of bytes written, including borrowed pages.
    fn written(&self) -> u64 {
        self.writer.offset() + self.borrowed.as_ref().map_or(0, |borrowed| borrowed.bytes())
    }

    fn page(&mut self, block: &str, offset: u64, same_block: bool, page: Page<'_, 'm>) {
        let (Page::Borrowed(bytes) | Page::Copied(bytes)) = page;
        if is_zero(bytes) {
            return write_record(self.writer, &Record::Zero { offset, same_block, fill: 0 }, block);
        }
        write_record(self.writer, &Record::Page { offset, same_block }, block);
        let is_borrowed = match (page, &mut self.borrowed) {
            (Page::Borrowed(bytes), Some(borrowed)) if bytes.len() >= MIN_BORROWED => borrowed.push(self.writer, bytes),
            _ => false,
        };
        if !is_borrowed {
            self.writer.bytes(bytes);
        }
    }
}
