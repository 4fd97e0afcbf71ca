//! Detection of ambiguous descriptions, which the derive macro rejects.

use crate::description::{Count, Description, Field, Form, Kind, Subsection};

/// Returns whether the bytes after the field at `index` of `parent` can look like a subsection of the struct in that
/// field, which has the wire format `form`.
///
/// The wire format does not mark the end of a struct. After its fields, a reader treats anything that begins with the
/// byte 0x05, a length and the struct's name as a subsection of it (`vmstate_subsection_load` in QEMU's
/// `migration/vmstate.c`).
#[doc(hidden)]
#[must_use]
pub const fn is_ambiguous(form: Form, parent: &Description, index: usize) -> bool {
    let Form { kind: Kind::Struct(inner), count, .. } = form else { return false };
    if !matches!(count, Count::One | Count::Fixed(0 | 1)) {
        return ends_in_subsections(inner) && may_begin_like_subsection(inner.fields);
    }
    match parent.fields.split_at(index + 1).1 {
        [] => takes_subsections(inner, parent.subsections),
        next => ends_in_subsections(inner) && may_begin_like_subsection(next),
    }
}

/// Returns whether the last bytes of the struct can be a subsection.
const fn ends_in_subsections(description: &Description) -> bool {
    if !description.subsections.is_empty() {
        return true;
    }
    match description.fields.last() {
        Some(Field { form: Form { kind: Kind::Struct(last), .. }, .. }) => ends_in_subsections(last),
        _ => false,
    }
}

/// Returns whether the fields can begin with the first byte of a subsection.
const fn may_begin_like_subsection(fields: &[Field]) -> bool {
    let Some((first, rest)) = fields.split_first() else { return true };
    let can = match first.form.kind {
        // A bool is written as 0 or 1, and padding as 0. Other values can contain the byte 0x05.
        Kind::Info(name) => !is_same(name.as_bytes(), b"bool") && !is_same(name.as_bytes(), b"unused_buffer"),
        Kind::Struct(inner) => may_begin_like_subsection(inner.fields),
        _ => true,
    };
    can || (first.is_gated() && may_begin_like_subsection(rest))
}

/// Returns whether one of the outer struct's `subsections` has a name that begins with the name of `inner`, its last
/// field.
const fn takes_subsections(inner: &Description, mut subsections: &[Subsection]) -> bool {
    while let Some((first, rest)) = subsections.split_first() {
        if is_subsection_name(first.description.name, inner.name) {
            return true;
        }
        subsections = rest;
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
