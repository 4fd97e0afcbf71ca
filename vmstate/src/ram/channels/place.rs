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
