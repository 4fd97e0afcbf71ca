//! Expressions for the place of a value: a member, or a part of one.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{Ident, Member, Type};

use super::hygiene::{located, tokens};
use crate::model::{Field, Place, member_name};
use crate::parse::{PlacePath, Step};

/// A shared reference to the value of type `ty` in `place`.
pub(super) fn shared(place: &Place, ty: &Type) -> TokenStream {
    match place {
        Place::Member(member) => tokens!(&self.#member),
        Place::Bound(member) => {
            let binding = binding(member);
            tokens!(&*#binding)
        }
        Place::Inside(path) => inside(path, ty),
    }
}

/// An exclusive reference to the value of a field; `None` if it has no place.
pub(super) fn exclusive(field: &Field) -> Option<TokenStream> {
    Some(match field.place.as_ref()? {
        Place::Member(member) => tokens!(&mut self.#member),
        Place::Bound(member) => {
            let binding = binding(member);
            tokens!(&mut *#binding)
        }
        Place::Inside(path) => inside(path, &field.ty),
    })
}

/// A shared reference to another member of the struct or variant that `field` belongs to, with names at `span`.
pub(super) fn sibling(field: &Field, member: &Member, span: Span) -> TokenStream {
    if field.variant.is_some() {
        let binding = binding(member);
        return quote_spanned!(span=> &*#binding);
    }
    quote_spanned!(span=> &self.#member)
}

/// The variable that a variant's member is bound to.
pub(super) fn binding(member: &Member) -> Ident {
    Ident::new(&format!("field_{}", member_name(member)), Span::mixed_site())
}

/// The assignment of `new` to the value of a field; `None` if it has no place.
pub(super) fn assign(field: &Field, new: &TokenStream) -> Option<TokenStream> {
    Some(match field.place.as_ref()? {
        Place::Member(member) => tokens!(self.#member = #new;),
        Place::Bound(member) => {
            let binding = binding(member);
            tokens!(*#binding = #new;)
        }
        Place::Inside(path) => {
            let value = inside(path, &field.ty);
            tokens!(*#value = #new;)
        }
    })
}

/// An expression on the path into a member.
enum Way {
    /// A place expression.
    Place(TokenStream),
    /// An exclusive reference.
    Reference(TokenStream),
}

impl Way {
    fn reference(self) -> TokenStream {
        match self {
            Self::Place(place) => tokens!(&mut #place),
            Self::Reference(reference) => reference,
        }
    }

    fn step(self, step: &Step) -> Self {
        match (step, self) {
            (Step::Member(member), Self::Place(base) | Self::Reference(base)) => Self::Place(tokens!(#base.#member)),
            // A call instead of `[index]`: the library checks the index at compile time, and rejects growing collections,
            // which may lack the element when a stream is loaded.
            (Step::Element(index), base) => {
                let base = base.reference();
                Self::Reference(quote_spanned!(located(index)=> __vmstate::place::element::<{ #index }, _, _>(#base)))
            }
        }
    }
}

/// A reference to the value in `path`.
///
/// `place::of::<ty>` reports another type at `ty` once, instead of in every use of the reference.
fn inside(path: &PlacePath, ty: &Type) -> TokenStream {
    let member = &path.member;
    let way = path.steps.iter().fold(Way::Place(tokens!(self.#member)), Way::step);
    let reference = way.reference();
    quote_spanned!(located(ty)=> __vmstate::place::of::<#ty>(#reference))
}
