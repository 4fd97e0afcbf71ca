//! Structs at a fixed version (`VMSTATE_VSTRUCT`).

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::wire_form::WireForm;
use crate::expand::access::Access;
use crate::expand::hygiene::{located, tokens};
use crate::model::{Field, Versioned};

impl WireForm for Versioned {
    fn provider(&self, field: &Field) -> TokenStream {
        let ty = &field.ty;
        let span = located(&field.ty);
        quote_spanned!(span=> <#ty as __vmstate::versioned::Versioned>)
    }

    fn form(&self, field: &Field) -> TokenStream {
        let provider = self.provider(field);
        let version = self.0;
        tokens!(__vmstate::versioned::form(#provider::STRUCT, #provider::COUNT, #version))
    }

    fn save(&self, field: &Field, access: Access, value: &TokenStream, at: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        let version = self.0;
        let save = access.method("");
        tokens!(#provider::#save(#value, #version, sink, #at, __vmstate::ElementIndex::ONLY))
    }

    fn load(&self, field: &Field, value: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        let version = self.0;
        tokens!(#provider::load(#value, #version, reader))
    }

    fn may_be_struct(&self, _: &Field) -> bool {
        true
    }
}
