//! Pages in the order of their numbers: their records, and their content.

use std::ops::Range;

use vmstate_types::SaveError;

use super::RamSaver;
use crate::memory::RamBlock;
use crate::ram::page_writer::{PageWriter, Place};
use crate::ram::record::ZERO_RECORD;
use crate::ram::view::View;
use crate::ram::xbzrle;

/// The most pages of a run that are sent at once.
const RUN: u64 = 64;

impl RamSaver {
    /// Writes pages until `limit` bytes are written. Returns whether all pages have been sent.
    pub(in crate::ram) fn send_pages<'m, B: RamBlock>(
        &mut self,
        blocks: &[View<'m, B>],
        limit: u64,
        out: &mut PageWriter<'_, 'm>,
    ) -> Result<bool, SaveError> {
        let end = out.written().saturating_add(limit);
        while out.written() < end || !self.is_at_unit() {
            let Some((index, run)) = self.next_run(RUN) else { return Ok(true) };
            let (Some(block), Some(layout)) = (blocks.get(index), self.layout.blocks().get(index)) else {
                return Ok(true);
            };
            // One copy for up to 64 pages: the run needs `self` mutably.
            let idstr = layout.idstr.clone();
            let sent = self.send_run(block, &idstr, index, run, end, out);
            sent.map_err(|error| error.in_field(idstr))?;
        }
        Ok(false)
    }

    /// Returns whether the last page was the end of a unit.
    fn is_at_unit(&self) -> bool {
        self.number.is_multiple_of(self.units.get(self.block).copied().unwrap_or(1))
    }

    /// Writes the pages of `run` until the output reaches `end`.
    pub(in crate::ram) fn send_run<'m, B: RamBlock>(
        &mut self,
        block: &View<'m, B>,
        idstr: &str,
        index: usize,
        run: Range<u64>,
        end: u64,
        out: &mut PageWriter<'_, 'm>,
    ) -> Result<(), SaveError> {
        // Cleared before they are read: a write in between is reported by the next synchronization of the log.
        self.dirty[index].remove_range(run.clone());
        let mut next = run.start;
        let mut sent = Ok(());
        let size = self.layout.page_size().bytes();
        let length = usize::try_from((run.end - run.start).saturating_mul(size)).unwrap_or(0);
        block.prefetch_pages(run.start * size, length, self.page.len());
        while next < run.end && sent.is_ok() && (out.written() < end || !self.is_at_unit()) {
            let place = Place { idstr, offset: next * size, same_block: self.last_block == Some(index) };
            sent = self.send_page(block, index, place, out).map(|zero| {
                next += 1;
                // Most pages of many machines are zero.
                if zero {
                    next += self.send_zeros(block, next..run.end, end, out);
                }
                (self.block, self.number) = (index, next);
            });
        }
        self.dirty[index].insert_range(next..run.end);
        sent
    }

    /// Writes the zero pages at the beginning of `run`, which follow a page of the same block, as far as they fit. Returns
    /// their number, 0 if the memory cannot be borrowed and has no address, or pages are sent as changes.
    fn send_zeros<B: RamBlock>(
        &mut self,
        block: &View<'_, B>,
        run: Range<u64>,
        end: u64,
        out: &mut PageWriter<'_, '_>,
    ) -> u64 {
        if self.xbzrle.as_ref().is_some_and(xbzrle::Sender::is_started) {
            return 0;
        }
        let size = self.layout.page_size().bytes();
        let fitting =
            run.start..run.end.min(run.start.saturating_add(end.saturating_sub(out.written()) / ZERO_RECORD as u64));
        let length = self.page.len();
        let zeros = fitting.take_while(|number| block.is_zero(number * size, length)).count() as u64;
        out.zeros((run.start..run.start + zeros).map(|number| number * size));
        self.sent.zero += zeros;
        zeros
    }

    /// Writes a page or its changes. Returns whether it is zero.
    fn send_page<'m, B: RamBlock>(
        &mut self,
        block: &View<'m, B>,
        index: usize,
        place: Place<'_>,
        out: &mut PageWriter<'_, 'm>,
    ) -> Result<bool, SaveError> {
        let start = out.written();
        let zero = match self.xbzrle.as_mut().filter(|xbzrle| xbzrle.is_started()) {
            Some(xbzrle) => {
                block.copy(place.offset, &mut self.page)?;
                let bytes = self.layout.blocks().iter().take(index).map(|block| block.size).sum::<u64>() + place.offset;
                let number = bytes / self.layout.page_size().bytes();
                out.changes(xbzrle, number, place, &self.page)
            }
            None => Some(out.page(place, block.page(place.offset, &mut self.page)?)),
        };
        if out.written() > start {
            self.last_block = Some(index);
        }
        match zero {
            Some(true) => self.sent.zero += 1,
            Some(false) => self.sent.normal += 1,
            None => {}
        }
        Ok(zero == Some(true))
    }
}
