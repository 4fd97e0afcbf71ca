//! Layouts of structs: their bytes, without their nesting.

use crate::dynamic::{DecodedField, DecodedStruct, DecodedValue};

/// The fields in order, without nested structs: name, type, and the number of elements or bytes.
pub(super) type Layout<'v> = Vec<(&'v str, &'v str, u64)>;

/// Returns the layout of a struct. Structs with the same layout have bytes of the same meaning, although one may nest its
/// fields. Returns `None` if it depends on the state, such as the length of a list or an inner subsection.
pub(super) fn layout_of(state: &DecodedStruct) -> Option<Layout<'_>> {
    let mut layout = Vec::new();
    state.fields.iter().try_for_each(|field| add(field, &field.value, &mut layout))?;
    Some(layout)
}

fn add<'v>(field: &'v DecodedField, value: &'v DecodedValue, layout: &mut Layout<'v>) -> Option<()> {
    let length = match value {
        DecodedValue::Struct(inner) if inner.subsections.is_empty() => {
            return inner.fields.iter().try_for_each(|field| add(field, &field.value, layout));
        }
        DecodedValue::Array(values) => return values.iter().try_for_each(|value| add(field, value, layout)),
        DecodedValue::Struct(_) | DecodedValue::List(_) | DecodedValue::Tree(_) => return None,
        DecodedValue::Scalar(_) | DecodedValue::Scalars(_) => value.count(),
        DecodedValue::Bytes(bytes) => bytes.len() as u64,
        DecodedValue::Bitmap(words) => words.len() as u64,
        // The length is sent with the value.
        DecodedValue::ByteArray(_) | DecodedValue::Capability(_) => 0,
    };
    layout.push((&field.name, &field.type_name, length));
    Some(())
}
