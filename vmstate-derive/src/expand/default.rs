//! Values for fields and members that are not in the stream.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::{GenericArgument, PathArguments, Type};

use super::hygiene::{located, tokens};
use super::place;
use crate::model::{Field, Skipped, bare};
use crate::parse::Make;

/// Assigns a field its default.
pub(super) fn assign(field: &Field) -> Option<TokenStream> {
    let value = field.default.as_ref().and_then(|default| default.value.as_ref());
    let value = value.map_or_else(|| type_default(&field.ty), make);
    place::assign(field, &value)
}

/// Assigns a skipped member the value of `reset`, if it has one.
pub(super) fn reset(skipped: &Skipped) -> Option<TokenStream> {
    let member = &skipped.member;
    let reset = skipped.reset.as_ref()?;
    let value = make(reset);
    Some(tokens!(self.#member = #value;))
}

/// The user's value, or a call of the user's function. A type error is reported there.
pub(super) fn make(value: &Make) -> TokenStream {
    match value {
        Make::Call(path) => quote_spanned!(located(path)=> #path()),
        Make::Value(value) => tokens!(#value),
    }
}

/// The type's default. A missing implementation is reported at the type.
///
/// Arrays are created by their elements, because the standard library implements `Default` up to a length of 32 only.
pub(super) fn type_default(ty: &Type) -> TokenStream {
    let span = located(ty);
    if let Type::Array(array) = bare(ty) {
        let element = type_default(&array.elem);
        return quote_spanned!(span=> __vmstate::core::array::from_fn(|_| #element));
    }
    match boxed_array(ty) {
        Some(array) => {
            let array = type_default(array);
            quote_spanned!(span=> <#ty>::new(#array))
        }
        None => quote_spanned!(span=> <#ty as __vmstate::core::default::Default>::default()),
    }
}

/// Returns `[T; N]` of a `Box<[T; N]>`.
fn boxed_array(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = bare(ty) else { return None };
    let last = path.path.segments.last().filter(|last| last.ident == "Box")?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Type(array) if matches!(bare(array), Type::Array(_)) => Some(array),
        _ => None,
    }
}
