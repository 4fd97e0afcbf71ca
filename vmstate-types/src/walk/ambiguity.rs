//! Detection of ambiguous descriptions, which the derive macro rejects.

use crate::description::{Count, Description, Field, Form, Kind, Pointers, Subsection};

/// Returns whether the bytes after a struct in the field at `index` of `parent`, which has the wire format `form`, can
/// look like a subsection of that struct.
///
/// The wire format does not mark the end of a struct. After its fields, a reader treats anything that begins with the
/// byte 0x05, a length and the struct's name as a subsection of it (`vmstate_subsection_load` in QEMU's
/// `migration/vmstate.c`). The bytes after a struct are the next element of the same field, one of the fields up to
/// `end`, or one of the `subsections` that follow them.
#[doc(hidden)]
#[must_use]
pub const fn is_ambiguous(
    form: Form,
    parent: &Description,
    index: usize,
    end: usize,
    subsections: &[Subsection],
) -> bool {
    let Some(inner) = last_struct(form.kind) else { return is_ambiguous_tree(form.kind) };
    let elements = separates_elements(&form) || !may_begin_like_subsection(inner.fields, true);
    if ends_in_subsections(inner) && (!elements || may_begin_like_subsection(between(parent, index, end), false)) {
        return true;
    }
    may_be_empty(between(parent, index, end)) && takes_subsections(form.kind, subsections)
}

/// Returns the fields after `index` and before `end`.
const fn between(parent: &Description, index: usize, end: usize) -> &[Field] {
    parent.fields.split_at(end).0.split_at(index + 1).1
}

/// Returns the struct whose bytes end an element, if there is one.
const fn last_struct(kind: Kind) -> Option<&'static Description> {
    match kind {
        Kind::Struct(inner) | Kind::Inline(inner) | Kind::Versioned(inner, _) | Kind::Temporary(inner) => Some(inner),
        // A byte of 0 or 1 follows each element of a list, and each value of a tree.
        _ => None,
    }
}

/// Returns whether the value after a key of a tree can look like a subsection of the key.
const fn is_ambiguous_tree(kind: Kind) -> bool {
    match kind {
        Kind::Tree { key: Some(key), value } => {
            ends_in_subsections(key) && may_begin_like_subsection(value.fields, true)
        }
        _ => false,
    }
}

/// Returns whether a struct in the field is never followed directly by another one: there is at most one element, or
/// each begins with a marker.
const fn separates_elements(form: &Form) -> bool {
    matches!(form.count, Count::One | Count::Fixed(0 | 1)) || matches!(form.pointers, Pointers::Marked)
}

/// Returns whether the last bytes of the struct can be a subsection.
const fn ends_in_subsections(description: &Description) -> bool {
    if !description.subsections.is_empty() {
        return true;
    }
    let mut fields = description.fields;
    while let Some((last, rest)) = fields.split_last() {
        if let Some(inner) = last_struct(last.form.kind)
            && ends_in_subsections(inner)
        {
            return true;
        }
        if !may_be_absent(last) {
            return false;
        }
        fields = rest;
    }
    false
}

/// Returns whether the fields can begin with the first byte of a subsection. `at_end` is the result if all of them are
/// absent.
const fn may_begin_like_subsection(fields: &[Field], at_end: bool) -> bool {
    let Some((first, rest)) = fields.split_first() else { return at_end };
    let absent = may_be_absent(first) && may_begin_like_subsection(rest, at_end);
    absent
        || match first.form.kind {
            _ if !matches!(first.form.pointers, Pointers::None) => {
                matches!(first.form.pointers, Pointers::Nullable)
                    && begins_like_subsection(first.form.kind, rest, at_end)
            }
            kind => begins_like_subsection(kind, rest, at_end),
        }
}

/// Returns whether a present element can begin with the first byte of a subsection; `rest` follows it.
const fn begins_like_subsection(kind: Kind, rest: &[Field], at_end: bool) -> bool {
    match kind {
        // A bool is written as 0 or 1, and padding as 0. Other values can contain the byte 0x05.
        Kind::Info(name) => !is_same(name.as_bytes(), b"bool") && !is_same(name.as_bytes(), b"unused_buffer"),
        Kind::Struct(inner) | Kind::Inline(inner) | Kind::Versioned(inner, _) | Kind::Temporary(inner) => {
            // A struct without bytes is followed by its subsections, or by the next field.
            let next = !inner.subsections.is_empty() || may_begin_like_subsection(rest, at_end);
            may_begin_like_subsection(inner.fields, next)
        }
        Kind::List(..) => false,
        Kind::Tree { .. } => true,
    }
}

/// Returns whether the fields can have no bytes at all.
const fn may_be_empty(mut fields: &[Field]) -> bool {
    while let Some((first, rest)) = fields.split_first() {
        if !may_be_absent(first) {
            return false;
        }
        fields = rest;
    }
    true
}

/// Returns whether some states or versions have no bytes of the field.
const fn may_be_absent(field: &Field) -> bool {
    field.is_gated() || matches!(field.form.count, Count::Fixed(0) | Count::Counted(_)) || field.form.length.is_some()
}

/// Returns whether one of the outer struct's `subsections` has a name that begins with the name of a struct in an
/// element, or of the struct at its end.
const fn takes_subsections(kind: Kind, subsections: &[Subsection]) -> bool {
    let Some(inner) = last_struct(kind) else { return false };
    // A load looks for subsections after a struct, but not after the fields of an inline struct.
    if !matches!(kind, Kind::Inline(_)) && has_subsection_of(inner, subsections) {
        return true;
    }
    match inner.fields.last() {
        Some(last) => takes_subsections(last.form.kind, subsections),
        None => false,
    }
}

const fn has_subsection_of(inner: &Description, mut subsections: &[Subsection]) -> bool {
    while let Some((first, others)) = subsections.split_first() {
        if is_subsection_name(first.description.name, inner.name) {
            return true;
        }
        subsections = others;
    }
    false
}

/// Returns whether `name` is longer than `parent` and begins with it, which makes it the name of a subsection of
/// `parent`.
///
/// QEMU's names continue with a slash, except for a few (`or-irq-extras`).
#[doc(hidden)]
#[must_use]
pub const fn is_subsection_name(name: &str, parent: &str) -> bool {
    match name.as_bytes().split_at_checked(parent.len()) {
        Some((start, rest)) => is_same(start, parent.as_bytes()) && !rest.is_empty(),
        None => false,
    }
}

const fn is_same(left: &[u8], right: &[u8]) -> bool {
    let mut index = 0;
    while index < left.len() && index < right.len() {
        if left[index] != right[index] {
            return false;
        }
        index += 1;
    }
    left.len() == right.len()
}
