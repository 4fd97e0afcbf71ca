//! The source's decision about each page.

use super::cache::PageCache;
use super::encode::{Encoding, encode};

/// The pages that XBZRLE has handled: `xbzrle-cache` in QEMU's `query-migrate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Counters {
    /// The bytes of the pages in `pages` that were sent, without the words at the beginning of their records (`bytes`).
    pub bytes: u64,
    /// The pages that the cache had (`pages`).
    pub pages: u64,
    /// The pages that the cache did not have (`cache-miss`).
    pub misses: u64,
    /// The pages whose changes were larger than the page (`overflow`).
    pub overflows: u64,
}

/// The encoder of one stream, with its cache.
#[derive(Debug)]
pub(in crate::ram) struct Sender {
    cache: PageCache,
    cache_size: u64,
    delta: Vec<u8>,
    page_size: usize,
    pages: u64,
    /// Set after the first pass: until then, each page is sent once.
    started: bool,
    /// Set while the rest is sent: pages in the cache are encoded, but nothing is added to it.
    is_last: bool,
    /// The number of the pass, which is the age of cached pages.
    pass: u64,
    counters: Counters,
}

/// The way to send a page.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::ram) enum Sending<'d> {
    /// The destination has the page as it is.
    Nothing,
    Delta(&'d [u8]),
    Page,
}

impl Sender {
    /// Creates the encoder of a memory with `pages` pages.
    pub(in crate::ram) fn new(cache_size: u64, page_size: usize, pages: u64) -> Self {
        let cache = PageCache::new(cache_size, page_size, pages);
        // The length of the changes has 16 bits.
        let delta = vec![0; page_size.min(usize::from(u16::MAX))];
        let (started, is_last) = (false, false);
        Self { cache, cache_size, delta, page_size, pages, started, is_last, pass: 1, counters: Counters::default() }
    }

    /// Replaces the cache by an empty one if the size differs (`xbzrle_cache_resize` in QEMU's `migration/ram.c`).
    pub(in crate::ram) fn resize(&mut self, cache_size: u64) {
        if cache_size != self.cache_size {
            self.cache = PageCache::new(cache_size, self.page_size, self.pages);
            self.cache_size = cache_size;
        }
    }

    pub(in crate::ram) fn counters(&self) -> Counters {
        self.counters
    }

    pub(in crate::ram) fn is_started(&self) -> bool {
        self.started
    }

    /// Begins to use the cache: all pages were sent once (`find_dirty_block` in QEMU's `migration/ram.c`).
    pub(in crate::ram) fn start(&mut self) {
        self.started = true;
    }

    pub(in crate::ram) fn begin_pass(&mut self) {
        self.pass += 1;
    }

    pub(in crate::ram) fn begin_last_stage(&mut self) {
        self.is_last = true;
    }

    /// Records that a page is sent as a zero page: otherwise its changes would be relative to older content.
    pub(in crate::ram) fn zero(&mut self, page: u64, bytes: &[u8]) {
        self.cache.insert(page, bytes, self.pass);
    }

    /// Counts a record of changes with `bytes` bytes, except for the word at its beginning.
    pub(in crate::ram) fn sent(&mut self, bytes: u64) {
        self.counters.bytes += bytes.saturating_sub(8);
    }

    /// Decides how a page with the content `bytes` is sent, and updates the cache (`save_xbzrle_page`). The caller must
    /// send exactly these bytes, even if the guest has changed the page since.
    pub(in crate::ram) fn page(&mut self, page: u64, bytes: &[u8]) -> Sending<'_> {
        let Some(cached) = self.cache.get(page, self.pass) else {
            self.counters.misses += 1;
            if !self.is_last {
                self.cache.insert(page, bytes, self.pass);
            }
            return Sending::Page;
        };
        self.counters.pages += 1;
        let encoding = encode(cached, bytes, &mut self.delta);
        if !self.is_last && encoding != Encoding::Unchanged {
            cached.copy_from_slice(bytes);
        }
        match encoding {
            Encoding::Unchanged => Sending::Nothing,
            Encoding::Delta(delta) => Sending::Delta(delta),
            Encoding::Overflow => {
                self.counters.overflows += 1;
                self.counters.bytes += bytes.len() as u64;
                Sending::Page
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender() -> Sender {
        let mut sender = Sender::new(1024, 256, 8);
        sender.start();
        sender
    }

    #[test]
    fn known_pages_are_sent_as_changes() {
        let mut sender = sender();
        let mut page = [7; 256];
        assert_eq!(sender.page(3, &page), Sending::Page);
        assert_eq!(sender.page(3, &page), Sending::Nothing);
        page[1] = 8;
        assert_eq!(sender.page(3, &page), Sending::Delta(&[1, 1, 8]));
        assert_eq!(sender.page(3, &[1; 256]), Sending::Page, "more bytes than the page has");
        assert_eq!(sender.page(3, &[1; 256]), Sending::Nothing, "it was added to the cache");
        sender.zero(3, &[0; 256]);
        page.fill(0);
        page[0] = 5;
        assert_eq!(sender.page(3, &page), Sending::Delta(&[0, 1, 5]));
        sender.sent(14);
        let expected = Counters { bytes: 256 + 6, pages: 5, misses: 1, overflows: 1 };
        assert_eq!(sender.counters(), expected);
    }

    #[test]
    fn last_stage_does_not_change_the_cache() {
        let mut sender = sender();
        sender.page(3, &[7; 256]);
        sender.begin_last_stage();
        let mut page = [7; 256];
        page[255] = 1;
        for _ in 0..2 {
            assert_eq!(sender.page(3, &page), Sending::Delta(&[0xff, 1, 1, 1]));
            assert_eq!(sender.page(4, &page), Sending::Page);
        }
        assert_eq!(sender.counters().misses, 2 + 1);
    }

    #[test]
    fn another_size_empties_the_cache() {
        let mut sender = sender();
        sender.page(3, &[7; 256]);
        sender.resize(1024);
        assert_eq!(sender.page(3, &[7; 256]), Sending::Nothing);
        sender.resize(512);
        assert_eq!(sender.page(3, &[7; 256]), Sending::Page);
        assert_eq!(sender.page(3, &[7; 256]), Sending::Nothing);
        sender.resize(512);
        assert_eq!(sender.page(3, &[7; 256]), Sending::Nothing, "it has this size");
    }
}
