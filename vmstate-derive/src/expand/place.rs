//! Where the value of a field is kept, as code: a member, or a place inside of one.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::{located, tokens};
use crate::model::Place;
use crate::parse::{PlacePath, Step};

/// How the value is used.
#[derive(Clone, Copy)]
enum Access {
    Shared,
    Exclusive,
}

/// The value, to be read: a place expression.
pub(super) fn shared(place: &Place) -> TokenStream {
    value(place, Access::Shared)
}

/// The value, to be changed: a place expression.
pub(super) fn exclusive(place: &Place) -> TokenStream {
    value(place, Access::Exclusive)
}

fn value(place: &Place, access: Access) -> TokenStream {
    match place {
        Place::Member(member) => tokens!(self.#member),
        Place::Inside(path) => inside(path, access),
    }
}

fn inside(path: &PlacePath, access: Access) -> TokenStream {
    let member = &path.member;
    path.steps.iter().fold(tokens!(self.#member), |base, step| match (step, access) {
        (Step::Member(member), _) => tokens!(#base.#member),
        (Step::Element(index), Access::Shared) => {
            quote_spanned!(located(index)=> (*__vmstate::place::element::<{ #index }, _, _>(&#base)))
        }
        (Step::Element(index), Access::Exclusive) => {
            quote_spanned!(located(index)=> (*__vmstate::place::element_mut::<{ #index }, _, _>(&mut #base)))
        }
    })
}
