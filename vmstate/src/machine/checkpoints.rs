//! Copies of the devices' states, which a failed load restores.

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use vmstate_types::{LoadError, Reader, SaveError, Writer};

use crate::registry::{Entry, Handle, SectionHandler, Threading};
use crate::section::RawSection;

/// The states of devices before their sections were loaded.
#[derive(Debug, Default)]
pub(super) struct Checkpoints {
    /// All states, one after the other.
    bytes: Writer,
    states: Vec<State>,
    /// For each entry, whether it has a checkpoint.
    taken: Vec<bool>,
}

/// One state in the bytes.
#[derive(Debug)]
struct State {
    index: usize,
    /// The entry's number, which identifies it if entries were registered or removed since.
    number: u32,
    range: Range<usize>,
}

impl Checkpoints {
    /// Removes all checkpoints and prepares for `count` entries. The memory is kept for them.
    pub(super) fn clear(&mut self, count: usize) {
        self.bytes.clear();
        self.states.clear();
        self.taken.clear();
        self.taken.resize(count, false);
    }

    /// Copies the state of the entry with that index, unless it has been copied before.
    ///
    /// # Errors
    /// Returns an error if the device cannot be saved.
    pub(super) fn take<T: Threading>(&mut self, index: usize, entry: &mut Entry<'_, T>) -> Result<(), LoadError> {
        if std::mem::replace(&mut self.taken[index], true) {
            return Ok(());
        }
        let start = self.bytes.pending().len();
        copy(entry, &mut self.bytes).map_err(|error| {
            LoadError::rejected("a device whose state can be copied for a rollback", error).or_advice(
                "reset the device before the load, or load without rollback (`LoadOptions::without_rollback`)",
            )
        })?;
        self.states.push(State { index, number: entry.number, range: start..self.bytes.pending().len() });
        Ok(())
    }

    /// Restores all devices, the last one first: a device may depend on devices that were loaded before it.
    pub(super) fn roll_back<T: Threading>(&self, entries: &mut [Entry<'_, T>]) {
        for State { index, number, range } in self.states.iter().rev() {
            let Some(bytes) = self.bytes.pending().get(range.clone()) else { continue };
            let Some(entry) = find(entries, *index, *number) else { continue };
            // A device whose restore panics must not keep the others from theirs. The panic can only damage its own
            // state: `restore` borrows nothing else, so the assertion holds.
            let _ = catch_unwind(AssertUnwindSafe(|| restore(entry, bytes)));
        }
    }
}

fn copy<T: Threading>(entry: &mut Entry<'_, T>, to: &mut Writer) -> Result<(), SaveError> {
    match &mut entry.handler {
        SectionHandler::Device(handle) => handle.with(|device| device.checkpoint(to)).map_err(SaveError::misuse)?,
        SectionHandler::Raw(raw) => raw.save(to),
        // Live sections undo a load themselves (`LiveSection::load_undo`).
        SectionHandler::Live(_) => Ok(()),
    }
}

/// Restores an entry's state. Its errors have no receiver: the load has failed already, and a device that rejects its
/// own state keeps its current state.
fn restore<T: Threading>(entry: &mut Entry<'_, T>, bytes: &[u8]) {
    let version = entry.header.version;
    match &mut entry.handler {
        SectionHandler::Device(handle) => drop(handle.with(|device| device.restore(bytes))),
        SectionHandler::Raw(raw) => drop(raw.load(&mut Reader::from_slice(bytes), version)),
        SectionHandler::Live(_) => {}
    }
}

/// Finds the entry with `number`, which is at `index` unless entries were registered or removed.
fn find<'e, 'd, T: Threading>(
    entries: &'e mut [Entry<'d, T>],
    index: usize,
    number: u32,
) -> Option<&'e mut Entry<'d, T>> {
    let unmoved = entries.get(index).is_some_and(|entry| entry.number == number);
    let index = if unmoved { index } else { entries.iter().position(|entry| entry.number == number)? };
    entries.get_mut(index)
}
