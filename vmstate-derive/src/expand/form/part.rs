//! Parts of arrays (`VMSTATE_SUB_ARRAY`, `VMSTATE_PARTIAL_BUFFER`).

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::count;
use super::wire_form::WireForm;
use crate::expand::access::Access;
use crate::expand::hygiene::{located, tokens};
use crate::model::{Elements, Field, Part};

impl WireForm for Part {
    fn provider(&self, field: &Field) -> TokenStream {
        self.elements.provider(field)
    }

    fn form(&self, field: &Field) -> TokenStream {
        let provider = self.provider(field);
        let (start, end) = self.bounds(&count::checked_length(field, &provider));
        let length = quote_spanned!(located(&field.ty)=> __vmstate::part::length(#provider::CAPACITY, #start, #end));
        match self.elements {
            Elements::Buffer => {
                tokens!(__vmstate::Form::info("buffer", __vmstate::core::option::Option::Some(#length)))
            }
            Elements::Typed | Elements::Info(_) => tokens!(#provider::ITEM.times(#length)),
        }
    }

    fn save(&self, field: &Field, access: Access, value: &TokenStream, at: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        let (start, end) = self.bounds(&count::length(&provider));
        let save = access.method("_part");
        tokens!(#provider::#save(#value, #start, #end, sink, #at))
    }

    fn exclusive(&self, field: &Field) -> Option<TokenStream> {
        self.elements.may_be_exclusive(field).then(|| self.of_provider(field))
    }

    fn load(&self, field: &Field, value: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        let (start, end) = self.bounds(&count::length(&provider));
        tokens!(#provider::load_part(#value, #start, #end, reader))
    }

    fn may_be_struct(&self, field: &Field) -> bool {
        self.elements.may_be_structs(field)
    }
}

impl Part {
    /// The range of indices, in an array of the given length.
    fn bounds(&self, length: &TokenStream) -> (TokenStream, TokenStream) {
        let start = self.range.start.as_ref().map_or_else(|| tokens!(0), |start| tokens!(#start));
        (start, self.range.end.as_ref().map_or_else(|| length.clone(), |end| tokens!(#end)))
    }
}
