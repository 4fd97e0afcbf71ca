//! Arrays and buffers whose length is in a counter field (`VMSTATE_VARRAY_*`, `VMSTATE_VBUFFER_*`).

use proc_macro2::TokenStream;

use super::count;
use super::wire_form::WireForm;
use crate::expand::access::Access;
use crate::expand::hygiene::tokens;
use crate::model::{Counted, Elements, Field};

impl WireForm for Counted {
    fn provider(&self, field: &Field) -> TokenStream {
        self.elements.provider(field)
    }

    fn form(&self, field: &Field) -> TokenStream {
        let provider = self.provider(field);
        let source = self.source(field, &provider);
        match self.elements {
            Elements::Buffer => {
                tokens!(__vmstate::Form::info("buffer", __vmstate::core::option::Option::None).sized(#source))
            }
            Elements::Typed | Elements::Info(_) => tokens!(#provider::ITEM.counted(#source)),
        }
    }

    fn save(&self, field: &Field, access: Access, value: &TokenStream, at: &TokenStream) -> TokenStream {
        self.save_with(field, &self.provider(field), access, value, at)
    }

    fn exclusive(&self, field: &Field) -> Option<TokenStream> {
        self.elements.may_be_exclusive(field).then(|| self.of_provider(field))
    }

    fn load(&self, field: &Field, value: &TokenStream) -> TokenStream {
        self.load_with(field, &self.provider(field), value)
    }

    fn may_be_struct(&self, field: &Field) -> bool {
        self.elements.may_be_structs(field)
    }
}

impl Counted {
    /// The counter field in the description.
    pub(super) fn source(&self, field: &Field, provider: &TokenStream) -> TokenStream {
        count::source(field, provider, &self.count, self.max.as_ref())
    }

    /// The call of the provider's `save`.
    pub(super) fn save_with(
        &self,
        field: &Field,
        provider: &TokenStream,
        access: Access,
        value: &TokenStream,
        at: &TokenStream,
    ) -> TokenStream {
        let count = count::to_save(field, &self.count.member, &count::factor(&self.count));
        let save = access.method("");
        tokens!(#count.and_then(|count| #provider::#save(#value, count, sink, #at)))
    }

    /// The call of the provider's `load`.
    pub(super) fn load_with(&self, field: &Field, provider: &TokenStream, value: &TokenStream) -> TokenStream {
        let number = count::number(field, &self.count.member, &count::factor(&self.count));
        let count = count::to_load(&number, &tokens!(#provider::CAPACITY), self.max.as_ref());
        tokens!(#count.and_then(|count| #provider::load(#value, count, reader)))
    }
}
