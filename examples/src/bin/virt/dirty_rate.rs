//! Reports the rate at which a guest writes pages, as each available log sees it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use vmstate::memory::{DirtyBitmap, DirtyLog, Layout, MemoryError, PageSize};
use vmstate_examples::virt::Board;

/// The time between reports.
const PERIOD: Duration = Duration::from_secs(1);

/// The logs of a board.
pub(crate) struct DirtyRate {
    page_size: u64,
    logs: Vec<(&'static str, Arc<dyn DirtyLog>)>,
    bitmaps: Vec<DirtyBitmap>,
    since: Instant,
}

impl DirtyRate {
    /// Starts all available logs. Returns the reasons why others are not available, too.
    pub(crate) fn start(board: &Board) -> Result<(Self, Vec<MemoryError>), MemoryError> {
        let memory = &board.bus.memory;
        let layout = Layout::new(PageSize::DEFAULT, memory.blocks(true)).map_err(MemoryError::custom)?;
        let marked: (_, Arc<dyn DirtyLog>) = ("marked", memory.dirty_log().clone());
        let mut missing = Vec::new();
        let mut logs = vec![marked];
        match memory.kernel_log(true) {
            Ok(log) => logs.push(("write-protect", log)),
            Err(error) => missing.push(error),
        }
        logs.iter().try_for_each(|(_, log)| log.start())?;
        let page_size = layout.page_size().bytes();
        Ok((Self { page_size, logs, bitmaps: layout.bitmaps(), since: Instant::now() }, missing))
    }

    /// Returns a report if it is time for one.
    pub(crate) fn report(&mut self) -> Result<Option<String>, MemoryError> {
        let elapsed = self.since.elapsed();
        if elapsed < PERIOD {
            return Ok(None);
        }
        self.since = Instant::now();
        let rates = self.logs.iter().map(|(name, log)| {
            let rate = self.written(&**log)? as f64 / f64::from(1 << 20) / elapsed.as_secs_f64();
            Ok(format!("{name} {rate:.2} MiB/s"))
        });
        let rates: Result<Vec<_>, MemoryError> = rates.collect();
        Ok(Some(format!("dirty rate: {}", rates?.join(", "))))
    }

    /// Collects the pages of a log, and returns their size.
    fn written(&self, log: &dyn DirtyLog) -> Result<u64, MemoryError> {
        let mut pages = 0;
        for (block, dirty) in self.bitmaps.iter().enumerate() {
            dirty.clear();
            log.collect(block, 0..dirty.pages(), dirty)?;
            pages += dirty.count();
        }
        Ok(pages * self.page_size)
    }
}
