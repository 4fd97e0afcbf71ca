//! Padding, of a fixed length or of a length in a counter field (`VMSTATE_UNUSED`, `VMSTATE_UNUSED_VARRAY_UINT32`).

use proc_macro2::TokenStream;

use super::count;
use super::wire_form::{Size, WireForm};
use crate::expand::access::Access;
use crate::expand::hygiene::tokens;
use crate::model::{CountedUnused, Field, Unused, member_name};

impl WireForm for Unused {
    fn provider(&self, _: &Field) -> TokenStream {
        let bytes = &self.0;
        tokens!(<__vmstate::Unused<#bytes> as __vmstate::Wire>)
    }

    fn form(&self, field: &Field) -> TokenStream {
        let provider = self.provider(field);
        tokens!(#provider::FORM)
    }

    fn save(&self, field: &Field, access: Access, value: &TokenStream, at: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        let save = access.method("_elements");
        tokens!(#provider::#save(#value, sink, #at, __vmstate::ElementIndex::ONLY))
    }

    fn exclusive(&self, _: &Field) -> Option<TokenStream> {
        None
    }

    fn load(&self, field: &Field, value: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        tokens!(#provider::load_elements(#value, reader))
    }

    fn size(&self, _: &Field) -> Size {
        Size::Fixed
    }
}

impl WireForm for CountedUnused {
    fn form(&self, field: &Field) -> TokenStream {
        let name = field.sibling_name(&member_name(&self.count.member));
        let size = count::factor(&self.count);
        let max = &self.max;
        tokens! {
            __vmstate::Form::info("unused_buffer", __vmstate::core::option::Option::Some(#size))
                .counted(__vmstate::CountSource::new(#name).max(#max))
        }
    }

    fn save(&self, field: &Field, _: Access, _: &TokenStream, at: &TokenStream) -> TokenStream {
        let size = count::factor(&self.count);
        let max = &self.max;
        let count = count::to_save(field, &self.count.member, &tokens!(1));
        tokens!(#count.and_then(|count| __vmstate::unused::save_counted(count, #size, #max, sink, #at)))
    }

    fn exclusive(&self, _: &Field) -> Option<TokenStream> {
        None
    }

    fn load(&self, field: &Field, _: &TokenStream) -> TokenStream {
        let number = count::number(field, &self.count.member, &tokens!(1));
        let size = count::factor(&self.count);
        let count = count::to_load(&number, &tokens!(__vmstate::core::option::Option::None), self.max.as_ref());
        tokens!(#count.and_then(|count| __vmstate::unused::load_counted(count, #size, reader)))
    }
}
