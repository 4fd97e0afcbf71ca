//! Balanced trees (`VMSTATE_GTREE_V`, `VMSTATE_GTREE_DIRECT_KEY_V`).

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::wire_form::WireForm;
use crate::expand::access::Access;
use crate::expand::hygiene::{located, tokens};
use crate::model::{Field, Tree};

impl WireForm for Tree {
    fn provider(&self, field: &Field) -> TokenStream {
        let ty = &field.ty;
        let span = located(&field.ty);
        if self.direct {
            quote_spanned!(span=> <#ty as __vmstate::tree::Tree<__vmstate::tree::Direct>>)
        } else {
            quote_spanned!(span=> <#ty as __vmstate::tree::Tree<__vmstate::tree::Described>>)
        }
    }

    fn form(&self, field: &Field) -> TokenStream {
        let provider = self.provider(field);
        let max = &self.max;
        tokens!(#provider::FORM.limit(#max))
    }

    fn save(&self, field: &Field, access: Access, value: &TokenStream, at: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        let max = &self.max;
        let save = access.method("");
        tokens!(#provider::#save(#value, #max, sink, #at))
    }

    fn load(&self, field: &Field, value: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        let max = &self.max;
        let version =
            self.version.map_or_else(|| tokens!(#provider::version(reader.version())), |version| tokens!(#version));
        tokens!(#provider::load(#value, #max, #version, reader))
    }

    /// QEMU loads keys and values at the field's one version (`get_gtree` in `migration/vmstate-types.c`), but saves
    /// each at the version of its description.
    fn assertion(&self, field: &Field) -> Option<TokenStream> {
        if self.direct || self.version.is_some() {
            return None;
        }
        let provider = self.provider(field);
        Some(quote_spanned! {located(&field.ty)=>
            __vmstate::core::assert!(
                #provider::AGREES,
                "the keys and values of this tree have different versions, but a tree loads at a single one; \
                 give both types the same `version`"
            );
        })
    }

    fn may_be_struct(&self, _: &Field) -> bool {
        !self.direct
    }
}
