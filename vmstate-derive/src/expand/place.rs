//! Where the value of a field is kept, as code: a member, or a place inside of one.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::Type;

use super::{located, tokens};
use crate::model::{Field, Place};
use crate::parse::{PlacePath, Step};

/// The value of a field that has one, as a place expression.
pub(super) fn value(field: &Field) -> Option<TokenStream> {
    Some(match field.place.as_ref()? {
        Place::Member(member) => tokens!(self.#member),
        Place::Inside(path) => inside(path, &field.ty),
    })
}

fn inside(path: &PlacePath, ty: &Type) -> TokenStream {
    let member = &path.member;
    let place = path.steps.iter().fold(tokens!(self.#member), |base, step| match step {
        Step::Member(member) => tokens!(#base.#member),
        Step::Element(index) => {
            quote_spanned!(located(index)=> (*__vmstate::place::element::<{ #index }, _, _>(&mut #base)))
        }
    });
    // If it is not of this type, that shows here and nowhere else.
    quote_spanned!(located(ty)=> (*__vmstate::place::of::<#ty>(&mut #place)))
}
