//! Arrays of nullable pointers (`VMSTATE_ARRAY_OF_POINTER`, `VMSTATE_VARRAY_OF_POINTER_*`).

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::count;
use super::wire_form::WireForm;
use crate::expand::access::Access;
use crate::expand::hygiene::{located, tokens};
use crate::model::{Field, Pointers, holds_primitives};

impl WireForm for Pointers {
    fn provider(&self, field: &Field) -> TokenStream {
        let ty = &field.ty;
        let span = located(&field.ty);
        if self.alloc {
            quote_spanned!(span=> <#ty as __vmstate::pointer::MarkedSlots>)
        } else {
            quote_spanned!(span=> <#ty as __vmstate::pointer::Slots>)
        }
    }

    fn form(&self, field: &Field) -> TokenStream {
        let provider = self.provider(field);
        let pointers = if self.alloc { tokens!(Marked) } else { tokens!(Nullable) };
        let counted = match &self.counted {
            Some(counted) => {
                let source = counted.source(field, &provider);
                tokens!(counted(#source))
            }
            None => {
                let length = count::checked_length(field, &provider);
                tokens!(times(#length))
            }
        };
        tokens!(#provider::ITEM.#counted.behind(__vmstate::Pointers::#pointers))
    }

    fn save(&self, field: &Field, access: Access, value: &TokenStream, at: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        let Some(counted) = &self.counted else {
            let length = count::length(&provider);
            let save = access.method("");
            return tokens!(#provider::#save(#value, #length, sink, #at));
        };
        counted.save_with(field, &provider, access, value, at)
    }

    fn exclusive(&self, field: &Field) -> Option<TokenStream> {
        (!holds_primitives(&field.ty)).then(|| self.of_provider(field))
    }

    fn load(&self, field: &Field, value: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        let Some(counted) = &self.counted else {
            let length = count::length(&provider);
            return tokens!(#provider::load(#value, #length, reader));
        };
        counted.load_with(field, &provider, value)
    }

    fn may_be_struct(&self, field: &Field) -> bool {
        !holds_primitives(&field.ty)
    }
}
