//! The frame around generated implementations.

use proc_macro2::TokenStream;
use syn::{DeriveInput, Generics, Ident};

use super::hygiene::tokens;

/// The type that traits are implemented for.
#[derive(Clone, Copy)]
pub(super) struct Implementor<'a> {
    pub(super) ident: &'a Ident,
    pub(super) generics: &'a Generics,
}

impl<'a> Implementor<'a> {
    /// Creates the frame for the type of `item`. `generics` contain the bounds that the implementation needs.
    pub(super) fn new(item: &'a DeriveInput, generics: &'a Generics) -> Self {
        Self { ident: &item.ident, generics }
    }

    /// Implements `trait_` with `items`.
    pub(super) fn implement(self, trait_: &TokenStream, items: &TokenStream) -> TokenStream {
        let (generics, arguments, bounds) = self.generics.split_for_impl();
        let ident = self.ident;
        tokens! {
            #[automatically_derived]
            impl #generics #trait_ for #ident #arguments #bounds {
                #items
            }
        }
    }
}

/// Puts generated items into a scope in which `__vmstate` is the library's module for generated code.
pub(super) fn wrap(root: &TokenStream, items: &TokenStream) -> TokenStream {
    // `const _` hides the alias from the user's scope. The lints would blame the user's struct for generated code, which
    // reads deprecated fields and writes every path in full.
    tokens! {
        #[allow(deprecated, unused_qualifications, clippy::pedantic)]
        const _: () = {
            use #root::__private as __vmstate;

            #items
        };
    }
}
