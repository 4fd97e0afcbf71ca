//! Comparing decoded values.

use std::borrow::Cow;
use std::ops::Range;

use super::super::path::{PathBuilder, Place};
use super::super::{
    DecodedBody, DecodedField, DecodedSection, DecodedStruct, DecodedTree, DecodedValue, Found, Scalar, UndecodedRest,
};
use super::elements::{ElementArray, ElementDifferences, Values};
use super::pair::{Pair, pairs};
use super::{FieldChange, FieldDifference};
use crate::Writer;

/// Lists the differences between two sections.
///
/// If only one section has fields, or inexact descriptions end the fields at different positions, the bytes of the
/// whole payloads are compared.
#[must_use]
pub fn compare_sections<'a>(old: &'a DecodedSection, new: &'a DecodedSection) -> Vec<FieldDifference<'a>> {
    let mut comparer = Comparer::default();
    match (&old.body, &new.body) {
        (DecodedBody::Described(one), DecodedBody::Described(other)) => comparer.section(old, one, new, other),
        (DecodedBody::Partly(one, rest), DecodedBody::Partly(other, other_rest))
            if have_same_fields(rest, other_rest) =>
        {
            comparer.section(old, one, new, other);
            comparer.bytes(opaque(old), opaque(new));
        }
        (
            DecodedBody::OldStyle(_) | DecodedBody::Undescribed(_),
            DecodedBody::OldStyle(_) | DecodedBody::Undescribed(_),
        ) => {
            comparer.bytes(opaque(old), opaque(new));
        }
        _ => comparer.bytes(payload(old), payload(new)),
    }
    comparer.found
}

/// Returns whether the undecoded parts are alike.
fn have_same_fields(old: &UndecodedRest, new: &UndecodedRest) -> bool {
    let fields = old.fields.iter().map(|field| &field.name).eq(new.fields.iter().map(|field| &field.name));
    fields && old.subsections.iter().map(|one| &one.vmsd_name).eq(new.subsections.iter().map(|one| &one.vmsd_name))
}

/// The type of bytes that are not fields.
const BYTES: &str = "bytes";

fn opaque(section: &DecodedSection) -> ElementArray<'_> {
    let (offset, bytes) = section.opaque().unwrap_or((section.offset, &[]));
    ElementArray::from_values(BYTES, offset, Values::Bytes(Cow::Borrowed(bytes)))
}

fn payload(section: &DecodedSection) -> ElementArray<'_> {
    let mut out = Writer::new();
    section.encode(&mut out);
    ElementArray::from_values(BYTES, section.offset, Values::Bytes(Cow::Owned(out.take())))
}

#[derive(Default)]
struct Comparer<'a> {
    path: PathBuilder,
    found: Vec<FieldDifference<'a>>,
}

/// A value and its place in the stream.
#[derive(Clone, Copy)]
struct Item<'a> {
    place: Place<'a>,
    value: &'a DecodedValue,
}

/// Consecutive fields of one name: a single value, or the parts of an array. Releases of QEMU split arrays differently,
/// so groups are compared instead of fields.
struct Group<'a> {
    name: &'a str,
    /// Set if the value does not belong to an array.
    is_single: bool,
    /// The fields with the index of their first element.
    fields: Vec<(u64, &'a DecodedField)>,
}

impl<'a> Comparer<'a> {
    fn section(
        &mut self,
        old: &'a DecodedSection,
        one: &'a DecodedStruct,
        new: &'a DecodedSection,
        other: &'a DecodedStruct,
    ) {
        // The versions are in the sections' headers.
        if one.vmsd_name != other.vmsd_name {
            let place = |section: &DecodedSection| Place { type_name: "struct", offset: section.offset };
            let (old, new) = (place(old).structure(one), place(new).structure(other));
            self.add(FieldChange::Value { old, new });
        }
        self.inside(one, other);
    }

    fn bytes(&mut self, old: ElementArray<'a>, new: ElementArray<'a>) {
        self.found.extend(
            ElementDifferences::compare(old, new)
                .map(|elements| FieldDifference { path: String::new(), change: FieldChange::Elements(elements) }),
        );
    }

    /// Compares the fields and subsections of two structs.
    fn inside(&mut self, old: &'a DecodedStruct, new: &'a DecodedStruct) {
        let (old_groups, new_groups) = (groups(old), groups(new));
        for pair in pairs(&old_groups, &new_groups, |group| group.name) {
            match pair {
                Pair::Both(old, new) => self.step(old.name, |comparer| comparer.groups(old, new)),
                Pair::Old(group) => self.step(group.name, |comparer| comparer.whole(group, FieldChange::Removed)),
                Pair::New(group) => self.step(group.name, |comparer| comparer.whole(group, FieldChange::Added)),
            }
        }
        let (old, new) = (old.subsections(), new.subsections());
        for pair in pairs(&old, &new, |(subsection, _)| &*subsection.vmsd_name) {
            match pair {
                Pair::Both(one, other) => self.subsections(*one, *other),
                Pair::Old((one, _)) => self.subsection(one, FieldChange::Removed),
                Pair::New((other, _)) => self.subsection(other, FieldChange::Added),
            }
        }
    }

    /// Compares two subsections. The flags are set if other fields hide their fields.
    fn subsections(
        &mut self,
        (one, one_hidden): (&'a DecodedStruct, bool),
        (other, other_hidden): (&'a DecodedStruct, bool),
    ) {
        let (old_found, new_found) = (subsection(one), subsection(other));
        if one.version != other.version {
            self.step(&one.vmsd_name, |comparer| comparer.add(FieldChange::Value { old: old_found, new: new_found }));
        }
        if one_hidden || other_hidden {
            self.step(&one.vmsd_name, |comparer| comparer.inside(one, other));
        } else {
            self.inside(one, other);
        }
    }

    fn subsection(&mut self, inner: &'a DecodedStruct, change: impl FnOnce(Found<'a>) -> FieldChange<'a>) {
        self.step(&inner.vmsd_name, |comparer| comparer.add(change(subsection(inner))));
    }

    fn groups(&mut self, old: &Group<'a>, new: &Group<'a>) {
        match (old.single(), new.single()) {
            (Some(old), Some(new)) => self.items(old, new),
            _ => self.arrays(old.elements(), new.elements()),
        }
    }

    /// Adds all values of a group that exists on one side only.
    fn whole(&mut self, group: &Group<'a>, change: impl Fn(Found<'a>) -> FieldChange<'a>) {
        for (first, field) in &group.fields {
            let found = Item::from_field(field).found();
            if group.is_single {
                self.add(change(found));
            } else {
                let range = run(*first..first.saturating_add(field.value.count()));
                self.step(&range, |comparer| comparer.add(change(found)));
            }
        }
    }

    fn items(&mut self, old: Item<'a>, new: Item<'a>) {
        match (old.value, new.value) {
            (DecodedValue::Struct(one), DecodedValue::Struct(other)) => self.structs((old, one), (new, other)),
            (DecodedValue::List(one), DecodedValue::List(other)) => self.lists((old.place, one), (new.place, other)),
            (DecodedValue::Tree(one), DecodedValue::Tree(other)) => self.trees((old.place, one), (new.place, other)),
            (DecodedValue::Array(_) | DecodedValue::Scalars(_), _)
            | (_, DecodedValue::Array(_) | DecodedValue::Scalars(_)) => {
                self.arrays(Array::new([(0, old)]), Array::new([(0, new)]));
            }
            _ => match (old.sequence(), new.sequence()) {
                (Some(one), Some(other)) => self.elements(one, other),
                _ if old.value != new.value => self.add(FieldChange::Value { old: old.found(), new: new.found() }),
                _ => {}
            },
        }
    }

    fn elements(&mut self, old: ElementArray<'a>, new: ElementArray<'a>) {
        if let Some(elements) = ElementDifferences::compare(old, new) {
            self.add(FieldChange::Elements(elements));
        }
    }

    fn structs(&mut self, (old, one): (Item<'a>, &'a DecodedStruct), (new, other): (Item<'a>, &'a DecodedStruct)) {
        if (&one.vmsd_name, one.version) != (&other.vmsd_name, other.version) {
            self.add(FieldChange::Value { old: old.found(), new: new.found() });
        }
        self.inside(one, other);
    }

    fn arrays(&mut self, old: Array<'a>, new: Array<'a>) {
        self.elements(old.scalars, new.scalars);
        // A merge of two ascending lists: an index that only one list has is an added or removed element.
        let (mut old, mut new) = (old.others.into_iter().peekable(), new.others.into_iter().peekable());
        loop {
            let next = [old.peek(), new.peek()].into_iter().flatten().map(|(index, _)| *index).min();
            let Some(index) = next else { return };
            let pair = (old.next_if(|(first, _)| *first == index), new.next_if(|(first, _)| *first == index));
            self.step(&format!("[{index}]"), |comparer| match pair {
                (Some((_, old)), Some((_, new))) => comparer.items(old, new),
                (Some((_, old)), None) => comparer.add(FieldChange::Removed(old.found())),
                (None, Some((_, new))) => comparer.add(FieldChange::Added(new.found())),
                (None, None) => {}
            });
        }
    }

    fn lists(
        &mut self,
        (place, old): (Place<'a>, &'a [DecodedStruct]),
        (new_place, new): (Place<'a>, &'a [DecodedStruct]),
    ) {
        for index in 0..old.len().max(new.len()) {
            let sides = (old.get(index), new.get(index));
            self.step(&format!("[{index}]"), |comparer| comparer.nodes((place, sides.0), (new_place, sides.1)));
        }
    }

    fn trees(&mut self, (place, old): (Place<'a>, &'a DecodedTree), (new_place, new): (Place<'a>, &'a DecodedTree)) {
        let (old, new) = (nodes(old), nodes(new));
        for pair in pairs(&old, &new, |node| &node.key) {
            let (old, new) = pair.sides();
            let Some(index) = old.or(new).map(|node| node.index) else { continue };
            self.step(&format!("[{index}]"), |comparer| {
                let (old, new) = (old.map(|node| node.value), new.map(|node| node.value));
                comparer.step("value", |comparer| comparer.nodes((place, old), (new_place, new)));
            });
        }
    }

    /// Compares structs that are elements of lists or values of trees.
    fn nodes(&mut self, old: (Place<'a>, Option<&'a DecodedStruct>), new: (Place<'a>, Option<&'a DecodedStruct>)) {
        match (old, new) {
            ((_, Some(old)), (_, Some(new))) => self.inside(old, new),
            ((place, Some(old)), _) => self.add(FieldChange::Removed(place.structure(old))),
            (_, (place, Some(new))) => self.add(FieldChange::Added(place.structure(new))),
            _ => {}
        }
    }

    fn add(&mut self, change: FieldChange<'a>) {
        self.found.push(FieldDifference { path: self.path.as_str().to_owned(), change });
    }

    fn step(&mut self, step: &str, inside: impl FnOnce(&mut Self)) {
        let back = self.path.enter(step);
        inside(self);
        self.path.leave(back);
    }
}

fn run(range: Range<u64>) -> String {
    match range.end.saturating_sub(range.start) {
        1 => format!("[{}]", range.start),
        _ => format!("[{}..{}]", range.start, range.end),
    }
}

fn subsection(inner: &DecodedStruct) -> Found<'_> {
    Place { type_name: "subsection", offset: inner.offset }.structure(inner)
}

/// Groups the fields of a struct: the fields of one array form a group.
fn groups(inner: &DecodedStruct) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut end = 0;
    for (index, field) in inner.entries() {
        let first = index.unwrap_or(0);
        match groups.last_mut() {
            // An index that does not ascend begins another array of the same name.
            Some(group) if group.name == &*field.name && !group.is_single && first >= end => {
                group.fields.push((first, field));
            }
            _ => groups.push(Group { name: &field.name, is_single: index.is_none(), fields: vec![(first, field)] }),
        }
        end = first.saturating_add(field.value.count());
    }
    groups
}

impl<'a> Group<'a> {
    fn single(&self) -> Option<Item<'a>> {
        match self.fields.as_slice() {
            [(_, field)] if self.is_single => Some(Item::from_field(field)),
            _ => None,
        }
    }

    fn elements(&self) -> Array<'a> {
        Array::new(self.fields.iter().map(|(first, field)| (*first, Item::from_field(field))))
    }
}

/// An array, separated into elements of a fixed width and others.
struct Array<'a> {
    scalars: ElementArray<'a>,
    /// The other elements with their indices, in ascending order.
    others: Vec<(u64, Item<'a>)>,
}

impl<'a> Array<'a> {
    /// Creates an array from items and the indices of their first elements.
    fn new(items: impl IntoIterator<Item = (u64, Item<'a>)>) -> Self {
        let mut items = items.into_iter().peekable();
        let place = items.peek().map_or(Place { type_name: BYTES, offset: 0 }, |(_, item)| item.place);
        let mut array = Self { scalars: ElementArray::new(place.type_name, place.offset), others: Vec::new() };
        for (first, Item { mut place, value }) in items {
            match value {
                DecodedValue::Scalar(value) => array.scalars.push(first, Values::One(*value)),
                DecodedValue::Scalars(values) => array.scalars.push(first, Values::Scalars(values)),
                DecodedValue::Array(values) => {
                    for (index, value) in (first..).zip(values) {
                        array.others.push((index, Item { place, value }));
                        place = place.after(value.size());
                    }
                }
                _ => array.others.push((first, Item { place, value })),
            }
        }
        array
    }
}

impl<'a> Item<'a> {
    fn from_field(field: &'a DecodedField) -> Self {
        Self { place: Place { type_name: &field.type_name, offset: field.offset }, value: &field.value }
    }

    fn found(self) -> Found<'a> {
        self.place.value(self.value)
    }

    /// Returns the bytes or bits of the value, if it consists of them.
    fn sequence(self) -> Option<ElementArray<'a>> {
        let Place { type_name, offset } = self.place;
        let (offset, values) = match self.value {
            DecodedValue::Bytes(bytes) => (offset, Values::Bytes(Cow::Borrowed(bytes))),
            // The count precedes the bytes.
            DecodedValue::ByteArray(bytes) => (offset.saturating_add(4), Values::Bytes(Cow::Borrowed(bytes))),
            DecodedValue::Bitmap(words) => (offset, Values::Bits(words)),
            _ => return None,
        };
        Some(ElementArray::from_values(type_name, offset, values))
    }
}

/// A node of a tree.
struct Node<'a> {
    index: usize,
    /// The key's bytes.
    key: Vec<u8>,
    value: &'a DecodedStruct,
}

/// Returns the nodes of a tree. Their keys are encoded, because keys of two streams can have different fields.
fn nodes(tree: &DecodedTree) -> Vec<Node<'_>> {
    let encoded = |key: &DecodedStruct| {
        let mut out = Writer::new();
        key.encode(&mut out);
        out.take()
    };
    let number = |key: u64| Scalar::new(super::super::ScalarKind::Uint64, key).with_bytes(<[u8]>::to_vec);
    let node = |(index, (key, value))| Node { index, key, value };
    match tree {
        DecodedTree::Direct(nodes) => {
            nodes.iter().map(|(key, value)| (number(*key), value)).enumerate().map(node).collect()
        }
        DecodedTree::Keyed(nodes) => {
            nodes.iter().map(|(key, value)| (encoded(key), value)).enumerate().map(node).collect()
        }
    }
}
