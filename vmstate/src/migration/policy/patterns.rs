//! Simulated guests with five patterns of writes, for tests in virtual time.

pub(in crate::migration) const PAGE: u64 = 4096;
pub(in crate::migration) const PAGES: usize = 2048;

/// A simulated guest: each call of `write` marks the pages that it writes in one millisecond.
pub(in crate::migration) struct Guest {
    pub(in crate::migration) write: Write,
}

/// Gets the time in milliseconds and the pages.
type Write = Box<dyn FnMut(usize, &mut [bool])>;

/// A generator of reproducible numbers (Knuth's MMIX constants).
pub(in crate::migration) struct Random(pub(in crate::migration) u64);

impl Random {
    pub(in crate::migration) fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

pub(in crate::migration) fn idle() -> Guest {
    Guest { write: Box::new(|_, _| {}) }
}

/// Writes one page after the other.
pub(in crate::migration) fn linear(per_ms: usize) -> Guest {
    Guest {
        write: Box::new(move |now, pages| (0..per_ms).for_each(|page| pages[(now * per_ms + page) % PAGES] = true)),
    }
}

pub(in crate::migration) fn random(per_ms: usize) -> Guest {
    let mut random = Random(1);
    Guest { write: Box::new(move |_, pages| (0..per_ms).for_each(|_| pages[random.below(PAGES)] = true)) }
}

/// Writes the same pages all the time.
pub(in crate::migration) fn hot_set(count: usize) -> Guest {
    Guest { write: Box::new(move |_, pages| pages[..count].fill(true)) }
}

/// Writes everything for some time, and then nothing.
pub(in crate::migration) fn alternating(busy: usize, quiet: usize) -> Guest {
    let mut writes = random(1000).write;
    Guest {
        write: Box::new(move |now, pages| {
            if now % (busy + quiet) < busy {
                writes(now, pages);
            }
        }),
    }
}

pub(in crate::migration) fn count(pages: &[bool]) -> u64 {
    u64::try_from(pages.iter().filter(|page| **page).count()).unwrap()
}

/// Sends at most `limit` pages and returns their number.
pub(in crate::migration) fn send(to_send: &mut [bool], limit: usize) -> u64 {
    let sent = to_send.iter_mut().filter(|page| **page).take(limit).map(|page| *page = false).count();
    u64::try_from(sent).unwrap()
}

/// The patterns, each with a downtime limit in milliseconds that it can reach at 10 pages per millisecond.
pub(in crate::migration) fn all() -> [(&'static str, u64, Guest); 5] {
    [
        ("idle", 300, idle()),
        ("linear", 50, linear(4)),
        ("random", 60, random(4)),
        ("hot set", 20, hot_set(128)),
        ("alternating", 20, alternating(500, 1200)),
    ]
}
