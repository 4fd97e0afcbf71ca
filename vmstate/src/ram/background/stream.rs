//! The stream of a background snapshot: pages in their order, except that copies of written pages come first.
//!
//! (QEMU: `ram_save_host_page` and `poll_fault_page` in `migration/ram.c`.)

use std::ops::Range;
use std::sync::{MutexGuard, PoisonError};

use vmstate_types::SaveError;

use super::copies::{CopiedPages, Copies, Cursor};
use super::engine::Engine;
use super::sink::Sink;
use crate::memory::ProtectedPages;
use crate::ram::{BlockHeader, Record, write_record};
use crate::section::{Output, SentPages};

impl Engine {
    /// Writes the section start.
    pub(super) fn set_up(&self, out: &mut Output<'_>) -> Result<(), SaveError> {
        if out.is_mapped() {
            return self.set_up_places(out);
        }
        self.check_unused()?;
        write_record(out.writer(), &Record::BlockList(self.layout.size()), "");
        for block in self.layout.blocks() {
            write_record(out.writer(), &Record::Block(BlockHeader::new(&block.idstr, block.size)), "");
        }
        write_record(out.writer(), &Record::EndOfSection, "");
        self.set_sink(Sink::Copies(Copies::default()));
        Ok(())
    }

    /// Saves pages of about `budget` bytes. Returns whether all are saved, except for copies that a handler still makes.
    pub(super) fn send(&self, pages: &ProtectedPages, out: &mut Output<'_>, budget: u64) -> Result<bool, SaveError> {
        self.check_frozen()?;
        let (mut sent, mut buffer) = (0, Vec::new());
        while sent < budget {
            self.failure()?;
            if let Some(copied) = self.pop_copy() {
                sent += copied.content.len() as u64;
                self.send_copy(&copied, out)?;
                continue;
            }
            let Some((index, run)) = self.advance() else { return Ok(true) };
            let Some(units) = self.units.get(index) else { return Ok(true) };
            for taken in units.take(run) {
                sent += (taken.end - taken.start) * units.size;
                self.send_units(pages, index, &taken, &mut buffer, out)?;
            }
        }
        Ok(false)
    }

    /// Saves units that this thread has taken.
    fn send_units(
        &self,
        pages: &ProtectedPages,
        index: usize,
        units: &Range<u64>,
        buffer: &mut Vec<u8>,
        out: &mut Output<'_>,
    ) -> Result<(), SaveError> {
        if matches!(&*self.sink(), Some(Sink::Places(_))) {
            self.save(pages, index, units, buffer);
            return self.failure();
        }
        let copied = self.copy(index, units, buffer);
        self.release(pages, index, units);
        copied?;
        let copied = CopiedPages { block: index, pages: self.pages(index, units), content: std::mem::take(buffer) };
        self.count(self.cursor().records.write(&self.layout, &copied, out));
        *buffer = copied.content;
        out.flush_if_full()
    }

    /// Writes the records of all copies.
    pub(super) fn send_copies(&self, out: &mut Output<'_>) -> Result<(), SaveError> {
        self.failure()?;
        while let Some(copied) = self.pop_copy() {
            self.send_copy(&copied, out)?;
        }
        Ok(())
    }

    fn send_copy(&self, copied: &CopiedPages, out: &mut Output<'_>) -> Result<(), SaveError> {
        let after = self.unit_after(copied);
        let mut cursor = self.cursor();
        // A guest that has written a page writes the next ones soon.
        (cursor.block, cursor.unit) = (copied.block, after);
        self.count(cursor.records.write(&self.layout, copied, out));
        out.flush_if_full()
    }

    fn pop_copy(&self) -> Option<CopiedPages> {
        match &*self.sink() {
            Some(Sink::Copies(copies)) => copies.pop(),
            _ => None,
        }
    }

    /// Returns the unit after copied pages.
    fn unit_after(&self, copied: &CopiedPages) -> u64 {
        let size = self.units.get(copied.block).map_or(1, |units| units.size);
        copied.pages.end.saturating_mul(self.layout.page_size().bytes()).div_ceil(size)
    }

    /// Returns the next run of units that are not saved. After the last block, the search continues in the first one.
    fn advance(&self) -> Option<(usize, Range<u64>)> {
        let mut cursor = self.cursor();
        let found = self.run_from(cursor.block, cursor.unit).or_else(|| self.run_from(0, 0));
        if let Some((index, run)) = &found {
            (cursor.block, cursor.unit) = (*index, run.end);
        }
        found
    }

    fn run_from(&self, block: usize, unit: u64) -> Option<(usize, Range<u64>)> {
        let firsts = std::iter::once(unit).chain(std::iter::repeat(0));
        let mut rest = self.units.iter().enumerate().skip(block).zip(firsts);
        rest.find_map(|((index, units), first)| Some((index, units.unsaved.run_from(first, units.chunk())?)))
    }

    /// Returns the bytes of the pages that are not saved yet.
    pub(super) fn remaining(&self) -> u64 {
        let left: u64 = self.units.iter().map(|units| units.unsaved.count().saturating_mul(units.size)).sum();
        let copied = match &*self.sink() {
            Some(Sink::Copies(copies)) => copies.bytes(),
            _ => 0,
        };
        left.saturating_add(copied).min(self.layout.size())
    }

    /// Returns the number of pages that were saved.
    pub(super) fn sent_pages(&self) -> SentPages {
        *self.sent.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cursor(&self) -> MutexGuard<'_, Cursor> {
        self.cursor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
