//! Describes values as QEMU does.

use super::{DecodedField, DecodedStruct, DecodedTree, DecodedValue, Scalar, ScalarKind};
use crate::schema::vmdesc::{self, ArrayPart, Nested};

impl DecodedStruct {
    /// Describes the output of [`encode`](Self::encode).
    #[must_use]
    pub fn describe(&self) -> vmdesc::SentStruct {
        vmdesc::SentStruct {
            vmsd_name: self.vmsd_name.clone(),
            version: self.version,
            fields: self.fields.iter().filter_map(DecodedField::describe).collect(),
            subsections: self.subsections.iter().map(Self::describe).collect(),
        }
    }
}

impl DecodedField {
    /// Describes the field. Returns `None` for an empty array, which QEMU omits.
    fn describe(&self) -> Option<vmdesc::SentField> {
        let (array, first) = match (&self.value, self.index) {
            (DecodedValue::Scalars(values), _) => {
                (ArrayPart::Len(values.len() as u64), DecodedValue::Scalar(values.get(0)?))
            }
            (DecodedValue::Array(values), _) => {
                return self.describe_as(ArrayPart::Len(values.len() as u64), values.first()?);
            }
            (_, Some(index)) => return self.describe_as(ArrayPart::Index(index), &self.value),
            (_, None) => return self.describe_as(ArrayPart::None, &self.value),
        };
        self.describe_as(array, &first)
    }

    fn describe_as(&self, array: ArrayPart, first: &DecodedValue) -> Option<vmdesc::SentField> {
        let (name, type_name) = (self.name.clone(), self.type_name.clone());
        Some(vmdesc::SentField { name, array, nested: nested(&type_name, first), type_name, size: first.size() })
    }
}

fn nested(type_name: &str, value: &DecodedValue) -> Nested {
    let inline = |structs: Vec<_>| if structs.is_empty() { Nested::None } else { Nested::Inline(structs) };
    match value {
        DecodedValue::Struct(inner) if type_name == "struct" => Nested::Struct(inner.describe()),
        DecodedValue::Struct(inner) => Nested::Inline(vec![inner.describe()]),
        DecodedValue::List(elements) => inline(elements.iter().map(DecodedStruct::describe).collect()),
        DecodedValue::Tree(DecodedTree::Direct(nodes)) => {
            inline(nodes.iter().map(|(_, value)| value.describe()).collect())
        }
        DecodedValue::Tree(DecodedTree::Keyed(nodes)) => {
            inline(nodes.iter().flat_map(|(key, value)| [key.describe(), value.describe()]).collect())
        }
        DecodedValue::Scalar(Scalar { kind: ScalarKind::Marker, .. }) if type_name == "struct" => Nested::Empty,
        _ => Nested::None,
    }
}
