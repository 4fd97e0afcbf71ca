//! What QEMU writes by hand and describes as one value: `#[vmstate(opaque = "virtio")]`.

use crate::error::SaveError;
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::wire::Writer;

/// Saves what `save` writes as one value, of which a description knows the size and no more.
///
/// # Errors
/// Those of `save`.
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
