//! The implementation of `Wire` for a `transparent` struct, which delegates to its field.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::{Generics, Member};

use super::hygiene::{located, tokens};
use super::implementor::Implementor;
use super::wire::Wire;
use crate::model::Newtype;

pub(super) fn expand(newtype: &Newtype<'_>, generics: &Generics) -> TokenStream {
    let member = &newtype.field.member;
    let ty = newtype.field.ty;
    let inner = quote_spanned!(located(ty)=> <#ty as __vmstate::Wire>);
    let wire = Wire {
        form: tokens!(#inner::FORM),
        fixed: Some(fixed(&inner, member)),
        exclusive: Some((
            tokens!(#inner::EXCLUSIVE),
            tokens!(#inner::save_elements(&mut self.#member, sink, at, element)),
        )),
        share: tokens!(#inner::share_elements(&self.#member, sink, at, element)),
        load: tokens!(#inner::load_elements(&mut self.#member, reader)),
    };
    wire.implement(Implementor::new(newtype.item, generics))
}

fn fixed(inner: &TokenStream, member: &Member) -> TokenStream {
    tokens! {
        const FIXED: __vmstate::core::option::Option<usize> = #inner::FIXED;

        #[inline]
        fn put(&self, out: &mut [u8]) {
            #inner::put(&self.#member, out);
        }

        #[inline]
        fn get(&mut self, from: &[u8]) {
            #inner::get(&mut self.#member, from);
        }
    }
}
