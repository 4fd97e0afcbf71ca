//! The memory that changes may add to a section.

use super::RulesError;
use crate::dynamic::{DecodedStruct, DecodedTree, DecodedValue};

/// The most memory that the changes of a section add to it. Rules are untrusted, and a section may have many elements.
const MAX_ADDED: usize = 64 << 20;
/// The memory for a field or an element.
const NODE: usize = 256;

/// The memory that is left.
#[derive(Debug)]
pub(super) struct Budget(usize);

impl Default for Budget {
    fn default() -> Self {
        Self(MAX_ADDED)
    }
}

impl Budget {
    /// Takes the memory for `count` values.
    pub(super) fn take(&mut self, value: &DecodedValue, count: usize) -> Result<(), RulesError> {
        self.take_bytes(cost(value).saturating_mul(count))
    }

    pub(super) fn take_bytes(&mut self, bytes: usize) -> Result<(), RulesError> {
        self.0 = self.0.checked_sub(bytes).ok_or_else(|| RulesError::new("the changes add more than 64 MiB"))?;
        Ok(())
    }
}

fn cost(value: &DecodedValue) -> usize {
    NODE + match value {
        DecodedValue::Scalars(scalars) => scalars.as_bytes().len(),
        DecodedValue::Bytes(bytes) | DecodedValue::ByteArray(bytes) | DecodedValue::Capability(bytes) => bytes.len(),
        DecodedValue::Bitmap(words) => 8 * words.len(),
        DecodedValue::Struct(inner) => of_struct(inner),
        DecodedValue::List(elements) => elements.iter().map(of_struct).sum(),
        DecodedValue::Tree(DecodedTree::Direct(nodes)) => nodes.iter().map(|(_, inner)| of_struct(inner)).sum(),
        DecodedValue::Array(values) => values.iter().map(cost).sum(),
        _ => 0,
    }
}

fn of_struct(state: &DecodedStruct) -> usize {
    let fields: usize = state.fields.iter().map(|field| cost(&field.value)).sum();
    NODE + fields + state.subsections.iter().map(of_struct).sum::<usize>()
}
