//! Counts that exist only on the wire: `#[vmstate(count("nqueues": u16))]`.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::vec::Vec;

use super::sealed::Seal;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::wire::Reader;

/// A container that provides its number of items.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a growing collection",
    label = "expected a collection whose length can change",
    note = "`count` requires `Vec`, `VecDeque`, `Box<[T]>` or `&mut [T]`"
)]
pub trait Growing {
    #[doc(hidden)]
    const SEAL: Seal;

    /// Returns the number of items.
    fn length(&self) -> usize;

    /// Saves the number of items as a `W`, and returns it.
    ///
    /// # Errors
    /// Returns an error if the number exceeds `max` or the range of `W`: the state could not be loaded.
    fn save_count<W: Wire + TryFrom<usize>, S: Sink>(
        &self,
        max: usize,
        sink: &mut S,
        at: FieldRef,
    ) -> Result<usize, SaveError> {
        // Checked before anything is written, so that the error does not leave a count without elements.
        let length = self.length();
        check_max(length, max)?;
        let count = W::try_from(length);
        let count = count.map_err(|_| SaveError::out_of_range(format!("count {length} does not fit its wire type")))?;
        count.share_elements(sink, at, ElementIndex::ONLY)?;
        Ok(length)
    }
}

/// Rejects more elements than a load accepts.
pub(super) fn check_max(length: usize, max: usize) -> Result<(), SaveError> {
    if length <= max {
        return Ok(());
    }
    Err(SaveError::out_of_range(format!("expected at most {max} elements (max = {max}), found {length}")))
}

impl<T: Default> Growing for Vec<T> {
    const SEAL: Seal = Seal;

    fn length(&self) -> usize {
        self.len()
    }
}

impl<T> Growing for &mut [T] {
    const SEAL: Seal = Seal;

    fn length(&self) -> usize {
        self.len()
    }
}

impl<T: Default> Growing for VecDeque<T> {
    const SEAL: Seal = Seal;

    fn length(&self) -> usize {
        self.len()
    }
}

impl<T: Default> Growing for Box<[T]> {
    const SEAL: Seal = Seal;

    fn length(&self) -> usize {
        self.len()
    }
}

/// Loads a number of items.
///
/// # Errors
/// Returns an error if the stream is truncated.
pub fn load<W: Wire + Default>(reader: &mut Reader<'_>) -> Result<W, LoadError> {
    let mut count = W::default();
    count.load_elements(reader)?;
    Ok(count)
}
