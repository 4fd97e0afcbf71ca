//! Compares values: their types, sizes and counts.

use super::finder::Finder;
use super::rule::Rule;
use crate::schema::scalar_kind::ScalarKind as Scalar;
use crate::schema::shape::{ShapeCount, ShapeCountSource, ShapeElements, ShapeField, ShapeKind};

/// The encoding of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class<'a> {
    Signed,
    Unsigned,
    Bool,
    Float,
    Timer,
    Bytes,
    Unused,
    /// A custom type, of which only the name is known.
    Other(&'a str),
}

/// The properties of an info type (QEMU's `VMStateInfo`), by its name.
struct Known<'a> {
    class: Class<'a>,
    /// The size of a value in bytes, if all values have the same size.
    size: Option<u64>,
    /// Set if a load rejects some values.
    checked: bool,
}

fn known(name: &str) -> Known<'_> {
    let (base, checked) = match name.rsplit_once(' ') {
        Some((base, "equal" | "le")) => (base, true),
        _ => (name, false),
    };
    let (class, size) = match (Scalar::from_name(name), base) {
        (Some(kind), _) => (class(kind, name), Some(kind.width() as u64)),
        (None, "buffer") => (Class::Bytes, None),
        (None, "unused_buffer") => (Class::Unused, None),
        (None, other) => (Class::Other(other), None),
    };
    Known { class, size, checked }
}

fn class(kind: Scalar, name: &str) -> Class<'_> {
    match kind {
        Scalar::Bool => Class::Bool,
        Scalar::Double => Class::Float,
        Scalar::Timer => Class::Timer,
        Scalar::Marker => Class::Other(name),
        _ if kind.is_signed() => Class::Signed,
        _ => Class::Unsigned,
    }
}

/// Compares two values by their types and sizes, as far as they are known.
pub(super) fn compare(finder: &mut Finder<'_>, written: &ShapeField, read: &ShapeField) {
    let sizes = (element_bytes(written), element_bytes(read));
    if let (ShapeKind::Info(one), ShapeKind::Info(other)) = (&written.kind, &read.kind)
        && let Some(rule) = types(finder, (written, one), (read, other))
    {
        finder.report(rule, text(written), text(read));
    } else if let (Some(one), Some(other)) = sizes
        && one != other
        && bytes(written).is_none_or(|all| bytes(read) != Some(all))
        && read.length.is_none()
    {
        finder.report(Rule::Size, plural(one), plural(other));
    }
}

/// Returns the rule that two types break, if any.
fn types(finder: &Finder<'_>, written: (&ShapeField, &str), read: (&ShapeField, &str)) -> Option<Rule> {
    if written.1 == read.1 {
        return None;
    }
    let (one, other) = (known(written.1), known(read.1));
    let same = same_bytes(written.0, read.0) == Some(true);
    match (one.class, other.class) {
        _ if same_bytes(written.0, read.0) == Some(false) => Some(Rule::Type),
        (one_class, other_class) if one_class == other_class && same => {
            if element_bytes(written.0) != element_bytes(read.0) {
                return Some(Rule::Meaning);
            }
            (other.checked && !one.checked && !finder.is_sent()).then_some(Rule::Check)
        }
        (Class::Signed, Class::Unsigned) | (Class::Unsigned, Class::Signed) => Some(Rule::Sign),
        (Class::Unused, _) | (_, Class::Unused) if same => Some(Rule::Unused),
        (Class::Bytes, Class::Unsigned) | (Class::Unsigned, Class::Bytes) if is_of_bytes(written.0, read.0) => None,
        (Class::Float | Class::Bool, _) | (_, Class::Float | Class::Bool) => Some(Rule::Type),
        _ => Some(if same { Rule::Meaning } else { Rule::Type }),
    }
}

/// Returns whether one field is a buffer and the other one an array of numbers of one byte each.
fn is_of_bytes(written: &ShapeField, read: &ShapeField) -> bool {
    let is_byte = |field: &ShapeField| element_bytes(field) == Some(1) || type_name(field) == Some("buffer");
    is_byte(written) && is_byte(read) && same_bytes(written, read) == Some(true)
}

/// Returns whether two fields take the same number of bytes: with all elements, if they are arrays of fixed lengths.
fn same_bytes(written: &ShapeField, read: &ShapeField) -> Option<bool> {
    match (bytes(written), bytes(read)) {
        (Some(one), Some(other)) => Some(one == other),
        _ => Some(element_bytes(written)? == element_bytes(read)?),
    }
}

/// Returns whether two fields have the same bytes, apart from their names.
pub(super) fn is_same(written: &ShapeField, read: &ShapeField) -> bool {
    if written.length.is_some() != read.length.is_some() {
        return false;
    }
    match (&written.kind, &read.kind) {
        (ShapeKind::Info(one), ShapeKind::Info(other)) => {
            let same_size = same_bytes(written, read);
            (one == other && same_size != Some(false))
                || (known(one).class == known(other).class && same_size == Some(true))
        }
        _ => same_bytes(written, read) == Some(true),
    }
}

/// Returns whether a stream can lack the field because of a predicate or because it has no elements.
pub(super) fn may_be_absent(field: &ShapeField) -> bool {
    field.conditional || matches!(field.count, ShapeCount::Counted(_) | ShapeCount::Unknown | ShapeCount::Fixed(0))
}

/// Returns whether the field is padding, which has no name.
pub(super) fn is_unused(field: &ShapeField) -> bool {
    match &field.kind {
        ShapeKind::Info(name) => name == "unused_buffer",
        ShapeKind::Unknown => field.name == "unused",
        _ => false,
    }
}

/// The bytes of one element, on the wire or, where only that is known, in memory.
pub(super) fn element_bytes(field: &ShapeField) -> Option<u64> {
    let by_type = type_name(field).and_then(|name| known(name).size);
    field.size.or(by_type).or(field.host_size)
}

/// The bytes of all elements of a value, where that is a fixed number.
pub(super) fn bytes(field: &ShapeField) -> Option<u64> {
    if !matches!(field.kind, ShapeKind::Info(_) | ShapeKind::Unknown) || field.length.is_some() {
        return None;
    }
    match field.count {
        ShapeCount::One => element_bytes(field),
        ShapeCount::Fixed(0) => Some(0),
        ShapeCount::Fixed(count) => element_bytes(field)?.checked_mul(count),
        ShapeCount::Counted(_) | ShapeCount::Unknown => None,
    }
}

/// The name of a value's type.
pub(super) fn type_name(field: &ShapeField) -> Option<&str> {
    match &field.kind {
        ShapeKind::Info(name) => Some(name),
        _ => None,
    }
}

/// The type of a value as one of many in a row, which may be cut anywhere.
pub(super) fn run_type(field: &ShapeField) -> Option<&str> {
    type_name(field).map(|name| if name == "uint8" { "buffer" } else { name })
}

/// Returns whether two fields take different numbers of bytes.
pub(super) fn has_other_size(written: &ShapeField, read: &ShapeField) -> bool {
    matches!((bytes(written), bytes(read)), (Some(one), Some(other)) if one != other)
}

/// A field in words: `uint16, 2 bytes`, `16 x uint8`.
pub(super) fn text(field: &ShapeField) -> String {
    let kind = match &field.kind {
        ShapeKind::Unknown => "a value".to_owned(),
        ShapeKind::Info(name) => name.clone(),
        ShapeKind::Struct(inner) | ShapeKind::Versioned(inner, _) => format!("the struct `{}`", struct_name(inner)),
        ShapeKind::Temporary(inner) => format!("the temporary `{}`", struct_name(inner)),
        ShapeKind::List(name, inner) => format!("a {name} of `{}`", struct_name(inner)),
        ShapeKind::Tree { values, .. } => format!("a tree of `{}`", struct_name(values)),
    };
    let is_value = matches!(field.kind, ShapeKind::Unknown | ShapeKind::Info(_));
    let size = match element_bytes(field).filter(|_| is_value) {
        Some(size) => format!(" of {}", plural(size)),
        None => String::new(),
    };
    match &field.count {
        ShapeCount::One => format!("{kind}{size}"),
        count => format!("{} {kind}{size}", count_text(count)),
    }
}

fn struct_name(elements: &ShapeElements) -> &str {
    elements.shapes().first().map_or("?", |shape| &shape.name)
}

pub(super) fn count_text(count: &ShapeCount) -> String {
    match count {
        ShapeCount::One => "one".to_owned(),
        ShapeCount::Fixed(count) => format!("{count} x"),
        ShapeCount::Counted(by) => source_text(by),
        ShapeCount::Unknown => "perhaps several:".to_owned(),
    }
}

/// Formats the source of a number: `count * 4 (at most 16)`.
pub(super) fn source_text(by: &ShapeCountSource) -> String {
    let times = if by.multiply == 1 { String::new() } else { format!(" * {}", by.multiply) };
    let limit = by.max.map(|max| format!(" (at most {max})")).unwrap_or_default();
    format!("as many as `{}`{times}{limit}", by.field)
}

/// `1 byte`, `2 bytes`.
pub(super) fn plural(bytes: u64) -> String {
    if bytes == 1 { "1 byte".to_owned() } else { format!("{bytes} bytes") }
}
