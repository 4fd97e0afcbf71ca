//! Expressions for the place of a value: a member, or a part of one.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{Ident, Member, Type};

use super::access::Access;
use super::hygiene::{located, tokens};
use crate::model::{Field, Place, member_name};
use crate::parse::{PlacePath, Step};

/// A shared reference to the value of type `ty` in `place`.
pub(super) fn shared(place: &Place, ty: &Type) -> TokenStream {
    match place {
        Place::Member(member) => tokens!(&self.#member),
        Place::Foreign(member) => tokens!(&(**self).#member),
        Place::Bound(member) => {
            let binding = binding(member);
            tokens!(&*#binding)
        }
        Place::Inside(path) => inside(path, ty, Access::Shared),
    }
}

/// An exclusive reference to the value of a field; `None` if it has no place.
pub(super) fn exclusive(field: &Field) -> Option<TokenStream> {
    reference(field, Access::Exclusive)
}

/// A reference to the value of a field; `None` if it has no place.
pub(super) fn reference(field: &Field, access: Access) -> Option<TokenStream> {
    Some(match field.place.as_ref()? {
        Place::Member(member) => access.reference(&tokens!(self.#member)),
        Place::Foreign(member) => access.reference(&tokens!((**self).#member)),
        Place::Bound(member) => {
            let binding = binding(member);
            access.reference(&tokens!(*#binding))
        }
        Place::Inside(path) => inside(path, &field.ty, access),
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
        Place::Foreign(member) => tokens!((**self).#member = #new;),
        Place::Bound(member) => {
            let binding = binding(member);
            tokens!(*#binding = #new;)
        }
        Place::Inside(path) => {
            let value = inside(path, &field.ty, Access::Exclusive);
            tokens!(*#value = #new;)
        }
    })
}

/// An expression on the path into a member.
enum Way {
    /// A place expression.
    Place(TokenStream),
    /// A reference.
    Reference(TokenStream),
}

impl Way {
    /// A reference at `span`, where the compiler reports a type that does not fit.
    fn reference(self, access: Access, span: Span) -> TokenStream {
        match (self, access) {
            (Self::Place(place), Access::Exclusive) => quote_spanned!(span=> &mut #place),
            (Self::Place(place), Access::Shared) => quote_spanned!(span=> &#place),
            (Self::Reference(reference), _) => reference,
        }
    }

    fn step(self, step: &Step, access: Access, span: Span) -> Self {
        match (step, self) {
            (Step::Member(member), Self::Place(base) | Self::Reference(base)) => Self::Place(tokens!(#base.#member)),
            // A call instead of `[index]`: the library checks the index at compile time, and rejects growing collections,
            // which may lack the element when a stream is loaded.
            (Step::Element(index), base) => {
                let base = base.reference(access, span);
                Self::Reference(quote_spanned!(located(index)=> __vmstate::place::element::<{ #index }, _, _>(#base)))
            }
        }
    }
}

/// A reference to the value in `path`.
///
/// `place::of::<ty>` reports another type at `ty` once, instead of in every use of the reference. `self` is dereferenced
/// because the compiler's message about an unknown member contains the type: it is the same in all methods, so that the
/// compiler reports it once.
fn inside(path: &PlacePath, ty: &Type, access: Access) -> TokenStream {
    let member = &path.member;
    let span = located(member);
    let start = Way::Place(quote_spanned!(span=> (*self).#member));
    let reference = path.steps.iter().fold(start, |way, step| way.step(step, access, span)).reference(access, span);
    quote_spanned!(located(ty)=> __vmstate::place::of::<#ty, _>(#reference))
}
