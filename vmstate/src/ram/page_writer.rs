//! The output of pages: their records, and their content as a copy or borrowed from the memory.

use vmstate_types::Writer;

use super::record::{Record, ZERO_RECORD, write_record, zero_record};
use super::view::Page;
use super::xbzrle;
use super::zero::is_zero;
use crate::memory::HostRange;
use crate::section::{BorrowedPages, Piece};

/// A page in its block.
#[derive(Clone, Copy)]
pub(super) struct Place<'b> {
    pub(super) idstr: &'b str,
    pub(super) offset: u64,
    /// Set if the page before was in the same block.
    pub(super) same_block: bool,
}

/// The output of pages: the writer gets their records, and also their content unless that is borrowed.
pub(super) struct PageWriter<'o, 'm> {
    pub(super) writer: &'o mut Writer,
    pub(super) borrowed: Option<&'o mut BorrowedPages<'m>>,
}

/// Smaller pages are copied: that costs less than a slice of a vectored write for each.
const MIN_BORROWED: usize = 4096;

impl<'m> PageWriter<'_, 'm> {
    /// Returns the number of bytes written, including borrowed pages.
    pub(super) fn written(&self) -> u64 {
        self.writer.offset() + self.borrowed.as_ref().map_or(0, |borrowed| borrowed.bytes())
    }

    /// Writes the copy `bytes` of the page with this `number` in all memory, or its changes. Returns whether it is zero, or
    /// `None` if it was not sent as a page.
    pub(super) fn changes(
        &mut self,
        xbzrle: &mut xbzrle::Sender,
        number: u64,
        place: Place<'_>,
        bytes: &[u8],
    ) -> Option<bool> {
        if is_zero(bytes) {
            xbzrle.zero(number, bytes);
            return Some(self.page(place, Page::Copied(bytes)));
        }
        match xbzrle.page(number, bytes) {
            xbzrle::Sending::Nothing => None,
            xbzrle::Sending::Page => Some(self.page(place, Page::Copied(bytes))),
            xbzrle::Sending::Delta(delta) => {
                let Place { idstr, offset, same_block } = place;
                let start = self.writer.offset();
                let length = u16::try_from(delta.len()).unwrap_or(u16::MAX);
                write_record(self.writer, &Record::Xbzrle { offset, same_block, length }, idstr);
                self.writer.bytes(delta);
                xbzrle.sent(self.writer.offset() - start);
                None
            }
        }
    }

    /// Writes a page. Returns whether it is zero.
    pub(super) fn page(&mut self, place: Place<'_>, page: Page<'_, 'm>) -> bool {
        let Place { idstr: block, offset, same_block } = place;
        if page.is_zero() {
            write_record(self.writer, &Record::Zero { offset, same_block, fill: 0 }, block);
            return true;
        }
        write_record(self.writer, &Record::Page { offset, same_block }, block);
        match page {
            Page::Copied(bytes) => self.writer.bytes(bytes),
            Page::Slice(bytes) if !self.borrow(Piece::Slice(bytes)) => self.writer.bytes(bytes),
            Page::Memory(memory) if !self.borrow(Piece::Memory(memory)) => self.copy(memory),
            Page::Slice(_) | Page::Memory(_) => {}
        }
        false
    }

    /// Writes zero pages at the given offsets, which follow a page of the same block.
    pub(super) fn zeros(&mut self, offsets: impl Iterator<Item = u64>) {
        let mut records = [[0; ZERO_RECORD]; 64];
        let mut used = 0;
        for offset in offsets {
            if used == records.len() {
                self.writer.bytes(records.as_flattened());
                used = 0;
            }
            records[used] = zero_record(offset);
            used += 1;
        }
        self.writer.bytes(records[..used].as_flattened());
    }

    /// Adds a page to the borrowed ones. Returns `false` if it must be copied.
    fn borrow(&mut self, page: Piece<'m>) -> bool {
        let borrowed = self.borrowed.as_mut().filter(|_| page.len() >= MIN_BORROWED);
        borrowed.is_some_and(|borrowed| borrowed.push(self.writer, page))
    }

    fn copy(&mut self, memory: HostRange<'_>) {
        let mut buffer = [0; 256];
        for start in (0..memory.len()).step_by(buffer.len()) {
            let chunk = &mut buffer[..(memory.len() - start).min(256)];
            memory.read(start, chunk);
            self.writer.bytes(chunk);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_follow_zero_pages_and_are_counted() {
        let mut xbzrle = xbzrle::Sender::new(1024, 256, 8);
        xbzrle.start();
        let mut writer = Writer::new();
        writer.u64(0);
        let mut send = |bytes: &[u8]| {
            let place = Place { idstr: "ram", offset: 3 * 256, same_block: true };
            PageWriter { writer: &mut writer, borrowed: None }.changes(&mut xbzrle, 3, place, bytes)
        };
        let mut page = [7; 256];
        assert_eq!(send(&page), Some(false));
        page.fill(0);
        assert_eq!(send(&page), Some(true));
        page[0] = 5;
        assert_eq!(send(&page), None, "a change of the zero page");
        // The mark of a change, two bytes of its length, and three bytes of content.
        assert_eq!(xbzrle.counters().bytes, 6);
    }

    #[test]
    fn any_number_of_zero_pages_is_written() {
        for count in [0, 1, 64, 65, 200] {
            let offsets = || (0..count).map(|page| page * 4096);
            let mut writer = Writer::new();
            PageWriter { writer: &mut writer, borrowed: None }.zeros(offsets());
            let expected: Vec<u8> = offsets().flat_map(zero_record).collect();
            assert_eq!(writer.pending(), expected, "{count} pages");
        }
    }
}
