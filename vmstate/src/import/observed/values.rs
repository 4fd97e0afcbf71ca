//! Fields of types, derived from decoded values. The elements of an array give one type together.

use std::collections::{HashMap, HashSet};

use super::observed_field::Seen;
use super::partly::TARGET;
use super::{Count, Element, Field, Role, Shapes, Target, TypeId, is_name, union};
use crate::dynamic::{self, DecodedStruct, DecodedTree, DecodedValue, Scalar, ScalarKind, Scalars};
use crate::schema::vmdesc::Name;

/// The entries of one field in a struct: one entry, or elements one by one or in runs.
pub(super) type Entries<'v> = &'v [dynamic::DecodedField];
/// The entries of one field in several structs.
pub(super) type Column<'v> = Vec<Option<Entries<'v>>>;

impl Shapes {
    /// Returns the common fields of structs, or `None` if a derived struct cannot have one of them.
    pub(super) fn fields(&mut self, values: &[&DecodedStruct], compressed: bool) -> Option<Vec<Field>> {
        let rows = values.iter().map(|value| Row::from_struct(value)).collect::<Option<Vec<_>>>()?;
        let names = union(rows.iter().map(|row| row.names.clone()))?;
        let mut columns: Vec<Column<'_>> = Vec::new();
        let mut fields = Vec::new();
        for name in names {
            let column = rows.iter().map(|row| row.entries.get(&name).copied()).collect::<Column<'_>>();
            let occurrences = column.iter().flatten().copied().collect::<Vec<_>>();
            let counted = self.counted(&columns, &column);
            let field = counted.or_else(|| self.field(&occurrences, compressed));
            // Elements of an array may have buffers of different sizes, which an earlier field then counts.
            let mut field = field.or_else(|| Self::sized(&columns, &column))?;
            if column.contains(&None) && field.counter.is_none() && !matches!(field.element, Element::Sized(_)) {
                field.condition = Some(condition(&columns, &column)?);
            }
            columns.push(column);
            fields.push(field);
        }
        let fits = fields.iter().all(|field| is_name(&field.name)) && has_distinct_temporaries(&fields);
        fits.then_some(fields)
    }

    /// Returns a field from its occurrences in all structs.
    fn field(&mut self, occurrences: &[Entries<'_>], compressed: bool) -> Option<Field> {
        let first = occurrences.first()?.first()?;
        let has_nulls = |entries: &Entries<'_>| entries.iter().any(|entry| is_null_run(entry, entries.len()));
        if occurrences.iter().any(has_nulls) && !occurrences.iter().copied().flatten().any(is_marker_of_target) {
            let element = self.pointers(occurrences)?;
            return Some(Field::new(first.name.clone(), element, Count::One));
        }
        let count = count(occurrences.first()?)?;
        if occurrences.iter().any(|entries| self::count(entries) != Some(count)) {
            return None;
        }
        let entries = occurrences.iter().copied().flatten().collect::<Vec<_>>();
        let element = match &first.value {
            DecodedValue::Scalars(_) => scalars(&first.type_name, &entries)?,
            _ => {
                // A struct in a compressed array is compressed as well. An array in it decides anew for its elements.
                let compressed = if count == Count::One { compressed } else { matches!(count, Count::Len(_)) };
                self.element(&first.type_name, &values_of(&entries), compressed)?
            }
        };
        if count != Count::One && !can_be_array(&element) {
            return None;
        }
        let seen = entries.iter().map(|entry| seen(&entry.value)).fold(Seen::NOTHING, Seen::and);
        Some(Field { seen, ..Field::new(first.name.clone(), element, count) })
    }

    /// Returns the kind of all `values`.
    fn element(&mut self, type_name: &Name, values: &[&DecodedValue], compressed: bool) -> Option<Element> {
        match values.first()? {
            DecodedValue::Struct(_) => self.structure(type_name, values, compressed),
            DecodedValue::List(_) => {
                let lists =
                    values.iter().map(|value| if let DecodedValue::List(items) = value { Some(items) } else { None });
                let items = lists.collect::<Option<Vec<_>>>()?.into_iter().flatten().collect::<Vec<_>>();
                Some(Element::List { qlist: **type_name == *"qlist", item: self.item(&items, Role::Struct)? })
            }
            DecodedValue::Tree(_) => {
                let trees =
                    values.iter().map(|value| if let DecodedValue::Tree(tree) = value { Some(tree) } else { None });
                self.tree(&trees.collect::<Option<Vec<_>>>()?)
            }
            _ => {
                let mut leaves = values.iter().map(|value| leaf(type_name, value));
                let first = leaves.next()??;
                leaves.try_fold(first, |element, leaf| element.merge(&leaf?))
            }
        }
    }

    pub(super) fn structure(
        &mut self,
        type_name: &Name,
        values: &[&DecodedValue],
        compressed: bool,
    ) -> Option<Element> {
        let structs =
            values.iter().map(|value| if let DecodedValue::Struct(inner) = value { Some(&**inner) } else { None });
        let structs = structs.collect::<Option<Vec<_>>>()?;
        Some(match &**type_name {
            "vstruct" => Element::Versioned(self.intern(&structs, Role::Struct, false)?),
            TARGET => Element::Struct(self.intern(&structs, Role::Target, false)?),
            "tmp" => Element::Temporary(self.intern(&structs, Role::Temporary, false)?),
            _ => Element::Struct(self.intern(&structs, Role::Struct, compressed)?),
        })
    }

    /// Returns the common type of items: `None` if their types differ, `Some(None)` without items.
    #[allow(clippy::option_option)] // None is a failure, as everywhere here
    fn item(&mut self, items: &[&DecodedStruct], role: Role) -> Option<Option<TypeId>> {
        match items {
            [] => Some(None),
            _ => self.intern(items, role, false).map(Some),
        }
    }

    /// Returns a tree for `BTreeMap`s. A `BTreeMap` saves its nodes sorted, so trees in another order have no struct.
    /// QEMU's order depends on the comparison function of the `GTree`.
    fn tree(&mut self, trees: &[&DecodedTree]) -> Option<Element> {
        let (mut keys, mut values) = (Vec::new(), Vec::new());
        for tree in trees {
            let sorted = match tree {
                DecodedTree::Direct(nodes) => {
                    values.extend(nodes.iter().map(|(_, value)| value));
                    nodes.is_sorted_by(|one, next| one.0 < next.0)
                }
                DecodedTree::Keyed(nodes) => {
                    keys.extend(nodes.iter().map(|(key, _)| key));
                    values.extend(nodes.iter().map(|(_, value)| value));
                    nodes.is_sorted_by(|one, next| order(&one.0) < order(&next.0))
                }
            };
            if !sorted || !keys.is_empty() && keys.len() != values.len() {
                return None;
            }
        }
        Some(Element::Tree { key: self.item(&keys, Role::Key)?, value: self.item(&values, Role::Struct)? })
    }

    /// Returns an array of pointers. The same pointers must be null in all structs.
    fn pointers(&mut self, occurrences: &[Entries<'_>]) -> Option<Element> {
        let mut patterns = occurrences.iter().map(|entries| {
            let valid = |entry: &dynamic::DecodedField| {
                let count = usize::try_from(entry.value.count()).unwrap_or(usize::MAX);
                std::iter::repeat_n(!is_null_run(entry, entries.len()), count)
            };
            entries.iter().flat_map(valid).collect::<Vec<_>>()
        });
        let valid = patterns.next()?;
        if patterns.any(|other| other != valid) {
            return None;
        }
        let is_null =
            |entry: &dynamic::DecodedField| is_null_run(entry, occurrences.first().map_or(1, |one| one.len()));
        let (nulls, others): (Vec<_>, Vec<_>) = occurrences.iter().copied().flatten().partition(|entry| is_null(entry));
        let target = match others.first() {
            Some(first) => self.pointer_target(first, &others)?,
            // The type name `nullptr` does not contain the type of the target.
            None => nulls
                .iter()
                .find_map(|entry| null_target(&entry.type_name))
                .unwrap_or(Target::Scalar(ScalarKind::Uint8)),
        };
        Some(Element::Pointers { target, valid })
    }

    /// Returns the target of an array of pointers. `first` is the first of `others`, the entries that are not null.
    fn pointer_target(&mut self, first: &dynamic::DecodedField, others: &[&dynamic::DecodedField]) -> Option<Target> {
        if let DecodedValue::Scalars(values) = &first.value {
            return Some(Target::Scalar(values.kind()));
        }
        match self.element(&first.type_name, &values_of(others), true)? {
            Element::Struct(id) => Some(Target::Struct(id)),
            Element::Scalar(kind, _) => Some(Target::Scalar(kind)),
            _ => None,
        }
    }
}

/// Returns whether all temporaries have different types. `Temporary<Parent>` can be implemented once for each type.
fn has_distinct_temporaries(fields: &[Field]) -> bool {
    let mut seen = HashSet::new();
    let id = |field: &Field| if let Element::Temporary(id) = field.element { Some(id) } else { None };
    fields.iter().filter_map(id).all(|id| seen.insert(id))
}

/// Returns the target of null pointers by the type name in the description, if it contains a type. QEMU 7.2 names the
/// target's type, QEMU 10.0 writes `nullptr`, QEMU 11.1 `ptr-marker`.
fn null_target(type_name: &str) -> Option<Target> {
    match type_name {
        "nullptr" | "ptr-marker" => None,
        "struct" => Some(Target::UnknownStruct),
        _ => ScalarKind::from_name(type_name).map(Target::Scalar),
    }
}

/// The fields of a struct, each with all its entries.
struct Row<'v> {
    names: Vec<Name>,
    entries: HashMap<Name, Entries<'v>>,
}

impl<'v> Row<'v> {
    /// Returns `None` if a name occurs again after another field, because the macro rejects duplicate names.
    fn from_struct(value: &'v DecodedStruct) -> Option<Self> {
        let mut row = Row { names: Vec::new(), entries: HashMap::new() };
        for entries in value.fields.chunk_by(|one, next| one.name == next.name) {
            let name = entries.first()?.name.clone();
            if row.entries.insert(name.clone(), entries).is_some() {
                return None;
            }
            row.names.push(name);
        }
        Some(row)
    }
}

/// Returns the nearest earlier field that is zero exactly where `column` is absent. In QEMU's devices, a flag usually
/// precedes the fields that it enables.
fn condition(columns: &[Column<'_>], column: &Column<'_>) -> Option<Name> {
    let decides = |other: &&Column<'_>| {
        other.iter().zip(column).all(|(by, entries)| integer(by).is_some_and(|by| (by != 0) == entries.is_some()))
    };
    let by = columns.iter().rev().find(decides)?;
    by.iter().flatten().next()?.first().map(|entry| entry.name.clone())
}

/// Returns the value of a field that is a single integer.
pub(super) fn integer(entries: &Option<Entries<'_>>) -> Option<i128> {
    match entries.as_deref() {
        Some([dynamic::DecodedField { value: DecodedValue::Scalar(value), .. }]) => Some(value.integer()),
        _ => None,
    }
}

fn count(entries: Entries<'_>) -> Option<Count> {
    match entries {
        [entry] if matches!(entry.value, DecodedValue::Scalars(_) | DecodedValue::Array(_)) => {
            Some(Count::Len(entry.value.count()))
        }
        [entry] if entry.index.is_none() => Some(Count::One),
        _ => {
            // QEMU 10 describes an element with the number of remaining elements, and the last one therefore without an
            // index (`vmstate_save_vmsd_v` in migration/vmstate.c).
            let numbered = (0..).zip(entries).all(|(place, entry)| entry.index.is_none_or(|index| index == place));
            numbered.then_some(Count::Each(entries.len() as u64))
        }
    }
}

fn can_be_array(element: &Element) -> bool {
    use Element::{Bitmap, ByteArray, List, Temporary, Tree, Versioned};
    !matches!(element, Bitmap(_) | ByteArray | Versioned(_) | Temporary(_) | List { .. } | Tree { .. })
}

/// Returns the values of entries, with arrays flattened.
pub(super) fn values_of<'v>(entries: &[&'v dynamic::DecodedField]) -> Vec<&'v DecodedValue> {
    let single = |entry: &&'v dynamic::DecodedField| match &entry.value {
        DecodedValue::Array(values) => values.iter().collect(),
        value => vec![value],
    };
    entries.iter().flat_map(single).collect()
}

/// Returns whether an entry represents null pointers. A single marker outside of an array is an ordinary byte.
fn is_null_run(entry: &dynamic::DecodedField, entries: usize) -> bool {
    let is_array = entries > 1 || entry.index.is_some() || matches!(entry.value, DecodedValue::Scalars(_));
    let is_marker = match &entry.value {
        DecodedValue::Scalar(value) => value.kind == ScalarKind::Marker,
        DecodedValue::Scalars(values) => values.kind() == ScalarKind::Marker,
        _ => false,
    };
    is_marker && (is_array || *entry.type_name == *"nullptr")
}

/// Returns whether an entry is the marker before the target of a pointer, which only some arrays of QEMU 11.1 have.
fn is_marker_of_target(entry: &dynamic::DecodedField) -> bool {
    matches!(&entry.value, DecodedValue::Scalar(value) if value.kind == ScalarKind::Marker && value.integer() == 0x31)
}

/// Returns the bytes of a key, whose order is the key's. This holds for unsigned integers in big-endian order; keys of
/// QEMU's devices have no other fields.
fn order(key: &DecodedStruct) -> Vec<u8> {
    let mut out = crate::Writer::new();
    key.encode(&mut out);
    out.take()
}

/// Returns the element for a value without inner values.
fn leaf(type_name: &Name, value: &DecodedValue) -> Option<Element> {
    match value {
        DecodedValue::Scalar(value) => Some(scalar(type_name, *value)),
        DecodedValue::Bytes(bytes) => Some(bytes_of(type_name, bytes)),
        DecodedValue::ByteArray(_) => Some(Element::ByteArray),
        DecodedValue::Bitmap(words) => Some(Element::Bitmap(8 * words.len() as u64)),
        _ => None,
    }
}

pub(super) fn scalar(type_name: &Name, value: Scalar) -> Element {
    match value.kind {
        ScalarKind::Marker => Element::Opaque(type_name.clone(), 1),
        // QEMU loads any byte into a `bool` (`get_bool` in migration/vmstate-types.c). Rust's type would lose the
        // value.
        ScalarKind::Bool if value.bits > 1 => Element::Opaque(type_name.clone(), 1),
        kind => Element::Scalar(kind, type_name.clone()),
    }
}

fn scalars(type_name: &Name, entries: &[&dynamic::DecodedField]) -> Option<Element> {
    let all =
        entries.iter().map(|entry| if let DecodedValue::Scalars(values) = &entry.value { Some(values) } else { None });
    let largest = all.collect::<Option<Vec<_>>>()?.into_iter().flat_map(Scalars::iter).max_by_key(|value| value.bits);
    largest.map(|value| scalar(type_name, value))
}

fn bytes_of(type_name: &Name, bytes: &[u8]) -> Element {
    let size = bytes.len() as u64;
    match &**type_name {
        "buffer" => Element::Buffer(size),
        "unused_buffer" if bytes.iter().all(|&byte| byte == 0) => Element::Unused(size),
        _ => Element::Opaque(type_name.clone(), size),
    }
}

pub(super) fn seen(value: &DecodedValue) -> Seen {
    match value {
        DecodedValue::Scalar(value) => Seen::from_values([value.integer()]),
        DecodedValue::Scalars(values) => Seen::from_values(values.iter().map(Scalar::integer)),
        DecodedValue::ByteArray(bytes) => Seen::from_values(i128::try_from(bytes.len())),
        DecodedValue::List(items) => Seen::from_values(i128::try_from(items.len())),
        DecodedValue::Tree(tree) => Seen::from_values(i128::try_from(tree.len())),
        _ => Seen::NOTHING,
    }
}
