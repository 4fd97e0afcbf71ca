//! Copies of pages, which wait until the stream has room for them.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::memory::{Layout, PageSize};
use crate::ram::page_writer::{PageWriter, Place};
use crate::ram::view::Page;
use crate::section::{Output, SentPages};

/// Pages that the guest has written since the pause, with their content before that.
///
/// The guest continues as soon as a page is copied, and does not wait for the output. If the copies exceed [`LIMIT`], each
/// further write waits up to [`PATIENCE`] for room. It does not wait longer, because the thread that writes the stream may
/// itself wait until the guest stops.
#[derive(Debug, Default)]
pub(super) struct Copies {
    queue: Mutex<Queue>,
    taken: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    copies: VecDeque<CopiedPages>,
    bytes: usize,
}

/// A run of pages of a block.
#[derive(Debug)]
pub(super) struct CopiedPages {
    pub(super) block: usize,
    pub(super) pages: Range<u64>,
    pub(super) content: Vec<u8>,
}

/// The bytes of copies from which on the guest is slowed down.
const LIMIT: usize = 64 << 20;
/// The longest wait of a write for room.
const PATIENCE: Duration = Duration::from_millis(100);

impl Copies {
    /// Adds pages.
    pub(super) fn push(&self, block: usize, pages: Range<u64>, content: Vec<u8>) {
        let mut queue = self.lock();
        queue.bytes = queue.bytes.saturating_add(content.len());
        queue.copies.push_back(CopiedPages { block, pages, content });
        // The state after the wait does not matter.
        drop(self.taken.wait_timeout_while(queue, PATIENCE, |queue| queue.bytes > LIMIT));
    }

    /// Takes the oldest pages.
    pub(super) fn pop(&self) -> Option<CopiedPages> {
        let mut queue = self.lock();
        let copy = queue.copies.pop_front()?;
        queue.bytes = queue.bytes.saturating_sub(copy.content.len());
        self.taken.notify_one();
        Some(copy)
    }

    /// Returns the bytes of all copies.
    pub(super) fn bytes(&self) -> u64 {
        self.lock().bytes as u64
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The place at which the search for the next page begins, and the writer of the stream's records.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    pub(super) block: usize,
    pub(super) unit: u64,
    pub(super) records: RecordWriter,
}

/// Writes copied pages as records.
#[derive(Debug, Default)]
pub(super) struct RecordWriter {
    /// The block of the last page: the flag CONTINUE replaces its name.
    last_block: Option<usize>,
}

impl RecordWriter {
    /// Writes the pages of a block. Returns their numbers.
    pub(super) fn write(&mut self, layout: &Layout, copied: &CopiedPages, out: &mut Output<'_>) -> SentPages {
        let mut sent = SentPages::default();
        let Some(block) = layout.blocks().get(copied.block) else { return sent };
        let size = bytes(layout.page_size());
        for (number, page) in copied.pages.clone().zip(copied.content.chunks_exact(size)) {
            let offset = number * layout.page_size().bytes();
            let place = Place { idstr: &block.idstr, offset, same_block: self.last_block == Some(copied.block) };
            let mut writer = PageWriter { writer: out.writer(), borrowed: None };
            match writer.page(place, Page::Copied(page)) {
                true => sent.zero += 1,
                false => sent.normal += 1,
            }
            self.last_block = Some(copied.block);
        }
        sent
    }
}

fn bytes(page_size: PageSize) -> usize {
    usize::try_from(page_size.bytes()).unwrap_or(usize::MAX)
}
