//! Conversion of a stream's description, which contains only the fields that were sent.

use std::slice::ChunkBy;

use vmstate_types::description::{Absent, Pointers};

use super::{Shape, ShapeCount, ShapeElements, ShapeField, ShapeKind, ShapeSubsection};
use crate::schema::vmdesc::{self, ArrayPart, Nested};

impl From<&vmdesc::SentStruct> for Shape {
    fn from(sent: &vmdesc::SentStruct) -> Self {
        Self {
            version: sent.version,
            fields: runs(&sent.fields).map(field).collect(),
            subsections: sent.subsections.iter().map(subsection).collect(),
            is_sent: true,
            ..Self::new(&*sent.vmsd_name)
        }
    }
}

fn subsection(sent: &vmdesc::SentStruct) -> ShapeSubsection {
    ShapeSubsection { shape: sent.into(), absent: Absent::Keep }
}

/// Groups the entries by field. Consecutive entries with one name are elements of one array, because fields that share
/// a name are numbered.
fn runs(
    fields: &[vmdesc::SentField],
) -> ChunkBy<'_, vmdesc::SentField, impl FnMut(&vmdesc::SentField, &vmdesc::SentField) -> bool> {
    fields.chunk_by(|one, next| one.name == next.name)
}

/// One field, of which `run` describes all, or the elements, or runs of elements.
fn field(run: &[vmdesc::SentField]) -> ShapeField {
    let first = run.iter().find(|entry| !is_null(entry)).or_else(|| run.first());
    // `chunk_by` gives no empty runs.
    let Some(first) = first else { return ShapeField::new("", ShapeKind::Unknown) };
    let elements: Vec<Shape> = run.iter().flat_map(structs).map(Shape::from).collect();
    let pointers = if run.iter().any(is_null) { Pointers::Nullable } else { Pointers::None };
    ShapeField {
        count: count(run),
        size: size(run, first),
        pointers,
        ..ShapeField::new(&*first.name, kind(first, elements))
    }
}

fn kind(first: &vmdesc::SentField, elements: Vec<Shape>) -> ShapeKind {
    match &*first.type_name {
        "struct" => ShapeKind::Struct(ShapeElements::Each(elements)),
        "vstruct" => {
            let version = elements.first().map_or(0, |inner| inner.version);
            ShapeKind::Versioned(ShapeElements::Each(elements), version)
        }
        "tmp" => ShapeKind::Temporary(ShapeElements::Each(elements)),
        name @ ("qtailq" | "qlist") => ShapeKind::List(name.to_owned(), ShapeElements::Each(elements)),
        "gtree" => tree(first, elements),
        _ if is_null(first) => ShapeKind::Unknown,
        name => ShapeKind::Info(name.to_owned()),
    }
}

/// Converts a tree. A tree whose keys are structs describes keys and values alternately; its size tells both kinds
/// apart.
fn tree(field: &vmdesc::SentField, structs: Vec<Shape>) -> ShapeKind {
    let inner: Option<u64> = self::structs(field).iter().map(vmdesc::SentStruct::wire_size).sum();
    let pairs = structs.len() as u64 / 2;
    let has_keys =
        structs.len().is_multiple_of(2) && inner.and_then(|sum| sum.checked_add(5 + pairs)) == Some(field.size);
    if !has_keys {
        return ShapeKind::Tree { keys: None, values: ShapeElements::Each(structs) };
    }
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for (index, shape) in structs.into_iter().enumerate() {
        if index.is_multiple_of(2) { keys.push(shape) } else { values.push(shape) }
    }
    ShapeKind::Tree { keys: Some(ShapeElements::Each(keys)), values: ShapeElements::Each(values) }
}

/// Returns the number of elements. A description of pointers can count some elements twice.
fn count(run: &[vmdesc::SentField]) -> ShapeCount {
    match run {
        [one] => match one.array {
            ArrayPart::None => ShapeCount::One,
            ArrayPart::Len(count) => ShapeCount::Fixed(count),
            ArrayPart::Index(_) => ShapeCount::Unknown,
        },
        _ if run.iter().any(|entry| is_null(entry) || matches!(entry.array, ArrayPart::Len(_))) => ShapeCount::Unknown,
        _ => ShapeCount::Fixed(run.len() as u64),
    }
}

/// The bytes of one element, if all have the same.
fn size(run: &[vmdesc::SentField], first: &vmdesc::SentField) -> Option<u64> {
    let mut elements = run.iter().filter(|entry| !is_null(entry));
    elements.all(|entry| entry.size == first.size).then_some(first.size)
}

/// Returns whether the entry describes null pointers.
fn is_null(entry: &vmdesc::SentField) -> bool {
    matches!(&*entry.type_name, "nullptr" | "ptr-marker") || entry.nested == Nested::Empty
}

fn structs(entry: &vmdesc::SentField) -> &[vmdesc::SentStruct] {
    match &entry.nested {
        Nested::None | Nested::Empty => &[],
        Nested::Struct(inner) => std::slice::from_ref(inner),
        Nested::Inline(structs) => structs,
    }
}
