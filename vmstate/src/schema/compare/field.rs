//! Comparing two fields that stand in the same place.

use vmstate_types::description::Pointers;

use super::finder::Finder;
use super::rule::Rule;
use super::{align, leaf};
use crate::schema::shape::{Count, CountSource, Elements, Field, Kind, Shape};

/// A struct as it is written, or read, at a version.
#[derive(Clone, Copy)]
pub(super) struct Side<'s> {
    pub(super) shape: &'s Shape,
    pub(super) version: u32,
}

impl<'s> Side<'s> {
    /// A struct at its own version.
    pub(super) fn own(shape: &'s Shape) -> Self {
        Self { shape, version: shape.version }
    }
}

/// Compares the field that is written with the one that reads it.
pub(super) fn pair(finder: &mut Finder<'_>, written: &Field, read: &Field) {
    let mut finder = finder.at_both(written, read);
    if written.conditional != read.conditional && !finder.is_sent() {
        finder.report(Rule::Condition, presence(written), presence(read));
    }
    if written.pointers != read.pointers && !(finder.is_sent() && written.pointers == Pointers::None) {
        compare_pointers(&mut finder, written.pointers, read.pointers);
    }
    if is_list(written) == is_list(read) {
        compare_counts(&mut finder, written, read);
    }
    compare_lengths(&mut finder, written.length.as_ref(), read.length.as_ref());
    compare_kinds(&mut finder, written, read);
}

/// A field that is written and that nobody reads.
pub(super) fn extra(finder: &mut Finder<'_>, written: &Field) {
    if leaf::bytes(written) == Some(0) {
        return;
    }
    let rule = if written.conditional { Rule::ConditionalExtra } else { Rule::Extra };
    finder.at(&written.name).report(rule, leaf::text(written), "nothing");
}

/// A field that is read and that nobody writes.
pub(super) fn missing(finder: &mut Finder<'_>, read: &Field) {
    if (finder.is_sent() && may_be_absent(read)) || leaf::bytes(read) == Some(0) {
        return;
    }
    let rule = if read.conditional { Rule::ConditionalMissing } else { Rule::Missing };
    finder.at(&read.name).report(rule, "nothing", leaf::text(read));
}

/// Whether a stream can lack the field: a predicate may leave it out, or it has no elements.
pub(super) fn may_be_absent(field: &Field) -> bool {
    field.conditional || matches!(field.count, Count::Counted(_) | Count::Unknown | Count::Fixed(0))
}

/// Whether the field is padding, which has no name of its own.
pub(super) fn is_unused(field: &Field) -> bool {
    match &field.kind {
        Kind::Info(name) => name == "unused_buffer",
        Kind::Unknown => field.name == "unused",
        _ => false,
    }
}

/// The struct whose fields stand in the place of this one, without anything around them.
pub(super) fn inline(field: &Field) -> Option<Side<'_>> {
    // Where nobody knows the number it mostly is one: dumps of QEMU 7.2 say none.
    let is_one = matches!(field.count, Count::One | Count::Fixed(1) | Count::Unknown);
    let is_plain = is_one && field.pointers == Pointers::None;
    if !is_plain || field.conditional {
        return None;
    }
    match &field.kind {
        Kind::Struct(elements) | Kind::Temporary(elements) => elements.shapes().first().map(Side::own),
        Kind::Versioned(elements, version) => elements.shapes().first().map(|shape| Side { shape, version: *version }),
        _ => None,
    }
}

/// Whether a struct that stands in the field has a field of this name, at any depth.
pub(super) fn contains(field: &Field, name: &str) -> bool {
    inline(field).is_some_and(|side| {
        side.shape
            .fields
            .iter()
            .any(|inner| inner.can_exist_at(side.version) && (inner.name == name || contains(inner, name)))
    })
}

/// Whether two fields are the same on the wire, as far as can be said without looking into structs.
pub(super) fn is_same(written: &Field, read: &Field) -> bool {
    if written.conditional != read.conditional || written.pointers != read.pointers {
        return false;
    }
    if !counts_agree(&written.count, &read.count) {
        return false;
    }
    match (&written.kind, &read.kind) {
        (Kind::Unknown | Kind::Info(_), Kind::Unknown | Kind::Info(_)) => leaf::is_same(written, read),
        (Kind::Struct(_) | Kind::Versioned(..), Kind::Struct(_) | Kind::Versioned(..))
        | (Kind::Temporary(_), Kind::Temporary(_))
        | (Kind::Tree { .. }, Kind::Tree { .. }) => true,
        (Kind::List(written, _), Kind::List(read, _)) => written == read,
        _ => false,
    }
}

/// Whether the number of elements is on the wire, one by one.
fn is_list(field: &Field) -> bool {
    matches!(field.kind, Kind::List(..) | Kind::Tree { .. })
}

fn presence(field: &Field) -> &'static str {
    if field.conditional { "if a predicate says so" } else { "always" }
}

fn compare_pointers(finder: &mut Finder<'_>, written: Pointers, read: Pointers) {
    let text = |pointers| match pointers {
        Pointers::Nullable => "pointers, those that are null as a marker",
        Pointers::Marked => "pointers, each behind a marker",
        _ => "no pointers",
    };
    // What was sent looks the same for both kinds of pointers.
    if finder.is_sent() && read != Pointers::None {
        return;
    }
    finder.report(Rule::Pointers, text(written), text(read));
}

fn compare_counts(finder: &mut Finder<'_>, written: &Field, read: &Field) {
    match (&written.count, &read.count) {
        (Count::Counted(written), Count::Counted(read)) => compare_sources(finder, written, read),
        (Count::Fixed(count), Count::Counted(by)) if finder.is_sent() => compare_limit(finder, *count, by),
        (Count::One, Count::Counted(_)) if finder.is_sent() => {}
        (Count::Counted(_), Count::One | Count::Fixed(_)) | (Count::One | Count::Fixed(_), Count::Counted(_)) => {
            finder.report(Rule::CountSource, leaf::count_text(&written.count), leaf::count_text(&read.count));
        }
        // Dumps do not say what is counted: it looks like one element.
        (Count::One, Count::Fixed(count)) | (Count::Fixed(count), Count::One) if finder.guesses() && *count != 1 => {
            finder.report(Rule::CountSource, leaf::count_text(&written.count), leaf::count_text(&read.count));
        }
        // Arrays of bytes are compared by all their bytes.
        (one, other)
            if !counts_agree(one, other) && leaf::bytes(written).is_none_or(|size| leaf::bytes(read) != Some(size)) =>
        {
            let rule = if finder.reads_sent() { Rule::SentCount } else { Rule::Count };
            finder.report(rule, leaf::count_text(one), leaf::count_text(other));
        }
        _ => {}
    }
}

fn counts_agree(written: &Count, read: &Count) -> bool {
    match (written, read) {
        (Count::One, Count::Fixed(1)) | (Count::Fixed(1), Count::One) => true,
        (Count::Unknown, _) | (_, Count::Unknown) => true,
        (Count::Counted(_), Count::Counted(_)) => true,
        _ => written == read,
    }
}

fn compare_limit(finder: &mut Finder<'_>, count: u64, by: &CountSource) {
    if by.max.is_some_and(|max| count > max) {
        finder.report(Rule::Count, format!("{count} elements"), leaf::source_text(by));
    }
}

/// Compares where a number of elements or bytes comes from.
fn compare_sources(finder: &mut Finder<'_>, written: &CountSource, read: &CountSource) {
    if written.multiply != read.multiply {
        finder.report(Rule::Count, leaf::source_text(written), leaf::source_text(read));
    } else if written.field != read.field {
        finder.report(Rule::CountSource, leaf::source_text(written), leaf::source_text(read));
    }
    if read.max.is_some_and(|max| written.max.is_none_or(|before| before > max)) {
        finder.report(Rule::Limit, leaf::source_text(written), leaf::source_text(read));
    }
}

fn compare_lengths(finder: &mut Finder<'_>, written: Option<&CountSource>, read: Option<&CountSource>) {
    match (written, read) {
        (Some(written), Some(read)) => compare_sources(finder, written, read),
        (None, Some(_)) if finder.is_sent() => {}
        (None, None) => {}
        (written, read) => {
            let text = |source: Option<&CountSource>| source.map_or("a fixed length".to_owned(), leaf::source_text);
            finder.report(Rule::CountSource, text(written), text(read));
        }
    }
}

fn compare_kinds(finder: &mut Finder<'_>, written: &Field, read: &Field) {
    match (&written.kind, &read.kind) {
        (Kind::Unknown | Kind::Info(_), Kind::Unknown | Kind::Info(_)) => leaf::compare(finder, written, read),
        (Kind::Struct(one), Kind::Struct(other)) | (Kind::Temporary(one), Kind::Temporary(other)) => {
            elements(finder, one, None, other, None);
        }
        (Kind::Versioned(one, version), Kind::Versioned(other, read)) => {
            elements(finder, one, Some(*version), other, Some(*read));
        }
        (Kind::Versioned(one, version), Kind::Struct(other)) => elements(finder, one, Some(*version), other, None),
        (Kind::Struct(one), Kind::Versioned(other, version)) => elements(finder, one, None, other, Some(*version)),
        (Kind::List(name, one), Kind::List(read, other)) if name == read => elements(finder, one, None, other, None),
        (Kind::Tree { keys, values }, Kind::Tree { keys: read_keys, values: read_values }) => {
            match (keys, read_keys) {
                (Some(one), Some(other)) => elements(finder, one, None, other, None),
                (None, None) => {}
                // An empty tree looks like one without structs for keys.
                (None, Some(_)) if finder.is_sent() && values.shapes().is_empty() => {}
                _ => finder.report(Rule::Nesting, leaf::text(written), leaf::text(read)),
            }
            elements(finder, values, None, read_values, None);
        }
        // All that were sent are null.
        (Kind::Unknown, _) if finder.is_sent() && read.pointers != Pointers::None => {}
        _ => finder.report(Rule::Nesting, leaf::text(written), leaf::text(read)),
    }
}

/// Compares elements with elements: those that are described one by one each with its own counterpart.
fn elements(finder: &mut Finder<'_>, written: &Elements, at: Option<u32>, read: &Elements, read_at: Option<u32>) {
    let is_alone = |elements: &Elements| elements.shapes().len() == 1;
    for (index, one) in written.shapes().iter().enumerate() {
        let other = match read {
            Elements::Alike(shape) => Some(&**shape),
            Elements::Each(shapes) => shapes.get(index),
        };
        let Some(other) = other else { break };
        let mut inner = if is_alone(written) { finder.inside() } else { finder.element(index) };
        if one.version != other.version && at.is_none() && read_at.is_none() {
            inner.report(Rule::NestedVersion, one.version, other.version);
        }
        let written = Side { shape: one, version: at.unwrap_or(one.version) };
        let read = Side { shape: other, version: read_at.unwrap_or(other.version) };
        align::structs(&mut inner, written, read);
    }
}
