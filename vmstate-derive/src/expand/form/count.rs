//! Numbers of elements: where they come from, and the limits they are checked against.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::{Expr, Member};

use crate::expand::hygiene::{located, tokens};
use crate::expand::place;
use crate::model::{Field, member_name};
use crate::parse::Count;

/// The counter field in the description.
pub(super) fn source(field: &Field, provider: &TokenStream, count: &Count, max: Option<&Expr>) -> TokenStream {
    let name = field.sibling_name(&member_name(&count.member));
    let multiply = count.multiply.as_ref().map(|factor| tokens!(.multiply(#factor)));
    let max = max.map(|max| tokens!(.max(#max)));
    bounded(field, provider, &tokens!(__vmstate::CountSource::new(#name) #multiply #max))
}

/// The source, checked at compile time: a stream must not make the field's container grow without a limit.
pub(super) fn bounded(field: &Field, provider: &TokenStream, source: &TokenStream) -> TokenStream {
    quote_spanned!(located(&field.ty)=> __vmstate::varray::bounded(#provider::CAPACITY, #source))
}

/// The length of an array for the description, checked at compile time: a growing container has no fixed length.
pub(super) fn checked_length(field: &Field, provider: &TokenStream) -> TokenStream {
    quote_spanned!(located(&field.ty)=> __vmstate::varray::length(#provider::CAPACITY))
}

/// The length of an array that [`checked_length`] has accepted.
pub(super) fn length(provider: &TokenStream) -> TokenStream {
    tokens!(#provider::CAPACITY.unwrap_or(0))
}

/// The factor of the count, or 1.
pub(super) fn factor(count: &Count) -> TokenStream {
    count.multiply.as_ref().map_or_else(|| tokens!(1), |factor| tokens!(#factor))
}

/// The value of a counter field, times `factor`.
pub(super) fn number(field: &Field, member: &Member, factor: &TokenStream) -> TokenStream {
    let span = located(member);
    let counter = place::sibling(field, member, span);
    quote_spanned!(span=> __vmstate::varray::number(#counter, #factor))
}

/// The number of elements to save, a `Result`.
pub(super) fn to_save(field: &Field, member: &Member, factor: &TokenStream) -> TokenStream {
    let number = number(field, member, factor);
    tokens!(#number.to_save(sink))
}

/// The number of elements to load, a `Result`: an error if `number` exceeds the capacity or the maximum.
pub(super) fn to_load(number: &TokenStream, capacity: &TokenStream, max: Option<&Expr>) -> TokenStream {
    let max = match max {
        Some(max) => tokens!(__vmstate::core::option::Option::Some(#max)),
        None => tokens!(__vmstate::core::option::Option::None),
    };
    tokens!(#number.to_load(reader, #capacity, #max))
}
