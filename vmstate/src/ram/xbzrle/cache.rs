//! The pages that the destination has, as far as the source remembers them.

/// A direct-mapped cache of pages: each page has one place, which depends on its number.
///
/// (QEMU: `migration/page_cache.c`.)
#[derive(Debug)]
pub(super) struct PageCache {
    page_size: usize,
    items: Vec<Item>,
    /// The content of the items, one after the other.
    pages: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
struct Item {
    /// The number of the page, or `None` if the place is empty.
    page: Option<u64>,
    /// The pass of the last use.
    age: u64,
}

/// The number of passes in which a page is not replaced by another one (`CACHED_PAGE_LIFETIME`).
const LIFETIME: u64 = 2;

impl PageCache {
    /// Creates a cache of `bytes` for a memory of `pages` pages, which never needs more places than it has pages.
    pub(super) fn new(bytes: u64, page_size: usize, pages: u64) -> Self {
        let count = (bytes / (page_size as u64).max(1)).min(pages.next_power_of_two());
        // A power of two, so that the place of a page is the low bits of its number, as in QEMU.
        let count = usize::try_from(count).unwrap_or(0);
        let count = count.checked_ilog2().map_or(0, |bits| 1 << bits);
        Self { page_size, items: vec![Item { page: None, age: 0 }; count], pages: vec![0; count * page_size] }
    }

    /// Returns the content of a page if the cache has it, and makes it as new as the pass `age`.
    pub(super) fn get(&mut self, page: u64, age: u64) -> Option<&mut [u8]> {
        let place = self.place(page)?;
        let item = self.items.get_mut(place).filter(|item| item.page == Some(page))?;
        item.age = age;
        self.content(place)
    }

    /// Stores a page in the pass `age`. Returns `false` if its place has another page that was used recently.
    pub(super) fn insert(&mut self, page: u64, bytes: &[u8], age: u64) -> bool {
        let Some(place) = self.place(page) else { return false };
        let Some(item) = self.items.get_mut(place) else { return false };
        let other = item.page.is_some_and(|cached| cached != page);
        if other && item.age.saturating_add(LIFETIME) > age {
            return false;
        }
        *item = Item { page: Some(page), age };
        if let Some(content) = self.content(place) {
            content.copy_from_slice(bytes);
        }
        true
    }

    fn place(&self, page: u64) -> Option<usize> {
        let last = self.items.len().checked_sub(1)?;
        usize::try_from(page & last as u64).ok()
    }

    fn content(&mut self, place: usize) -> Option<&mut [u8]> {
        let start = place * self.page_size;
        self.pages.get_mut(start..start + self.page_size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recently_used_pages_are_not_replaced() {
        let mut cache = PageCache::new(4 * 256, 256, 100);
        assert!(cache.get(1, 1).is_none());
        assert!(cache.insert(1, &[1; 256], 1) && cache.insert(2, &[2; 256], 1));
        // Page 5 has the place of page 1.
        assert!(!cache.insert(5, &[5; 256], 2));
        assert_eq!(cache.get(1, 2).unwrap()[255], 1);
        assert!(!cache.insert(5, &[5; 256], 3));
        assert!(cache.insert(5, &[5; 256], 4));
        assert!(cache.get(1, 4).is_none());
        assert_eq!(cache.get(5, 4).unwrap()[0], 5);
        assert!(cache.insert(5, &[6; 256], 4), "a page replaces itself");
        assert_eq!((cache.get(5, 4).unwrap()[0], cache.get(2, 4).unwrap()[0]), (6, 2));
    }

    #[test]
    fn size_is_a_power_of_two_and_bounded_by_the_memory() {
        for (bytes, pages, expected) in
            [(1024, 100, 4), (1023, 100, 2), (255, 100, 0), (u64::MAX, 100, 128), (4096, 1, 1)]
        {
            let mut cache = PageCache::new(bytes, 256, pages);
            assert_eq!(cache.items.len(), expected, "{bytes} {pages}");
            assert_eq!(cache.insert(0, &[0; 256], 1), expected > 0);
        }
    }
}
