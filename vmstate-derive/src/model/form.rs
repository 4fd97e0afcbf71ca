//! What stands on the wire for a member: chosen by its type, or by an attribute.

use quote::ToTokens;
use syn::{Expr, ExprLit, Ident, Lit, LitInt, Type};

use super::subsection::option_inner;
use crate::errors::Errors;
use crate::parse::{self, Count, Function, HiddenCount, Number, Part, SizedBuffer};

/// How a field's value is written.
pub(crate) enum Codec {
    /// As its type says.
    Type {
        /// Whether the type is, by its name, an integer, `bool`, float, or an array of those: a value of fixed size.
        plain: bool,
    },
    /// By an info.
    Info(Info),
    /// As many elements as another field says.
    Counted(Counted),
    /// The count of the field that follows, which has no member.
    HiddenCount { ty: Box<Type>, max: Option<Expr> },
    /// As many elements as the count before them says.
    AfterCount { elements: Elements, count: HiddenCount, max: Option<Expr> },
    /// Sets of flags as integers of this type.
    Bits(Box<Type>),
    /// A part of an array.
    Part(Elements, Part),
    /// Pointers, some of which may be null: those of an array, or as many as another field says.
    Pointers { count: Option<Counted>, alloc: bool },
    /// A bitmap of so many bits.
    Bitmap { bits: Expr, max: Option<Expr> },
    /// A linked list.
    List { qlist: bool, max: Expr, version: Option<u32> },
    /// A balanced tree.
    Tree { direct: bool, max: Expr, version: Option<u32> },
    /// A struct at this version, or an array of them.
    Versioned(u32),
    /// A temporary of this type.
    Temporary(Box<Type>),
    /// What older versions have, the function that takes it, and the one that makes it.
    Removed { with: Option<Function>, from: Option<Function> },
    /// Bytes without meaning.
    Unused(LitInt),
    /// As many runs of them as another field says.
    CountedUnused { count: Count, max: Option<Expr> },
}

/// A counted array.
pub(crate) struct Counted {
    pub(crate) elements: Elements,
    pub(crate) count: Count,
    pub(crate) max: Option<Expr>,
}

/// What is counted, or of what there is a part.
pub(crate) enum Elements {
    /// Values, by their type.
    Type,
    /// Values, by an info.
    Info(Box<InfoKind>),
    /// The bytes of one buffer.
    Buffer,
}

/// An info, and of how many dimensions the array is for each element of which it stands.
pub(crate) struct Info {
    pub(crate) kind: InfoKind,
    pub(crate) dimensions: usize,
}

/// The infos that attributes stand for.
pub(crate) enum InfoKind {
    Buffer,
    Equal,
    LessOrEqual,
    Timer,
    ByteArray(Box<Expr>),
    As(Box<Type>),
    /// What is in an `Option`, in which there must be something.
    Present,
    Custom(Box<Type>),
}

impl Codec {
    /// The codec that the attributes choose.
    pub(super) fn of(ty: &Type, attributes: &parse::Field, errors: &Errors) -> Self {
        check_choice(ty, attributes, errors);
        check_range(ty, attributes, errors);
        check_hidden_count(attributes, errors);
        check_bits(ty, attributes, errors);
        Self::many(ty, attributes).unwrap_or_else(|| Self::one(ty, attributes, errors))
    }

    /// What is many things, or a struct in another way than by its type.
    fn many(ty: &Type, attributes: &parse::Field) -> Option<Self> {
        if let Some(pointer) = attributes.pointer.value() {
            if option_inner(ty).is_some() {
                return Some(Self::Info(Info { kind: InfoKind::Present, dimensions: 0 }));
            }
            let count = Counted::of(attributes, Elements::Type);
            return Some(Self::Pointers { count, alloc: pointer.alloc.is_set() });
        }
        if let Some(part) = attributes.range.value() {
            return Some(Self::Part(elements(attributes), part.clone()));
        }
        if let Some(count) = attributes.count.value() {
            let (count, max) = (count.clone(), attributes.max.value().cloned());
            return Some(Self::AfterCount { elements: elements(attributes), count, max });
        }
        if let Some(bits) = attributes.bits.value() {
            return Some(Self::Bits(Box::new(bits.clone())));
        }
        if let Some(Some(buffer)) = attributes.buffer.value() {
            return Counted::of_buffer(buffer).map(Self::Counted);
        }
        if let Some(bitmap) = attributes.bitmap.value() {
            let bits = bitmap.bits.value()?.clone();
            return Some(Self::Bitmap { bits, max: bitmap.max.value().cloned() });
        }
        let version = |number: &Number| number.value;
        if let Some(list) = attributes.list.value() {
            let (max, version) = (list.max.value()?.clone(), list.version.value().map(version));
            return Some(Self::List { qlist: list.qlist.is_set(), max, version });
        }
        if let Some(tree) = attributes.tree.value() {
            let (max, version) = (tree.max.value()?.clone(), tree.version.value().map(version));
            return Some(Self::Tree { direct: tree.direct.is_set(), max, version });
        }
        if let Some(version) = attributes.versioned.value() {
            return Some(Self::Versioned(version.value));
        }
        if let Some(temporary) = attributes.tmp.value() {
            return Some(Self::Temporary(Box::new(temporary.clone())));
        }
        Counted::of(attributes, elements(attributes)).map(Self::Counted)
    }

    /// One value, or an array of fixed length.
    fn one(ty: &Type, attributes: &parse::Field, errors: &Errors) -> Self {
        let Some(kind) = InfoKind::of(attributes) else { return Self::Type { plain: is_plain(ty) } };
        check_type(&kind, ty, attributes, errors);
        let dimensions = match kind {
            InfoKind::Timer | InfoKind::As(_) => dimensions(ty),
            // A buffer is an array itself.
            InfoKind::Buffer => dimensions(ty).saturating_sub(1),
            _ => 0,
        };
        Self::Info(Info { kind, dimensions })
    }
}

/// The longest buffer that is read together with its neighbours. A longer one is read right to where it belongs, even if
/// the bytes come from a socket.
const SHORT: usize = 4096;

impl Info {
    /// Whether all values take the same bytes, by the info or by the length that the array's type says, and any bytes are
    /// accepted.
    pub(crate) fn is_fixed(&self, ty: &Type) -> bool {
        match self.kind {
            InfoKind::Timer => true,
            InfoKind::Buffer => {
                matches!(&lengths(ty)[..], [length] if literal(length).is_some_and(|length| length <= SHORT))
            }
            _ => false,
        }
    }
}

fn literal(length: &Expr) -> Option<usize> {
    match length {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok(),
        _ => None,
    }
}

impl InfoKind {
    /// The info that an attribute chooses.
    fn of(attributes: &parse::Field) -> Option<Self> {
        if attributes.buffer.is_set() {
            return Some(Self::Buffer);
        }
        if attributes.equal.is_set() {
            return Some(Self::Equal);
        }
        if attributes.le.is_set() {
            return Some(Self::LessOrEqual);
        }
        if let Some(max) = attributes.byte_array.value().and_then(|bytes| bytes.max.value()) {
            return Some(Self::ByteArray(Box::new(max.clone())));
        }
        Self::of_element(attributes)
    }

    /// The same, as far as elements of counted arrays and of parts can be it.
    fn of_element(attributes: &parse::Field) -> Option<Self> {
        if attributes.timer.is_set() {
            return Some(Self::Timer);
        }
        if let Some(wire) = attributes.wire.value() {
            return Some(Self::As(Box::new(wire.clone())));
        }
        attributes.with.value().map(|info| Self::Custom(Box::new(info.clone())))
    }
}

impl Counted {
    /// The array that `len` counts, if it counts one.
    fn of(attributes: &parse::Field, elements: Elements) -> Option<Self> {
        let count = attributes.len.value()?.clone();
        Some(Self { elements, count, max: attributes.max.value().cloned() })
    }

    fn of_buffer(buffer: &SizedBuffer) -> Option<Self> {
        let mut count = buffer.len.value()?.clone();
        count.multiply = count.multiply.or_else(|| buffer.multiply.value().cloned());
        Some(Self { elements: Elements::Buffer, count, max: buffer.max.value().cloned() })
    }
}

/// What the elements of an array are that is not sent whole.
fn elements(attributes: &parse::Field) -> Elements {
    match InfoKind::of_element(attributes) {
        Some(info) => Elements::Info(Box::new(info)),
        None if attributes.buffer.is_set() => Elements::Buffer,
        None => Elements::Type,
    }
}

/// `timer, le`: of those that say what is on the wire, there may be one; `max = 4` without `len`.
fn check_choice(ty: &Type, attributes: &parse::Field, errors: &Errors) {
    const CHOICES: [&str; 13] = [
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
        "tmp",
    ];
    let mut chosen = attributes.keys.iter().filter(|key| CHOICES.iter().any(|choice| key == choice));
    let first = chosen.next();
    for other in chosen.filter(|other| first.is_some_and(|first| first != *other)) {
        let first = first.map(ToString::to_string).unwrap_or_default();
        errors.at(other, format!("`{other}` and `{first}` exclude each other: both say what is on the wire"));
    }
    let alone = |key: &str| !["with", "pointer", "timer"].contains(&key);
    if let (Some(len), Some(first)) = (attributes.len.key(), first)
        && alone(&first.to_string())
    {
        errors.at(len, format!("`len` counts elements, which `{first}` does not have"));
    }
    if let (Some(pointer), true) = (attributes.pointer.value(), option_inner(ty).is_some()) {
        for key in attributes.len.key().into_iter().chain(pointer.alloc.key()) {
            errors.at(key, format!("`{key}` is about arrays of pointers; of a single one, `pointer` says all"));
        }
    }
    if let (Some(max), false) = (attributes.max.key(), attributes.has("len") || attributes.has("count")) {
        errors.at(max, "`max` limits what `len` counts: it needs `len = field`");
    }
    if let (Some(wire), Some(other)) = (attributes.wire.key(), first) {
        errors.at(wire, format!("`wire` and `{other}` exclude each other"));
    }
}

/// `count("n": u8)` without `max`; `count("n": u8), len = field`
fn check_hidden_count(attributes: &parse::Field, errors: &Errors) {
    let Some((key, count)) = attributes.count.entry() else { return };
    const ALLOWED: [&str; 17] = [
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
    for other in attributes.keys.iter().filter(|key| ALLOWED.iter().all(|allowed| key != allowed)) {
        errors.at(other, format!("`{other}` and `count` exclude each other"));
    }
    if !attributes.has("max") {
        errors.at(key, "say how many elements a stream may bring: `max = N`");
    }
    if let Some(name) = primitive(&count.ty).filter(|name| !["u8", "u16", "u32", "u64", "i32"].contains(&name.as_str()))
    {
        errors.at(&count.ty, format!("a count is of type u8, u16, u32, u64 or i32; this is `{name}`"));
    }
}

/// `range = 2..6` on what is no array; `range = 2..6, len = count`
fn check_range(ty: &Type, attributes: &parse::Field, errors: &Errors) {
    let Some(range) = attributes.range.key() else { return };
    const OTHERS: [&str; 10] =
        ["len", "equal", "le", "bitmap", "pointer", "list", "tree", "byte_array", "versioned", "tmp"];
    for other in attributes.keys.iter().filter(|key| OTHERS.iter().any(|other| key == other)) {
        errors.at(range, format!("`range` and `{other}` exclude each other"));
    }
    if let Some(Some(_)) = attributes.buffer.value() {
        errors.at(range, "`range` takes `buffer` without a length: the part has one");
    }
    let Some(name) = primitive(innermost(ty)) else { return };
    if attributes.buffer.is_set() && (array_element(ty).is_none() || name != "u8") {
        errors.at(ty, format!("`buffer` takes bytes: `[u8; N]`; this is `{}`", ty.to_token_stream()));
    } else if array_element(ty).is_none() {
        errors.at(ty, format!("`range` takes a part of an array; this is `{}`", ty.to_token_stream()));
    }
}

/// `bits = u8` on a `u8`, or on a `String`
fn check_bits(ty: &Type, attributes: &parse::Field, errors: &Errors) {
    let element = innermost(ty);
    if attributes.bits.is_set() && (primitive(element).is_some() || is_named(element, "String")) {
        let rule = "`bits` takes sets of flags, types that have `bits()` and `from_bits()`";
        errors.at(ty, format!("{rule}; this is `{}`", ty.to_token_stream()));
    }
}

/// A bitmap's number of bits comes from a field if it is named like one, and is a constant expression otherwise.
pub(crate) fn bits_field(bits: &Expr) -> Option<&Ident> {
    let Expr::Path(path) = bits else { return None };
    let is_lower = |name: String| name.starts_with(|first: char| first.is_lowercase() || first == '_');
    path.path.get_ident().filter(|ident| is_lower(ident.to_string()))
}

/// Refuses types by their names, where the name says enough. What it does not say, the compiler finds.
fn check_type(kind: &InfoKind, ty: &Type, attributes: &parse::Field, errors: &Errors) {
    let element = innermost(ty);
    let Some(name) = builtin(element) else { return };
    let (fits, types) = match kind {
        InfoKind::Buffer => (array_element(ty).is_some() && name == "u8", "bytes: `[u8; N]`"),
        InfoKind::Equal => {
            let fits = ["u8", "u16", "u32", "u64", "i32"].contains(&name.as_str()) && array_element(ty).is_none();
            (fits, "u8, u16, u32, u64 or i32, as QEMU has them")
        }
        InfoKind::LessOrEqual => {
            (name == "i32" && array_element(ty).is_none(), "i32 and nothing else: all that QEMU has is `int32 le`")
        }
        InfoKind::Timer => (false, "types that implement `Timer`, such as `Option<u64>`"),
        InfoKind::ByteArray(_) => (false, "a `Vec<u8>`"),
        InfoKind::As(_) | InfoKind::Present | InfoKind::Custom(_) => return,
    };
    let key = attributes
        .keys
        .iter()
        .find(|key| ["buffer", "equal", "le", "timer", "byte_array"].iter().any(|word| key == word));
    if let (false, Some(key)) = (fits, key) {
        errors.at(ty, format!("`{key}` takes {types}; this is `{}`", ty.to_token_stream()));
    }
}

/// Refuses all attributes of a field but `allowed`, which leave nothing for others to say.
pub(super) fn refuse_others(attributes: &parse::Field, allowed: &[&str], rule: &str, errors: &Errors) {
    for key in attributes.keys.iter().filter(|key| allowed.iter().all(|allowed| key != allowed)) {
        errors.at(key, format!("`{key}` {rule}"));
    }
}

/// Whether the type is, by its name, `Unused<N>`.
pub(super) fn is_unused(ty: &Type) -> bool {
    is_named(ty, "Unused")
}

fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

/// Whether the type is, by its name, one whose values all take the same bytes and accept any.
pub(super) fn is_plain(ty: &Type) -> bool {
    primitive(innermost(ty)).is_some()
}

/// The lengths of the arrays around the innermost type.
pub(crate) fn lengths(ty: &Type) -> Vec<&Expr> {
    match ty {
        Type::Array(array) => std::iter::once(&array.len).chain(lengths(&array.elem)).collect(),
        Type::Group(group) => lengths(&group.elem),
        Type::Paren(paren) => lengths(&paren.elem),
        _ => Vec::new(),
    }
}

/// The type inside of all arrays.
pub(crate) fn innermost(mut ty: &Type) -> &Type {
    while let Some(element) = array_element(ty) {
        ty = element;
    }
    ty
}

/// How many arrays are around the innermost type.
fn dimensions(ty: &Type) -> usize {
    array_element(ty).map_or(0, |element| 1 + dimensions(element))
}

fn array_element(ty: &Type) -> Option<&Type> {
    match ty {
        Type::Array(array) => Some(&array.elem),
        Type::Group(group) => array_element(&group.elem),
        Type::Paren(paren) => array_element(&paren.elem),
        _ => None,
    }
}

/// The type's name, if it is one of the language's own numbers, and has a wire form.
fn primitive(ty: &Type) -> Option<String> {
    builtin(ty).filter(|name| !["u128", "i128", "usize", "isize", "char"].contains(&name.as_str()))
}

/// The type's name, if it is one of the language's own.
fn builtin(ty: &Type) -> Option<String> {
    const NAMES: [&str; 16] = [
        "bool", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f32", "f64", "u128", "i128", "usize", "isize",
        "char",
    ];
    match ty {
        Type::Path(path) if path.qself.is_none() => {
            let name = path.path.get_ident()?.to_string();
            NAMES.contains(&name.as_str()).then_some(name)
        }
        Type::Group(group) => builtin(&group.elem),
        Type::Paren(paren) => builtin(&paren.elem),
        _ => None,
    }
}
