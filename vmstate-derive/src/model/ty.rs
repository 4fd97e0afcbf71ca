//! Types by their syntax: arrays, options, and the types whose names are known.
//!
//! A macro cannot resolve names. A renamed or shadowed type only costs an early error message or a
//! faster path; the compiler checks the rest.

use quote::ToTokens;
use syn::{Expr, ExprLit, GenericArgument, Ident, Lit, PathArguments, Type};

/// The primitive types.
const PRIMITIVES: [&str; 16] = [
    "bool", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f32", "f64", "u128", "i128", "usize", "isize",
    "char",
];
/// The primitive types without a wire form of fixed size in which any bytes are valid.
const NOT_PLAIN: [&str; 3] = ["usize", "isize", "char"];

/// Returns the type without parentheses, and without the invisible groups around the types that a macro passes.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        other => other,
    }
}

/// Returns the `T` of `Option<T>`.
pub(crate) fn option_inner(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = bare(ty) else { return None };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(inner) if last.ident == "Option" => Some(inner),
        _ => None,
    }
}

/// Returns whether the type is `Unused<N>`.
pub(super) fn is_unused(ty: &Type) -> bool {
    is_named(ty, "Unused")
}

pub(crate) fn is_named(ty: &Type, name: &str) -> bool {
    matches!(bare(ty), Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == name))
}

/// Returns whether all values of the type have the same size and any bytes are valid.
pub(super) fn is_plain(ty: &Type) -> bool {
    primitive(innermost(ty)).is_some()
}

/// Returns the lengths of the arrays around the innermost type, outermost first.
pub(crate) fn lengths(ty: &Type) -> Vec<&Expr> {
    match bare(ty) {
        Type::Array(array) => std::iter::once(&array.len).chain(lengths(&array.elem)).collect(),
        _ => Vec::new(),
    }
}

/// Returns the element type inside all arrays.
pub(crate) fn innermost(mut ty: &Type) -> &Type {
    while let Some(element) = array_element(ty) {
        ty = element;
    }
    ty
}

/// Returns the number of arrays around the innermost type.
pub(super) fn dimensions(ty: &Type) -> usize {
    array_element(ty).map_or(0, |element| 1 + dimensions(element))
}

pub(crate) fn array_element(ty: &Type) -> Option<&Type> {
    match bare(ty) {
        Type::Array(array) => Some(&array.elem),
        _ => None,
    }
}

/// Returns whether the elements of a collection are known to be primitive values, and so not structs.
pub(crate) fn holds_primitives(ty: &Type) -> bool {
    builtin(root(ty)).is_some()
}

/// Returns the type inside all arrays, options, boxes and collections.
pub(super) fn root(ty: &Type) -> &Type {
    let mut ty = innermost(ty);
    while let Some(item) = item(ty) {
        ty = innermost(item);
    }
    ty
}

/// The types with elements of their only type parameter.
const CONTAINERS: [&str; 13] = [
    "Option",
    "Box",
    "Vec",
    "VecDeque",
    "LinkedList",
    "Cell",
    "RefCell",
    "Mutex",
    "RwLock",
    "Rc",
    "Arc",
    "Wrapping",
    "NonZero",
];

/// Returns the `T` of `[T]`, `&mut T`, and of types like `Vec<T>` and `Option<T>`.
fn item(ty: &Type) -> Option<&Type> {
    let path = match bare(ty) {
        Type::Path(path) => path,
        Type::Slice(slice) => return Some(&slice.elem),
        Type::Reference(reference) => return Some(&reference.elem),
        _ => return None,
    };
    let last = path.path.segments.last()?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(inner) if CONTAINERS.iter().any(|name| last.ident == name) => Some(inner),
        _ => None,
    }
}

/// Returns the type arguments of a path, such as both of `BTreeMap<u64, Node>`.
pub(crate) fn arguments(ty: &Type) -> Vec<&Type> {
    let Type::Path(path) = bare(ty) else { return Vec::new() };
    let last = path.path.segments.last().map(|last| &last.arguments);
    let Some(PathArguments::AngleBracketed(arguments)) = last else { return Vec::new() };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

/// Returns the name of a primitive type whose values all have the same size on the wire, with any bytes valid.
pub(crate) fn primitive(ty: &Type) -> Option<String> {
    builtin(ty).filter(|name| !NOT_PLAIN.contains(&name.as_str()))
}

/// Returns the name of a primitive type.
pub(crate) fn builtin(ty: &Type) -> Option<String> {
    match bare(ty) {
        Type::Path(path) if path.qself.is_none() => {
            let name = path.path.get_ident()?.to_string();
            PRIMITIVES.contains(&name.as_str()).then_some(name)
        }
        _ => None,
    }
}

/// Returns the type as it is usually written, for messages.
pub(crate) fn source(ty: &Type) -> String {
    let tokens = ty.to_token_stream().to_string();
    [(" < ", "<"), (" >", ">"), (" ;", ";"), (" ,", ","), (" :: ", "::")]
        .iter()
        .fold(tokens, |text, (spaced, usual)| text.replace(spaced, usual))
}

/// Returns the value of an integer literal.
pub(super) fn literal(length: &Expr) -> Option<usize> {
    match length {
        Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => number.base10_parse().ok(),
        _ => None,
    }
}

/// Returns the field that a number of bits comes from.
///
/// An expression that is named like a field is a field; anything else is a constant expression.
pub(crate) fn bits_field(bits: &Expr) -> Option<&Ident> {
    let Expr::Path(path) = bits else { return None };
    let is_lower = |name: String| name.starts_with(|first: char| first.is_lowercase() || first == '_');
    path.path.get_ident().filter(|ident| is_lower(ident.to_string()))
}
