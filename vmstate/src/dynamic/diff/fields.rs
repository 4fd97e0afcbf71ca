//! Comparing decoded values.

use std::borrow::Cow;
use std::ops::Range;

use super::super::path::{Place, Way};
use super::super::{Body, Field, Found, Rest, Scalar, Section, Struct, Tree, Value};
use super::elements::{Elements, Sequence, Values};
use super::pair::{Pair, pairs};
use super::{Change, FieldDifference};
use crate::Writer;

/// Lists what differs inside of two sections.
///
/// Where only one of them has fields, or the fields end at different places because descriptions are not exact, the bytes
/// of the whole payloads are compared.
#[must_use]
pub fn compare_sections<'a>(old: &'a Section, new: &'a Section) -> Vec<FieldDifference<'a>> {
    let mut comparer = Comparer::default();
    match (&old.body, &new.body) {
        (Body::Described(one), Body::Described(other)) => comparer.section(old, one, new, other),
        (Body::Partly(one, rest), Body::Partly(other, other_rest)) if have_same_fields(rest, other_rest) => {
            comparer.section(old, one, new, other);
            comparer.bytes(opaque(old), opaque(new));
        }
        (Body::OldStyle(_) | Body::Undescribed(_), Body::OldStyle(_) | Body::Undescribed(_)) => {
            comparer.bytes(opaque(old), opaque(new));
        }
        _ => comparer.bytes(payload(old), payload(new)),
    }
    comparer.found
}

/// Whether what could not be decoded is the same.
fn have_same_fields(old: &Rest, new: &Rest) -> bool {
    let fields = old.fields.iter().map(|field| &field.name).eq(new.fields.iter().map(|field| &field.name));
    fields && old.subsections.iter().map(|one| &one.vmsd_name).eq(new.subsections.iter().map(|one| &one.vmsd_name))
}

/// What bytes that are no field are called, for want of an info type.
const BYTES: &str = "bytes";

fn opaque(section: &Section) -> Sequence<'_> {
    let (offset, bytes) = section.opaque().unwrap_or((section.offset, &[]));
    Sequence::of(BYTES, offset, Values::Bytes(Cow::Borrowed(bytes)))
}

fn payload(section: &Section) -> Sequence<'_> {
    let mut out = Writer::new();
    section.encode(&mut out);
    Sequence::of(BYTES, section.offset, Values::Bytes(Cow::Owned(out.take())))
}

#[derive(Default)]
struct Comparer<'a> {
    way: Way,
    found: Vec<FieldDifference<'a>>,
}

/// A value and where it was read.
#[derive(Clone, Copy)]
struct Item<'a> {
    place: Place<'a>,
    value: &'a Value,
}

/// Neighbouring fields of one name: a single value, or an array.
struct Group<'a> {
    name: &'a str,
    /// Whether it stands for a value that belongs to no array.
    is_single: bool,
    /// Each with the index of its (first) element.
    fields: Vec<(u64, &'a Field)>,
}

impl<'a> Comparer<'a> {
    fn section(&mut self, old: &'a Section, one: &'a Struct, new: &'a Section, other: &'a Struct) {
        // The versions are those of the section's headers.
        if one.vmsd_name != other.vmsd_name {
            let place = |section: &Section| Place { type_name: "struct", offset: section.offset };
            let (old, new) = (place(old).structure(one), place(new).structure(other));
            self.add(Change::Value { old, new });
        }
        self.inside(one, other);
    }

    fn bytes(&mut self, old: Sequence<'a>, new: Sequence<'a>) {
        self.found.extend(
            Elements::compare(old, new)
                .map(|elements| FieldDifference { path: String::new(), change: Change::Elements(elements) }),
        );
    }

    /// Compares the fields and subsections of two structs.
    fn inside(&mut self, old: &'a Struct, new: &'a Struct) {
        let (old_groups, new_groups) = (groups(old), groups(new));
        for pair in pairs(&old_groups, &new_groups, |group| group.name) {
            match pair {
                Pair::Both(old, new) => self.step(old.name, |comparer| comparer.groups(old, new)),
                Pair::Old(group) => self.step(group.name, |comparer| comparer.whole(group, Change::Removed)),
                Pair::New(group) => self.step(group.name, |comparer| comparer.whole(group, Change::Added)),
            }
        }
        let (old, new) = (old.subsections(), new.subsections());
        for pair in pairs(&old, &new, |(subsection, _)| &*subsection.vmsd_name) {
            match pair {
                Pair::Both(one, other) => self.subsections(*one, *other),
                Pair::Old((one, _)) => self.subsection(one, Change::Removed),
                Pair::New((other, _)) => self.subsection(other, Change::Added),
            }
        }
    }

    /// Compares two subsections, each with whether others hide it.
    fn subsections(&mut self, (one, one_hidden): (&'a Struct, bool), (other, other_hidden): (&'a Struct, bool)) {
        let (old_found, new_found) = (subsection(one), subsection(other));
        if one.version != other.version {
            self.step(&one.vmsd_name, |comparer| comparer.add(Change::Value { old: old_found, new: new_found }));
        }
        match one_hidden || other_hidden {
            true => self.step(&one.vmsd_name, |comparer| comparer.inside(one, other)),
            false => self.inside(one, other),
        }
    }

    fn subsection(&mut self, inner: &'a Struct, change: impl FnOnce(Found<'a>) -> Change<'a>) {
        self.step(&inner.vmsd_name, |comparer| comparer.add(change(subsection(inner))));
    }

    fn groups(&mut self, old: &Group<'a>, new: &Group<'a>) {
        match (old.single(), new.single()) {
            (Some(old), Some(new)) => self.items(old, new),
            _ => self.arrays(old.elements(), new.elements()),
        }
    }

    /// Adds all of what only one side has.
    fn whole(&mut self, group: &Group<'a>, change: impl Fn(Found<'a>) -> Change<'a>) {
        for (first, field) in &group.fields {
            let found = Item::of(field).found();
            match group.is_single {
                true => self.add(change(found)),
                false => {
                    let range = run(*first..first.saturating_add(field.value.count()));
                    self.step(&range, |comparer| comparer.add(change(found)));
                }
            }
        }
    }

    fn items(&mut self, old: Item<'a>, new: Item<'a>) {
        match (old.value, new.value) {
            (Value::Struct(one), Value::Struct(other)) => self.structs((old, one), (new, other)),
            (Value::List(one), Value::List(other)) => self.lists((old.place, one), (new.place, other)),
            (Value::Tree(one), Value::Tree(other)) => self.trees((old.place, one), (new.place, other)),
            (Value::Array(_) | Value::Scalars(_), _) | (_, Value::Array(_) | Value::Scalars(_)) => {
                self.arrays(Array::of([(0, old)]), Array::of([(0, new)]));
            }
            _ => match (old.sequence(), new.sequence()) {
                (Some(one), Some(other)) => self.elements(one, other),
                _ if old.value != new.value => self.add(Change::Value { old: old.found(), new: new.found() }),
                _ => {}
            },
        }
    }

    fn elements(&mut self, old: Sequence<'a>, new: Sequence<'a>) {
        if let Some(elements) = Elements::compare(old, new) {
            self.add(Change::Elements(elements));
        }
    }

    fn structs(&mut self, (old, one): (Item<'a>, &'a Struct), (new, other): (Item<'a>, &'a Struct)) {
        if (&one.vmsd_name, one.version) != (&other.vmsd_name, other.version) {
            self.add(Change::Value { old: old.found(), new: new.found() });
        }
        self.inside(one, other);
    }

    fn arrays(&mut self, old: Array<'a>, new: Array<'a>) {
        self.elements(old.scalars, new.scalars);
        let (mut old, mut new) = (old.others.into_iter().peekable(), new.others.into_iter().peekable());
        loop {
            let next = [old.peek(), new.peek()].into_iter().flatten().map(|(index, _)| *index).min();
            let Some(index) = next else { return };
            let pair = (old.next_if(|(first, _)| *first == index), new.next_if(|(first, _)| *first == index));
            self.step(&format!("[{index}]"), |comparer| match pair {
                (Some((_, old)), Some((_, new))) => comparer.items(old, new),
                (Some((_, old)), None) => comparer.add(Change::Removed(old.found())),
                (None, Some((_, new))) => comparer.add(Change::Added(new.found())),
                (None, None) => {}
            });
        }
    }

    fn lists(&mut self, (place, old): (Place<'a>, &'a [Struct]), (new_place, new): (Place<'a>, &'a [Struct])) {
        for index in 0..old.len().max(new.len()) {
            let sides = (old.get(index), new.get(index));
            self.step(&format!("[{index}]"), |comparer| comparer.nodes((place, sides.0), (new_place, sides.1)));
        }
    }

    fn trees(&mut self, (place, old): (Place<'a>, &'a Tree), (new_place, new): (Place<'a>, &'a Tree)) {
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
    fn nodes(&mut self, old: (Place<'a>, Option<&'a Struct>), new: (Place<'a>, Option<&'a Struct>)) {
        match (old, new) {
            ((_, Some(old)), (_, Some(new))) => self.inside(old, new),
            ((place, Some(old)), _) => self.add(Change::Removed(place.structure(old))),
            (_, (place, Some(new))) => self.add(Change::Added(place.structure(new))),
            _ => {}
        }
    }

    fn add(&mut self, change: Change<'a>) {
        self.found.push(FieldDifference { path: self.way.path().to_owned(), change });
    }

    fn step(&mut self, step: &str, inside: impl FnOnce(&mut Self)) {
        let back = self.way.enter(step);
        inside(self);
        self.way.leave(back);
    }
}

fn run(range: Range<u64>) -> String {
    match range.end.saturating_sub(range.start) {
        1 => format!("[{}]", range.start),
        _ => format!("[{}..{}]", range.start, range.end),
    }
}

fn subsection(inner: &Struct) -> Found<'_> {
    Place { type_name: "subsection", offset: inner.offset }.structure(inner)
}

/// The fields of a struct, those of one array together.
fn groups(inner: &Struct) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut end = 0;
    for (index, field) in inner.entries() {
        let first = index.unwrap_or(0);
        match groups.last_mut() {
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
            [(_, field)] if self.is_single => Some(Item::of(field)),
            _ => None,
        }
    }

    fn elements(&self) -> Array<'a> {
        Array::of(self.fields.iter().map(|(first, field)| (*first, Item::of(field))))
    }
}

/// An array: elements of a fixed width, and all others.
struct Array<'a> {
    scalars: Sequence<'a>,
    /// With their indices, which ascend.
    others: Vec<(u64, Item<'a>)>,
}

impl<'a> Array<'a> {
    /// Each item with the index of its (first) element.
    fn of(items: impl IntoIterator<Item = (u64, Item<'a>)>) -> Self {
        let mut items = items.into_iter().peekable();
        let place = items.peek().map_or(Place { type_name: BYTES, offset: 0 }, |(_, item)| item.place);
        let mut array = Self { scalars: Sequence::new(place.type_name, place.offset), others: Vec::new() };
        for (first, Item { mut place, value }) in items {
            match value {
                Value::Scalar(value) => array.scalars.push(first, Values::One(*value)),
                Value::Scalars(values) => array.scalars.push(first, Values::Scalars(values)),
                Value::Array(values) => {
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
    fn of(field: &'a Field) -> Self {
        Self { place: Place { type_name: &field.type_name, offset: field.offset }, value: &field.value }
    }

    fn found(self) -> Found<'a> {
        self.place.value(self.value)
    }

    /// The value's parts, if it consists of bytes or bits.
    fn sequence(self) -> Option<Sequence<'a>> {
        let Place { type_name, offset } = self.place;
        let (offset, values) = match self.value {
            Value::Bytes(bytes) => (offset, Values::Bytes(Cow::Borrowed(bytes))),
            // Their number stands before them.
            Value::ByteArray(bytes) => (offset.saturating_add(4), Values::Bytes(Cow::Borrowed(bytes))),
            Value::Bitmap(words) => (offset, Values::Bits(words)),
            _ => return None,
        };
        Some(Sequence::of(type_name, offset, values))
    }
}

/// A node of a tree.
struct Node<'a> {
    index: usize,
    /// The key's bytes.
    key: Vec<u8>,
    value: &'a Struct,
}

fn nodes(tree: &Tree) -> Vec<Node<'_>> {
    let encoded = |key: &Struct| {
        let mut out = Writer::new();
        key.encode(&mut out);
        out.take()
    };
    let number = |key: u64| Scalar::new(super::super::Kind::Uint64, key).with_bytes(<[u8]>::to_vec);
    let node = |(index, (key, value))| Node { index, key, value };
    match tree {
        Tree::Direct(nodes) => nodes.iter().map(|(key, value)| (number(*key), value)).enumerate().map(node).collect(),
        Tree::Keyed(nodes) => nodes.iter().map(|(key, value)| (encoded(key), value)).enumerate().map(node).collect(),
    }
}
