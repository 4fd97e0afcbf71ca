//! What stands on the wire for a member: chosen by its type, or by an attribute.

use quote::ToTokens;
use syn::{Ident, LitInt, Type};

use crate::errors::Errors;
use crate::parse;

/// How a field's value is written.
pub(crate) enum Codec {
    /// As its type says.
    Type {
        /// Whether the type is, by its name, an integer, `bool`, float, or an array of those: a value of fixed size.
        plain: bool,
    },
    /// By an info.
    Info(Info),
    /// Bytes without meaning.
    Unused(LitInt),
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
    Custom(Box<Type>),
}

impl Codec {
    /// The codec that the attributes choose, of which there may be one.
    pub(super) fn of(ty: &Type, attributes: &parse::Field, errors: &Errors) -> Self {
        let chosen = [
            attributes.buffer.key(),
            attributes.equal.key(),
            attributes.le.key(),
            attributes.timer.key(),
            attributes.with.key(),
        ];
        let mut chosen = chosen.into_iter().flatten();
        let first = chosen.next();
        for other in chosen {
            let first = first.map(ToString::to_string).unwrap_or_default();
            errors.at(other, format!("`{other}` and `{first}` exclude each other: both say what is on the wire"));
        }
        let kind = match first {
            None => return Self::Type { plain: is_plain(ty) },
            Some(key) if key == "buffer" => InfoKind::Buffer,
            Some(key) if key == "equal" => InfoKind::Equal,
            Some(key) if key == "le" => InfoKind::LessOrEqual,
            Some(key) if key == "timer" => InfoKind::Timer,
            Some(_) => match attributes.with.value() {
                Some(info) => InfoKind::Custom(Box::new(info.clone())),
                None => return Self::Type { plain: false },
            },
        };
        check_type(&kind, ty, first, errors);
        let dimensions = match kind {
            InfoKind::Timer => dimensions(ty),
            // A buffer is an array itself.
            InfoKind::Buffer => dimensions(ty).saturating_sub(1),
            InfoKind::Equal | InfoKind::LessOrEqual | InfoKind::Custom(_) => 0,
        };
        Self::Info(Info { kind, dimensions })
    }
}

/// Refuses types by their names, where the name says enough. What it does not say, the compiler finds.
fn check_type(kind: &InfoKind, ty: &Type, key: Option<&Ident>, errors: &Errors) {
    let Some(key) = key else { return };
    let element = innermost(ty);
    let Some(name) = primitive(element) else { return };
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
        InfoKind::Custom(_) => return,
    };
    if !fits {
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
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Unused"))
}

/// Whether the type is, by its name, one whose values all take the same bytes and accept any.
pub(super) fn is_plain(ty: &Type) -> bool {
    primitive(innermost(ty)).is_some()
}

/// The type inside of all arrays.
fn innermost(mut ty: &Type) -> &Type {
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

/// The type's name, if it is one of the language's own numbers.
fn primitive(ty: &Type) -> Option<String> {
    const NAMES: [&str; 11] = ["bool", "u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64", "f32", "f64"];
    match ty {
        Type::Path(path) if path.qself.is_none() => {
            let name = path.path.get_ident()?.to_string();
            NAMES.contains(&name.as_str()).then_some(name)
        }
        Type::Group(group) => primitive(&group.elem),
        Type::Paren(paren) => primitive(&paren.elem),
        _ => None,
    }
}
