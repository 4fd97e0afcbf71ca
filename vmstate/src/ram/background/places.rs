//! Pages at fixed places of a file, which several threads save at any time.

use std::fs::File;
use std::ops::Range;

use vmstate_types::{SaveError, Writer};

use crate::memory::Layout;
use crate::ram::mapped::PlacedPages;
use crate::ram::view::Page;
use crate::section::{Output, SentPages};

/// Saves pages at their places at any time after the section start, from several threads.
#[derive(Debug)]
pub(super) struct PagesSaver {
    file: File,
    placed: PlacedPages,
}

impl PagesSaver {
    /// Writes the payload of the section start.
    ///
    /// # Errors
    /// Returns an error if memory has no fixed places in `out`.
    pub(super) fn setup(layout: &Layout, out: &mut Output<'_>) -> Result<Self, SaveError> {
        let Some(file) = out.placed_file() else {
            return Err(SaveError::misuse("a background snapshot requires memory at fixed places; use a `Folder`"));
        };
        let file = file.try_clone().map_err(SaveError::io)?;
        Ok(Self { file, placed: PlacedPages::setup(layout, out)? })
    }

    /// Writes a run of pages of a block, which were copied. Returns the numbers of its pages.
    pub(super) fn write(&self, index: usize, pages: Range<u64>, content: &[u8]) -> Result<SentPages, SaveError> {
        let mut writer = Writer::new();
        let mut out = Output::to_mapped_file(&mut writer, &self.file, 0);
        self.placed.write_run(Page::Copied(content), index, pages, &mut out)
    }

    /// Writes the bitmaps after all pages.
    pub(super) fn finish(&self) -> Result<(), SaveError> {
        let mut writer = Writer::new();
        self.placed.finish(&mut Output::to_mapped_file(&mut writer, &self.file, 0))
    }
}
