//! Changes to pages of one block that wait for the end of a load.
//!
//! The changes to a page (XBZRLE) can be much shorter than the page. If they were applied at once to a page that has not
//! arrived with data, a copy of the page would be needed for a rollback, and a short stream could make us copy all of a
//! large memory. The log takes no more memory than the stream.

use crate::memory::DirtyBitmap;

/// The changes, in the order of their arrival.
#[derive(Debug)]
pub(super) struct Patches {
    /// The pages with changes, unless data have arrived for them.
    pages: DirtyBitmap,
    /// For each change the page, the length, and the bytes. A page that was filled has an empty change.
    log: Vec<u8>,
}

/// A change to a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patch<'p> {
    /// The page was filled: all changes before have no effect.
    Filled,
    Changes(&'p [u8]),
}

impl Patches {
    /// Creates an empty log for a block of `pages` pages.
    pub(super) fn new(pages: u64) -> Self {
        Self { pages: DirtyBitmap::new(pages), log: Vec::new() }
    }

    /// Adds changes of at most 65,535 bytes.
    pub(super) fn push(&mut self, page: u64, delta: &[u8]) {
        let Ok(length) = u16::try_from(delta.len()) else { return };
        if length > 0 {
            self.pages.insert(page);
            self.write(page, length, delta);
        }
    }

    /// Records that a page was filled. Returns `false` if it has no changes.
    pub(super) fn filled(&mut self, page: u64) -> bool {
        let changed = self.pages.contains(page);
        if changed {
            self.write(page, 0, &[]);
        }
        changed
    }

    /// Forgets the changes to a page.
    pub(super) fn forget(&mut self, page: u64) {
        self.pages.remove(page);
    }

    fn write(&mut self, page: u64, length: u16, delta: &[u8]) {
        self.log.extend_from_slice(&page.to_ne_bytes());
        self.log.extend_from_slice(&length.to_ne_bytes());
        self.log.extend_from_slice(delta);
    }

    /// Iterates over the changes.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u64, Patch<'_>)> {
        let mut rest = &self.log[..];
        let all = std::iter::from_fn(move || {
            let (page, after) = rest.split_first_chunk()?;
            let (length, after) = after.split_first_chunk()?;
            let (delta, after) = after.split_at_checked(u16::from_ne_bytes(*length).into())?;
            rest = after;
            Some((u64::from_ne_bytes(*page), if delta.is_empty() { Patch::Filled } else { Patch::Changes(delta) }))
        });
        all.filter(|(page, _)| self.pages.contains(*page))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_keep_their_order() {
        let mut patches = Patches::new(100);
        assert!(!patches.filled(3));
        patches.push(3, &[1, 2, 3]);
        patches.push(70, &[4]);
        patches.push(4, &[]);
        assert!(patches.filled(3));
        patches.push(3, &[5]);
        let changes = Patch::Changes;
        let expected = [(3, changes(&[1, 2, 3])), (70, changes(&[4])), (3, Patch::Filled), (3, changes(&[5]))];
        assert_eq!(patches.iter().collect::<Vec<_>>(), expected);
        patches.forget(3);
        assert_eq!(patches.iter().collect::<Vec<_>>(), [(70, changes(&[4]))]);
    }
}
