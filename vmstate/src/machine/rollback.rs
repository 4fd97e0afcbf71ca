//! The way back from a load that has failed.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use vmstate_types::{LoadError, Reader, Writer};

use super::save::unavailable;
use crate::registry::{Entry, Handle, SectionHandler, Threading};
use crate::section::RawSection;

/// Checkpoints of what devices were before their sections came.
#[derive(Debug, Default)]
pub(crate) struct Checkpoints {
    /// All copies, one after the other.
    bytes: Writer,
    /// Which entry each is of.
    copies: Vec<(usize, Range<usize>)>,
    /// Whether there is one of the entry with that number.
    copied: Vec<bool>,
}

impl Checkpoints {
    /// Forgets all copies, and keeps their memory for those of `count` entries.
    pub(super) fn clear(&mut self, count: usize) {
        self.bytes.clear();
        self.copies.clear();
        self.copied.clear();
        self.copied.resize(count, false);
    }

    /// Checkpoints the state of entry number `index`, if that has not been done.
    ///
    /// # Errors
    /// When the device cannot be copied: it could not be saved either.
    pub(super) fn copy<T: Threading>(&mut self, index: usize, entry: &mut Entry<'_, T>) -> Result<(), LoadError> {
        if std::mem::replace(&mut self.copied[index], true) {
            return Ok(());
        }
        let start = self.bytes.pending().len();
        let copied = match &mut entry.handler {
            SectionHandler::Device(handle) => handle
                .with(|device| device.checkpoint(&mut self.bytes))
                .map_err(unavailable)
                .and_then(std::convert::identity),
            SectionHandler::Raw(raw) => raw.save(&mut self.bytes),
            SectionHandler::Live(_) => Ok(()),
        };
        copied.map_err(|error| {
            LoadError::rejected("a device that can be saved, to go back to it if the load fails", error).or_advice(
                "bring the device into a state that it can be in, or load in place (`LoadOptions::without_rollback`)",
            )
        })?;
        self.copies.push((index, start..self.bytes.pending().len()));
        Ok(())
    }

    /// Makes all devices what they were, the last one first.
    ///
    /// What goes wrong here, in a hook that panics or a lock that is gone, goes wrong for one device only.
    pub(super) fn roll_back<T: Threading>(&self, entries: &mut [Entry<'_, T>]) {
        for (index, range) in self.copies.iter().rev() {
            let (Some(entry), Some(bytes)) = (entries.get_mut(*index), self.bytes.pending().get(range.clone())) else {
                continue;
            };
            let version = entry.header.version;
            let _ = catch_unwind(AssertUnwindSafe(|| match &mut entry.handler {
                SectionHandler::Device(handle) => {
                    let _ = handle.with(|device| device.restore(bytes));
                }
                SectionHandler::Raw(raw) => drop(raw.load(&mut Reader::from_slice(bytes), version)),
                SectionHandler::Live(_) => {}
            }));
        }
    }
}
