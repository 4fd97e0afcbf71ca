//! The keys of a schema file.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use vmstate_types::description::{Absent, Pointers, Priority};

use crate::schema::SchemaError;
use crate::schema::shape::{self, Hooks, Shape, ShapeElements};

/// A device, a nested struct, or a subsection.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Struct {
    name: String,
    version: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    minimum_version: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    oldest_version: Option<u32>,
    #[serde(default, skip_serializing_if = "is_default", with = "PriorityName")]
    priority: Priority,
    #[serde(default, skip_serializing_if = "is_default")]
    unmigratable: bool,
    #[serde(default, skip_serializing_if = "is_default")]
    early_setup: bool,
    /// Set if its fields have the versions of the struct around it (`versions = parent`).
    #[serde(default, skip_serializing_if = "is_default")]
    inherits: bool,
    /// Set if a predicate decides whether it is sent (`needed`).
    #[serde(default, skip_serializing_if = "is_default")]
    conditional: bool,
    /// For a subsection: the effect of its absence on a load.
    #[serde(default, skip_serializing_if = "is_default", with = "AbsentName")]
    absent: Absent,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hooks: Vec<Hook>,
    fields: Vec<Field>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    subsections: Vec<Self>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    name: String,
    /// The info type, or `struct`, `vstruct`, `tmp`, `qtailq`, `qlist`, `gtree`. Dumps contain no types.
    #[serde(rename = "type", default, skip_serializing_if = "Option::is_none")]
    type_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    host_size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<Count>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    length: Option<CountSource>,
    #[serde(default, skip_serializing_if = "is_default", with = "PointersName")]
    pointers: Pointers,
    #[serde(default, skip_serializing_if = "is_default")]
    since: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<u32>,
    #[serde(default, skip_serializing_if = "is_default")]
    conditional: bool,
    /// For a `vstruct`: the version that its struct has here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    struct_version: Option<u32>,
    /// For a `gtree`: its keys, unless they are numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keys: Option<Inner>,
    /// The struct of all elements, or one for each element.
    #[serde(rename = "struct", default, skip_serializing_if = "Option::is_none")]
    inner: Option<Inner>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Inner {
    Alike(Box<Struct>),
    Each(Vec<Struct>),
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Count {
    Fixed(u64),
    Counted(CountSource),
    Unknown(Unknown),
}

#[derive(Serialize, Deserialize)]
enum Unknown {
    #[serde(rename = "unknown")]
    Unknown,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CountSource {
    from: String,
    #[serde(default = "one", skip_serializing_if = "is_one")]
    multiply: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    max: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Hook {
    PreSave,
    PostSave,
    PreLoad,
    PostLoad,
}

/// The names that types of the core have in files.
macro_rules! names {
    ($(#[$doc:meta])* $module:ident: $type:ty { $($variant:path = $name:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[allow(non_snake_case)]
        mod $module {
            use super::*;

            pub(super) fn serialize<S: serde::Serializer>(value: &$type, to: S) -> Result<S::Ok, S::Error> {
                to.serialize_str(match value {
                    $($variant => $name,)+
                    _ => return Err(serde::ser::Error::custom("a value without a name in the format")),
                })
            }

            pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(from: D) -> Result<$type, D::Error> {
                let name = <std::borrow::Cow<'_, str>>::deserialize(from)?;
                match &*name {
                    $($name => Ok($variant),)+
                    other => Err(serde::de::Error::unknown_variant(other, &[$($name),+])),
                }
            }
        }
    };
}

names!(PriorityName: Priority {
    Priority::Low = "low",
    Priority::Default = "default",
    Priority::Iommu = "iommu",
    Priority::PciBus = "pci_bus",
    Priority::VirtioMem = "virtio_mem",
    Priority::Apic = "apic",
    Priority::Gicv3Its = "gicv3_its",
    Priority::Gicv3 = "gicv3",
});
names!(PointersName: Pointers {
    Pointers::None = "none",
    Pointers::Nullable = "nullable",
    Pointers::Marked = "marked",
});
names!(AbsentName: Absent { Absent::Keep = "keep", Absent::Default = "default", Absent::Error = "error" });

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn one() -> u64 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde's form
fn is_one(value: &u64) -> bool {
    *value == 1
}

impl From<&Shape> for Struct {
    fn from(shape: &Shape) -> Self {
        Self {
            name: shape.name.clone(),
            version: shape.version,
            minimum_version: shape.minimum_version,
            oldest_version: shape.oldest_version,
            priority: shape.priority,
            unmigratable: shape.unmigratable,
            early_setup: shape.early_setup,
            inherits: shape.inherits,
            conditional: shape.conditional,
            absent: Absent::Keep,
            hooks: hooks(shape.hooks),
            fields: shape.fields.iter().map(Field::from).collect(),
            subsections: shape.subsections.iter().map(Self::from).collect(),
        }
    }
}

impl From<&shape::ShapeSubsection> for Struct {
    fn from(subsection: &shape::ShapeSubsection) -> Self {
        Self { absent: subsection.absent, ..Self::from(&subsection.shape) }
    }
}

impl From<&shape::ShapeField> for Field {
    fn from(field: &shape::ShapeField) -> Self {
        let (type_name, struct_version, keys) = match &field.kind {
            shape::ShapeKind::Unknown => (None, None, None),
            shape::ShapeKind::Info(name) | shape::ShapeKind::List(name, _) => (Some(name.as_str()), None, None),
            shape::ShapeKind::Struct(_) => (Some("struct"), None, None),
            shape::ShapeKind::Versioned(_, version) => (Some("vstruct"), Some(*version), None),
            shape::ShapeKind::Temporary(_) => (Some("tmp"), None, None),
            shape::ShapeKind::Tree { keys, .. } => (Some("gtree"), None, keys.as_ref()),
        };
        Self {
            name: field.name.clone(),
            type_name: type_name.map(str::to_owned),
            size: field.size,
            host_size: field.host_size,
            count: match &field.count {
                shape::ShapeCount::One => None,
                shape::ShapeCount::Fixed(count) => Some(Count::Fixed(*count)),
                shape::ShapeCount::Counted(by) => Some(Count::Counted(by.into())),
                shape::ShapeCount::Unknown => Some(Count::Unknown(Unknown::Unknown)),
            },
            length: field.length.as_ref().map(CountSource::from),
            pointers: field.pointers,
            since: field.since,
            until: field.until,
            conditional: field.conditional,
            struct_version,
            keys: keys.map(Inner::from),
            inner: field.kind.inner().map(Inner::from),
        }
    }
}

impl From<&ShapeElements> for Inner {
    fn from(elements: &ShapeElements) -> Self {
        match elements {
            ShapeElements::Alike(shape) => Self::Alike(Box::new(Struct::from(&**shape))),
            ShapeElements::Each(shapes) => Self::Each(shapes.iter().map(Struct::from).collect()),
        }
    }
}

impl From<&shape::ShapeCountSource> for CountSource {
    fn from(source: &shape::ShapeCountSource) -> Self {
        Self { from: source.field.clone(), multiply: source.multiply, max: source.max }
    }
}

fn hooks(hooks: Hooks) -> Vec<Hook> {
    let all = [
        (hooks.pre_save, Hook::PreSave),
        (hooks.post_save, Hook::PostSave),
        (hooks.pre_load, Hook::PreLoad),
        (hooks.post_load, Hook::PostLoad),
    ];
    all.into_iter().filter_map(|(is_there, hook)| is_there.then_some(hook)).collect()
}

/// The highest number of versions at which the fields of a device change. A comparison visits each of them.
const MAX_CHANGES: usize = 64;

impl Struct {
    /// Converts a device of the outermost level.
    pub(super) fn into_device(self, is_sent: bool) -> Result<Shape, SchemaError> {
        let mut changes = BTreeSet::new();
        self.add_changes(&mut changes);
        if changes.len() > MAX_CHANGES {
            let found = format!("{} in `{}`", changes.len(), self.name);
            return Err(SchemaError::new("fields that change at 64 versions or fewer", found));
        }
        self.into_shape(is_sent)
    }

    /// Adds the versions at which fields change, nested ones included.
    fn add_changes(&self, changes: &mut BTreeSet<u32>) {
        for field in &self.fields {
            changes.extend([Some(field.since), field.until].into_iter().flatten());
            for inner in field.keys.iter().chain(&field.inner) {
                inner.structs().iter().for_each(|inner| inner.add_changes(changes));
            }
        }
        self.subsections.iter().for_each(|subsection| subsection.add_changes(changes));
    }

    fn into_shape(self, is_sent: bool) -> Result<Shape, SchemaError> {
        Ok(Shape {
            version: self.version,
            minimum_version: self.minimum_version,
            oldest_version: self.oldest_version,
            priority: self.priority,
            unmigratable: self.unmigratable,
            early_setup: self.early_setup,
            inherits: self.inherits,
            conditional: self.conditional,
            hooks: self.hooks.into_iter().fold(Hooks::NONE, with_hook),
            fields: self.fields.into_iter().map(|field| field.into_field(is_sent)).collect::<Result<_, _>>()?,
            subsections: self
                .subsections
                .into_iter()
                .map(|subsection| subsection.into_subsection(is_sent))
                .collect::<Result<_, _>>()?,
            is_sent,
            ..Shape::new(self.name)
        })
    }

    fn into_subsection(self, is_sent: bool) -> Result<shape::ShapeSubsection, SchemaError> {
        Ok(shape::ShapeSubsection { absent: self.absent, shape: self.into_shape(is_sent)? })
    }
}

fn with_hook(hooks: Hooks, hook: Hook) -> Hooks {
    match hook {
        Hook::PreSave => hooks.pre_save(),
        Hook::PostSave => hooks.post_save(),
        Hook::PreLoad => hooks.pre_load(),
        Hook::PostLoad => hooks.post_load(),
    }
}

impl Field {
    fn into_field(mut self, is_sent: bool) -> Result<shape::ShapeField, SchemaError> {
        let (keys, inner) = (self.keys.take(), self.inner.take());
        let keys = keys.map(|keys| keys.into_elements(is_sent)).transpose()?;
        let inner = inner.map(|inner| inner.into_elements(is_sent)).transpose()?;
        Ok(shape::ShapeField {
            kind: self.kind(keys, inner)?,
            since: self.since,
            until: self.until,
            conditional: self.conditional,
            count: match self.count {
                None => shape::ShapeCount::One,
                Some(Count::Fixed(count)) => shape::ShapeCount::Fixed(count),
                Some(Count::Counted(by)) => shape::ShapeCount::Counted(by.into()),
                Some(Count::Unknown(_)) => shape::ShapeCount::Unknown,
            },
            size: self.size,
            host_size: self.host_size,
            length: self.length.map(shape::ShapeCountSource::from),
            pointers: self.pointers,
            ..shape::ShapeField::new(self.name, shape::ShapeKind::Unknown)
        })
    }

    fn kind(&self, keys: Option<ShapeElements>, inner: Option<ShapeElements>) -> Result<shape::ShapeKind, SchemaError> {
        let found = |what: &str| SchemaError::new("a type with its keys", format!("{what} at `{}`", self.name));
        let kind = match (self.type_name.as_deref(), inner) {
            (None, None) => shape::ShapeKind::Unknown,
            (Some("struct"), Some(inner)) => shape::ShapeKind::Struct(inner),
            (Some("vstruct"), Some(inner)) => {
                let version = self.struct_version.ok_or_else(|| found("no `struct_version`"))?;
                return Ok(shape::ShapeKind::Versioned(inner, version));
            }
            (Some("tmp"), Some(inner)) => shape::ShapeKind::Temporary(inner),
            (Some(name @ ("qtailq" | "qlist")), Some(inner)) => shape::ShapeKind::List(name.to_owned(), inner),
            (Some("gtree"), Some(values)) => return Ok(shape::ShapeKind::Tree { keys, values }),
            (Some("struct" | "vstruct" | "tmp" | "qtailq" | "qlist" | "gtree"), None) => {
                return Err(found("no `struct`"));
            }
            (Some(name), None) => shape::ShapeKind::Info(name.to_owned()),
            (_, Some(_)) => return Err(found("a `struct`")),
        };
        match (keys, self.struct_version) {
            (None, None) => Ok(kind),
            _ => Err(found("`keys` or `struct_version`")),
        }
    }
}

/// Not derived: serde would copy the struct at each level of nesting.
impl<'de> Deserialize<'de> for Inner {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(InnerVisitor)
    }
}

struct InnerVisitor;

impl<'de> Visitor<'de> for InnerVisitor {
    type Value = Inner;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a struct, or an array of structs")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Inner, A::Error> {
        Struct::deserialize(MapAccessDeserializer::new(map)).map(|inner| Inner::Alike(Box::new(inner)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, seq: A) -> Result<Inner, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(seq)).map(Inner::Each)
    }
}

impl Inner {
    fn structs(&self) -> &[Struct] {
        match self {
            Self::Alike(inner) => std::slice::from_ref(inner),
            Self::Each(structs) => structs,
        }
    }

    fn into_elements(self, is_sent: bool) -> Result<ShapeElements, SchemaError> {
        Ok(match self {
            Self::Alike(shape) => ShapeElements::Alike(Box::new(shape.into_shape(is_sent)?)),
            Self::Each(shapes) => ShapeElements::Each(
                shapes.into_iter().map(|shape| shape.into_shape(is_sent)).collect::<Result<_, _>>()?,
            ),
        })
    }
}

impl From<CountSource> for shape::ShapeCountSource {
    fn from(source: CountSource) -> Self {
        Self { field: source.from, multiply: source.multiply, max: source.max }
    }
}
