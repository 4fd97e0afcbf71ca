//! Memory at fixed places of a file: QEMU's capability `mapped-ram`.
//!
//! The header of each block in the section start is followed by a bitmap of the pages that the file contains, and, at the
//! next multiple of 1 MiB, by the pages, each at its offset in the block. Pages without a bit are zero; the file has a hole
//! or an outdated page there. The bitmaps are written at the end. All places are offsets of the file, not of the stream.
//! (QEMU: `mapped_ram_setup_ramblock` and `ram_save_file_bmap` in `migration/ram.c`.)

use std::ops::Range;
use std::sync::Arc;

use vmstate_types::{LoadError, Reader, SaveError, Writer};

#[cfg(all(unix, feature = "migration"))]
use super::aligned_buffer::AlignedBuffer;
use super::record::{BlockHeader, Mapped, Record, write_record};
#[cfg(all(unix, feature = "migration"))]
use super::view::host_range;
use super::view::{Page, View};
use crate::memory::{BlockLayout, DirtyBitmap, DirtyWord, Layout, RamBlock};
use crate::section::{Output, RecordedBlock, SentPages};

/// The alignment of the pages of a block (`MAPPED_RAM_FILE_OFFSET_ALIGNMENT`).
const ALIGNMENT: u64 = 1 << 20;
/// The most bytes of pages that are read or written at once.
pub(super) const RUN_BYTES: u64 = 256 * 1024;

/// The words of a bitmap that are read at once.
const WORDS: usize = 512;

/// Returns the size of the bitmap of `pages` pages, which has whole words.
pub(super) fn bitmap_size(pages: u64) -> u64 {
    pages.div_ceil(64).saturating_mul(8)
}

/// The saver of blocks at fixed places.
#[derive(Debug)]
pub(super) struct PlacedPages {
    page_size: u64,
    blocks: Vec<PlacedBlock>,
}

#[derive(Debug)]
struct PlacedBlock {
    place: Mapped,
    /// The pages that the file contains.
    present: DirtyBitmap,
    /// The pages about which the file decides, unless these are all pages.
    covered: Option<Arc<DirtyBitmap>>,
}

impl PlacedPages {
    /// Writes the payload of the section start: the headers of the blocks. Reserves the places of the bitmaps and the pages.
    pub(super) fn setup(layout: &Layout, out: &mut Output<'_>) -> Result<Self, SaveError> {
        let mut placed = Self { page_size: layout.page_size().bytes(), blocks: Vec::new() };
        write_record(out.writer(), &Record::BlockList(layout.size()), "");
        for block in layout.blocks() {
            placed.add(block, out).map_err(|error| error.in_field(block.idstr.clone()))?;
        }
        write_record(out.writer(), &Record::EndOfSection, "");
        Ok(placed)
    }

    fn add(&mut self, block: &BlockLayout, out: &mut Output<'_>) -> Result<(), SaveError> {
        let pages = block.size.div_ceil(self.page_size);
        let mut header = BlockHeader::new(&block.idstr, block.size);
        let places = place(&header, out.place(), self.page_size, bitmap_size(pages));
        let (place, end) = places.ok_or_else(|| SaveError::misuse("a file of at most 2^64 bytes"))?;
        header.mapped = Some(place);
        write_record(out.writer(), &Record::Block(header), "");
        out.skip_to(end)?;
        let covered = out.record(RecordedBlock {
            idstr: block.idstr.clone(),
            size: block.size,
            page_size: self.page_size,
            bitmap: place.bitmap,
            pages: place.pages,
            covered: None,
        });
        self.blocks.push(PlacedBlock { place, present: DirtyBitmap::new(pages), covered });
        Ok(())
    }

    /// Returns the pages of a block that the file has to contain, unless these are all pages.
    pub(super) fn covered(&self, index: usize) -> Option<&DirtyBitmap> {
        self.blocks.get(index)?.covered.as_deref()
    }

    /// Writes a run of pages of a block. Pages that cannot be borrowed are copied to `buffer`. Returns the numbers of its
    /// pages.
    pub(super) fn write<B: RamBlock>(
        &self,
        view: &View<'_, B>,
        index: usize,
        pages: Range<u64>,
        buffer: &mut Vec<u8>,
        out: &mut Output<'_>,
    ) -> Result<SentPages, SaveError> {
        let bytes = pages.end.saturating_sub(pages.start) * self.page_size;
        buffer.resize(usize::try_from(bytes).unwrap_or(0), 0);
        // Pages that a running guest has written meanwhile are covered, too.
        self.covered(index).map(|covered| covered.insert_range(pages.clone()));
        let run = view.page(pages.start * self.page_size, buffer)?;
        self.write_run(run, index, pages, out)
    }

    /// Writes a run of pages of a block that others use at the same time. Pages that cannot be borrowed are copied to
    /// `buffer`. Returns the numbers of its pages.
    #[cfg(all(unix, feature = "migration"))]
    pub(super) fn write_shared<B: RamBlock>(
        &self,
        block: &B,
        index: usize,
        pages: Range<u64>,
        buffer: &mut AlignedBuffer,
        out: &mut Output<'_>,
    ) -> Result<SentPages, SaveError> {
        let (offset, bytes) = (pages.start * self.page_size, pages.end.saturating_sub(pages.start) * self.page_size);
        let length = usize::try_from(bytes).unwrap_or(0);
        let borrowed = host_range(block, offset, length).filter(|memory| buffer.accepts(memory.as_ptr()));
        if let Some(memory) = borrowed {
            return self.write_run(Page::Memory(memory), index, pages, out);
        }
        let copy = buffer.get(length);
        block.read(offset, copy)?;
        self.write_run(Page::Copied(copy), index, pages, out)
    }

    /// Writes the covered pages of a run of a block, whose content is `run`. Returns the numbers of its pages.
    pub(super) fn write_run(
        &self,
        run: Page<'_, '_>,
        index: usize,
        pages: Range<u64>,
        out: &mut Output<'_>,
    ) -> Result<SentPages, SaveError> {
        let Some(block) = self.blocks.get(index) else { return Ok(SentPages::default()) };
        let first = pages.start * self.page_size;
        let size = usize::try_from(self.page_size).unwrap_or(usize::MAX);
        let mut sent = SentPages::default();
        let mut filled = 0..0;
        run.prefetch_pages(size);
        for (number, start) in pages.zip((0..).step_by(size)) {
            if block.covered.as_ref().is_some_and(|covered| !covered.contains(number)) {
                continue;
            }
            if run.part(start..start + size).is_none_or(Page::is_zero) {
                block.present.remove(number);
                sent.zero += 1;
                continue;
            }
            block.present.insert(number);
            sent.normal += 1;
            if filled.end != start {
                write_part(run, &filled, block.place.pages + first, out)?;
                filled = start..start;
            }
            filled.end = start + size;
        }
        write_part(run, &filled, block.place.pages + first, out)?;
        Ok(sent)
    }

    /// Writes the bitmaps of all blocks.
    pub(super) fn finish(&self, out: &mut Output<'_>) -> Result<(), SaveError> {
        for block in &self.blocks {
            let mut bitmap = vec![0; usize::try_from(bitmap_size(block.present.pages())).unwrap_or(0)];
            block.present.runs().flatten().for_each(|page| set(&mut bitmap, page));
            out.write_at(block.place.bitmap, Page::Slice(&bitmap).into())?;
        }
        Ok(())
    }
}

/// Writes a part of a run, which begins at `place` of the file.
fn write_part(run: Page<'_, '_>, part: &Range<usize>, place: u64, out: &mut Output<'_>) -> Result<(), SaveError> {
    match run.part(part.clone()) {
        Some(pages) if !part.is_empty() => out.write_at(place + part.start as u64, pages.into()),
        _ => Ok(()),
    }
}

/// Returns the places of a block whose header begins at `here`, and the end of its pages.
fn place(header: &BlockHeader, here: u64, page_size: u64, bitmap_size: u64) -> Option<(Mapped, u64)> {
    let mut probe = Writer::new();
    let placed = BlockHeader { mapped: Some(Mapped::new(page_size, 0, 0)), ..header.clone() };
    write_record(&mut probe, &Record::Block(placed), "");
    let bitmap = here.checked_add(probe.offset())?;
    let pages = bitmap.checked_add(bitmap_size)?.checked_next_multiple_of(ALIGNMENT)?;
    Some((Mapped::new(page_size, bitmap, pages), pages.checked_add(header.size)?))
}

/// Sets bit `page`, counted from the lowest bit of the first byte.
fn set(bitmap: &mut [u8], page: u64) {
    let byte = usize::try_from(page / 8).ok().and_then(|place| bitmap.get_mut(place));
    if let Some(byte) = byte {
        *byte |= 1 << (page % 8);
    }
}

/// Reads the bitmap of a block up to its first page. `page_size` is ours, and the block has the size of our block.
pub(super) fn read_bitmap(
    block: &BlockHeader,
    page_size: u64,
    reader: &mut Reader<'_>,
) -> Result<DirtyBitmap, LoadError> {
    let here = reader.offset();
    let Some(mapped) = &block.mapped else { return Ok(DirtyBitmap::new(0)) };
    if mapped.page_size != page_size {
        let message =
            format!("Migration mapped-ram header has invalid page_size {} (expected {page_size})", mapped.page_size);
        let expected = format!("pages of {page_size} bytes");
        return Err(LoadError::incompatible(expected, mapped.page_size).with_qemu_message(message));
    }
    if !mapped.pages.is_multiple_of(ALIGNMENT) {
        let message = format!("Error reading ramblock {} pages, region has bad alignment", block.idstr);
        let expected = format!("pages at a multiple of {ALIGNMENT:#x}");
        return Err(LoadError::malformed(expected, format!("{:#x}", mapped.pages)).with_qemu_message(message));
    }
    let pages = block.size.div_ceil(page_size);
    let size = bitmap_size(pages);
    let before = mapped.bitmap.checked_sub(here);
    let between = mapped.bitmap.checked_add(size).and_then(|end| mapped.pages.checked_sub(end));
    let (Some(before), Some(between)) = (before, between) else {
        let expected = format!("a bitmap of {size} bytes between {here:#x} and {:#x}", mapped.pages);
        return Err(LoadError::malformed(expected, format!("one at {:#x}", mapped.bitmap)));
    };
    reader.skip(before)?;
    let bitmap = parse_bitmap(pages, reader)?;
    reader.skip(between)?;
    Ok(bitmap)
}

/// Reads the words of a bitmap. Bits beyond the last page are ignored, as in QEMU.
fn parse_bitmap(pages: u64, reader: &mut Reader<'_>) -> Result<DirtyBitmap, LoadError> {
    let bitmap = DirtyBitmap::new(pages);
    // A lazy restore waits for the bitmap of all memory, so it is read by many words at once.
    for first in (0..pages).step_by(WORDS * 64) {
        let words = (pages - first).div_ceil(64).min(WORDS as u64);
        let bytes = reader.take(usize::try_from(words * 8).unwrap_or(0))?;
        for (word, first) in bytes.as_chunks().0.iter().zip((first..).step_by(64)) {
            let word = u64::from_le_bytes(*word);
            let existing = u64::MAX >> 64_u64.saturating_sub(pages - first);
            bitmap.put_back(DirtyWord::new(first, word & existing));
        }
    }
    Ok(bitmap)
}
