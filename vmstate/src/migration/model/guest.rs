//! A guest of two pages that counts its writes, so that lost and stale pages are detected.

/// The number of pages.
pub(super) const PAGES: usize = 2;

/// Some pages with their contents.
pub(super) type Pages = [Option<u8>; PAGES];

/// The state of a guest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Guest {
    pub(super) pages: [u8; PAGES],
    pub(super) devices: u8,
}

impl Guest {
    /// Writes a page: the counters of the page and of the devices advance together.
    pub(super) fn write(&mut self, page: usize) {
        self.devices += 1;
        self.pages[page] = self.devices;
    }
}

/// The source's memory: its guest, and the pages that it has to send.
#[derive(Debug, Clone)]
pub(super) struct SourceMemory {
    pub(super) guest: Guest,
    /// The pages to send.
    pub(super) dirty: [bool; PAGES],
    /// The pages that were written since the last synchronization.
    pub(super) log: [bool; PAGES],
    /// The number of writes that the guest still makes.
    pub(super) writes: u8,
}

impl SourceMemory {
    pub(super) fn new(writes: u8) -> Self {
        let guest = Guest { pages: [10, 20], devices: 30 };
        Self { guest, dirty: [true; PAGES], log: [false; PAGES], writes }
    }

    pub(super) fn write(&mut self, page: usize) {
        self.guest.write(page);
        self.log[page] = true;
        self.writes -= 1;
    }

    pub(super) fn synchronize(&mut self) {
        for (dirty, log) in self.dirty.iter_mut().zip(&mut self.log) {
            *dirty |= std::mem::take(log);
        }
    }

    /// Takes the next page to send, or all of them.
    pub(super) fn take(&mut self, all: bool) -> Pages {
        let mut pages = Pages::default();
        for (page, dirty) in self.dirty.iter_mut().enumerate() {
            if *dirty && (all || pages == Pages::default()) {
                *dirty = false;
                pages[page] = Some(self.guest.pages[page]);
            }
        }
        pages
    }

    /// Takes one page, if it was not sent yet.
    pub(super) fn take_page(&mut self, page: usize) -> Pages {
        let mut pages = Pages::default();
        if std::mem::take(&mut self.dirty[page]) {
            pages[page] = Some(self.guest.pages[page]);
        }
        pages
    }

    pub(super) fn remaining(&self) -> u64 {
        self.dirty.iter().filter(|dirty| **dirty).count() as u64 * 4096
    }
}
