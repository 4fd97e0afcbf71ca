//! The pieces in which bytes are decoded, so that most of the content of pages is not copied.

use crate::migration::conversation::Pending;

/// The bytes that are decoded at first after the content of a page: the next record, and perhaps the begin of the next page.
const PIECE: usize = 64;

/// The size of the next piece that is not content.
#[derive(Debug)]
pub(super) struct Pieces(usize);

impl Default for Pieces {
    fn default() -> Self {
        Self(PIECE)
    }
}

impl Pieces {
    /// Returns the number of bytes to push next, of `rest` bytes that have arrived. While the input
    /// [skips](Pending::is_skipping), all of them are content.
    pub(super) fn next(&mut self, input: &Pending, rest: usize) -> usize {
        if input.is_skipping() {
            self.0 = PIECE;
            return usize::try_from(input.skipped()).unwrap_or(usize::MAX).min(rest);
        }
        let piece = self.0.min(rest);
        self.0 = self.0.saturating_mul(8);
        piece
    }
}
