//! The places to which copied pages go.

use std::ops::Range;

use vmstate_types::SaveError;

#[cfg(feature = "migration")]
use super::copies::Copies;
use super::places::PagesSaver;
use crate::section::SentPages;

/// The destination of pages that are copied because the guest writes them.
#[derive(Debug)]
pub(super) enum Sink {
    /// Their places in a file.
    Places(PagesSaver),
    /// Copies, which the thread that writes the stream sends next.
    #[cfg(feature = "migration")]
    Copies(Copies),
}

impl Sink {
    /// Saves the copied pages of a block, or keeps them. Returns the numbers of saved pages.
    #[cfg_attr(not(feature = "migration"), allow(clippy::ptr_arg, reason = "copies keep the buffer"))]
    pub(super) fn save(&self, index: usize, pages: Range<u64>, content: &mut Vec<u8>) -> Result<SentPages, SaveError> {
        match self {
            Self::Places(saver) => saver.write(index, pages, content),
            #[cfg(feature = "migration")]
            Self::Copies(copies) => {
                copies.push(index, pages, std::mem::take(content));
                Ok(SentPages::default())
            }
        }
    }

    /// Writes the bitmaps of pages with places.
    pub(super) fn finish(&self) -> Result<(), SaveError> {
        match self {
            Self::Places(saver) => saver.finish(),
            #[cfg(feature = "migration")]
            Self::Copies(_) => Ok(()),
        }
    }
}
