//! Recognizes fields that take the same bytes as a different number of other fields, above all padding.

use super::finder::Finder;
use super::leaf::{self, is_unused};
use super::queue::{Item, Queue};
use super::rule::Rule;
use crate::schema::shape::ShapeCount;

/// Returns whether the next fields of both sides take the same bytes: one side has unused bytes, or all fields have one
/// type. Such fields are removed from both queues.
///
/// Fields are added on the side with fewer bytes until both sides have the same number of bytes.
pub(super) fn regroup(finder: &mut Finder<'_>, from: &mut Queue<'_>, to: &mut Queue<'_>) -> bool {
    let (mut written, mut read) = (Bytes::default(), Bytes::default());
    loop {
        let was_extended = if written.sum <= read.sum {
            written.take(from, to) || written.stretch(read.sum)
        } else {
            read.take(to, from) || read.stretch(written.sum)
        };
        if !was_extended {
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
    let padding_only = written.unused && read.unused;
    // The finding has the name of a field, not of the unused bytes.
    let first = if written.unused { to.front() } else { from.front() };
    let sum = written.sum;
    let (written, read) = (from.take(written.count), to.take(read.count));
    if let (Some(Item::Field(first)), false) = (first, padding_only) {
        let text = |names: &[&str]| format!("{} ({})", names.join(", "), leaf::plural(sum));
        finder.at(&first.name).report(rule, text(&written), text(&read));
    }
    true
}

/// Returns whether `one` begins with padding, and `other` with a field before the same padding, and both continue
/// alike.
pub(super) fn is_before_padding(one: &Queue<'_>, other: &Queue<'_>) -> bool {
    let same = |at: usize| one.items.get(at).map(|(key, _)| key) == other.items.get(at + 1).map(|(key, _)| key);
    match (one.front(), other.front(), other.items.get(1)) {
        (Some(Item::Field(first)), Some(Item::Field(field)), Some((_, Item::Field(second)))) => {
            let padding = [first, *second].into_iter().all(is_unused) && leaf::bytes(first) == leaf::bytes(second);
            padding && !is_unused(field) && same(1)
        }
        _ => false,
    }
}

/// The bytes of several consecutive fields.
#[derive(Default)]
struct Bytes<'s> {
    count: usize,
    sum: u64,
    /// The type of all fields so far; `None` if two differ.
    kind: Option<&'s str>,
    unused: bool,
    /// The size of an element of the last field, if the number of elements is unknown.
    elastic: Option<u64>,
}

impl<'s> Bytes<'s> {
    /// Adds the next field of `from`, unless it may be absent or a field with its name exists in `other`.
    fn take(&mut self, from: &Queue<'s>, other: &Queue<'s>) -> bool {
        let Some(&(ref key, Item::Field(field))) = from.items.get(self.count) else { return false };
        let elastic = (field.count == ShapeCount::Unknown).then(|| leaf::element_bytes(field)).flatten();
        let Some(size) = leaf::bytes(field).or(elastic) else { return false };
        let unused = is_unused(field);
        // The first fields of both sides may have one name: when a field is split, the first part often keeps its name.
        let is_known = !unused && self.count > 0 && other.has(key);
        if size == 0 || field.conditional || is_known {
            return false;
        }
        let Some(sum) = self.sum.checked_add(size) else { return false };
        let kind = leaf::run_type(field).filter(|name| self.count == 0 || self.kind == Some(*name));
        let unused = unused && (self.count == 0 || self.unused);
        *self = Self { count: self.count + 1, sum, kind, unused, elastic };
        true
    }

    /// Assumes that the last field has enough elements for a sum of `goal`, if its number of elements is unknown.
    fn stretch(&mut self, goal: u64) -> bool {
        let fits = |element: u64| goal > self.sum && (goal - self.sum).is_multiple_of(element);
        let stretches = self.elastic.is_some_and(fits);
        if stretches {
            self.sum = goal;
        }
        stretches
    }

    fn alike(&self, other: &Self) -> bool {
        self.kind.is_some() && self.kind == other.kind
    }
}
