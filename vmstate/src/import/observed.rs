//! The types of the devices in a stream, each once.
//!
//! Types are built from decoded values, innermost first. Two structs of the same name are one type if their fields are
//! equal. Their subsections may differ, because subsections are optional.

use std::collections::{HashMap, HashSet};

use crate::dynamic::{DecodedBody, DecodedSection, DecodedStruct};
use crate::schema::vmdesc::Name;

mod counted;
mod observed_field;
mod partly;
mod values;

pub(super) use observed_field::{Count, Element, Field, Gate, Target};

/// The highest number of types. QEMU's largest machines have a few hundred.
const MAX_TYPES: usize = 1 << 12;
/// The number of types with one name that are compared with a new one. The bound keeps a malicious stream with many
/// different structs of one name from taking quadratic time.
const MAX_NAMESAKES: usize = 16;
/// The highest number of field names in one struct, if structs have different fields. [`union`] takes quadratic time.
const MAX_UNION: usize = 1 << 12;
/// QEMU writes the version of a subsection as four bytes and loads it into a `uint8_t` (`vmstate_subsection_load` in
/// migration/vmstate.c), so the macro rejects higher ones.
const MAX_SUBSECTION_VERSION: u32 = 255;

/// A type's place in the list of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TypeId(pub(super) usize);

/// A struct, or a section of the old style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Type {
    /// Its name in the stream.
    pub(super) name: Name,
    pub(super) version: u32,
    pub(super) fields: Vec<Field>,
    pub(super) subsections: Vec<TypeId>,
    /// Set if one description covers all elements of an array. QEMU does that only if no element can differ
    /// (`vmsd_can_compress` in migration/vmstate.c).
    pub(super) compressed: bool,
    /// The minimum version, which only a dump contains.
    pub(super) minimum_version: Option<u32>,
    pub(super) role: Role,
}

/// The role of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// A device, or a struct in one.
    Struct,
    Subsection,
    /// The payload of a section that an old-style handler wrote (`SaveVMHandlers` without a description).
    OldStyle,
    /// The key of a tree.
    Key,
    /// The struct of a `tmp` field.
    Temporary,
    /// The target of a pointer without a description.
    Target,
}

/// All types.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    types: Vec<Type>,
    by_name: HashMap<Name, Vec<TypeId>>,
    /// The types that the current section has merged, as they were. A section without a struct must not change the
    /// structs of others.
    before: Vec<(TypeId, Type)>,
}

impl Shapes {
    pub(super) fn get(&self, id: TypeId) -> &Type {
        &self.types[id.0]
    }

    /// Returns the type of a section's payload, or `None` if no derived struct can write it.
    pub(super) fn add_section(&mut self, section: &DecodedSection) -> Option<TypeId> {
        self.before.clear();
        let count = self.types.len();
        let id = match &section.body {
            DecodedBody::Described(state) => self.intern(&[state], Role::Struct, false),
            DecodedBody::OldStyle(bytes) => self.old_style(section.name.clone(), bytes.len() as u64),
            DecodedBody::Partly(state, rest) => {
                partly::complete(section, state, rest).and_then(|state| self.intern(&[&state], Role::Struct, false))
            }
            DecodedBody::Undescribed(_) => None,
        };
        if id.is_none() || self.types.len() > MAX_TYPES {
            self.undo(count);
            return None;
        }
        id
    }

    /// Restores the `count` types before the current section.
    fn undo(&mut self, count: usize) {
        while let Some((id, ty)) = self.before.pop() {
            self.types[id.0] = ty;
        }
        for ty in self.types.drain(count..) {
            self.by_name.entry(ty.name).and_modify(|ids| ids.retain(|id| id.0 < count));
        }
    }

    fn old_style(&mut self, name: Name, size: u64) -> Option<TypeId> {
        let fields = vec![Field::new("data".into(), Element::Buffer(size), Count::One)];
        is_name(&name).then(|| self.add(Type::new(name, 0, fields, Vec::new(), Role::OldStyle)))
    }

    /// Returns the common type of structs, if they have one. `compressed` is as in [`Type::compressed`].
    fn intern(&mut self, values: &[&DecodedStruct], role: Role, compressed: bool) -> Option<TypeId> {
        let first = values.first()?;
        let (name, version) = (&first.vmsd_name, first.version);
        let alike = values.iter().all(|value| value.vmsd_name == *name && value.version == version);
        if !alike || !is_name(name) {
            return None;
        }
        let fields = self.fields(values, compressed)?;
        let subsections = self.subsections(name, values)?;
        let new = Type::new(name.clone(), version, fields, subsections, role);
        Some(self.add(Type { compressed, ..new }))
    }

    /// Returns the types of the subsections of all these structs, whose names begin with `parent`.
    fn subsections(&mut self, parent: &str, values: &[&DecodedStruct]) -> Option<Vec<TypeId>> {
        let own =
            |value: &&DecodedStruct| value.subsections.iter().map(|inner| inner.vmsd_name.clone()).collect::<Vec<_>>();
        let names = union(values.iter().map(own))?;
        let mut by_name: HashMap<_, Vec<_>> = HashMap::new();
        for inner in values.iter().flat_map(|value| &value.subsections) {
            by_name.entry(&inner.vmsd_name).or_default().push(inner);
        }
        let intern = |name: Name| {
            let all = by_name.get(&name)?;
            let fits = all.iter().all(|inner| is_subsection(&name, inner.version, parent));
            fits.then(|| self.intern(all, Role::Subsection, false)).flatten()
        };
        names.into_iter().map(intern).collect()
    }

    /// Adds a type, or finds an equal one. Returns `None` if no derived struct can represent it.
    pub(super) fn add_checked(&mut self, new: Type) -> Option<TypeId> {
        let fits = is_name(&new.name)
            && new.fields.iter().all(|field| is_name(&field.name))
            && self.types.len() < MAX_TYPES
            && new.subsections.iter().all(|id| {
                let Type { name, version, .. } = self.get(*id);
                is_subsection(name, *version, &new.name)
            });
        fits.then(|| self.add(new))
    }

    /// Adds a type, or finds an equal one.
    fn add(&mut self, new: Type) -> TypeId {
        let namesakes = self.by_name.get(&new.name).into_iter().flatten().take(MAX_NAMESAKES);
        let merged = namesakes.copied().find_map(|id| Some((id, self.merge(self.get(id), &new)?)));
        match merged {
            Some((id, merged)) => {
                self.before.push((id, std::mem::replace(&mut self.types[id.0], merged)));
                id
            }
            None => {
                let id = TypeId(self.types.len());
                self.by_name.entry(new.name.clone()).or_default().push(id);
                self.types.push(new);
                id
            }
        }
    }

    /// Merges two types, if they can be one.
    fn merge(&self, old: &Type, new: &Type) -> Option<Type> {
        let key = |ty: &Type| (ty.version, ty.role, ty.minimum_version);
        let is_large = old.fields.len().max(new.fields.len()) > MAX_UNION;
        if key(old) != key(new) || is_large && old.fields.len() != new.fields.len() {
            return None;
        }
        let fields = observed_field::merge(&old.fields, &new.fields)?;
        let subsections = self.merge_subsections(&old.subsections, &new.subsections)?;
        let merged = Type { fields, subsections, compressed: old.compressed || new.compressed, ..old.clone() };
        // A condition that one section shows would change the description of arrays in another.
        (!merged.compressed || self.can_compress(&merged)).then_some(merged)
    }

    /// Merges two lists of subsections. Subsections with one name must have one type.
    fn merge_subsections(&self, old: &[TypeId], new: &[TypeId]) -> Option<Vec<TypeId>> {
        let names = |ids: &[TypeId]| ids.iter().map(|id| self.get(*id).name.clone()).collect::<Vec<_>>();
        let by_name = |ids: &[TypeId]| ids.iter().map(|&id| (&self.get(id).name, id)).collect::<HashMap<_, _>>();
        let olds = by_name(old);
        let news = by_name(new);
        let merged = union([names(old), names(new)].into_iter())?.into_iter().map(|name| {
            match (olds.get(&name).copied(), news.get(&name).copied()) {
                (Some(old), Some(new)) if old != new => None,
                (old, new) => old.or(new),
            }
        });
        merged.collect()
    }

    /// Returns whether QEMU describes an array of such structs by its first element (`vmsd_can_compress`).
    pub(super) fn can_compress(&self, ty: &Type) -> bool {
        ty.subsections.is_empty() && ty.fields.iter().all(|field| self.field_can_compress(field))
    }

    fn field_can_compress(&self, field: &Field) -> bool {
        field.condition.is_none()
            && match (field.count, &field.element) {
                (Count::Each(_), _) => false,
                (_, Element::Struct(id)) => self.can_compress(self.get(*id)),
                _ => true,
            }
    }

    /// Returns whether an array has a condition: QEMU describes it element by element, although its elements cannot
    /// differ.
    pub(super) fn needs_condition(&self, field: &Field) -> bool {
        matches!(field.count, Count::Each(_))
            && field.condition.is_none()
            && match &field.element {
                Element::Struct(id) => self.can_compress(self.get(*id)),
                _ => true,
            }
    }

    /// Returns the size of a value in memory, approximately. It decides which arrays are boxed.
    pub(super) fn size(&self, id: TypeId) -> u64 {
        self.get(id).fields.iter().map(|field| self.field_size(field)).fold(0, u64::saturating_add)
    }

    pub(super) fn field_size(&self, field: &Field) -> u64 {
        // The elements of a counted array are on the heap.
        if field.counter.is_some() {
            return 8;
        }
        let size = match &field.element {
            Element::Scalar(kind, _) => kind.width() as u64,
            Element::Buffer(size) | Element::Unused(size) | Element::Bitmap(size) | Element::Opaque(_, size) => *size,
            Element::Struct(id) | Element::Versioned(id) | Element::Temporary(id) => self.size(*id),
            // Their elements are on the heap.
            Element::Sized(_)
            | Element::ByteArray
            | Element::List { .. }
            | Element::Tree { .. }
            | Element::Pointers { .. } => 8,
        };
        size.saturating_mul(field.count.elements())
    }
}

impl Type {
    pub(super) fn new(name: Name, version: u32, fields: Vec<Field>, subsections: Vec<TypeId>, role: Role) -> Self {
        Self { name, version, fields, subsections, compressed: false, minimum_version: None, role }
    }
}

/// Returns whether a struct with this name and version can be a subsection of `parent`.
fn is_subsection(name: &str, version: u32, parent: &str) -> bool {
    name.len() > parent.len() && name.starts_with(parent) && version <= MAX_SUBSECTION_VERSION
}

/// Returns whether a struct or field can have this name.
fn is_name(name: &str) -> bool {
    (1..=255).contains(&name.len()) && name.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

/// Merges the names of all rows in an order that fits every row. Returns `None` if no such order exists.
fn union(mut rows: impl Iterator<Item = Vec<Name>>) -> Option<Vec<Name>> {
    let mut merged = rows.next().unwrap_or_default();
    let mut seen = HashSet::new();
    if !merged.iter().all(|name| seen.insert(name.clone())) {
        return None;
    }
    for row in rows {
        if row != merged {
            merge_names(&mut merged, row)?;
        }
    }
    Some(merged)
}

/// Inserts the new names of `row` at their positions.
fn merge_names(merged: &mut Vec<Name>, row: Vec<Name>) -> Option<()> {
    if merged.len().max(row.len()) > MAX_UNION {
        return None;
    }
    let mut next = 0;
    for name in row {
        match merged.iter().position(|other| *other == name) {
            Some(place) if place >= next => next = place + 1,
            Some(_) => return None,
            None => {
                merged.insert(next, name);
                next += 1;
            }
        }
    }
    Some(())
}
