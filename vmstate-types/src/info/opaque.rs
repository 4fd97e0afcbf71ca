//! State that QEMU writes by hand and describes as one value: `#[vmstate(opaque = "virtio")]`.

use crate::error::SaveError;
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::wire::Writer;

/// Saves the bytes that `save` writes as one value; the description only contains their size.
///
/// # Errors
/// Returns the error of `save`.
pub fn save<S: Sink>(
    sink: &mut S,
    at: FieldRef,
    save: impl FnOnce(&mut Writer) -> Result<(), SaveError>,
) -> Result<(), SaveError> {
    sink.begin_element(at, ElementIndex::ONLY);
    save(sink.out())?;
    sink.end_element();
    Ok(())
}
