//! Types for the devices of a dump, `-dump-vmstate`.
//!
//! A dump contains names, versions, and sizes of fields in QEMU's memory, but no info types. The types of fields are
//! therefore guesses by size (QEMU: `dump_vmstate_vmsd` and `dump_vmstate_vmsf` in migration/savevm.c).

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use vmstate_types::LoadError;

use super::observed::{Count, Element, Field, Gate, Role, Shapes, Type, TypeId};
use crate::dynamic::ScalarKind;
use crate::schema::vmdesc::Name;

/// The key of the machine's name, which the dump lists among the device types.
const MACHINE: &str = "vmschkmachine";

/// A dump, by device types.
pub(super) struct Dump(BTreeMap<String, Entry>);

#[derive(Deserialize)]
#[serde(expecting = "an object with `Name` and `Description`")]
struct Entry {
    #[serde(rename = "Name")]
    name: String,
    #[serde(rename = "Description")]
    description: Option<Description>,
}

#[derive(Deserialize)]
#[serde(expecting = "the object of a `VMStateDescription`")]
struct Description {
    name: String,
    version_id: u32,
    minimum_version_id: u32,
    #[serde(rename = "Fields", default)]
    fields: Vec<DumpField>,
    #[serde(rename = "Subsections", default)]
    subsections: Vec<Self>,
}

#[derive(Deserialize)]
#[serde(expecting = "the object of a field")]
struct DumpField {
    field: String,
    version_id: u32,
    field_exists: bool,
    size: u64,
    num: Option<u64>,
    #[serde(rename = "Description")]
    description: Option<Description>,
}

impl Dump {
    pub(super) fn parse(text: &[u8]) -> Result<Self, LoadError> {
        let dump = serde_json::from_slice(text);
        dump.map(Self).map_err(|error| LoadError::malformed("the JSON text of `-dump-vmstate`", error))
    }

    pub(super) fn machine(&self) -> Option<&str> {
        self.0.get(MACHINE).map(|machine| machine.name.as_str())
    }

    /// Returns the device types. The type is `None` if no struct can represent it.
    pub(super) fn devices(&self, shapes: &mut Shapes, wanted: impl Fn(&str) -> bool) -> Vec<(String, Option<TypeId>)> {
        let devices = self.0.iter().filter(|(name, _)| *name != MACHINE && wanted(name));
        let described = devices.filter_map(|(name, entry)| Some((name, entry.description.as_ref()?)));
        described.map(|(name, description)| (name.clone(), description.intern(Role::Struct, shapes))).collect()
    }
}

impl Description {
    fn intern(&self, role: Role, shapes: &mut Shapes) -> Option<TypeId> {
        let fields = numbered(&self.fields).into_iter().zip(&self.fields);
        let fields = fields.map(|(name, field)| field.field(name, shapes)).collect::<Option<Vec<_>>>()?;
        let subsections = self.subsections.iter().map(|inner| inner.intern(Role::Subsection, shapes));
        let subsections = subsections.collect::<Option<Vec<_>>>()?;
        // The macro rejects a minimum above the version, and nothing in QEMU prevents one.
        let minimum = self.minimum_version_id.min(self.version_id);
        let ty = Type::new(self.name.as_str().into(), self.version_id, fields, subsections, role);
        shapes.add_checked(Type { minimum_version: Some(minimum), ..ty })
    }
}

impl DumpField {
    fn field(&self, name: Name, shapes: &mut Shapes) -> Option<Field> {
        let element = match &self.description {
            Some(inner) => Element::Struct(inner.intern(Role::Struct, shapes)?),
            None => guess(self.size),
        };
        let count = self.num.filter(|&num| num > 1).map_or(Count::One, Count::Len);
        let gate = Gate { since: self.version_id, conditional: self.field_exists };
        Some(Field { gate, ..Field::new(name, element, count) })
    }
}

/// Returns the likeliest element of this size. Most integers in QEMU's devices are unsigned.
fn guess(size: u64) -> Element {
    let kind = match size {
        1 => (ScalarKind::Uint8, "uint8"),
        2 => (ScalarKind::Uint16, "uint16"),
        4 => (ScalarKind::Uint32, "uint32"),
        8 => (ScalarKind::Uint64, "uint64"),
        _ => return Element::Buffer(size),
    };
    Element::Scalar(kind.0, kind.1.into())
}

/// Returns the names of fields as in streams: a name that occurs several times gets an index. QEMU does the same for
/// the description in a stream, but not for a dump.
fn numbered(fields: &[DumpField]) -> Vec<Name> {
    let mut all: HashMap<&str, usize> = HashMap::new();
    for field in fields {
        *all.entry(&field.field).or_default() += 1;
    }
    let mut before: HashMap<&str, usize> = HashMap::new();
    let mut names = Vec::new();
    for DumpField { field, .. } in fields {
        let place = before.entry(field).or_default();
        names.push(match all.get(field.as_str()) {
            Some(1) | None => field.as_str().into(),
            Some(_) => format!("{field}[{place}]").into(),
        });
        *place += 1;
    }
    names
}
