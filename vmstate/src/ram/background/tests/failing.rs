//! Memory that cannot be read, or is read slowly.

use std::sync::atomic::{AtomicU64, Ordering};

use super::*;
use crate::memory::{HostRange, Mapping};

/// Calls a function before each read.
struct Hooked<F> {
    memory: Mapping,
    before: F,
}

impl<F: Fn(u64) -> Result<(), MemoryError> + Send + Sync> RamBlock for Hooked<F> {
    fn idstr(&self) -> &str {
        self.memory.idstr()
    }

    fn size(&self) -> u64 {
        self.memory.size()
    }

    fn read(&self, offset: u64, into: &mut [u8]) -> Result<(), MemoryError> {
        (self.before)(offset)?;
        self.memory.read(offset, into)
    }

    fn write(&self, offset: u64, from: &[u8]) -> Result<(), MemoryError> {
        self.memory.write(offset, from)
    }

    fn host_range(&self, offset: u64, length: usize) -> Option<HostRange<'_>> {
        self.memory.host_range(offset, length)
    }
}

fn hooked(before: impl Fn(u64) -> Result<(), MemoryError> + Send + Sync + 'static) -> SharedBlock {
    let memory = MappingOptions::anonymous().map("ram", PAGES * PAGE).unwrap();
    Arc::new(Hooked { memory, before })
}

fn unreadable(_: u64) -> Result<(), MemoryError> {
    Err(MemoryError::custom("unreadable"))
}

#[test]
fn failed_copy_ends_the_stream() {
    for is_written in [false, true] {
        let memory = [hooked(unreadable)];
        let Some(pages) = started(&memory) else { return };
        let mut out = Writer::new();
        pages.set_up_stream(&mut Output::new(&mut out, None)).unwrap();
        pages.freeze().unwrap();
        if is_written {
            // The guest continues although its page is not saved.
            memory[0].write(7 * PAGE, &[1]).unwrap();
        }
        let error = pages.send(&mut Output::new(&mut out, None), PAGE).unwrap_err().to_string();
        assert!(error.contains("unreadable"), "{error}");
        assert_eq!(pages.sent_pages().zero, 0);
    }
}

#[test]
fn failure_of_the_handler_ends_the_next_part() {
    let memory = blocks();
    let Some(pages) = started(&memory) else { return };
    let mut out = Writer::new();
    pages.set_up_stream(&mut Output::new(&mut out, None)).unwrap();
    pages.freeze().unwrap();
    pages.writes().as_ref().map(|writes| pages.engine.release(writes.pages(), 9, &(0..1))).unwrap();
    let error = pages.send(&mut Output::new(&mut out, None), PAGE).unwrap_err().to_string();
    assert!(error.contains("block"), "{error}");
    assert_eq!(pages.sent_pages().zero, 0);
}

#[cfg(feature = "snapshot")]
#[test]
fn failed_copy_ends_a_save_to_places() {
    static READS: AtomicU64 = AtomicU64::new(0);
    let memory = [hooked(|offset| {
        READS.fetch_add(1, Ordering::Relaxed);
        unreadable(offset)
    })];
    let Some(pages) = started(&memory) else { return };
    let (file, mut out) = (tempfile::tempfile().unwrap(), Writer::new());
    pages.set_up(&mut Output::to_mapped_file(&mut out, &file, 0)).unwrap();
    pages.freeze().unwrap();
    let error = pages.finish().unwrap_err().to_string();
    assert!(error.contains("unreadable"), "{error}");
    assert_eq!(READS.load(Ordering::Relaxed), 1, "no page is read after the failure");
    assert!(!pages.handles_kernel_faults(), "the memory is released");
}

/// The handler still copies a page after all others are sent.
#[test]
fn last_copy_is_a_part_of_the_stream() {
    static SENT: AtomicU64 = AtomicU64::new(0);
    let last = (PAGES - 1) * PAGE;
    let memory = [hooked(move |offset| {
        if offset == last {
            wait_until(|| SENT.load(Ordering::Relaxed) == PAGES / 16);
            // The sender is likely to wait now.
            std::thread::sleep(Duration::from_millis(50));
        } else {
            SENT.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    })];
    memory[0].write(last, &[8; 4096]).unwrap();
    let Some(pages) = started(&memory) else { return };
    let mut out = Writer::new();
    pages.set_up_stream(&mut Output::new(&mut out, None)).unwrap();
    pages.freeze().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| memory[0].write(last, &[9]));
        wait_until(|| pages.waits() > 0);
        assert!(part(&pages, &mut out, u64::MAX));
    });
    let sent = pages.sent_pages();
    assert_eq!((sent.normal, sent.zero), (1, PAGES - 1));
}
