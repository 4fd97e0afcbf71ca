//! One side of a comparison: a struct at a version, and the structs inlined in it.

use vmstate_types::description::Pointers;

use super::finder::Finder;
use crate::schema::shape::{Shape, ShapeCount, ShapeElements, ShapeField, ShapeKind};

/// A struct as it is written, or read, at a version.
#[derive(Clone, Copy)]
pub(super) struct Side<'s> {
    pub(super) shape: &'s Shape,
    pub(super) version: u32,
}

/// Compares a struct that is written with the struct that reads it. Fields and subsections contain structs, so they get
/// this function from the comparison of structs, which calls them.
pub(super) type CompareStructs = fn(&mut Finder<'_>, Side<'_>, Side<'_>);

impl<'s> Side<'s> {
    /// A struct at its own version.
    pub(super) fn own(shape: &'s Shape) -> Self {
        Self { shape, version: shape.version }
    }
}

/// Returns the struct whose fields are on the wire in the place of this field, without any bytes around them.
pub(super) fn inline(field: &ShapeField) -> Option<Side<'_>> {
    // An unknown count is one for most fields: dumps of QEMU 7.2 contain no counts.
    let is_one = matches!(field.count, ShapeCount::One | ShapeCount::Fixed(1) | ShapeCount::Unknown);
    let is_plain = is_one && field.pointers == Pointers::None;
    if !is_plain || field.conditional {
        return None;
    }
    match &field.kind {
        // The version of a struct that inherits one is unknown here.
        ShapeKind::Struct(elements) | ShapeKind::Temporary(elements) => {
            elements.shapes().first().filter(|shape| !shape.inherits).map(Side::own)
        }
        ShapeKind::Versioned(elements, version) => {
            elements.shapes().first().map(|shape| Side { shape, version: *version })
        }
        _ => None,
    }
}

/// Returns whether a struct inlined in the field has a field of this name, at any depth.
pub(super) fn contains(field: &ShapeField, name: &str) -> bool {
    inline(field).is_some_and(|side| {
        side.shape
            .fields
            .iter()
            .any(|inner| inner.can_exist_at(side.version) && (inner.name == name || contains(inner, name)))
    })
}

/// Returns whether an element of the field is a struct with a field of this name.
pub(super) fn has(field: &ShapeField, name: &str) -> bool {
    let shapes = field.kind.inner().map_or(&[][..], ShapeElements::shapes);
    shapes.iter().any(|shape| shape.fields.iter().any(|inner| inner.name == name))
}
