//! Linked lists (`VMSTATE_QTAILQ_V`, `VMSTATE_QLIST_V`).

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::wire_form::WireForm;
use crate::expand::access::Access;
use crate::expand::hygiene::{located, tokens};
use crate::model::{Field, List};

impl WireForm for List {
    fn provider(&self, field: &Field) -> TokenStream {
        let ty = &field.ty;
        let span = located(&field.ty);
        quote_spanned!(span=> <#ty as __vmstate::list::Structs>)
    }

    fn form(&self, field: &Field) -> TokenStream {
        let provider = self.provider(field);
        let info = if self.qlist { "qlist" } else { "qtailq" };
        let max = &self.max;
        tokens! {
            __vmstate::Form::new(
                __vmstate::Kind::List(#info, #provider::ITEM),
                __vmstate::core::option::Option::None
            ).limit(#max)
        }
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
        let version = self.version.map_or_else(
            || tokens!(__vmstate::walk::nested_version(#provider::ITEM, reader.version())),
            |version| tokens!(#version),
        );
        tokens!(#provider::load(#value, #max, #version, reader))
    }
}
