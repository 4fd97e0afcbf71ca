//! The order in which a source walks over its memory.

use crate::migration::conversation::Position;

/// The pages since the last synchronization point, of which none is repeated.
///
/// A source sends pages in ascending order, and continues at the beginning after the last one. As long as it has not come
/// back to the page with which it began, no page is repeated. So two positions and a flag are enough, and no bitmap.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The first and the last page.
    range: Option<(Position, Position)>,
    /// The walk has continued at the beginning of the memory.
    has_wrapped: bool,
}

impl Walk {
    /// Adds a page. Returns `false`, and adds nothing, if it may be among the pages so far.
    pub(super) fn add(&mut self, page: Position) -> bool {
        let Some((first, last)) = self.range else {
            self.range = Some((page, page));
            return true;
        };
        let wraps = page <= last;
        if (wraps || self.has_wrapped) && (page >= first || wraps && self.has_wrapped) {
            return false;
        }
        self.range = Some((first, page));
        self.has_wrapped |= wraps;
        true
    }

    /// Notes a synchronization point.
    pub(super) fn restart(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn walk(pages: &[Position]) -> Vec<bool> {
        let mut walk = Walk::default();
        pages.iter().map(|page| walk.add(*page)).collect()
    }

    #[test]
    fn one_lap_from_any_page_repeats_nothing() {
        assert_eq!(walk(&[(0, 4096), (0, 8192), (1, 0), (1, 4096), (0, 0)]), [true; 5]);
        // The first page of the lap may be repeated.
        assert_eq!(walk(&[(0, 4096), (1, 0), (0, 0), (0, 4096)]), [true, true, true, false]);
        assert_eq!(walk(&[(0, 4096), (1, 0), (0, 0), (1, 0)]), [true, true, true, false]);
        assert_eq!(walk(&[(0, 4096), (0, 4096), (0, 8192)]), [true, false, true]);
        assert_eq!(walk(&[(1, 0), (0, 8192), (0, 4096), (0, 12288)]), [true, true, false, true]);
    }

    proptest! {
        #[test]
        fn repeated_pages_are_never_accepted(pages in prop::collection::vec((0..3_usize, 0..4_u64), 0..64)) {
            let (mut walk, mut sent) = (Walk::default(), BTreeSet::new());
            for page in pages {
                if walk.add(page) {
                    prop_assert!(sent.insert(page), "{page:?} is repeated");
                }
            }
        }
    }
}
