//! Writing pages to their places in a file, over several channels.

use std::fs::File;

use vmstate_types::{SaveError, Writer};

use super::save::{Sent, SharedSave};
use crate::memory::{DirtyWord, RamBlock};
use crate::ram::AlignedBuffer;
use crate::section::Output;

impl SharedSave {
    /// Writes claimed pages of a block to their places in `file`. Pages that cannot be borrowed are copied to `buffer`.
    pub(crate) fn write_placed<B: RamBlock>(
        &self,
        block: &B,
        (index, word): (usize, DirtyWord),
        file: &File,
        buffer: &mut AlignedBuffer,
    ) -> Result<(), SaveError> {
        let placed = self.placed().ok_or_else(|| SaveError::misuse("memory has fixed places only in files"))?;
        let mut writer = Writer::new();
        let mut out = Output::to_mapped_file(&mut writer, file, 0);
        for run in word.runs() {
            let before = out.placed_bytes();
            let pages = placed.write_shared(block, index, run, buffer, &mut out)?;
            self.sent(Sent { normal: pages.normal, zero: pages.zero, bytes: out.placed_bytes() - before });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::memory::{DirtyBitmap, Layout, PageSize, VecBlock};
    use crate::ram::mapped::PlacedPages;

    #[test]
    fn written_pages_are_counted_for_each_run() {
        let mut bytes = vec![7; 8 * 4096];
        bytes[..4096].fill(0);
        let block = VecBlock::new("a", bytes);
        let file = tempfile::tempfile().unwrap();
        let mut writer = Writer::new();
        let layout = Layout::new(PageSize::DEFAULT, [&block]).unwrap();
        let placed = PlacedPages::setup(&layout, &mut Output::to_mapped_file(&mut writer, &file, 0)).unwrap();
        let shared = SharedSave::new(1);
        shared.begin(Arc::new([DirtyBitmap::new(8)]), 4096, Some(Arc::new(placed)));
        let claimed = (0, DirtyWord::new(0, 0b1101_1011));
        shared.write_placed(&block, claimed, &file, &mut AlignedBuffer::new(1)).unwrap();
        let sent = shared.sent_pages();
        assert_eq!((sent.normal, sent.zero, shared.bytes()), (5, 1, 5 * 4096));
    }
}
