//! Recognizes inexact descriptions of QEMU.
//!
//! QEMU 7.2 describes an array of pointers by its first element (`vmstate_save_state_v` in `migration/vmstate.c`), so
//! the description is wrong if some pointers are NULL or their targets have different sizes.
//!
//! An array is described by its first element (`array_len`) wherever QEMU can. Other elements have other sizes if they
//! are NULL pointers, which take one byte each, or contain counted arrays, buffers or lists. QEMU 10 splits arrays of
//! pointers into runs, whose lengths are sometimes wrong by a few elements (`vmstate_save_state_v`).
//!
//! A description is called inexact only if one of these causes explains the difference in size. Any other difference
//! means that the stream is corrupt.

use super::ScalarKind;
use super::field_form::is_null_run;
use crate::schema::vmdesc::{ArrayPart, Nested, SentField, SentStruct};

/// The marker of a NULL pointer.
const NULL: u8 = b'0';

/// The exact part of a description: a number of fields and, after all fields, of subsections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Certain {
    pub(super) fields: usize,
    pub(super) subsections: usize,
}

/// The difference between a payload and its description.
#[derive(Debug, Clone, Copy)]
pub(super) struct Gap {
    /// The described bytes that are missing; negative if there are additional bytes.
    surplus: i128,
    /// The bytes of the payload.
    found: u64,
    /// The number of bytes that have the value of a NULL marker: an upper bound on NULL pointers.
    nulls: i128,
}

impl Gap {
    /// Computes the difference between `described` bytes and a payload.
    pub(super) fn new(described: u64, payload: &[u8]) -> Self {
        let found = payload.len() as u64;
        let nulls = payload.iter().map(|&byte| i128::from(byte == NULL)).sum();
        Self { surplus: i128::from(described) - i128::from(found), found, nulls }
    }

    /// Returns the exact part of `state`, or `None` if no array in it explains the difference: then the description is
    /// wrong.
    pub(super) fn certain(self, state: &SentStruct) -> Option<Certain> {
        if let Some(fields) = self.first_inexact(&state.fields) {
            return Some(Certain { fields, subsections: 0 });
        }
        let subsections = state.subsections.iter().position(|subsection| self.certain(subsection).is_some())?;
        Some(Certain { fields: state.fields.len(), subsections })
    }

    fn first_inexact(self, fields: &[SentField]) -> Option<usize> {
        fields.iter().enumerate().position(|(index, field)| {
            let goes_on = fields.get(index + 1).is_some_and(|next| next.name == field.name);
            self.inside_explains(field) || self.explained_by(field, goes_on)
        })
    }

    fn inside_explains(self, field: &SentField) -> bool {
        match &field.nested {
            Nested::None | Nested::Empty => false,
            Nested::Struct(inner) => self.certain(inner).is_some(),
            Nested::Inline(structs) => structs.iter().any(|inner| self.certain(inner).is_some()),
        }
    }

    /// Returns whether the field can be (part of) an array that explains the difference. `goes_on` is set if the next
    /// entry belongs to the same array.
    fn explained_by(self, field: &SentField, goes_on: bool) -> bool {
        let points = is_null_run(field) || ScalarKind::from_name(&field.type_name) == Some(ScalarKind::Marker);
        let compressed = matches!(field.array, ArrayPart::Len(_));
        if field.count() > self.found {
            // An element takes at least one byte, so the array cannot be in this payload.
            return false;
        }
        if points { self.nulls > 0 } else { compressed && (goes_on || varies(field) || self.nulls_explain(field)) }
    }

    /// Returns whether NULL pointers after the first element explain the difference: each takes one byte instead of the
    /// described size.
    fn nulls_explain(self, field: &SentField) -> bool {
        let saved = i128::from(field.size) - 1;
        if saved <= 0 || self.surplus <= 0 || self.surplus % saved != 0 {
            return false;
        }
        let nulls = self.surplus / saved;
        nulls < i128::from(field.count()) && nulls <= self.nulls
    }
}

/// Returns whether elements can differ in size from the first one.
fn varies(field: &SentField) -> bool {
    match (&field.nested, ScalarKind::from_name(&field.type_name)) {
        (Nested::Struct(inner), _) => inner.fields.iter().any(|field| field.array != ArrayPart::None || varies(field)),
        (_, Some(_)) => false,
        _ => true,
    }
}
