//! Counts that stand on the wire only: `#[vmstate(count("nqueues": u16))]`.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::vec::Vec;

use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::wire::Reader;

/// A container that knows how many items it has, so that nothing else has to.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a growing collection",
    label = "expected a collection whose length can change",
    note = "`count` requires `Vec`, `VecDeque` or `Box<[T]>`"
)]
pub trait Growing {
    /// How many items it has.
    fn length(&self) -> usize;

    /// Saves the number of items as a `W`, and returns it.
    ///
    /// # Errors
    /// When it is more than `max` or than a `W` can say: nobody could load it.
    fn save_count<W: Wire + TryFrom<usize>, S: Sink>(
        &self,
        max: usize,
        sink: &mut S,
        at: FieldRef,
    ) -> Result<usize, SaveError> {
        let length = self.length();
        check_max(length, max)?;
        let count = W::try_from(length);
        let mut count = count.map_err(|_| SaveError::out_of_range(format!("its type cannot say {length}")))?;
        count.save_elements(sink, at, ElementIndex::ONLY)?;
        Ok(length)
    }
}

/// Refuses to save more elements than anybody would load.
pub(super) fn check_max(length: usize, max: usize) -> Result<(), SaveError> {
    match length <= max {
        true => Ok(()),
        false => Err(SaveError::out_of_range(format!(
            "there are {length} elements, and at most {max} (max = {max}) are loaded"
        ))),
    }
}

impl<T: Default> Growing for Vec<T> {
    fn length(&self) -> usize {
        self.len()
    }
}

impl<T: Default> Growing for VecDeque<T> {
    fn length(&self) -> usize {
        self.len()
    }
}

impl<T: Default> Growing for Box<[T]> {
    fn length(&self) -> usize {
        self.len()
    }
}

/// Loads a number of items.
///
/// # Errors
/// When the stream ends.
pub fn load<W: Wire + Default>(reader: &mut Reader<'_>) -> Result<W, LoadError> {
    let mut count = W::default();
    count.load_elements(reader)?;
    Ok(count)
}
