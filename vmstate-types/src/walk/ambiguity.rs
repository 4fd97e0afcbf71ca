//! Whether a description can be read in two ways, which the derive refuses.

use crate::description::{Count, Description, Field, Form, Kind, Subsection};

/// Whether what follows field number `index` of `parent` can look like a subsection of the struct in that field, which
/// has the form `form`.
///
/// The format does not say where a struct ends. A reader that has read the fields of one takes for a subsection of it
/// whatever begins with the byte 0x05, a length, and the struct's name.
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

/// Whether the last bytes of the struct can be a subsection.
const fn ends_in_subsections(description: &Description) -> bool {
    if !description.subsections.is_empty() {
        return true;
    }
    match description.fields.last() {
        Some(Field { form: Form { kind: Kind::Struct(last), .. }, .. }) => ends_in_subsections(last),
        _ => false,
    }
}

/// Whether the first byte of the fields can be that of a subsection.
const fn may_begin_like_subsection(fields: &[Field]) -> bool {
    let Some((first, rest)) = fields.split_first() else { return true };
    let can = match first.form.kind {
        // Nothing but 0 and 1 is written for a bool, and nothing but 0 for padding.
        Kind::Info(name) => !is_same(name.as_bytes(), b"bool") && !is_same(name.as_bytes(), b"unused_buffer"),
        Kind::Struct(inner) => may_begin_like_subsection(inner.fields),
        _ => true,
    };
    can || (first.is_gated() && may_begin_like_subsection(rest))
}

/// Whether a subsection of a struct whose last field is `inner` has a name that begins with the name of `inner`.
const fn takes_subsections(inner: &Description, mut subsections: &[Subsection]) -> bool {
    while let Some((first, rest)) = subsections.split_first() {
        if is_subsection_name(first.description.name, inner.name) {
            return true;
        }
        subsections = rest;
    }
    false
}

/// Whether `name` begins with `parent`'s name and goes on, which is what makes a subsection the parent's.
///
/// QEMU's own names go on with a slash, all but a few (`or-irq-extras`).
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
