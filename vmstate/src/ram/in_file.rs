//! The places of pages in a file, for a guest that runs before its pages are read.

use vmstate_types::{LoadError, Reader};

use super::load::{PageAddress, PageStore, RamLoader};
use super::record::{BlockHeader, RamOptions};
use crate::memory::{DirtyBitmap, PageSize, SharedBlock};

/// The pages of a block in a file.
#[derive(Debug)]
pub(crate) struct PagesInFile {
    /// The index of the block.
    pub(crate) block: usize,
    /// The place of the first page.
    pub(crate) place: u64,
    /// The pages that the file contains. The others are zero.
    pub(crate) present: DirtyBitmap,
}

/// Loads the list of blocks and the bitmaps of a stream with memory at fixed places, without the pages.
#[derive(Debug)]
pub(crate) struct PlacesLoader {
    loader: RamLoader,
    found: Vec<PagesInFile>,
}

impl PlacesLoader {
    pub(crate) fn new(page_size: PageSize, options: RamOptions) -> Self {
        Self { loader: RamLoader::with_options(page_size, options), found: Vec::new() }
    }

    /// Loads the payload of one section.
    ///
    /// # Errors
    /// Returns an error as [`RamLoader::load`] does, and if pages have no places.
    pub(crate) fn load(&mut self, blocks: &[SharedBlock], reader: &mut Reader<'_>) -> Result<(), LoadError> {
        self.loader.load_into(&mut Places { blocks, found: &mut self.found }, reader)
    }

    /// Returns whether the stream has listed the places of all pages.
    pub(crate) fn has_all_pages(&self) -> bool {
        self.loader.has_all_pages()
    }

    pub(crate) fn into_places(self) -> Vec<PagesInFile> {
        self.found
    }
}

struct Places<'p> {
    blocks: &'p [SharedBlock],
    found: &'p mut Vec<PagesInFile>,
}

impl PageStore<SharedBlock> for Places<'_> {
    fn blocks(&self) -> &[SharedBlock] {
        self.blocks
    }

    fn receive(&mut self, _: PageAddress, _: &mut Reader<'_>, _: &mut [u8]) -> Result<(), LoadError> {
        Err(without_place())
    }

    fn fill(&mut self, _: PageAddress, _: u8, _: &mut [u8]) -> Result<(), LoadError> {
        Err(without_place())
    }

    fn patch(&mut self, _: PageAddress, _: &[u8]) -> Result<(), LoadError> {
        Err(without_place())
    }

    fn leave_in_file(
        &mut self,
        block: usize,
        header: &BlockHeader,
        present: DirtyBitmap,
    ) -> Result<Option<DirtyBitmap>, LoadError> {
        let Some(mapped) = &header.mapped else { return Ok(Some(present)) };
        self.found.push(PagesInFile { block, place: mapped.pages, present });
        Ok(None)
    }
}

fn without_place() -> LoadError {
    LoadError::incompatible("pages at fixed places of the file (mapped-ram)", "a page in the stream")
        .or_advice("load the stream as a whole, or save it in a `Folder`")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use vmstate_types::Writer;

    use super::*;
    use crate::memory::VecBlock;
    use crate::ram::mapped::read_bitmap;
    use crate::ram::record::{Mapped, Record, write_record};

    const PLACE: u64 = 1 << 20;

    /// A stream with a block of two pages, of which the file has the second one, and with the record `more`.
    fn stream(more: Option<(Record, &[u8])>) -> Vec<u8> {
        let mut header = BlockHeader::new("a", 8192);
        let mut out = Writer::new();
        write_record(&mut out, &Record::BlockList(8192), "");
        // The bitmap follows the header.
        header.mapped = Some(Mapped::new(4096, 8 + 2 + 8 + 4 + 3 * 8, PLACE));
        write_record(&mut out, &Record::Block(header), "");
        out.bytes(&[2, 0, 0, 0, 0, 0, 0, 0]);
        out.zeros(usize::try_from(PLACE - out.offset()).unwrap() + 8192);
        if let Some((record, content)) = more {
            write_record(&mut out, &record, "a");
            out.bytes(content);
        }
        write_record(&mut out, &Record::EndOfSection, "");
        out.take()
    }

    fn load(stream: &[u8]) -> Result<Vec<PagesInFile>, LoadError> {
        let blocks: [SharedBlock; 1] = [Arc::new(VecBlock::new("a", vec![1; 8192]))];
        let mut loader = PlacesLoader::new(PageSize::DEFAULT, RamOptions { mapped: true, ..RamOptions::default() });
        loader.load(&blocks, &mut Reader::from_slice(stream))?;
        let mut byte = [0];
        blocks[0].read(0, &mut byte).unwrap();
        assert_eq!(byte, [1], "nothing is loaded");
        Ok(loader.into_places())
    }

    #[test]
    fn places_of_pages_are_found() {
        let places = load(&stream(None)).unwrap();
        let [PagesInFile { block: 0, place: PLACE, present }] = &places[..] else { panic!("{places:?}") };
        assert_eq!(present.runs().flatten().collect::<Vec<_>>(), [1]);
    }

    #[test]
    fn pages_without_a_place_are_rejected() {
        for (record, content) in [
            (Record::Page { offset: 0, same_block: false }, &[7; 4096][..]),
            (Record::Zero { offset: 0, same_block: false, fill: 0 }, &[]),
            (Record::Xbzrle { offset: 0, same_block: false, length: 3 }, &[2, 1, 9]),
        ] {
            let error = load(&stream(Some((record, content)))).unwrap_err();
            assert_eq!(error.found(), "a page in the stream");
        }
    }

    /// The bitmap is read in several parts.
    #[test]
    fn long_bitmaps_are_complete() {
        let pages = 70_001_u64;
        let present = |page: u64| page.is_multiple_of(3) || page % 1000 > 990;
        let mut header = BlockHeader::new("a", pages * 4096);
        header.mapped = Some(Mapped::new(4096, 100, PLACE));
        let bytes: Vec<u8> = (0..pages.next_multiple_of(64))
            .step_by(8)
            .map(|first| (0..8).fold(0, |byte, bit| byte | u8::from(present(first + bit)) << bit))
            .collect();
        let file = [&vec![0; 100][..], &bytes, &vec![0; PLACE as usize]].concat();
        let bitmap = read_bitmap(&header, 4096, &mut Reader::from_slice(&file)).unwrap();
        assert!((0..pages).all(|page| bitmap.contains(page) == present(page)));
        assert_eq!(bitmap.count(), (0..pages).filter(|page| present(*page)).count() as u64);
    }

    #[test]
    fn bitmap_can_follow_a_gap_and_end_with_unused_bits() {
        let mut header = BlockHeader::new("a", 65 * 4096);
        let mut out = Writer::new();
        write_record(&mut out, &Record::BlockList(65 * 4096), "");
        header.mapped = Some(Mapped::new(4096, 8 + 2 + 8 + 4 + 3 * 8 + 5, PLACE));
        write_record(&mut out, &Record::Block(header), "");
        out.bytes(&[0xaa; 5]);
        out.bytes(&[[0; 8], [0xff; 8]].concat());
        out.zeros(usize::try_from(PLACE - out.offset()).unwrap() + 65 * 4096);
        write_record(&mut out, &Record::EndOfSection, "");
        let blocks: [SharedBlock; 1] = [Arc::new(VecBlock::new("a", vec![1; 65 * 4096]))];
        let mut loader = PlacesLoader::new(PageSize::DEFAULT, RamOptions { mapped: true, ..RamOptions::default() });
        assert!(!loader.has_all_pages());
        loader.load(&blocks, &mut Reader::from_slice(out.pending())).unwrap();
        assert!(loader.has_all_pages());
        let places = loader.into_places();
        assert!(places[0].present.runs().eq(std::iter::once(64..65)));
        assert_eq!(places[0].present.count(), 1);
    }
}
