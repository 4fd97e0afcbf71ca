//! Postcopy at the source: pages of a stopped guest are sent once, in whole host pages, requested ones first.
//!
//! (QEMU: `ram_postcopy_send_discard_bitmap`, `postcopy_chunk_hostpages_pass` and `ram_save_queue_pages` in
//! `migration/ram.c`, `postcopy_discard_send_range` in `migration/postcopy-ram.c`.)

use std::ops::Range;

use vmstate_types::SaveError;

use super::live::Ram;
use super::page_writer::PageWriter;
use super::save::RamSaver;
use super::view::{View, views};
use crate::memory::RamBlock;
use crate::section::{BorrowedPages, Output};
use crate::stream::{Command, DiscardRange, ReceivedBitmap};

/// The most ranges of a discard (`MAX_DISCARDS_PER_COMMAND` in QEMU's `migration/postcopy-ram.c`).
const DISCARDS: usize = 12;

/// Pages that the destination waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// The name of the block.
    pub block: String,
    /// The range in bytes.
    pub bytes: Range<u64>,
}

impl RamSaver {
    /// Begins postcopy after the guest was stopped: returns the commands that discard all pages that are still to be sent.
    pub(super) fn begin_postcopy(&mut self) -> Result<Vec<Command>, SaveError> {
        self.sync_dirty_log()?;
        self.stop_log();
        // Pages are placed as a whole, once.
        self.xbzrle = None;
        self.send_whole_host_pages();
        let page_size = self.layout.page_size().bytes();
        let mut commands = Vec::new();
        for (block, dirty) in self.layout.blocks().iter().zip(&*self.dirty) {
            let range = |run: Range<u64>| DiscardRange::new(run.start * page_size, (run.end - run.start) * page_size);
            let ranges: Vec<_> = dirty.runs().map(range).collect();
            let chunks = ranges.chunks(DISCARDS);
            commands.extend(
                chunks.map(|ranges| Command::RamDiscard { block: block.idstr.clone(), ranges: ranges.to_vec() }),
            );
        }
        Ok(commands)
    }

    /// Sends host pages as a whole from here on: the destination places nothing smaller.
    fn send_whole_host_pages(&mut self) {
        let page_size = self.layout.page_size().bytes();
        self.units = self.layout.blocks().iter().map(|block| (block.host_page_size / page_size).max(1)).collect();
        for (dirty, unit) in self.dirty.iter().zip(&self.units) {
            widen(dirty, *unit);
        }
        // Precopy may have sent a part of the current one, which is discarded.
        let unit = self.units.get(self.block).copied().unwrap_or(1);
        self.number -= self.number % unit;
    }

    /// Continues on a new connection: the pages that the destination has not received are sent again.
    ///
    /// # Errors
    /// Returns an error if the block is unknown, or a host page was received in part.
    pub(super) fn restore_dirty(&mut self, block: &str, received: &ReceivedBitmap) -> Result<(), SaveError> {
        let index = self.layout.find(block).ok_or_else(|| unknown_block(block))?;
        let (dirty, unit) = (&self.dirty[index], self.units.get(index).copied().unwrap_or(1));
        dirty.clear();
        for page in (0..dirty.pages()).filter(|page| !received.contains(*page)) {
            dirty.insert(page);
        }
        widen(dirty, unit);
        // The new stream begins without a block.
        (self.block, self.number, self.last_block) = (0, 0, None);
        Ok(())
    }

    /// Returns the block and the pages of a request.
    fn requested(&self, request: &PageRequest) -> Result<(usize, Range<u64>), SaveError> {
        let index = self.layout.find(&request.block).ok_or_else(|| unknown_block(&request.block))?;
        let Range { start, end } = request.bytes;
        let size = self.layout.blocks().get(index).map_or(0, |block| block.size);
        if start >= end || end > size {
            let block = &request.block;
            let reason = format!("the destination requests {start:#x}..{end:#x} of the {size:#x} bytes of `{block}`");
            return Err(SaveError::misuse(reason));
        }
        let bytes = self.layout.page_size().bytes() * self.units.get(index).copied().unwrap_or(1);
        let per_page = self.layout.page_size().bytes();
        Ok((index, start / bytes * bytes / per_page..end.next_multiple_of(bytes).min(size) / per_page))
    }

    /// Writes the pages of a request that were not sent yet. The background continues after them.
    fn send_requested<'m, B: RamBlock>(
        &mut self,
        blocks: &[View<'m, B>],
        request: &PageRequest,
        out: &mut PageWriter<'_, 'm>,
    ) -> Result<(), SaveError> {
        let (index, pages) = self.requested(request)?;
        let Some(block) = blocks.get(index) else { return Ok(()) };
        let mut next = pages.start;
        while let Some(run) = self.dirty[index].run_from(next, u64::MAX).filter(|run| run.start < pages.end) {
            let run = run.start..run.end.min(pages.end);
            next = run.end;
            self.send_run(block, &request.block, index, run, u64::MAX, out)?;
        }
        Ok(())
    }
}

/// Makes each unit of pages dirty as a whole if one of its pages is.
fn widen(dirty: &crate::memory::DirtyBitmap, unit: u64) {
    if unit > 1 {
        for run in dirty.runs().collect::<Vec<_>>() {
            dirty.insert_range(run.start / unit * unit..run.end.next_multiple_of(unit));
        }
    }
}

fn unknown_block(block: &str) -> SaveError {
    SaveError::misuse(format!("the destination has no RAM block `{}` in common", block.escape_debug()))
}

impl<B: RamBlock, M: AsRef<[B]> + AsMut<[B]>> Ram<B, M> {
    /// Begins postcopy; see [`RamSaver::begin_postcopy`].
    pub(crate) fn begin_postcopy(&mut self) -> Result<Vec<Command>, SaveError> {
        self.saver.begin_postcopy()
    }

    /// Continues on a new connection; see [`RamSaver::restore_dirty`].
    pub(crate) fn restore_dirty(&mut self, block: &str, received: &ReceivedBitmap) -> Result<(), SaveError> {
        self.saver.restore_dirty(block, received)
    }

    /// Writes the payload of a part with the requested pages.
    pub(crate) fn save_requested(&mut self, out: &mut Output<'_>, requests: &[PageRequest]) -> Result<(), SaveError> {
        self.send_requests(out, requests)?;
        self.saver.end_section(out.writer());
        Ok(())
    }

    /// Writes the requested pages to their channel: records without a section. The background continues at its place.
    /// `last_block` is the block of the last page of the channel.
    pub(crate) fn save_preempt(
        &mut self,
        out: &mut Output<'_>,
        requests: &[PageRequest],
        last_block: &mut Option<usize>,
    ) -> Result<(), SaveError> {
        let background = (self.saver.block, self.saver.number, self.saver.last_block);
        self.saver.last_block = *last_block;
        let sent = self.send_requests(out, requests);
        *last_block = self.saver.last_block;
        (self.saver.block, self.saver.number, self.saver.last_block) = background;
        sent
    }

    fn send_requests(&mut self, out: &mut Output<'_>, requests: &[PageRequest]) -> Result<(), SaveError> {
        let views = views(self.blocks.as_mut());
        let mut borrowed = BorrowedPages::new(out.accepts());
        for request in requests {
            let mut pages = PageWriter { writer: out.writer(), borrowed: Some(&mut borrowed) };
            self.saver.send_requested(&views, request, &mut pages)?;
            out.flush_with(&mut borrowed)?;
        }
        Ok(())
    }

    /// Writes the payload of the last section after all pages.
    pub(crate) fn save_end(&mut self, out: &mut Output<'_>) {
        self.saver.end_section(out.writer());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use vmstate_types::Writer;

    use super::*;
    use crate::memory::{DirtyLog, Layout, Marked, PageSize, VecBlock};
    use crate::ram::testing::Large;
    use crate::section::LiveSection;

    type TwoBlocks = Ram<VecBlock, [VecBlock; 2]>;

    /// Returns the bytes that `save` writes.
    fn written(
        ram: &mut TwoBlocks,
        save: impl FnOnce(&mut TwoBlocks, &mut Output<'_>) -> Result<(), SaveError>,
    ) -> Vec<u8> {
        let mut writer = Writer::new();
        save(ram, &mut Output::new(&mut writer, None)).unwrap();
        writer.take()
    }

    #[test]
    fn pages_that_were_not_received_are_sent_again() {
        let blocks = ["a", "b"].map(|name| VecBlock::new(name, vec![0; 4 << 12]));
        let mut ram: TwoBlocks = Ram::new(PageSize::DEFAULT, blocks);
        written(&mut ram, LiveSection::save_setup);
        ram.begin_postcopy().unwrap();
        let all = |ram: &mut TwoBlocks| written(ram, |ram, out| ram.save_iterate(out, u64::MAX).map(drop));
        all(&mut ram);
        let end = 0x10_u64.to_be_bytes();
        assert_eq!(all(&mut ram), end, "everything was sent");
        let received = |pages: &[u64]| {
            let mut bitmap = ReceivedBitmap::new(4);
            pages.iter().for_each(|page| bitmap.insert(*page));
            bitmap
        };
        // The second block has pages to send when the bitmap arrives.
        ram.saver.dirty[1].insert(1);
        ram.restore_dirty("a", &received(&[0, 1, 2, 3])).unwrap();
        ram.restore_dirty("b", &received(&[1, 3])).unwrap();
        assert_eq!(all(&mut ram), [&zero(0, "b")[..], &zero(2, ""), &end].concat());
        let error = ram.restore_dirty("c", &received(&[])).unwrap_err().to_string();
        assert!(error.contains("no RAM block `c` in common"), "{error}");
    }

    #[test]
    fn host_pages_are_sent_again_as_a_whole() {
        let mut ram = Ram::<Large, _>::new(PageSize::DEFAULT, [Large(VecBlock::new("a", vec![0; 4 << 12]))]);
        let mut writer = Writer::new();
        ram.save_setup(&mut Output::new(&mut writer, None)).unwrap();
        ram.begin_postcopy().unwrap();
        ram.save_iterate(&mut Output::new(&mut writer, None), u64::MAX).unwrap();
        writer.take();
        let mut received = ReceivedBitmap::new(4);
        [0, 1, 3].into_iter().for_each(|page| received.insert(page));
        ram.restore_dirty("a", &received).unwrap();
        // The budget is less than a host page.
        ram.save_iterate(&mut Output::new(&mut writer, None), 1).unwrap();
        assert_eq!(writer.take(), [&zero(2, "a")[..], &zero(3, ""), &0x10_u64.to_be_bytes()].concat());
    }

    /// A record of a zero page, with the name of its block unless the page before was in the same one.
    fn zero(page: u64, name: &str) -> Vec<u8> {
        let word = (page << 12 | 2 | if name.is_empty() { 0x20 } else { 0 }).to_be_bytes();
        let length = u8::try_from(name.len()).unwrap();
        let name = if name.is_empty() { vec![] } else { [&[length], name.as_bytes()].concat() };
        [word.to_vec(), name, vec![0]].concat()
    }

    #[test]
    fn channels_name_the_blocks_of_their_pages() {
        let blocks = ["a", "b"].map(|name| VecBlock::new(name, vec![0; 4 << 12]));
        let mut ram: TwoBlocks = Ram::new(PageSize::DEFAULT, blocks);
        written(&mut ram, LiveSection::save_setup);
        ram.begin_postcopy().unwrap();
        let background = |ram: &mut TwoBlocks| written(ram, |ram, out| ram.save_iterate(out, 1).map(drop));
        let end = 0x10_u64.to_be_bytes();
        let mut last_block = None;
        let mut requested = |ram: &mut TwoBlocks, page: u64| {
            let request = PageRequest { block: "b".to_owned(), bytes: page << 12..(page + 1) << 12 };
            written(ram, |ram, out| ram.save_preempt(out, &[request], &mut last_block))
        };
        assert_eq!(background(&mut ram), [&zero(0, "a")[..], &end].concat());
        assert_eq!(requested(&mut ram, 2), zero(2, "b"));
        assert_eq!(background(&mut ram), [&zero(1, "")[..], &end].concat());
        assert_eq!(requested(&mut ram, 0), zero(0, ""));
        assert!(requested(&mut ram, 0).is_empty(), "it was sent");
        let rest = written(&mut ram, |ram, out| ram.save_iterate(out, u64::MAX).map(drop));
        assert_eq!(rest, [zero(2, ""), zero(3, ""), zero(1, "b"), zero(3, ""), end.to_vec()].concat());
    }

    /// Two blocks of four pages without a zero, whose pages were sent, and their running log.
    fn sent(cache_size: u64) -> (TwoBlocks, Arc<Marked>) {
        let blocks = ["a", "b"].map(|name| VecBlock::new(name, vec![7; 4 << 12]));
        let log = Arc::new(Marked::new(&Layout::new(PageSize::DEFAULT, &blocks).unwrap()));
        let mut ram = Ram::new(PageSize::DEFAULT, blocks).dirty_log(log.clone()).xbzrle(cache_size);
        written(&mut ram, LiveSection::save_setup);
        written(&mut ram, |ram, out| ram.save_iterate(out, u64::MAX).map(drop));
        (ram, log)
    }

    #[test]
    fn pages_to_send_are_discarded_and_sent_as_a_whole() {
        let (mut ram, log) = sent(1 << 20);
        // The cache of the changes gets a page.
        log.mark(1, 3 << 12, 1);
        ram.pending_exact();
        written(&mut ram, |ram, out| ram.save_iterate(out, u64::MAX).map(drop));
        log.mark(0, 0, 1);
        log.mark(0, 2 << 12, 1);
        log.mark(1, 2 << 12, 2 << 12);
        let commands = ram.begin_postcopy().unwrap();
        let discard = |block: &str, ranges: &[(u64, u64)]| {
            let ranges = ranges.iter().map(|(start, length)| DiscardRange::new(*start, *length)).collect();
            Command::RamDiscard { block: block.to_owned(), ranges }
        };
        assert_eq!(commands, [discard("a", &[(0, 4096), (8192, 4096)]), discard("b", &[(8192, 8192)])]);
        log.start().expect("the log was stopped");
        let rest = written(&mut ram, |ram, out| ram.save_iterate(out, u64::MAX).map(drop));
        assert_eq!(rest.len() / 4096, 4, "no changes");
    }

    #[test]
    fn requested_pages_are_a_section() {
        let (mut ram, log) = sent(0);
        log.mark(1, 0, 4 << 12);
        ram.begin_postcopy().unwrap();
        let request = |bytes: Range<u64>| PageRequest { block: "b".to_owned(), bytes };
        let requested =
            |ram: &mut TwoBlocks, requests: &[PageRequest]| written(ram, |ram, out| ram.save_requested(out, requests));
        // The page before was in the same block.
        let page = |number: u64| [&(number << 12 | 0x28).to_be_bytes()[..], &[7; 4096]].concat();
        let end = 0x10_u64.to_be_bytes();
        let payload = requested(&mut ram, &[request(4096..4097), request(12_288..16_384)]);
        assert_eq!(payload, [&page(1)[..], &page(3), &end].concat());
        assert_eq!(requested(&mut ram, &[request(4096..8192)]), end, "it was sent");
        for (start, end) in [(4096, 4096), (8192, 4096), (0, (4 << 12) + 1), (4 << 12, 5 << 12)] {
            let mut writer = Writer::new();
            let outcome = ram.save_requested(&mut Output::new(&mut writer, None), &[request(start..end)]);
            let error = outcome.unwrap_err().to_string();
            assert!(error.contains(&format!("{start:#x}..{end:#x} of the 0x4000 bytes of `b`")), "{error}");
        }
    }
}
