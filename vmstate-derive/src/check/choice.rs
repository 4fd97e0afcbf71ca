//! Rules about the attributes that choose a wire form.

use syn::Type;

use super::types::{check_bits_type, check_wire_type};
use crate::errors::Errors;
use crate::model::{array_element, builtin, innermost, is_named, option_inner, primitive, source};
use crate::parse;

pub(super) fn check_form(ty: &Type, attributes: &parse::Field, errors: &Errors) {
    check_choice(attributes, errors);
    check_pointer(ty, attributes, errors);
    check_option(ty, attributes, errors);
    check_max(attributes, errors);
    check_range(ty, attributes, errors);
    check_prefix(ty, attributes, errors);
    check_bits(ty, attributes, errors);
    check_inline(attributes, errors);
    check_through(attributes, errors);
}

/// The attributes that determine the wire form.
const CHOICES: [&str; 14] = [
    "bits",
    "buffer",
    "equal",
    "le",
    "timer",
    "with",
    "bitmap",
    "pointer",
    "list",
    "tree",
    "byte_array",
    "versioned",
    "inline",
    "tmp",
];
/// The choices that apply to the elements of a counted array.
const FOR_ELEMENTS: [&str; 3] = ["with", "pointer", "timer"];

/// `timer, le`; `wire = u32, le`
fn check_choice(attributes: &parse::Field, errors: &Errors) {
    let mut chosen = attributes.keys.iter().filter(|key| CHOICES.iter().any(|choice| key == choice));
    let Some(first) = chosen.next() else { return };
    for other in chosen.filter(|other| first != *other) {
        errors.at(other, format!("`{other}` and `{first}` are mutually exclusive: both determine the wire form"));
    }
    if let Some(wire) = attributes.wire.key() {
        errors.at(wire, format!("`wire` and `{first}` are mutually exclusive: both determine the wire form"));
    }
    if let Some(len) = attributes.len.key()
        && FOR_ELEMENTS.iter().all(|form| first != form)
    {
        errors.at(len, format!("`len` is not allowed with `{first}`, which has no elements to count"));
    }
}

/// `pointer(alloc)` or `pointer, len = count` on an `Option<Box<T>>`; `pointer` on an `Option<u32>`
fn check_pointer(ty: &Type, attributes: &parse::Field, errors: &Errors) {
    let Some(pointer) = attributes.pointer.value() else { return };
    let Some(target) = option_inner(ty) else { return };
    // QEMU has no null pointers outside of arrays, so a value that can be absent has another form.
    if primitive(target).is_some() {
        errors.at(ty, "`pointer` cannot save `None` here: use `option` for a value that can be absent");
    }
    for key in attributes.len.key().into_iter().chain(pointer.alloc.key()) {
        errors.at(key, format!("`{key}` requires an array of pointers: remove it from a single pointer"));
    }
}

/// `option` on a `u8`; `option, count("n": u8)`
fn check_option(ty: &Type, attributes: &parse::Field, errors: &Errors) {
    if !attributes.option.is_set() {
        return;
    }
    const OTHERS: [&str; 8] = ["pointer", "equal", "le", "tmp", "inline", "range", "opaque", "buffer"];
    for other in attributes.keys.iter().filter(|key| OTHERS.iter().any(|other| key == other)) {
        errors.at(other, format!("`{other}` is not allowed with `option`: put the value into a struct"));
    }
    if option_inner(ty).is_none() {
        errors.at(ty, format!("`option` requires `Option<T>`; found `{}`", source(ty)));
    }
}

/// `max = 4` without `len` or `count`
fn check_max(attributes: &parse::Field, errors: &Errors) {
    if let Some(max) = attributes.max.key().filter(|_| !attributes.has("len") && !attributes.has("count")) {
        errors.at(max, "`max` requires `len` or `count`: it limits the number of elements");
    }
}

/// The attributes that apply to a length-prefixed array.
const WITH_COUNT: [&str; 17] = [
    "count",
    "max",
    "with",
    "wire",
    "timer",
    "name",
    "since",
    "until",
    "when",
    "default",
    "unused",
    "in",
    "subsection",
    "ambiguous",
    "must_exist",
    "removed",
    "field",
];

/// `count("n": u8)` without `max`; `count("n": u8), len = field`; `count("n": bool)`; `count("n": u8)` on a `[u8; 4]`
fn check_prefix(ty: &Type, attributes: &parse::Field, errors: &Errors) {
    let Some((key, count)) = attributes.count.entry() else { return };
    for other in attributes.keys.iter().filter(|key| WITH_COUNT.iter().all(|allowed| key != allowed)) {
        errors.at(other, format!("`{other}` is not allowed with `count`"));
    }
    if !attributes.has("max") {
        errors.at(key, "missing limit on the number of elements in a stream: add `max = N`");
    }
    if array_element(ty).is_some() || builtin(ty).is_some() {
        let found = source(ty);
        errors.at(ty, format!("`count` requires a growing collection, such as `Vec<T>`; found `{found}`"));
    }
    let supported = |name: &str| ["u8", "u16", "u32", "u64", "i32"].contains(&name);
    if let Some(name) = primitive(&count.ty).filter(|name| !supported(name)) {
        errors.at(&count.ty, format!("unsupported count type `{name}`: expected u8, u16, u32, u64 or i32"));
    }
}

/// `range = 2..6` on a `u8`; `range = 2..6, len = count`
fn check_range(ty: &Type, attributes: &parse::Field, errors: &Errors) {
    let Some(range) = attributes.range.key() else { return };
    const OTHERS: [&str; 11] =
        ["len", "equal", "le", "bitmap", "pointer", "list", "tree", "byte_array", "versioned", "inline", "tmp"];
    for other in attributes.keys.iter().filter(|key| OTHERS.iter().any(|other| key == other)) {
        errors.at(range, format!("`range` is not allowed with `{other}`"));
    }
    if let Some(Some(_)) = attributes.buffer.value() {
        errors.at(range, "`range` determines the length: write `buffer` without options");
    }
    let Some(name) = primitive(innermost(ty)) else { return };
    if attributes.buffer.is_set() && (array_element(ty).is_none() || name != "u8") {
        errors.at(ty, format!("`buffer` requires `[u8; N]`; found `{}`", source(ty)));
    } else if array_element(ty).is_none() {
        errors.at(ty, format!("`range` requires an array; found `{}`", source(ty)));
    }
}

/// `bits = u8` on a `u8`, or on a `String`; `wire = usize`
fn check_bits(ty: &Type, attributes: &parse::Field, errors: &Errors) {
    let element = innermost(ty);
    attributes.bits.value().into_iter().for_each(|bits| check_bits_type(bits, errors));
    attributes.wire.value().into_iter().for_each(|wire| check_wire_type(wire, errors));
    if attributes.bits.is_set() && (primitive(element).is_some() || is_named(element, "String")) {
        let found = source(ty);
        errors.at(ty, format!("`bits` requires a set of flags with `bits()` and `from_bits()`; found `{found}`"));
    }
}

/// The attributes that apply to the value of `through`, or to its field as a whole.
const WITH_THROUGH: [&str; 19] = [
    "through",
    "name",
    "since",
    "until",
    "when",
    "default",
    "unused",
    "must_exist",
    "removed",
    "field",
    "in",
    "ambiguous",
    "opaque",
    "with",
    "wire",
    "bits",
    "equal",
    "timer",
    "byte_array",
];

/// `through(u32, get = Self::seed, set = Self::reseed), count("n": u8), max = 4`
fn check_through(attributes: &parse::Field, errors: &Errors) {
    if !attributes.through.is_set() {
        return;
    }
    for other in attributes.keys.iter().filter(|key| WITH_THROUGH.iter().all(|allowed| key != allowed)) {
        let message = "is not allowed with `through`: write the form of the value as `with = ...`, or put the value \
                       into a struct";
        errors.at(other, format!("`{other}` {message}"));
    }
}

/// `inline, opaque = "eeprom"`
fn check_inline(attributes: &parse::Field, errors: &Errors) {
    if let Some(opaque) = attributes.opaque.key().filter(|_| attributes.inline.is_set()) {
        errors.at(opaque, "`opaque` is not allowed with `inline`, which describes each field of the struct");
    }
}
