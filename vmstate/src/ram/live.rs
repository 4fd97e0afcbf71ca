//! Guest memory as a live section of a machine.

use std::marker::PhantomData;

use vmstate_types::{LoadError, Reader, SaveError};

use super::block::{RamBlock, receive};
use super::load::{Pages, Place, RamLoader};
use super::page_size::PageSize;
use super::record::RamOptions;
use super::save::{Destination, RamSaver};
use super::undo::Undo;
use crate::section::{BorrowedPages, LiveSection, Output, Pending};
use crate::stream::SectionKind;

/// Guest memory as the live section `ram` of a registry.
///
/// `blocks` is anything that holds [`RamBlock`]s: an array, a vector, a `&mut` slice.
///
/// A load goes to where the pages belong, and can be undone: for that it holds one or two bits for each page, and a copy
/// of each page that was not zero before and has come with data, so no more than what has come. Pages that shall become
/// zero are made so at the end of the load; from then on, until the load is complete, a copy is held of those of them
/// that were not.
#[derive(Debug)]
pub struct Ram<B, M> {
    page_size: PageSize,
    options: RamOptions,
    blocks: M,
    saver: RamSaver,
    loader: RamLoader,
    undo: Option<Undo>,
    block: PhantomData<B>,
}

/// About so many bytes go out at a time: as many pages of the usual size as can be lent.
const STRIDE: u64 = 4096 * BorrowedPages::PIECES as u64;

impl<B: RamBlock, M: AsRef<[B]> + AsMut<[B]>> Ram<B, M> {
    /// The memory in `blocks`, which goes in pages of `page_size`.
    #[must_use]
    pub fn new(page_size: PageSize, blocks: M) -> Self {
        Self {
            page_size,
            options: RamOptions::default(),
            blocks,
            saver: RamSaver::new(page_size),
            loader: RamLoader::new(page_size),
            undo: None,
            block: PhantomData,
        }
    }

    /// With these options for loading: what the configuration of the streams that will come says.
    #[must_use]
    pub fn options(mut self, options: RamOptions) -> Self {
        self.options = options;
        self
    }

    /// Sends pages until `budget` bytes are written. `true` when none is left.
    fn send(&mut self, out: &mut Output<'_>, budget: u64) -> Result<bool, SaveError> {
        let start = out.writer().offset();
        let mut lent = BorrowedPages::new();
        loop {
            let spent = out.writer().offset() - start;
            if spent >= budget {
                return Ok(false);
            }
            let stride = STRIDE.min(budget - spent);
            let lent_if = out.accepts_borrowed().then_some(&mut lent);
            let mut to = Destination { writer: out.writer(), lent: lent_if };
            let done = self.saver.send_pages(self.blocks.as_ref(), stride, &mut to)?;
            out.flush_with(&mut lent)?;
            if done {
                return Ok(true);
            }
        }
    }
}

impl<B: RamBlock, M: AsRef<[B]> + AsMut<[B]>> LiveSection for Ram<B, M> {
    fn save_setup(&mut self, out: &mut Output<'_>) -> Result<(), SaveError> {
        self.saver = RamSaver::new(self.page_size);
        Ok(self.saver.setup(self.blocks.as_ref(), out.writer())?)
    }

    fn pending_estimate(&mut self) -> Pending {
        Pending::new(self.saver.left(), 0)
    }

    fn pending_exact(&mut self) -> Pending {
        self.saver.look_for_dirty(self.blocks.as_ref());
        self.pending_estimate()
    }

    fn save_iterate(&mut self, out: &mut Output<'_>, budget: u64) -> Result<bool, SaveError> {
        let done = self.send(out, budget)?;
        self.saver.end_section(out.writer());
        Ok(done)
    }

    fn save_complete(&mut self, out: &mut Output<'_>) -> Result<(), SaveError> {
        self.save_iterate(out, u64::MAX).map(drop)
    }

    fn load_setup(&mut self, undoable: bool) -> Result<(), LoadError> {
        self.loader = RamLoader::with_options(self.page_size, self.options);
        self.undo = undoable.then(|| Undo::new(self.blocks.as_ref(), self.page_size));
        Ok(())
    }

    fn load(&mut self, reader: &mut Reader<'_>, _: SectionKind, _: u32) -> Result<(), LoadError> {
        let blocks = self.blocks.as_mut();
        match &mut self.undo {
            Some(undo) => self.loader.load_into(&mut Undoable { undo, blocks }, reader),
            None => self.loader.load(blocks, reader),
        }
    }

    fn load_finish(&mut self) -> Result<(), LoadError> {
        self.undo.as_mut().map_or(Ok(()), |undo| undo.finish(self.blocks.as_mut()))
    }

    fn load_forgo_undo(&mut self) -> Result<(), LoadError> {
        self.load_finish()?;
        self.undo = None;
        Ok(())
    }

    fn load_undo(&mut self) {
        if let Some(undo) = &mut self.undo {
            undo.undo(self.blocks.as_mut());
        }
    }

    fn load_cleanup(&mut self) {
        self.undo = None;
    }
}

/// Blocks, with a record of what they were.
struct Undoable<'u, B> {
    undo: &'u mut Undo,
    blocks: &'u mut [B],
}

impl<B: RamBlock> Pages<B> for Undoable<'_, B> {
    fn blocks(&self) -> &[B] {
        self.blocks
    }

    fn receive(&mut self, place: Place, reader: &mut Reader<'_>, page: &mut [u8]) -> Result<(), LoadError> {
        self.undo.note(self.blocks, place)?;
        self.blocks.get_mut(place.block).map_or(Ok(()), |block| receive(block, place.offset, reader, page))
    }

    fn fill(&mut self, place: Place, fill: u8, _: &mut [u8]) -> Result<(), LoadError> {
        self.undo.fill(self.blocks, place, fill)
    }
}
