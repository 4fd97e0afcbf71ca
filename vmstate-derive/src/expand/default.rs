//! Values for fields and members that are not in the stream.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::Type;

use super::hygiene::{located, tokens};
use super::place;
use crate::model::{Field, Skipped};
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
pub(super) fn type_default(ty: &Type) -> TokenStream {
    quote_spanned!(located(ty)=> <#ty as __vmstate::core::default::Default>::default())
}
