//! Arrays whose length directly precedes them, and that length.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::count;
use super::wire_form::WireForm;
use crate::expand::access::Access;
use crate::expand::hygiene::{located, tokens};
use crate::expand::place;
use crate::model::{Field, LengthPrefix, Prefixed};

impl WireForm for LengthPrefix {
    fn form(&self, _: &Field) -> TokenStream {
        let ty = &self.ty;
        tokens!(<#ty as __vmstate::Wire>::FORM)
    }

    /// Saves the length of the array; the prefix itself has no value.
    fn save(&self, field: &Field, _: Access, _: &TokenStream, at: &TokenStream) -> TokenStream {
        let ty = &self.ty;
        let container = &field.ty;
        let max = &self.max;
        let array = place::shared(&self.array, container);
        let save = quote_spanned! {located(container)=>
            <#container as __vmstate::hidden::Growing>::save_count::<#ty, _>
        };
        tokens!(#save(#array, #max, sink, #at))
    }

    fn exclusive(&self, _: &Field) -> Option<TokenStream> {
        None
    }

    fn load(&self, _: &Field, _: &TokenStream) -> TokenStream {
        let ty = &self.ty;
        tokens!(__vmstate::hidden::load::<#ty>(reader))
    }

    fn binding(&self) -> Option<TokenStream> {
        Some(tokens!(let count =))
    }
}

impl WireForm for Prefixed {
    fn provider(&self, field: &Field) -> TokenStream {
        self.elements.provider(field)
    }

    fn form(&self, field: &Field) -> TokenStream {
        let provider = self.provider(field);
        let name = field.sibling_name(&self.count.name.value());
        let max = &self.max;
        let source = count::bounded(field, &provider, &tokens!(__vmstate::CountSource::new(#name).max(#max)));
        tokens!(#provider::ITEM.counted(#source))
    }

    fn save(&self, field: &Field, access: Access, value: &TokenStream, at: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        let save = access.method("");
        tokens!(#provider::#save(#value, count, sink, #at))
    }

    fn exclusive(&self, field: &Field) -> Option<TokenStream> {
        self.elements.may_be_exclusive(field).then(|| self.of_provider(field))
    }

    fn load(&self, field: &Field, value: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        let number = tokens!(__vmstate::varray::number(&count, 1));
        let count = count::to_load(&number, &tokens!(#provider::CAPACITY), self.max.as_ref());
        tokens!(#count.and_then(|count| #provider::load(#value, count, reader)))
    }

    fn may_be_struct(&self, field: &Field) -> bool {
        self.elements.may_be_structs(field)
    }
}
