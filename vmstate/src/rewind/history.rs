//! The history of states.

use vmstate_types::{LoadError, Reader, SaveError, VmState, Writer};

use super::difference;
use super::ring::Ring;

/// The recent states of a device, for rewinding.
///
/// Only the newest state is stored completely; each older one is the difference from its successor. The memory for
/// differences is allocated once. When it is full, the oldest states are dropped. In addition, the history uses memory
/// for two states and one difference; [`memory`](Self::memory) returns the total.
///
/// The states belong to one device: differences between the states of two devices are valid, but large.
pub struct Rewind {
    ring: Ring,
    /// The newest state, if any is stored.
    newest: Option<Vec<u8>>,
    /// The next state while it is saved, and the memory of a popped one.
    next: Writer,
    /// The difference between the two.
    difference: Vec<u8>,
}

impl Rewind {
    /// Creates an empty history with `memory` bytes for differences.
    ///
    /// A game that changes 200 bytes per frame stores a minute at 60 frames per second in about 1 MB.
    #[must_use]
    pub fn new(memory: usize) -> Self {
        Self { ring: Ring::new(memory), newest: None, next: Writer::new(), difference: Vec::new() }
    }

    /// Saves the state of `device` as the newest one.
    ///
    /// # Errors
    /// Returns an error if the device cannot be saved. The history is then unchanged.
    pub fn push<T: VmState>(&mut self, device: &mut T) -> Result<(), SaveError> {
        let mut next = std::mem::take(&mut self.next);
        next.clear();
        let saved = device.save(&mut next);
        if saved.is_ok() {
            self.push_bytes(next.pending());
        }
        self.next = next;
        saved
    }

    /// Removes the newest state and loads it into `device`. Returns `false` if the history is empty.
    ///
    /// # Errors
    /// Returns an error if the device rejects the state, for example because an `equal` field has changed since. The
    /// state is removed, and the device can be partially loaded.
    pub fn pop<T: VmState>(&mut self, device: &mut T) -> Result<bool, LoadError> {
        let Some(bytes) = self.newest.take() else { return Ok(false) };
        let loaded = device.load(&mut Reader::from_slice(&bytes), T::DESCRIPTION.version);
        self.step_back(bytes);
        loaded.map(|()| true)
    }

    /// Adds a state that the caller has saved, such as the stream of a [`Machine`](crate::Machine).
    pub fn push_bytes(&mut self, state: &[u8]) {
        match &mut self.newest {
            Some(newest) => {
                difference::encode(newest, state, &mut self.difference);
                self.ring.push(&self.difference);
                newest.clear();
                newest.extend_from_slice(state);
            }
            None => self.newest = Some(state.to_vec()),
        }
    }

    /// Adds a state of `length` bytes of which only `parts`, with their offsets, can differ from the newest state, such as the dirty
    /// pages of a guest. The time depends on the parts and not on the state. Bytes that neither have are zero.
    ///
    /// Returns `false`, and adds nothing, if the history is empty, or the parts do not ascend, overlap, or exceed the state. Call
    /// [`push_bytes`](Self::push_bytes) then.
    ///
    /// ```
    /// use vmstate::rewind::Rewind;
    ///
    /// let mut rewind = Rewind::new(1024);
    /// assert!(!rewind.push_changes(4, &[(0, [1])]), "the first state is complete");
    /// rewind.push_bytes(&[1, 2, 3, 4]);
    /// assert!(rewind.push_changes(4, &[(1, [7]), (3, [9])]));
    /// assert_eq!(rewind.pop_bytes(<[u8]>::to_vec).unwrap(), [1, 7, 3, 9]);
    /// assert_eq!(rewind.pop_bytes(<[u8]>::to_vec).unwrap(), [1, 2, 3, 4]);
    /// ```
    #[must_use]
    pub fn push_changes<P: AsRef<[u8]>>(&mut self, length: usize, parts: &[(usize, P)]) -> bool {
        let Some(newest) = &mut self.newest else { return false };
        if !ascend_within(length, parts) {
            return false;
        }
        difference::encode_parts(newest, length, parts, &mut self.difference);
        self.ring.push(&self.difference);
        true
    }

    /// Removes the newest state and passes it to `load`. Returns `None` if the history is empty.
    pub fn pop_bytes<R>(&mut self, load: impl FnOnce(&[u8]) -> R) -> Option<R> {
        let bytes = self.newest.take()?;
        let result = load(&bytes);
        self.step_back(bytes);
        Some(result)
    }

    /// Makes the state before `bytes` the newest one.
    fn step_back(&mut self, mut bytes: Vec<u8>) {
        if !self.ring.pop(&mut self.difference) {
            return;
        }
        match difference::apply(&mut bytes, &self.difference) {
            Some(()) => self.newest = Some(bytes),
            None => self.ring.clear(),
        }
    }

    /// Returns the number of states that [`pop`](Self::pop) can return to.
    #[must_use]
    pub fn len(&self) -> usize {
        self.ring.len() + usize::from(self.newest.is_some())
    }

    /// Returns whether the history has no states.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.newest.is_none()
    }

    /// Removes all states, for example when another game is started.
    pub fn clear(&mut self) {
        self.ring.clear();
        self.newest = None;
    }

    /// Returns the number of bytes that the differences use at present.
    #[must_use]
    pub fn used(&self) -> usize {
        self.ring.used()
    }

    /// Returns the size of all memory of the history in bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        let newest = self.newest.as_ref().map_or(0, Vec::capacity);
        self.ring.capacity() + newest + self.next.capacity() + self.difference.capacity()
    }
}

/// Returns whether parts follow each other and are within `length` bytes.
fn ascend_within<P: AsRef<[u8]>>(length: usize, parts: &[(usize, P)]) -> bool {
    let ends = parts.iter().try_fold(0, |end, (start, part)| {
        start.checked_add(part.as_ref().len()).filter(|next| *start >= end && *next <= length)
    });
    ends.is_some()
}

impl std::fmt::Debug for Rewind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rewind").field("states", &self.len()).field("memory", &self.memory()).finish()
    }
}
