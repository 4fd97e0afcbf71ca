//! Several dirty logs as one.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::{DirtyBitmap, DirtyLog, MemoryError};

/// A dirty log that reports the pages of several logs, for example of vCPUs and of devices.
#[derive(Clone)]
pub struct CombinedLog(Vec<Arc<dyn DirtyLog>>);

impl CombinedLog {
    /// Combines `logs`, which were created for the same layout.
    #[must_use]
    pub fn new(logs: Vec<Arc<dyn DirtyLog>>) -> Self {
        Self(logs)
    }
}

impl DirtyLog for CombinedLog {
    fn start(&self) -> Result<(), MemoryError> {
        for (index, log) in self.0.iter().enumerate() {
            if let Err(error) = log.start() {
                // The error of the start is the one to report.
                self.0.iter().take(index).for_each(|started| drop(started.stop()));
                return Err(error);
            }
        }
        Ok(())
    }

    fn collect(&self, block: usize, pages: Range<u64>, dirty: &DirtyBitmap) -> Result<(), MemoryError> {
        self.0.iter().try_for_each(|log| log.collect(block, pages.clone(), dirty))
    }

    fn put_back(&self, block: usize, pages: &DirtyBitmap) -> Result<(), MemoryError> {
        self.0.first().map_or(Ok(()), |log| log.put_back(block, pages))
    }

    fn stop(&self) -> Result<(), MemoryError> {
        self.0.iter().map(DirtyLog::stop).fold(Ok(()), Result::and)
    }
}

impl fmt::Debug for CombinedLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CombinedLog of {} logs", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{Layout, Marked, PageSize, VecBlock};

    #[test]
    fn pages_of_all_logs_are_reported() {
        let layout = Layout::new(PageSize::DEFAULT, [VecBlock::new("ram", vec![0; 10 << 12])]).unwrap();
        let (first, second) = (Arc::new(Marked::new(&layout)), Arc::new(Marked::new(&layout)));
        let log = CombinedLog::new(vec![first.clone(), second.clone()]);
        second.start().unwrap();
        assert!(matches!(log.start(), Err(MemoryError::AlreadyStarted)));
        assert!(matches!(first.stop().and(first.collect(0, 0..1, &layout.bitmaps()[0])), Err(MemoryError::NotStarted)));
        second.stop().unwrap();

        log.start().unwrap();
        first.mark(0, 0x1000, 1);
        second.mark(0, 0x2000, 1);
        let dirty = layout.bitmaps();
        dirty[0].insert(7);
        log.put_back(0, &dirty[0]).unwrap();
        dirty[0].clear();
        log.collect(0, 0..10, &dirty[0]).unwrap();
        assert_eq!(dirty[0].runs().collect::<Vec<_>>(), [1..3, 7..8]);
        log.stop().unwrap();
        assert!(matches!(second.collect(0, 0..1, &dirty[0]), Err(MemoryError::NotStarted)));
    }
}
