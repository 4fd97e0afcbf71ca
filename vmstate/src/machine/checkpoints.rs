//! Copies of the devices' states, which a failed load restores.

use std::collections::HashSet;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

use vmstate_types::{LoadError, Reader, SaveError, Writer};

use crate::registry::{Device, Entry, Handle, Poisoned, SectionHandler, Threading};
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

    /// Restores all devices. Returns a title and a reason for each device that cannot be restored.
    ///
    /// The last copy is restored first, because a value that two devices share has its oldest state in the first copy.
    /// All fields are restored before the first hook runs: a hook may use other devices, and may panic.
    pub(super) fn roll_back<T: Threading>(&self, entries: &mut [Entry<'_, T>]) -> Vec<String> {
        let (mut failures, mut failed) = (Vec::new(), HashSet::new());
        for restore in [restore_state, run_hooks] {
            for State { index, number, range } in self.states.iter().rev() {
                let Some(entry) = find(entries, *index, *number) else { continue };
                let bytes = self.bytes.pending().get(range.clone()).unwrap_or_default();
                // A device that fails twice is reported once, with the first reason.
                failures.extend(attempt(entry, |entry| restore(entry, bytes)).filter(|_| failed.insert(*index)));
            }
        }
        failures
    }
}

/// Calls `restore`, and returns the entry's title and the reason if it fails.
pub(super) fn attempt<T: Threading>(
    entry: &mut Entry<'_, T>,
    restore: impl FnOnce(&mut Entry<'_, T>) -> Result<(), LoadError>,
) -> Option<String> {
    // A device whose restore panics must not keep the others from theirs. The panic can only damage its own state:
    // `restore` borrows nothing else, so the assertion holds.
    let reason = match catch_unwind(AssertUnwindSafe(|| restore(entry))) {
        Ok(Ok(())) => return None,
        Ok(Err(error)) => error.found().to_owned(),
        Err(_) => "a panic".to_owned(),
    };
    Some(format!("section {}: {reason}", entry.title()))
}

fn copy<T: Threading>(entry: &mut Entry<'_, T>, to: &mut Writer) -> Result<(), SaveError> {
    match &mut entry.handler {
        SectionHandler::Device(handle) => handle.with(|device| device.checkpoint(to)).map_err(SaveError::misuse)?,
        SectionHandler::Raw(raw) => raw.save(to),
        // Live sections undo a load themselves (`LiveSection::load_undo`).
        SectionHandler::Live(_) => Ok(()),
    }
}

/// Restores an entry's state without hooks.
fn restore_state<T: Threading>(entry: &mut Entry<'_, T>, bytes: &[u8]) -> Result<(), LoadError> {
    let version = entry.header.version;
    match &mut entry.handler {
        SectionHandler::Device(handle) => with_device(handle, |device| device.restore_fields(bytes)),
        SectionHandler::Raw(raw) => raw.load(&mut Reader::from_slice(bytes), version),
        SectionHandler::Live(_) => Ok(()),
    }
}

/// Runs the hooks that derive an entry's state from its fields.
fn run_hooks<T: Threading>(entry: &mut Entry<'_, T>, bytes: &[u8]) -> Result<(), LoadError> {
    match &mut entry.handler {
        SectionHandler::Device(handle) => with_device(handle, |device| device.run_restore_hooks(bytes)),
        SectionHandler::Raw(_) | SectionHandler::Live(_) => Ok(()),
    }
}

fn with_device(
    handle: &mut impl Handle,
    run: impl FnOnce(&mut dyn Device) -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    handle
        .with_poisoned(Poisoned::Ignore, run)
        .unwrap_or_else(|why| Err(LoadError::misuse("an accessible device", why)))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cleared_checkpoints_hold_nothing() {
        let mut checkpoints = Checkpoints::default();
        checkpoints.clear(2);
        checkpoints.bytes.u32(1);
        checkpoints.states.push(State { index: 1, number: 1, range: 0..4 });
        checkpoints.taken[1] = true;
        checkpoints.clear(3);
        assert!(checkpoints.bytes.pending().is_empty() && checkpoints.states.is_empty());
        assert_eq!(checkpoints.taken, [false; 3]);
    }
}
