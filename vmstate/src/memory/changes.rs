//! The pages that a guest has written since a snapshot.

use super::{DirtyBitmap, DirtyLog, Layout, MemoryError, PageSize};

/// The pages of all blocks that a guest has written since a snapshot, which an incremental snapshot contains.
///
/// ```
/// use vmstate::memory::{Changes, Layout, Marked, PageSize, VecBlock};
/// use vmstate::memory::DirtyLog;
///
/// let ram = VecBlock::new("ram", vec![0; 1 << 20]);
/// let layout = Layout::new(PageSize::DEFAULT, [&ram])?;
/// let log = Marked::new(&layout);
///
/// // When the first snapshot is complete, or loaded:
/// log.start()?;
/// let mut changes = Changes::new(&layout);
///
/// // The guest runs.
/// log.mark(0, 0x2000, 8);
///
/// // Before the next snapshot, while the guest is stopped:
/// changes.collect(&log)?;
/// assert_eq!(changes.pages(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Changes {
    page_size: PageSize,
    blocks: Vec<(String, DirtyBitmap)>,
}

impl Changes {
    /// Creates an empty set of pages of this memory.
    #[must_use]
    pub fn new(layout: &Layout) -> Self {
        let names = layout.blocks().iter().map(|block| block.idstr.clone());
        Self { page_size: layout.page_size(), blocks: names.zip(layout.bitmaps()).collect() }
    }

    /// Adds the pages that a log has recorded, and clears the log. The blocks of the log have the order of the layout.
    ///
    /// # Errors
    /// Returns an error if the log is not running, or the system cannot report its pages.
    pub fn collect(&mut self, log: &dyn DirtyLog) -> Result<(), MemoryError> {
        let mut blocks = self.blocks.iter().enumerate();
        blocks.try_for_each(|(index, (_, pages))| log.collect(index, 0..pages.pages(), pages))
    }

    /// Returns the pages of a block, to which a program can add others.
    #[must_use]
    pub fn block(&self, idstr: &str) -> Option<&DirtyBitmap> {
        self.blocks.iter().find(|(name, _)| name == idstr).map(|(_, pages)| pages)
    }

    /// Returns the number of pages.
    #[must_use]
    pub fn pages(&self) -> u64 {
        self.blocks.iter().map(|(_, pages)| pages.count()).sum()
    }

    /// Removes all pages, such as after a snapshot was saved or loaded.
    pub fn clear(&mut self) {
        self.blocks.iter().for_each(|(_, pages)| pages.clear());
    }

    /// Returns a copy of the pages of a block of this size. All pages of other blocks have changed.
    pub(crate) fn of_block(&self, idstr: &str, page_size: u64, pages: u64) -> DirtyBitmap {
        match self.block(idstr).filter(|known| self.page_size.bytes() == page_size && known.pages() == pages) {
            Some(known) => known.clone(),
            None => DirtyBitmap::full(pages),
        }
    }
}

impl Clone for Changes {
    fn clone(&self) -> Self {
        Self { page_size: self.page_size, blocks: self.blocks.clone() }
    }
}

impl PartialEq for Changes {
    fn eq(&self, other: &Self) -> bool {
        let equal = |(a, b): (&(String, DirtyBitmap), &(String, DirtyBitmap))| {
            a.0 == b.0 && a.1.pages() == b.1.pages() && a.1.runs().eq(b.1.runs())
        };
        self.page_size == other.page_size
            && self.blocks.len() == other.blocks.len()
            && self.blocks.iter().zip(&other.blocks).all(equal)
    }
}

impl Eq for Changes {}

#[cfg(test)]
mod tests {
    use super::super::VecBlock;
    use super::*;

    #[test]
    fn blocks_of_other_sizes_have_changed() {
        let ram = VecBlock::new("ram", vec![0; 1 << 20]);
        let mut changes = Changes::new(&Layout::new(PageSize::DEFAULT, [&ram]).unwrap());
        changes.block("ram").unwrap().insert(7);
        assert_eq!(changes.of_block("ram", 4096, 256).count(), 1);
        for (name, page_size, pages) in [("rom", 4096, 256), ("ram", 8192, 256), ("ram", 4096, 255)] {
            assert_eq!(changes.of_block(name, page_size, pages).count(), pages);
        }
        let copy = changes.clone();
        assert_eq!(copy, changes);
        changes.clear();
        assert!(copy != changes && changes.pages() == 0 && copy.pages() == 1);
    }
}
