//! The shape of what was sent, from a stream's own description.

use std::slice::ChunkBy;

use vmstate_types::description::{Absent, Pointers};

use super::{Count, Elements, Field, Kind, Shape, Subsection};
use crate::schema::vmdesc::{self, Array, Nested};

impl From<&vmdesc::Struct> for Shape {
    fn from(sent: &vmdesc::Struct) -> Self {
        Self {
            version: sent.version,
            fields: runs(&sent.fields).map(field).collect(),
            subsections: sent.subsections.iter().map(subsection).collect(),
            is_sent: true,
            ..Self::new(&*sent.vmsd_name)
        }
    }
}

fn subsection(sent: &vmdesc::Struct) -> Subsection {
    Subsection { shape: sent.into(), absent: Absent::Keep }
}

/// The entries, those of one field together. Neighbours of one name are elements of one array: fields that share a
/// name are numbered.
fn runs(fields: &[vmdesc::Field]) -> ChunkBy<'_, vmdesc::Field, impl FnMut(&vmdesc::Field, &vmdesc::Field) -> bool> {
    fields.chunk_by(|one, next| one.name == next.name)
}

/// One field, of which `run` describes all, or the elements, or runs of elements.
fn field(run: &[vmdesc::Field]) -> Field {
    let first = run.iter().find(|entry| !is_null(entry)).or_else(|| run.first());
    // `chunk_by` gives no empty runs.
    let Some(first) = first else { return Field::new("", Kind::Unknown) };
    let elements: Vec<Shape> = run.iter().flat_map(structs).map(Shape::from).collect();
    let pointers = if run.iter().any(is_null) { Pointers::Nullable } else { Pointers::None };
    Field { count: count(run), size: size(run, first), pointers, ..Field::new(&*first.name, kind(first, elements)) }
}

fn kind(first: &vmdesc::Field, elements: Vec<Shape>) -> Kind {
    match &*first.type_name {
        "struct" => Kind::Struct(Elements::Each(elements)),
        "vstruct" => {
            let version = elements.first().map_or(0, |inner| inner.version);
            Kind::Versioned(Elements::Each(elements), version)
        }
        "tmp" => Kind::Temporary(Elements::Each(elements)),
        name @ ("qtailq" | "qlist") => Kind::List(name.to_owned(), Elements::Each(elements)),
        "gtree" => tree(first, elements),
        _ if is_null(first) => Kind::Unknown,
        name => Kind::Info(name.to_owned()),
    }
}

/// A tree whose keys are structs describes key and value by turns. The size says which kind of tree it is.
fn tree(field: &vmdesc::Field, structs: Vec<Shape>) -> Kind {
    let inner: Option<u64> = self::structs(field).iter().map(vmdesc::Struct::wire_size).sum();
    let pairs = structs.len() as u64 / 2;
    let has_keys =
        structs.len().is_multiple_of(2) && inner.and_then(|sum| sum.checked_add(5 + pairs)) == Some(field.size);
    if !has_keys {
        return Kind::Tree { keys: None, values: Elements::Each(structs) };
    }
    let (mut keys, mut values) = (Vec::new(), Vec::new());
    for (index, shape) in structs.into_iter().enumerate() {
        if index.is_multiple_of(2) { keys.push(shape) } else { values.push(shape) }
    }
    Kind::Tree { keys: Some(Elements::Each(keys)), values: Elements::Each(values) }
}

/// How many elements there are. A description of pointers can count some of them twice.
fn count(run: &[vmdesc::Field]) -> Count {
    match run {
        [one] => match one.array {
            Array::None => Count::One,
            Array::Len(count) => Count::Fixed(count),
            Array::Index(_) => Count::Unknown,
        },
        _ if run.iter().any(|entry| is_null(entry) || matches!(entry.array, Array::Len(_))) => Count::Unknown,
        _ => Count::Fixed(run.len() as u64),
    }
}

/// The bytes of one element, if all have the same.
fn size(run: &[vmdesc::Field], first: &vmdesc::Field) -> Option<u64> {
    let mut elements = run.iter().filter(|entry| !is_null(entry));
    elements.all(|entry| entry.size == first.size).then_some(first.size)
}

/// Whether the entry is about pointers that are null.
fn is_null(entry: &vmdesc::Field) -> bool {
    matches!(&*entry.type_name, "nullptr" | "ptr-marker") || entry.nested == Nested::Empty
}

fn structs(entry: &vmdesc::Field) -> &[vmdesc::Struct] {
    match &entry.nested {
        Nested::None | Nested::Empty => &[],
        Nested::Struct(inner) => std::slice::from_ref(inner),
        Nested::Inline(structs) => structs,
    }
}
