//! Decoded state: a tree of structs, fields and values.

use super::{Scalar, Scalars};
use crate::schema::vmdesc::Name;

/// A struct, section or subsection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedStruct {
    /// Its name.
    pub vmsd_name: Name,
    /// The version at which it was sent.
    pub version: u32,
    /// The offset in the stream of its first field, as it was read.
    pub offset: u64,
    /// The fields, in wire order.
    pub fields: Vec<DecodedField>,
    /// The subsections that were sent.
    pub subsections: Vec<Self>,
}

/// A field, or an element or run of elements of an array.
///
/// Consecutive fields of one name are one array, whose elements the stream describes one by one or in runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedField {
    /// The field's name.
    pub name: Name,
    /// The index in its array, if the description contains it.
    pub index: Option<u64>,
    /// The info type, or the kind of nesting (`struct`, `vstruct`).
    pub type_name: Name,
    /// The value.
    pub value: DecodedValue,
    /// The offset in the stream at which it was read.
    pub offset: u64,
    /// The size in bytes that was read.
    pub size: u64,
}

/// A field's value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodedValue {
    /// A flag, an integer, a deadline, or another value of fixed size.
    Scalar(Scalar),
    /// An array of such values.
    Scalars(Scalars),
    /// Bytes without further meaning: `buffer`, `unused_buffer`, and custom info types.
    Bytes(Vec<u8>),
    /// Bytes that are counted on the wire (`GByteArray`).
    ByteArray(Vec<u8>),
    /// A name that is counted on the wire (`capability`).
    Capability(Vec<u8>),
    /// The words of a bitmap: bit `i` is bit `i % 64` of word `i / 64`.
    Bitmap(Vec<u64>),
    /// A nested struct (`struct`, `vstruct`, `tmp`).
    Struct(Box<DecodedStruct>),
    /// The elements of a `qtailq` or `qlist`.
    List(Vec<DecodedStruct>),
    /// The nodes of a `gtree`.
    Tree(DecodedTree),
    /// An array of any of these but scalars, described by its first element.
    Array(Vec<Self>),
}

/// The nodes of a `gtree`, in wire order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodedTree {
    /// The keys are numbers.
    Direct(Vec<(u64, DecodedStruct)>),
    /// The keys are structs.
    Keyed(Vec<(DecodedStruct, DecodedStruct)>),
}

impl DecodedStruct {
    /// Iterates over the fields. A field of an array comes with the index of its (first) element.
    pub fn entries(&self) -> impl Iterator<Item = (Option<u64>, &DecodedField)> {
        // QEMU omits the index of some elements, so it continues after the previous field of the array.
        let mut next = 0;
        self.fields.iter().enumerate().map(move |(position, field)| {
            let same = |other: Option<&DecodedField>| other.is_some_and(|other| other.name == field.name);
            let follows = position > 0 && same(self.fields.get(position - 1));
            let first = field.index.unwrap_or(if follows { next } else { 0 });
            next = first.saturating_add(field.value.count());
            let is_element = field.index.is_some() || follows || same(self.fields.get(position + 1));
            (is_element.then_some(first), field)
        })
    }
}

impl DecodedValue {
    /// Returns the number of elements of an array, and 1 for any other value.
    #[must_use]
    pub fn count(&self) -> u64 {
        match self {
            Self::Scalars(values) => values.len() as u64,
            Self::Array(values) => values.len() as u64,
            _ => 1,
        }
    }
}
