//! Arrays and buffers whose lengths are the values of an earlier field.
//!
//! A description contains no counters. They are recognized by several structs of one type, such as the elements of an
//! array, in which the lengths differ and an earlier field has all of them as its values.

use super::observed_field::Seen;
use super::values::{Column, Entries, integer, scalar, seen, values_of};
use super::{Count, Element, Field, Shapes};
use crate::dynamic::{DecodedField, DecodedValue, ScalarKind};
use crate::schema::vmdesc::Name;

impl Shapes {
    /// Returns an array whose numbers of elements differ and are the values of an earlier field.
    pub(super) fn counted(&mut self, columns: &[Column<'_>], column: &Column<'_>) -> Option<Field> {
        let lengths = column.iter().map(length).collect::<Option<Vec<_>>>()?;
        let longest = lengths.iter().copied().max()?;
        // A single element looks like a field with a condition.
        if longest < 2 || lengths.iter().all(|length| *length == longest) {
            return None;
        }
        let counter = counter(columns, &lengths)?;
        let entries = column.iter().flatten().copied().flatten().collect::<Vec<_>>();
        let first = entries.first()?;
        let (element, count) = match &first.value {
            DecodedValue::Scalar(_) | DecodedValue::Scalars(_) => (plain(&entries)?, Count::Len(longest)),
            DecodedValue::Struct(_) | DecodedValue::Array(_) => {
                let compressed = entries.iter().any(|entry| matches!(entry.value, DecodedValue::Array(_)));
                let count = if compressed { Count::Len(longest) } else { Count::Each(longest) };
                let fits = !compressed || entries.iter().all(|entry| entry.index.is_none());
                let element = self.structure(&first.type_name, &values_of(&entries), compressed).filter(|_| fits)?;
                (Some(element).filter(|element| matches!(element, Element::Struct(_)))?, count)
            }
            _ => return None,
        };
        let seen = entries.iter().map(|entry| seen(&entry.value)).fold(Seen::NOTHING, Seen::and);
        Some(Field { seen, counter: Some(counter), ..Field::new(first.name.clone(), element, count) })
    }

    /// Returns a buffer whose sizes are the values of an earlier field.
    pub(super) fn sized(columns: &[Column<'_>], column: &Column<'_>) -> Option<Field> {
        let sizes = column.iter().map(|entries| match entries.as_deref() {
            None => Some(0),
            Some([DecodedField { value: DecodedValue::Bytes(bytes), type_name, .. }]) if **type_name == *"buffer" => {
                u64::try_from(bytes.len()).ok()
            }
            _ => None,
        });
        let sizes = sizes.collect::<Option<Vec<_>>>()?;
        let by = counter(columns, &sizes)?;
        let name = column.iter().flatten().next()?.first()?.name.clone();
        let seen = Seen::from_values(sizes.into_iter().map(i128::from));
        Some(Field { seen, ..Field::new(name, Element::Sized(by), Count::One) })
    }
}

/// Returns the nearest earlier integer whose values are these lengths.
fn counter(columns: &[Column<'_>], lengths: &[u64]) -> Option<Name> {
    let value = |by: &Option<Entries<'_>>| integer(by).filter(|_| by.is_some_and(can_count));
    let lengths = || lengths.iter().map(|length| Some(i128::from(*length)));
    let by = columns.iter().rev().find(|other| other.iter().map(value).eq(lengths()));
    Some(by?.first()?.as_ref()?.first()?.name.clone())
}

/// Returns whether the type of a field can be the type of a counter, as QEMU's macros for arrays have them.
fn can_count(entries: Entries<'_>) -> bool {
    use ScalarKind::{Int32, Uint8, Uint16, Uint32, Uint64};
    let kind = entries.first().and_then(|entry| ScalarKind::from_name(&entry.type_name));
    matches!(kind, Some(Uint8 | Uint16 | Uint32 | Uint64 | Int32))
}

/// Returns the number of elements of a field in one struct.
fn length(entries: &Option<Entries<'_>>) -> Option<u64> {
    let mut counts = entries.iter().copied().flatten().map(|entry| entry.value.count());
    counts.try_fold(0_u64, u64::checked_add)
}

/// Returns the kind of values that are described together and need no attribute.
fn plain(entries: &[&DecodedField]) -> Option<Element> {
    let name = &entries.first()?.type_name;
    let mut largest = None;
    for entry in entries {
        let value = match &entry.value {
            DecodedValue::Scalar(value) => Some(*value),
            DecodedValue::Scalars(values) => values.iter().max_by_key(|value| value.bits),
            _ => None,
        };
        let value = value.filter(|_| entry.index.is_none() && entry.type_name == *name)?;
        largest = largest.into_iter().chain([value]).max_by_key(|value| value.bits);
    }
    let is_plain = |element: &Element| match element {
        Element::Scalar(kind, _) => *kind != ScalarKind::Timer && !name.ends_with(" equal") && !name.ends_with(" le"),
        _ => false,
    };
    Some(scalar(name, largest?)).filter(is_plain)
}
