//! Measurements of the rate at which the guest writes its memory (QEMU: `migration/dirtyrate.c`).

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::super::super::drive::HostMemory;
use super::super::error::CommandError;
use super::super::operations::{DirtyRate, DirtyRateStatus};
use super::super::request::{DirtyRateMode, DirtyRateRequest};
use crate::memory::{DirtyBitmap, DirtyLog, Layout, MemoryError, RamBlock};

/// A measurement with its thread, which ends early when the measurement is dropped.
#[derive(Debug)]
pub(super) struct Measurement {
    result: Arc<Mutex<DirtyRate>>,
    /// Nothing is sent: the thread waits until this end is dropped.
    abort: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Measurement {
    /// Starts to measure the writes to `memory`, at time `start` since the start of the program.
    pub(super) fn start(memory: HostMemory, request: &DirtyRateRequest, start: Duration) -> Result<Self, CommandError> {
        let meter = meter(memory, request).map_err(|error| CommandError::new(error.to_string()))?;
        let &DirtyRateRequest { duration, mode, samples } = request;
        let status = DirtyRateStatus::Measuring;
        let result = Arc::new(Mutex::new(DirtyRate { status, start, duration, mode, samples, rate: None }));
        let (abort, aborted) = mpsc::channel();
        let measured = result.clone();
        let thread = thread::spawn(move || {
            let begin = Instant::now();
            let is_complete = aborted.recv_timeout(duration) == Err(RecvTimeoutError::Timeout);
            let elapsed = begin.elapsed();
            let written = meter.end();
            let mut result = measured.lock().unwrap_or_else(PoisonError::into_inner);
            match written {
                Ok(bytes) if is_complete => {
                    (result.status, result.rate) = (DirtyRateStatus::Measured, Some(per_second(bytes, elapsed)));
                }
                // As if it had not been started.
                _ => result.status = DirtyRateStatus::Unstarted,
            }
        });
        Ok(Self { result, abort: Some(abort), thread: Some(thread) })
    }

    pub(super) fn result(&self) -> DirtyRate {
        self.result.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn is_measuring(&self) -> bool {
        self.result().status == DirtyRateStatus::Measuring
    }
}

impl Drop for Measurement {
    /// Waits until the log is stopped, which a migration may start next.
    fn drop(&mut self) {
        self.abort = None;
        // A panic ends it, too.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn per_second(bytes: u64, elapsed: Duration) -> u64 {
    let rate = (u128::from(bytes) * 1_000_000_000).checked_div(elapsed.as_nanos());
    rate.and_then(|rate| u64::try_from(rate).ok()).unwrap_or(u64::MAX)
}

/// A count of the bytes that the guest writes from the start to the end.
trait Meter: Send {
    /// Returns the bytes of all pages that were written.
    fn end(self: Box<Self>) -> Result<u64, MemoryError>;
}

fn meter(memory: HostMemory, request: &DirtyRateRequest) -> Result<Box<dyn Meter>, MemoryError> {
    match (request.mode, memory.log) {
        (DirtyRateMode::PageSampling, _) => {
            let samples = Samples::take(&memory.blocks, memory.page_size.bytes(), request.samples)?;
            Ok(Box::new(samples))
        }
        (DirtyRateMode::DirtyBitmap, Some(log)) => {
            let layout = Layout::new(memory.page_size, &memory.blocks).map_err(MemoryError::custom)?;
            log.start()?;
            Ok(Box::new(Logged { log, layout }))
        }
        (mode, _) => {
            Err(MemoryError::custom(format!("mode {} is not enabled, use other method instead.", mode.name())))
        }
    }
}

/// A running dirty log.
struct Logged {
    log: Arc<dyn DirtyLog>,
    layout: Layout,
}

impl Meter for Logged {
    fn end(self: Box<Self>) -> Result<u64, MemoryError> {
        let bitmaps = self.layout.bitmaps();
        let collected =
            bitmaps.iter().enumerate().try_for_each(|(block, dirty)| self.log.collect(block, 0..dirty.pages(), dirty));
        // The log must not stay on, also after an error.
        self.log.stop()?;
        collected?;
        let pages: u64 = bitmaps.iter().map(DirtyBitmap::count).sum();
        Ok(pages * self.layout.page_size().bytes())
    }
}

/// Hashes of pages, some of each block.
struct Samples {
    page_size: u64,
    hashers: RandomState,
    blocks: Vec<Sampled>,
}

/// The hashes of pages of a block, with their offsets.
struct Sampled {
    block: Arc<dyn RamBlock + Send + Sync>,
    hashes: Vec<(u64, u64)>,
}

impl Samples {
    /// Takes `per_gib` samples of each GiB, and as many of a smaller block.
    fn take(blocks: &[Arc<dyn RamBlock + Send + Sync>], page_size: u64, per_gib: u64) -> Result<Self, MemoryError> {
        let mut samples = Self { page_size, hashers: RandomState::new(), blocks: Vec::new() };
        for block in blocks {
            let mut hashes = Vec::new();
            for offset in samples.offsets(block.size(), per_gib) {
                hashes.push((offset, samples.hash(block, offset)?));
            }
            samples.blocks.push(Sampled { block: block.clone(), hashes });
        }
        Ok(samples)
    }

    /// Chooses one page at random from each of as many equal parts of a block as there are samples.
    fn offsets(&self, size: u64, per_gib: u64) -> impl Iterator<Item = u64> {
        let pages = size / self.page_size;
        let count = size.div_ceil(1 << 30).saturating_mul(per_gib).min(pages);
        (0..count).map(move |part| {
            let (begin, end) = (pages * part / count, pages * (part + 1) / count);
            (begin + self.hashers.hash_one(part) % (end - begin)) * self.page_size
        })
    }

    fn hash(&self, block: &impl RamBlock, offset: u64) -> Result<u64, MemoryError> {
        let (mut hasher, mut chunk) = (self.hashers.build_hasher(), [0; 1024]);
        let end = offset.saturating_add(self.page_size).min(block.size());
        for at in (offset..end).step_by(chunk.len()) {
            block.read(at, &mut chunk)?;
            hasher.write(&chunk);
        }
        Ok(hasher.finish())
    }
}

impl Meter for Samples {
    fn end(self: Box<Self>) -> Result<u64, MemoryError> {
        let mut written = 0;
        for Sampled { block, hashes } in &self.blocks {
            let mut changed = 0_u64;
            for (offset, before) in hashes {
                changed += u64::from(self.hash(block, *offset)? != *before);
            }
            let bytes = u128::from(changed) * u128::from(block.size()) / (hashes.len() as u128).max(1);
            written += u64::try_from(bytes).unwrap_or(u64::MAX);
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{Marked, PageSize, VecBlock};

    const PAGE: u64 = 4096;
    const PAGES: u64 = 256;

    /// Measures while the first half of the pages is written.
    fn written(mode: DirtyRateMode, samples: u64) -> Result<u64, MemoryError> {
        let block = Arc::new(VecBlock::new("ram", vec![0; usize::try_from(PAGE * PAGES).unwrap()]));
        let layout = Layout::new(PageSize::DEFAULT, [&*block]).unwrap();
        let log = Arc::new(Marked::new(&layout));
        let memory = HostMemory::new(PageSize::DEFAULT, vec![block.clone()], Some(log.clone()));
        let meter = meter(memory, &DirtyRateRequest { duration: Duration::ZERO, mode, samples })?;
        for page in 0..PAGES / 2 {
            block.write(page * PAGE + 4000, &[1]).unwrap();
            log.mark(0, page * PAGE + 4000, 1);
        }
        let written = meter.end();
        log.start().expect("the log was stopped");
        written
    }

    #[test]
    fn dirty_log_is_exact() {
        assert_eq!(written(DirtyRateMode::DirtyBitmap, 512).unwrap(), PAGE * PAGES / 2);
    }

    /// Each sample is of another part of the memory.
    #[test]
    fn samples_represent_their_part() {
        for samples in [2, 128, 512, 16384] {
            assert_eq!(written(DirtyRateMode::PageSampling, samples).unwrap(), PAGE * PAGES / 2, "{samples}");
        }
    }

    #[test]
    fn dirty_ring_is_not_available() {
        let error = written(DirtyRateMode::DirtyRing, 512).unwrap_err().to_string();
        assert!(error.contains("mode dirty-ring is not enabled, use other method instead."), "{error}");
    }

    #[test]
    fn dropped_measurement_stops_the_log() {
        let block = Arc::new(VecBlock::new("ram", vec![0; 4096]));
        let log = Arc::new(Marked::new(&Layout::new(PageSize::DEFAULT, [&*block]).unwrap()));
        let memory = HostMemory::new(PageSize::DEFAULT, vec![block], Some(log.clone()));
        let (duration, mode) = (Duration::from_secs(60), DirtyRateMode::DirtyBitmap);
        let measurement =
            Measurement::start(memory, &DirtyRateRequest { duration, mode, samples: 512 }, Duration::ZERO);
        assert!(measurement.as_ref().unwrap().is_measuring());
        drop(measurement);
        log.start().expect("the log was stopped");
    }
}
