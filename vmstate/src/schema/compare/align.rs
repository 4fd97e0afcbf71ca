//! Walking along the fields of what is written and of what reads it, side by side.
//!
//! The wire has no names, so what counts is which bytes stand where. Names are the anchors by which the walk finds its
//! way again behind a difference, so that one field too many is one finding and not one for each field behind it.

use std::collections::{HashMap, VecDeque};

use super::field::{Side, contains, extra, inline, is_same, is_unused, may_be_absent, missing, pair};
use super::finder::Finder;
use super::rule::Rule;
use super::{leaf, subsection};
use crate::schema::shape::{Field, Shape};

/// Compares the fields and subsections of two structs.
pub(super) fn structs(finder: &mut Finder<'_>, written: Side<'_>, read: Side<'_>) {
    Walk { written: Queue::new(written), read: Queue::new(read) }.run(finder);
}

/// The two sides, as far as they have not been compared.
struct Walk<'s> {
    written: Queue<'s>,
    read: Queue<'s>,
}

/// One thing that stands in a struct.
#[derive(Clone, Copy)]
enum Item<'s> {
    Field(&'s Field),
    /// The place where subsections of this struct stand.
    Subsections(&'s Shape),
}

impl<'s> Walk<'s> {
    fn run(mut self, finder: &mut Finder<'_>) {
        while !finder.is_full() {
            match (self.written.front(), self.read.front()) {
                (None, None) => break,
                (Some(Item::Subsections(written)), Some(Item::Subsections(read))) => {
                    self.pop_both();
                    subsection::compare(finder, Some(written), Some(read));
                }
                (Some(Item::Subsections(written)), _) => {
                    self.written.pop();
                    subsection::compare(finder, Some(written), None);
                }
                (_, Some(Item::Subsections(read))) => {
                    self.read.pop();
                    subsection::compare(finder, None, Some(read));
                }
                (Some(Item::Field(written)), None) => {
                    self.written.pop();
                    extra(finder, written);
                }
                (None, Some(Item::Field(read))) => {
                    self.read.pop();
                    missing(finder, read);
                }
                (Some(Item::Field(written)), Some(Item::Field(read))) => self.fields(finder, written, read),
            }
        }
    }

    /// Compares the two fields in front, or decides which of them stands alone.
    fn fields(&mut self, finder: &mut Finder<'_>, written: &'s Field, read: &'s Field) {
        if !is_unused(written) && !is_unused(read) && self.written.key() == self.read.key() {
            return self.same_name(finder, written, read);
        }
        let written_is_known = !is_unused(written) && self.read.has(&self.written.key());
        let read_is_known = !is_unused(read) && self.written.has(&self.read.key());
        match (written_is_known, read_is_known) {
            (false, false) => self.strangers(finder, written, read),
            (true, false) if self.unfold_for(read) => {}
            (true, false) => {
                self.read.pop();
                missing(finder, read);
            }
            (false, true) if self.unfold_for(written) => {}
            (false, true) => {
                self.written.pop();
                extra(finder, written);
            }
            (true, true) => self.reordered(finder, written),
        }
    }

    fn same_name(&mut self, finder: &mut Finder<'_>, written: &'s Field, read: &'s Field) {
        match (inline(written), inline(read)) {
            // A wrapper may have the name of what is in it.
            (Some(_), None) if contains(written, &read.name) => self.written.unfold(),
            (None, Some(_)) if contains(read, &written.name) => self.read.unfold(),
            _ => {
                self.pop_both();
                pair(finder, written, read);
            }
        }
    }

    /// Compares two fields of which neither is known to the other side.
    fn strangers(&mut self, finder: &mut Finder<'_>, written: &'s Field, read: &'s Field) {
        if finder.is_sent() && may_be_absent(read) {
            self.read.pop();
        } else if is_before_padding(&self.written, &self.read) {
            self.read.pop();
            missing(finder, read);
        } else if is_before_padding(&self.read, &self.written) {
            self.written.pop();
            extra(finder, written);
        } else if self.regroup(finder) {
            // They take the same bytes.
        } else if is_same(written, read) {
            self.pop_both();
            finder.at(&written.name).report(Rule::Renamed, &written.name, &read.name);
            pair(finder, written, read);
        } else if inline(written).is_some() {
            self.written.unfold();
        } else if inline(read).is_some() {
            self.read.unfold();
        } else if read.conditional && !written.conditional {
            self.read.pop();
            missing(finder, read);
        } else if written.conditional {
            self.written.pop();
            extra(finder, written);
        } else {
            self.pop_both();
            extra(finder, written);
            missing(finder, read);
        }
    }

    /// Looks into a struct in front on the side that does not know `stranger`, if what is sought stands in it.
    fn unfold_for(&mut self, stranger: &Field) -> bool {
        let (Some(Item::Field(written)), Some(Item::Field(read))) = (self.written.front(), self.read.front()) else {
            return false;
        };
        if std::ptr::eq(stranger, read) && inline(read).is_some() && contains(read, &written.name) {
            self.read.unfold();
        } else if std::ptr::eq(stranger, written) && inline(written).is_some() && contains(written, &read.name) {
            self.written.unfold();
        } else {
            return false;
        }
        true
    }

    /// What is written here is read later.
    fn reordered(&mut self, finder: &mut Finder<'_>, written: &'s Field) {
        let key = self.written.key();
        let before = self.read.key();
        self.written.pop();
        finder.at(&written.name).report(Rule::Order, format!("before `{before}`"), format!("behind `{before}`"));
        if let Some(read) = self.read.remove(&key) {
            pair(finder, written, read);
        }
    }

    /// Whether the next fields of both sides take the same bytes: unused ones on one side, or of one type.
    ///
    /// Fields are taken from the side that has fewer bytes until both have the same.
    fn regroup(&mut self, finder: &mut Finder<'_>) -> bool {
        let (mut written, mut read) = (Bytes::default(), Bytes::default());
        loop {
            let took = match written.sum <= read.sum {
                true => written.take(&self.written, &self.read),
                false => read.take(&self.read, &self.written),
            };
            if !took {
                return false;
            }
            if written.sum == read.sum && read.count > 0 {
                break;
            }
        }
        if written.count == 1 && read.count == 1 && !(written.unused || read.unused) {
            return false;
        }
        let rule = match (written.unused || read.unused, written.alike(&read)) {
            (true, _) => Rule::Unused,
            (false, true) => Rule::Regrouped,
            (false, false) => return false,
        };
        let names = (self.written.take(written.count), self.read.take(read.count));
        let is_boring = written.unused && read.unused;
        if !is_boring {
            finder.report(rule, names.0, names.1);
        }
        true
    }

    fn pop_both(&mut self) {
        self.written.pop();
        self.read.pop();
    }
}

/// Whether `one` begins with padding and `other` with a field before the same padding, behind which both go on alike.
fn is_before_padding(one: &Queue<'_>, other: &Queue<'_>) -> bool {
    let same = |at: usize| one.items.get(at).map(|(key, _)| key) == other.items.get(at + 1).map(|(key, _)| key);
    match (one.front(), other.front(), other.items.get(1)) {
        (Some(Item::Field(first)), Some(Item::Field(field)), Some((_, Item::Field(second)))) => {
            let padding = [first, *second].into_iter().all(is_unused) && leaf::bytes(first) == leaf::bytes(second);
            padding && !is_unused(field) && same(1)
        }
        _ => false,
    }
}

/// How many bytes some fields in a row take.
#[derive(Default)]
struct Bytes<'s> {
    count: usize,
    sum: u64,
    /// The type of all so far; `None` behind two that differ.
    kind: Option<&'s str>,
    unused: bool,
}

impl<'s> Bytes<'s> {
    /// Adds the next field of `from`, unless it may be absent, or the other side has it by name.
    fn take(&mut self, from: &Queue<'s>, other: &Queue<'s>) -> bool {
        let Some(&(ref key, Item::Field(field))) = from.items.get(self.count) else { return false };
        let Some(size) = leaf::bytes(field) else { return false };
        let unused = is_unused(field);
        if size == 0 || field.conditional || (!unused && other.has(key)) {
            return false;
        }
        let Some(sum) = self.sum.checked_add(size) else { return false };
        let kind = leaf::type_name(field).filter(|name| self.count == 0 || self.kind == Some(*name));
        let unused = unused && (self.count == 0 || self.unused);
        *self = Self { count: self.count + 1, sum, kind, unused };
        true
    }

    fn alike(&self, other: &Self) -> bool {
        self.kind.is_some() && self.kind == other.kind
    }
}

/// What remains of one side.
struct Queue<'s> {
    items: VecDeque<(String, Item<'s>)>,
    /// How often each name still comes.
    names: HashMap<String, usize>,
}

impl<'s> Queue<'s> {
    fn new(side: Side<'s>) -> Self {
        let mut queue = Self { items: VecDeque::new(), names: HashMap::new() };
        queue.push_front(side);
        queue
    }

    /// Puts what stands in a struct before the rest.
    fn push_front(&mut self, side: Side<'s>) {
        if !side.shape.subsections.is_empty() {
            self.items.push_front((String::new(), Item::Subsections(side.shape)));
        }
        let keys = keys(side.shape);
        for (field, key) in side.shape.fields.iter().zip(keys).rev() {
            if field.can_exist_at(side.version) {
                *self.names.entry(key.clone()).or_default() += 1;
                self.items.push_front((key, Item::Field(field)));
            }
        }
    }

    fn front(&self) -> Option<Item<'s>> {
        self.items.front().map(|(_, item)| *item)
    }

    fn key(&self) -> String {
        self.items.front().map(|(key, _)| key.clone()).unwrap_or_default()
    }

    fn has(&self, key: &str) -> bool {
        self.names.contains_key(key)
    }

    /// Drops what is in front.
    fn pop(&mut self) {
        if let Some((key, Item::Field(_))) = self.items.pop_front() {
            self.forget(&key);
        }
    }

    fn forget(&mut self, key: &str) {
        if let Some(count) = self.names.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.names.remove(key);
            }
        }
    }

    /// Takes the field with this name out of the rest.
    fn remove(&mut self, key: &str) -> Option<&'s Field> {
        let index = self.items.iter().position(|(other, item)| other == key && matches!(item, Item::Field(..)))?;
        let (key, item) = self.items.remove(index)?;
        self.forget(&key);
        match item {
            Item::Field(field) => Some(field),
            Item::Subsections(_) => None,
        }
    }

    /// Replaces the struct in front by what is in it.
    fn unfold(&mut self) {
        if let Some(Item::Field(field)) = self.front()
            && let Some(side) = inline(field)
        {
            self.pop();
            self.push_front(side);
        }
    }

    /// Drops so many fields, and returns their names.
    fn take(&mut self, count: usize) -> String {
        let mut names = Vec::new();
        for _ in 0..count {
            names.extend(self.items.front().and_then(|(_, item)| match item {
                Item::Field(field) => Some(leaf::named(field)),
                Item::Subsections(_) => None,
            }));
            self.pop();
        }
        names.join(", ")
    }
}

/// The names of a struct's fields as a stream has them: those that occur more than once are numbered.
fn keys(shape: &Shape) -> Vec<String> {
    let mut totals: HashMap<&str, usize> = HashMap::new();
    shape.fields.iter().for_each(|field| *totals.entry(&field.name).or_default() += 1);
    let mut seen: HashMap<&str, usize> = HashMap::new();
    let fields = shape.fields.iter();
    fields
        .map(|field| {
            let number = seen.entry(&field.name).or_default();
            *number += 1;
            match totals.get(field.name.as_str()) {
                Some(2..) => format!("{}[{}]", field.name, *number - 1),
                _ => field.name.clone(),
            }
        })
        .collect()
}
