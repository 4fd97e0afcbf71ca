//! Comparison of two fields at the same position.

use vmstate_types::description::Pointers;

use super::finder::{Finder, Nesting};
use super::leaf::{self, may_be_absent};
use super::rule::Rule;
use super::side::{CompareStructs, Side};
use crate::schema::shape::{Shape, ShapeCount, ShapeCountSource, ShapeElements, ShapeField, ShapeKind};

/// Compares a written field with the field that reads it.
pub(super) fn pair(finder: &mut Finder<'_>, written: &ShapeField, read: &ShapeField, structs: CompareStructs) {
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
    compare_kinds(&mut finder, written, read, structs);
}

/// Reports a field that is written and not read.
pub(super) fn extra(finder: &mut Finder<'_>, written: &ShapeField) {
    if leaf::bytes(written) == Some(0) {
        return;
    }
    let rule = if written.conditional { Rule::ConditionalExtra } else { Rule::Extra };
    finder.at(&written.name).report(rule, leaf::text(written), "nothing");
}

/// Reports a field that is read and not written.
pub(super) fn missing(finder: &mut Finder<'_>, read: &ShapeField) {
    if (finder.is_sent() && may_be_absent(read)) || leaf::bytes(read) == Some(0) {
        return;
    }
    let rule = if read.conditional { Rule::ConditionalMissing } else { Rule::Missing };
    finder.at(&read.name).report(rule, "nothing", leaf::text(read));
}

/// Returns whether two fields have the same bytes, without looking into structs.
pub(super) fn is_same(written: &ShapeField, read: &ShapeField) -> bool {
    if written.conditional != read.conditional || written.pointers != read.pointers {
        return false;
    }
    if !counts_agree(&written.count, &read.count) {
        return false;
    }
    match (&written.kind, &read.kind) {
        (ShapeKind::Unknown | ShapeKind::Info(_), ShapeKind::Unknown | ShapeKind::Info(_)) => {
            leaf::is_same(written, read)
        }
        (ShapeKind::Struct(_) | ShapeKind::Versioned(..), ShapeKind::Struct(_) | ShapeKind::Versioned(..))
        | (ShapeKind::Temporary(_), ShapeKind::Temporary(_))
        | (ShapeKind::Tree { .. }, ShapeKind::Tree { .. }) => true,
        (ShapeKind::List(written, _), ShapeKind::List(read, _)) => written == read,
        _ => false,
    }
}

/// Returns whether the wire contains the number of elements, or a marker for each.
fn is_list(field: &ShapeField) -> bool {
    matches!(field.kind, ShapeKind::List(..) | ShapeKind::Tree { .. })
}

fn presence(field: &ShapeField) -> &'static str {
    if field.conditional { "if a predicate is true" } else { "always" }
}

fn compare_pointers(finder: &mut Finder<'_>, written: Pointers, read: Pointers) {
    let text = |pointers| match pointers {
        Pointers::Nullable => "pointers, with a marker for null",
        Pointers::Marked => "pointers, each after a marker",
        _ => "no pointers",
    };
    // Both kinds of pointers look the same in a description.
    if finder.is_sent() && read != Pointers::None {
        return;
    }
    finder.report(Rule::Pointers, text(written), text(read));
}

fn compare_counts(finder: &mut Finder<'_>, written: &ShapeField, read: &ShapeField) {
    match (&written.count, &read.count) {
        (ShapeCount::Counted(written), ShapeCount::Counted(read)) => compare_sources(finder, written, read),
        (ShapeCount::Fixed(count), ShapeCount::Counted(by)) if finder.is_sent() => compare_limit(finder, *count, by),
        (ShapeCount::One, ShapeCount::Counted(_)) if finder.is_sent() => {}
        (ShapeCount::Counted(_), ShapeCount::One | ShapeCount::Fixed(_))
        | (ShapeCount::One | ShapeCount::Fixed(_), ShapeCount::Counted(_)) => {
            finder.report(Rule::CountSource, leaf::count_text(&written.count), leaf::count_text(&read.count));
        }
        // Dumps do not contain counter fields: a counted array looks like one element.
        (ShapeCount::One, ShapeCount::Fixed(count)) | (ShapeCount::Fixed(count), ShapeCount::One)
            if finder.guesses() && *count != 1 =>
        {
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

fn counts_agree(written: &ShapeCount, read: &ShapeCount) -> bool {
    match (written, read) {
        (ShapeCount::One, ShapeCount::Fixed(1)) | (ShapeCount::Fixed(1), ShapeCount::One) => true,
        (ShapeCount::Unknown, _) | (_, ShapeCount::Unknown) => true,
        (ShapeCount::Counted(_), ShapeCount::Counted(_)) => true,
        _ => written == read,
    }
}

fn compare_limit(finder: &mut Finder<'_>, count: u64, by: &ShapeCountSource) {
    if by.max.is_some_and(|max| count > max) {
        finder.report(Rule::Count, format!("{count} elements"), leaf::source_text(by));
    }
}

/// Compares where a number of elements or bytes comes from.
fn compare_sources(finder: &mut Finder<'_>, written: &ShapeCountSource, read: &ShapeCountSource) {
    if written.multiply != read.multiply {
        finder.report(Rule::Count, leaf::source_text(written), leaf::source_text(read));
    } else if written.field != read.field {
        finder.report(Rule::CountSource, leaf::source_text(written), leaf::source_text(read));
    }
    if read.max.is_some_and(|max| written.max.is_none_or(|before| before > max)) {
        finder.report(Rule::Limit, leaf::source_text(written), leaf::source_text(read));
    }
}

fn compare_lengths(finder: &mut Finder<'_>, written: Option<&ShapeCountSource>, read: Option<&ShapeCountSource>) {
    match (written, read) {
        (Some(written), Some(read)) => compare_sources(finder, written, read),
        (None, Some(_)) if finder.is_sent() => {}
        (None, None) => {}
        (written, read) => {
            let text =
                |source: Option<&ShapeCountSource>| source.map_or("a fixed length".to_owned(), leaf::source_text);
            finder.report(Rule::CountSource, text(written), text(read));
        }
    }
}

fn compare_kinds(finder: &mut Finder<'_>, written: &ShapeField, read: &ShapeField, structs: CompareStructs) {
    let mut elements = |one, other| elements(finder, one, other, structs);
    match (&written.kind, &read.kind) {
        (ShapeKind::Unknown | ShapeKind::Info(_), ShapeKind::Unknown | ShapeKind::Info(_)) => {
            leaf::compare(finder, written, read);
        }
        (ShapeKind::Struct(one), ShapeKind::Struct(other))
        | (ShapeKind::Temporary(one), ShapeKind::Temporary(other)) => {
            elements(Inner::own(one), Inner::own(other));
        }
        (ShapeKind::Versioned(one, version), ShapeKind::Versioned(other, read)) => {
            elements(Inner::at(one, *version), Inner::at(other, *read));
        }
        (ShapeKind::Versioned(one, version), ShapeKind::Struct(other)) => {
            elements(Inner::at(one, *version), Inner::own(other));
        }
        (ShapeKind::Struct(one), ShapeKind::Versioned(other, version)) => {
            elements(Inner::own(one), Inner::at(other, *version));
        }
        (ShapeKind::List(name, one), ShapeKind::List(read, other)) if name == read => {
            elements(Inner::own(one), Inner::own(other));
        }
        (ShapeKind::Tree { .. }, ShapeKind::Tree { .. }) => compare_trees(finder, written, read, structs),
        // Nothing but null pointers was sent, so the type is unknown.
        (ShapeKind::Unknown, _) if finder.is_sent() && read.pointers != Pointers::None => {}
        _ => finder.report(Rule::Nesting, leaf::text(written), leaf::text(read)),
    }
}

fn compare_trees(finder: &mut Finder<'_>, written: &ShapeField, read: &ShapeField, structs: CompareStructs) {
    let (ShapeKind::Tree { keys, values }, ShapeKind::Tree { keys: read_keys, values: read_values }) =
        (&written.kind, &read.kind)
    else {
        return;
    };
    match (keys, read_keys) {
        (Some(one), Some(other)) => elements(finder, Inner::own(one), Inner::own(other), structs),
        (None, None) => {}
        // An empty tree looks like one without structs for keys.
        (None, Some(_)) if finder.is_sent() && values.shapes().is_empty() => {}
        _ => finder.report(Rule::Nesting, leaf::text(written), leaf::text(read)),
    }
    elements(finder, Inner::own(values), Inner::own(read_values), structs);
}

/// The structs in a field, and the version that the field sets for them, if it does.
#[derive(Clone, Copy)]
struct Inner<'s> {
    elements: &'s ShapeElements,
    version: Option<u32>,
}

impl<'s> Inner<'s> {
    fn own(elements: &'s ShapeElements) -> Self {
        Self { elements, version: None }
    }

    fn at(elements: &'s ShapeElements, version: u32) -> Self {
        Self { elements, version: Some(version) }
    }

    /// Returns the struct at its version. `inherited` is the version of the struct around it.
    fn side(self, shape: &'s Shape, inherited: u32) -> Side<'s> {
        let own = if shape.inherits { inherited } else { shape.version };
        Side { shape, version: self.version.unwrap_or(own) }
    }
}

/// Compares elements with elements: elements that are described one by one each with its own counterpart.
fn elements(finder: &mut Finder<'_>, written: Inner<'_>, read: Inner<'_>, structs: CompareStructs) {
    let shapes = written.elements.shapes();
    for (index, one) in shapes.iter().enumerate() {
        let other = match read.elements {
            ShapeElements::Alike(shape) => Some(&**shape),
            ShapeElements::Each(shapes) => shapes.get(index),
        };
        let Some(other) = other else { break };
        let mut inner = if shapes.len() == 1 { finder.inside() } else { finder.element(index) };
        let inherits = one.inherits || other.inherits;
        if one.version != other.version && written.version.is_none() && read.version.is_none() && !inherits {
            inner.report(Rule::NestedVersion, one.version, other.version);
        }
        let Nesting { inherited: (by_written, by_read), own_versions } = inner.nesting();
        let (written, read) = (written.side(one, by_written), read.side(other, by_read));
        let own_versions = if inherits { own_versions } else { true };
        inner.set_nesting(Nesting { inherited: (written.version, read.version), own_versions });
        structs(&mut inner, written, read);
    }
}
