//! Finds values by their paths, and lists all values with their paths.
//!
//! A path is the names of fields, joined by dots, with `[index]` for elements: `recv_fifo.count`, `env.gpr[3]`. Field
//! names may contain dots and brackets. The fields of subsections are found like fields of the parent. The name of the
//! subsection may precede them. In listed paths it precedes them if a field of the parent has the same name:
//! `cpu/altivec.env.vsr[3]`. The nodes of a tree have a `key` and a `value`.
//!
//! A path can match several values, because field names may contain brackets; the first match is returned.

use std::collections::HashSet;

use super::{DecodedField, DecodedSection, DecodedStruct, DecodedTree, DecodedValue, Scalar, ScalarKind};

/// The item at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FoundItem<'a> {
    /// A flag, an integer, a deadline, or an element of an array of them, or a byte of a buffer.
    Scalar(Scalar),
    /// A struct, or an element of an array or list of structs.
    Struct(&'a DecodedStruct),
    /// Any other value.
    Value(&'a DecodedValue),
}

/// The value at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Found<'a> {
    /// The value.
    pub item: FoundItem<'a>,
    /// The info type of the field that contains it.
    pub type_name: &'a str,
    /// The offset in the stream at which it was read.
    pub offset: u64,
    /// Its size in bytes.
    pub size: u64,
}

/// A value that is not a struct, list or tree, with its path.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Leaf<'a> {
    /// The path from the section. Runs of elements of a larger array end in `[first..end]`.
    pub path: String,
    /// The value.
    pub found: Found<'a>,
}

impl DecodedSection {
    /// Finds the value at `path`, which may begin with the name of the section or of its struct.
    ///
    /// Arrays that the stream describes element by element are found only element by element; see
    /// [`leaves`](Self::leaves).
    #[must_use]
    pub fn get(&self, path: &str) -> Option<Found<'_>> {
        let state = self.state()?;
        let prefixes = [&self.name, &state.vmsd_name];
        let inner = prefixes.into_iter().filter_map(|name| path.strip_prefix(&**name)?.strip_prefix('.'));
        std::iter::once(path).chain(inner).find_map(|path| state.get(path))
    }

    /// Returns all values with their paths, in wire order. An array of scalars is one leaf.
    #[must_use]
    pub fn leaves(&self) -> Vec<Leaf<'_>> {
        let mut leaves = Leaves { path: PathBuilder::default(), found: Vec::new() };
        if let Some(state) = self.state() {
            leaves.push_struct(state);
        }
        leaves.found
    }
}

impl DecodedStruct {
    /// Finds the value at `path`.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<Found<'_>> {
        let field = self.entries().find_map(|(first, field)| field.get(first, path.strip_prefix(&*field.name)?));
        field.or_else(|| self.subsections.iter().find_map(|subsection| subsection.get_in_subsection(path)))
    }

    fn get_in_subsection(&self, path: &str) -> Option<Found<'_>> {
        let inner = path.strip_prefix(&*self.vmsd_name).and_then(|rest| rest.strip_prefix('.'));
        self.get(path).or_else(|| self.get(inner?))
    }

    /// Returns the subsections. The flag is set if paths to its fields would find fields of the struct or of earlier
    /// subsections instead.
    pub(super) fn subsections(&self) -> Vec<(&Self, bool)> {
        if self.subsections.is_empty() {
            return Vec::new();
        }
        let mut before = Names::default();
        before.extend(&self.fields);
        let hidden = |subsection| (subsection, before.hide_and_extend(subsection));
        self.subsections.iter().map(hidden).collect()
    }
}

/// The names of the fields that can begin a path.
#[derive(Default)]
struct Names<'a> {
    names: HashSet<&'a str>,
    /// The names, and their prefixes before each dot and bracket.
    beginnings: HashSet<&'a str>,
}

impl<'a> Names<'a> {
    fn extend(&mut self, fields: &'a [DecodedField]) {
        self.names.extend(fields.iter().map(|field| &*field.name));
        self.beginnings.extend(fields.iter().flat_map(|field| beginnings(&field.name)));
    }

    /// Returns whether a path that begins with `name` can also begin with one of these names: `a.b[0]` is an element of
    /// `a.b`, or a field `b[0]` of a struct `a`.
    fn hide(&self, name: &str) -> bool {
        self.beginnings.contains(name) || beginnings(name).any(|beginning| self.names.contains(beginning))
    }

    /// Returns whether a field of `subsection` is hidden, and adds all its fields.
    fn hide_and_extend(&mut self, subsection: &'a DecodedStruct) -> bool {
        let hidden = subsection.fields.iter().any(|field| self.hide(&field.name));
        self.extend(&subsection.fields);
        hidden
    }
}

/// Returns the prefixes of a name before each dot and bracket, and the name.
fn beginnings(name: &str) -> impl Iterator<Item = &str> {
    let ends = name.match_indices(['.', '[']).map(|(end, _)| end).chain([name.len()]);
    ends.map(|end| name.split_at(end).0)
}

impl DecodedField {
    /// Finds the value at `rest`, the path after the field's name. `first` is the value's index in its array.
    fn get(&self, first: Option<u64>, rest: &str) -> Option<Found<'_>> {
        let here = Place { type_name: &self.type_name, offset: self.offset };
        let Some(first) = first else { return here.find(&self.value, rest) };
        let (index, rest) = index(rest)?;
        let index = index.checked_sub(first).filter(|index| *index < self.value.count())?;
        match &self.value {
            DecodedValue::Scalars(_) | DecodedValue::Array(_) => here.find_element(&self.value, index, rest),
            value => here.find(value, rest),
        }
    }
}

/// Splits a path into a leading index and its remainder.
fn index(path: &str) -> Option<(u64, &str)> {
    let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
    Some((index.parse().ok()?, rest))
}

/// The offset and the type of a value.
#[derive(Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) type_name: &'a str,
    pub(super) offset: u64,
}

impl<'a> Place<'a> {
    fn found(self, item: FoundItem<'a>, size: u64) -> Found<'a> {
        Found { item, type_name: self.type_name, offset: self.offset, size }
    }

    fn scalar(self, value: Scalar) -> Found<'a> {
        self.found(FoundItem::Scalar(value), value.kind.width() as u64)
    }

    pub(super) fn value(self, value: &'a DecodedValue) -> Found<'a> {
        match value {
            DecodedValue::Scalar(value) => self.scalar(*value),
            DecodedValue::Struct(inner) => self.structure(inner),
            _ => self.found(FoundItem::Value(value), value.size()),
        }
    }

    pub(super) fn structure(self, inner: &'a DecodedStruct) -> Found<'a> {
        Self { offset: inner.offset, ..self }.found(FoundItem::Struct(inner), inner.size())
    }

    pub(super) fn after(self, bytes: u64) -> Self {
        Self { offset: self.offset.saturating_add(bytes), ..self }
    }

    fn find(self, value: &'a DecodedValue, rest: &str) -> Option<Found<'a>> {
        match value {
            _ if rest.is_empty() => Some(self.value(value)),
            DecodedValue::Struct(inner) => inner.get(rest.strip_prefix('.')?),
            _ => index(rest).and_then(|(index, rest)| self.find_element(value, index, rest)),
        }
    }

    fn find_element(self, value: &'a DecodedValue, index: u64, rest: &str) -> Option<Found<'a>> {
        let at = usize::try_from(index).ok()?;
        match value {
            DecodedValue::Scalars(values) if rest.is_empty() => {
                let value = values.get(at)?;
                Some(self.after(index.saturating_mul(value.kind.width() as u64)).scalar(value))
            }
            DecodedValue::Bytes(bytes) if rest.is_empty() => {
                Some(self.after(index).scalar(Scalar::new(ScalarKind::Uint8, (*bytes.get(at)?).into())))
            }
            DecodedValue::Array(values) => {
                let before = values.iter().take(at).map(DecodedValue::size).sum();
                self.after(before).find(values.get(at)?, rest)
            }
            DecodedValue::List(elements) => self.find_struct(elements.get(at)?, rest),
            DecodedValue::Tree(tree) => self.find_node(tree, at, rest),
            _ => None,
        }
    }

    fn find_struct(self, inner: &'a DecodedStruct, rest: &str) -> Option<Found<'a>> {
        match rest {
            "" => Some(self.structure(inner)),
            _ => inner.get(rest.strip_prefix('.')?),
        }
    }

    fn find_node(self, tree: &'a DecodedTree, at: usize, rest: &str) -> Option<Found<'a>> {
        let (key, value) = (rest.strip_prefix(".key"), rest.strip_prefix(".value"));
        match (tree, key, value) {
            (DecodedTree::Direct(nodes), Some(""), _) => nodes.get(at).map(|(key, value)| self.direct_key(*key, value)),
            (DecodedTree::Direct(nodes), _, Some(rest)) => self.find_struct(&nodes.get(at)?.1, rest),
            (DecodedTree::Keyed(nodes), Some(rest), _) => self.find_struct(&nodes.get(at)?.0, rest),
            (DecodedTree::Keyed(nodes), _, Some(rest)) => self.find_struct(&nodes.get(at)?.1, rest),
            _ => None,
        }
    }

    /// Returns a numeric key, which directly precedes its value.
    pub(super) fn direct_key(self, key: u64, value: &DecodedStruct) -> Found<'a> {
        Self { offset: value.offset.saturating_sub(8), ..self }.scalar(Scalar::new(ScalarKind::Uint64, key))
    }
}

/// Collects leaves.
struct Leaves<'a> {
    /// The path so far.
    path: PathBuilder,
    found: Vec<Leaf<'a>>,
}

impl<'a> Leaves<'a> {
    fn push_struct(&mut self, inner: &'a DecodedStruct) {
        for (first, field) in inner.entries() {
            self.step(&field.name, |leaves| leaves.push_field(first, field));
        }
        for (subsection, hidden) in inner.subsections() {
            if hidden {
                self.step(&subsection.vmsd_name, |leaves| leaves.push_struct(subsection));
            } else {
                self.push_struct(subsection);
            }
        }
    }

    fn push_field(&mut self, first: Option<u64>, field: &'a DecodedField) {
        let place = Place { type_name: &field.type_name, offset: field.offset };
        match (first, &field.value) {
            (None, value) => self.push_value(place, value, 0),
            (Some(first), DecodedValue::Array(_)) => self.push_value(place, &field.value, first),
            (Some(first), DecodedValue::Scalars(values)) => {
                let run = format!("[{first}..{}]", first.saturating_add(values.len() as u64));
                self.step(&run, |leaves| leaves.leaf(place.value(&field.value)));
            }
            (Some(first), value) => self.element(first, |leaves| leaves.push_value(place, value, 0)),
        }
    }

    /// Adds a value. `first` is the index of the first element if the value is an array.
    fn push_value(&mut self, place: Place<'a>, value: &'a DecodedValue, first: u64) {
        match value {
            DecodedValue::Struct(inner) => self.push_struct(inner),
            DecodedValue::Array(values) => {
                let mut place = place;
                for (index, value) in (first..).zip(values) {
                    self.element(index, |leaves| leaves.push_value(place, value, 0));
                    place = place.after(value.size());
                }
            }
            DecodedValue::List(elements) => {
                for (index, inner) in (0..).zip(elements) {
                    self.element(index, |leaves| leaves.push_struct(inner));
                }
            }
            DecodedValue::Tree(tree) => self.push_tree(place, tree),
            _ => self.leaf(place.value(value)),
        }
    }

    fn push_tree(&mut self, place: Place<'a>, tree: &'a DecodedTree) {
        match tree {
            DecodedTree::Direct(nodes) => {
                for (index, (key, value)) in (0..).zip(nodes) {
                    self.element(index, |leaves| {
                        leaves.step("key", |leaves| leaves.leaf(place.direct_key(*key, value)));
                        leaves.step("value", |leaves| leaves.push_struct(value));
                    });
                }
            }
            DecodedTree::Keyed(nodes) => {
                for (index, (key, value)) in (0..).zip(nodes) {
                    self.element(index, |leaves| {
                        leaves.step("key", |leaves| leaves.push_struct(key));
                        leaves.step("value", |leaves| leaves.push_struct(value));
                    });
                }
            }
        }
    }

    fn leaf(&mut self, found: Found<'a>) {
        self.found.push(Leaf { path: self.path.as_str().to_owned(), found });
    }

    fn element(&mut self, index: u64, inside: impl FnOnce(&mut Self)) {
        self.step(&format!("[{index}]"), inside);
    }

    /// Extends the path while `inside` runs.
    fn step(&mut self, step: &str, inside: impl FnOnce(&mut Self)) {
        let back = self.path.enter(step);
        inside(self);
        self.path.leave(back);
    }
}

/// The path of the current value during a walk. One buffer serves all values, because most paths are discarded.
#[derive(Default)]
pub(super) struct PathBuilder {
    path: String,
}

impl PathBuilder {
    pub(super) fn as_str(&self) -> &str {
        &self.path
    }

    /// Appends a step, and returns the length for [`leave`](Self::leave).
    pub(super) fn enter(&mut self, step: &str) -> usize {
        let back = self.path.len();
        if back > 0 && !step.starts_with('[') {
            self.path.push('.');
        }
        self.path.push_str(step);
        back
    }

    pub(super) fn leave(&mut self, back: usize) {
        self.path.truncate(back);
    }
}
