//! The values in a saved payload, and other values in their places.

use std::ops::Range;

use crate::dynamic::{DecodedField, DecodedSection, DecodedStruct, DecodedTree, DecodedValue, ScalarKind};

/// The number of elements of an array that are examined.
const ELEMENTS: u64 = 4;

/// A value that a device should keep.
pub(super) struct Leaf {
    /// The field, such as `recv_fifo.data`.
    pub(super) path: String,
    /// Its position in the payload.
    pub(super) bytes: Range<usize>,
    /// Set if every byte except 0 means the same.
    is_bool: bool,
}

impl Leaf {
    /// Returns the payload with other values in the place of this one.
    pub(super) fn changes(&self, payload: &[u8]) -> impl Iterator<Item = Vec<u8>> {
        let (first, last) = (self.bytes.start, self.bytes.end - 1);
        // The lowest bit changes a flag. The others are for values that must not be 0 or 1, and for enums.
        let masks = [(last, 0x01), (last, 0x02), (last, 0x04), (first, 0x01), (first, 0x80), (last, 0xff)];
        // A load may reject the other flag, for example because it announces another field. 2 would be the same flag.
        let count = if self.is_bool { 1 } else { masks.len() };
        masks.into_iter().take(count).filter_map(|(place, mask)| {
            let mut changed = payload.to_vec();
            *changed.get_mut(place)? ^= mask;
            Some(changed)
        })
    }
}

/// Returns the values in a decoded payload.
pub(super) fn leaves(section: &DecodedSection) -> impl Iterator<Item = Leaf> {
    let mut leaves = Vec::new();
    if let Some(state) = section.state() {
        structure(&mut leaves, "", state);
    }
    leaves.into_iter()
}

fn structure(leaves: &mut Vec<Leaf>, path: &str, state: &DecodedStruct) {
    let mut absent = None;
    for (first, field) in state.entries() {
        // `option(always)` sends a value for `None`, and a load drops it.
        if absent.take().is_some_and(|name| name == *field.name) {
            continue;
        }
        absent = absent_value(field);
        let name = if path.is_empty() { field.name.to_string() } else { format!("{path}.{}", field.name) };
        self::field(leaves, &name, first, field);
    }
    for subsection in &state.subsections {
        structure(leaves, path, subsection);
    }
}

/// Returns the name of the value after this field, if this is the `bool` of an `option` that is `None`.
fn absent_value(field: &DecodedField) -> Option<String> {
    let is_absent =
        matches!(field.value, DecodedValue::Scalar(flag) if flag.kind == ScalarKind::Bool && flag.bits == 0);
    (is_absent && field.name.contains("has_")).then(|| field.name.replacen("has_", "", 1))
}

/// Adds the values of a field. `first` is the index of its first element in its array.
fn field(leaves: &mut Vec<Leaf>, path: &str, first: Option<u64>, field: &DecodedField) {
    let element = |index: usize| format!("{path}[{}]", first.unwrap_or(0).saturating_add(index as u64));
    let whole = || first.map_or_else(|| path.to_owned(), |first| format!("{path}[{first}]"));
    match &field.value {
        DecodedValue::Struct(inner) => structure(leaves, &whole(), inner),
        DecodedValue::List(items) => {
            items.iter().enumerate().for_each(|(index, item)| structure(leaves, &element(index), item));
        }
        DecodedValue::Tree(DecodedTree::Direct(nodes)) => {
            nodes.iter().enumerate().for_each(|(index, (_, value))| structure(leaves, &element(index), value));
        }
        DecodedValue::Tree(DecodedTree::Keyed(nodes)) => {
            for (index, (key, value)) in nodes.iter().enumerate() {
                structure(leaves, &element(index), key);
                structure(leaves, &element(index), value);
            }
        }
        DecodedValue::Array(elements) => {
            for (index, value) in elements.iter().enumerate() {
                if let DecodedValue::Struct(inner) = value {
                    structure(leaves, &element(index), inner);
                }
            }
        }
        DecodedValue::Scalar(_) | DecodedValue::Scalars(_) | DecodedValue::Bytes(_) | DecodedValue::Bitmap(_)
            if is_kept(field) =>
        {
            values(leaves, path, first, field);
        }
        _ => {}
    }
}

/// Returns whether a device keeps the value that it loads. Compared and ignored values are not kept.
fn is_kept(field: &DecodedField) -> bool {
    !(field.type_name.ends_with(" equal") || matches!(&*field.type_name, "unused_buffer" | "nullptr" | "ptr-marker"))
}

/// Adds the first elements of a field, and the last one.
fn values(leaves: &mut Vec<Leaf>, path: &str, first: Option<u64>, field: &DecodedField) {
    let count = match &field.value {
        DecodedValue::Scalars(values) => values.len() as u64,
        _ => 1,
    };
    let Some(size) = field.size.checked_div(count).filter(|size| *size > 0) else { return };
    for index in (0..count.min(ELEMENTS)).chain(count.checked_sub(1).filter(|last| *last >= ELEMENTS)) {
        let start = field.offset + index * size;
        let (Ok(start), Ok(end)) = (usize::try_from(start), usize::try_from(start + size)) else { continue };
        let number = first.unwrap_or(0).saturating_add(index);
        let path = if count > 1 || first.is_some() { format!("{path}[{number}]") } else { path.to_owned() };
        leaves.push(Leaf { path, bytes: start..end, is_bool: &*field.type_name == "bool" });
    }
}
