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
