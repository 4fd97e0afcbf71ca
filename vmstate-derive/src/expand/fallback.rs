//! Implementations without content for an input with errors.
//!
//! They keep the compiler from reporting a missing implementation wherever the type is used.

use proc_macro2::TokenStream;
use syn::Fields;

use super::enumeration;
use super::hygiene::tokens;
use super::implementor::Implementor;
use super::wire::Wire;
use crate::model::{Enumeration, Input};
use crate::parse;

pub(super) fn expand(input: &parse::Input<'_>, model: Option<&Input<'_>>) -> Option<TokenStream> {
    match model {
        Some(Input::Enumeration(enumeration)) => {
            has_discriminants(enumeration).then(|| enumeration::expand(enumeration, &enumeration.item.generics))
        }
        _ => Some(empty_struct(input)),
    }
}

/// Returns whether the variants can be cast to integers.
fn has_discriminants(enumeration: &Enumeration<'_>) -> bool {
    let variants = &enumeration.data.variants;
    !variants.is_empty() && variants.iter().all(|variant| matches!(variant.fields, Fields::Unit))
}

fn empty_struct(input: &parse::Input<'_>) -> TokenStream {
    let implementor = Implementor::new(input.item, &input.item.generics);
    let name = input.attributes.name_or(&input.item.ident);
    let items = tokens! {
        const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(#name);

        fn share_fields<__S: __vmstate::Sink>(
            &self,
            _: &mut __S,
            _: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            __vmstate::core::result::Result::Ok(())
        }

        fn load_fields(
            &mut self,
            _: &mut __vmstate::Reader<'_>,
            _: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            __vmstate::core::result::Result::Ok(())
        }
    };
    let state = implementor.implement(&tokens!(__vmstate::VmState), &items);
    let wire = Wire::structure(None, false).implement(implementor);
    tokens!(#state #wire)
}
