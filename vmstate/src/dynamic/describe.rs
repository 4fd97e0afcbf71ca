//! From values to the description that QEMU gives of them.

use super::{Field, Kind, Scalar, Struct, Tree, Value};
use crate::schema::vmdesc::{self, Array, Nested};

impl Struct {
    /// Describes what [`encode`](Self::encode) writes.
    #[must_use]
    pub fn describe(&self) -> vmdesc::Struct {
        vmdesc::Struct {
            vmsd_name: self.vmsd_name.clone(),
            version: self.version,
            fields: self.fields.iter().filter_map(Field::describe).collect(),
            subsections: self.subsections.iter().map(Self::describe).collect(),
        }
    }
}

impl Field {
    /// Describes the field; `None` for an array that is empty, which QEMU does not mention.
    fn describe(&self) -> Option<vmdesc::Field> {
        let (array, first) = match (&self.value, self.index) {
            (Value::Scalars(values), _) => (Array::Len(values.len() as u64), Value::Scalar(values.get(0)?)),
            (Value::Array(values), _) => return self.describe_as(Array::Len(values.len() as u64), values.first()?),
            (_, Some(index)) => return self.describe_as(Array::Index(index), &self.value),
            (_, None) => return self.describe_as(Array::None, &self.value),
        };
        self.describe_as(array, &first)
    }

    fn describe_as(&self, array: Array, first: &Value) -> Option<vmdesc::Field> {
        let (name, type_name) = (self.name.clone(), self.type_name.clone());
        Some(vmdesc::Field { name, array, nested: nested(&type_name, first), type_name, size: first.size() })
    }
}

fn nested(type_name: &str, value: &Value) -> Nested {
    let inline = |structs: Vec<_>| if structs.is_empty() { Nested::None } else { Nested::Inline(structs) };
    match value {
        Value::Struct(inner) if type_name == "struct" => Nested::Struct(inner.describe()),
        Value::Struct(inner) => Nested::Inline(vec![inner.describe()]),
        Value::List(elements) => inline(elements.iter().map(Struct::describe).collect()),
        Value::Tree(Tree::Direct(nodes)) => inline(nodes.iter().map(|(_, value)| value.describe()).collect()),
        Value::Tree(Tree::Keyed(nodes)) => {
            inline(nodes.iter().flat_map(|(key, value)| [key.describe(), value.describe()]).collect())
        }
        Value::Scalar(Scalar { kind: Kind::Marker, .. }) if type_name == "struct" => Nested::Empty,
        _ => Nested::None,
    }
}
