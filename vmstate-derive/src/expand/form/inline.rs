//! Structs whose fields are fields of the parent.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::wire_form::WireForm;
use crate::expand::access::Access;
use crate::expand::hygiene::{located, tokens};
use crate::model::{Field, Inline};

impl WireForm for Inline {
    fn provider(&self, field: &Field) -> TokenStream {
        let ty = &field.ty;
        quote_spanned!(located(ty)=> <#ty as __vmstate::inline::Inline>)
    }

    fn form(&self, field: &Field) -> TokenStream {
        let provider = self.provider(field);
        tokens!(#provider::FORM)
    }

    fn save(&self, field: &Field, access: Access, value: &TokenStream, at: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        let save = access.method("");
        tokens!(#provider::#save(#value, version, sink, #at))
    }

    fn load(&self, field: &Field, value: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        tokens!(#provider::load(#value, version, reader))
    }

    /// The last field of the struct may be one.
    fn may_be_struct(&self, _: &Field) -> bool {
        true
    }

    fn assertion(&self, field: &Field) -> Option<TokenStream> {
        let provider = self.provider(field);
        Some(quote_spanned! {located(&field.ty)=>
            __vmstate::core::assert!(
                #provider::HAS_ONLY_FIELDS,
                "`inline` requires a struct with only fields: hooks, subsections and `needed` belong on this struct; \
                 for `since` and `until`, which refer to the version of this struct, add \
                 `#[vmstate(versions = parent)]` to its type"
            );
        })
    }
}
