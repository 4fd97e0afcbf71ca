//! Values that are described as a struct with members: how a C port of the type would look.

use crate::description::{Description, Field};
use crate::error::SaveError;
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::walk;

/// Saves a value with the given `description`, whose members `save` writes.
///
/// # Errors
/// Returns the error of `save`.
pub(super) fn save<S: Sink>(
    description: &'static Description,
    sink: &mut S,
    at: FieldRef,
    element: ElementIndex,
    save: impl FnOnce(&mut S) -> Result<(), SaveError>,
) -> Result<(), SaveError> {
    sink.begin_element(at, element);
    sink.begin_struct(description, description.version);
    save(sink)?;
    sink.end_struct();
    sink.end_element();
    Ok(())
}

/// Returns the field `name` with the number of elements that follow in the same struct.
///
/// It is conditional, with a predicate that is always true. Otherwise QEMU describes an array of such structs by its
/// first element (`vmsd_can_compress` in `migration/vmstate.c`), and tools cannot decode the other elements, whose numbers
/// differ.
pub(super) const fn count(name: &'static str) -> Field {
    Field::new(name, u32::FORM).conditional()
}

/// Returns the description of a value with the members `fields`.
///
/// # Panics
/// Panics at compile time if a load could mistake a member for a subsection of the member before it.
pub(super) const fn describe(name: &'static str, fields: &'static [Field]) -> Description {
    let description = Description::new(name).fields(fields);
    let mut index = 0;
    while index < fields.len() {
        assert!(
            !walk::is_ambiguous(fields[index].form, &description, index, fields.len(), &[]),
            "ambiguous layout: the format cannot distinguish the value after a struct from the struct's subsections; \
             put the struct into a struct without subsections after it"
        );
        index += 1;
    }
    description
}
