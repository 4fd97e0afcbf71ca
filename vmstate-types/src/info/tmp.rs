//! State that is not kept in the form it is sent in: QEMU's `VMSTATE_WITH_TMP`.

use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::VmState;
use crate::walk;
use crate::wire::Reader;

/// A temporary that stands on the wire in the place of something in its parent: what `#[vmstate(tmp = Type)]` names.
///
/// Saving makes one of the parent; loading makes one, loads into it, and applies it to the parent.
pub trait Temporary<Parent>: VmState {
    /// Makes the temporary that stands for the parent as it is.
    fn of(parent: &Parent) -> Self;

    /// Makes the temporary that a load fills.
    ///
    /// The parent is loaded up to the field in whose place the temporary stands; what follows is as it was. If nothing
    /// else is said, [`of`](Self::of) makes it, so that what the stream does not bring (older versions, skipped members),
    /// and what `equal` compares, is the parent's. In QEMU it is memory that nobody has cleared, and its description's
    /// `pre_load` has to fill from the parent what a load needs. Where `of` makes no sense of a parent that is half
    /// loaded, begin with something else, such as `Self::default()`.
    fn to_load(parent: &Parent) -> Self
    where
        Self: Sized,
    {
        Self::of(parent)
    }

    /// Takes over what the temporary says.
    ///
    /// # Errors
    /// When it makes no sense for this parent.
    fn apply(self, parent: &mut Parent) -> Result<(), LoadError>;
}

/// Saves a temporary of `parent`.
///
/// # Errors
/// When the temporary refuses.
pub fn save<T: Temporary<P>, P, S: Sink>(parent: &P, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
    sink.begin_element(at, ElementIndex::ONLY);
    walk::save(&mut T::of(parent), sink, T::DESCRIPTION.version)?;
    sink.end_element();
    Ok(())
}

/// Loads a temporary as it was saved at `version` (QEMU: the field's and not the temporary's own) and applies it.
///
/// # Errors
/// When the temporary cannot be loaded, or does not fit the parent.
pub fn load<T: Temporary<P>, P>(parent: &mut P, version: u32, reader: &mut Reader<'_>) -> Result<(), LoadError> {
    let start = reader.offset();
    let mut temporary = T::to_load(parent);
    walk::load(&mut temporary, reader, version)?;
    temporary.apply(parent).map_err(|error| error.at_offset(start))
}
