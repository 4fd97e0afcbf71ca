//! The connection for requested pages (`postcopy-preempt`), which carries only records.

use vmstate_types::LoadError;

use super::forward::Forward;
use super::pending::Pending;
use super::records::{content_of, report};
use super::seen::Seen;
use crate::memory::PageSize;
use crate::ram::RecordReader;

/// The decoder of requested pages.
#[derive(Debug)]
pub(super) struct Pages {
    input: Pending,
    records: RecordReader,
    page_size: PageSize,
}

impl Pages {
    /// Creates a decoder of pages of the blocks of `stream`.
    pub(super) fn new(stream: &Forward) -> Self {
        Self { input: Pending::default(), records: stream.requested_pages(), page_size: stream.page_size() }
    }

    /// Decodes bytes that have arrived. After an error the rest is ignored.
    pub(super) fn feed(&mut self, bytes: &[u8], seen: &mut dyn FnMut(Seen)) -> Result<(), LoadError> {
        self.input.push(bytes);
        loop {
            let records = &mut self.records;
            match self.input.decode(|bytes, offset| records.decode(bytes, offset)) {
                Ok(Some(record)) => {
                    self.input.skip(content_of(&record, self.page_size));
                    report(&record, self.records.current_block(), seen);
                }
                Ok(None) => return Ok(()),
                Err(error) => {
                    self.input.skip_all();
                    return Err(error);
                }
            }
        }
    }
}
