//! Values with the form of their type: integers, structs, arrays of fixed length.

use proc_macro2::TokenStream;

use super::wire_form::{Size, WireForm};
use crate::expand::access::Access;
use crate::expand::hygiene::tokens;
use crate::model::{Field, Typed};

impl WireForm for Typed {
    fn form(&self, field: &Field) -> TokenStream {
        let provider = self.provider(field);
        tokens!(#provider::FORM)
    }

    fn save(&self, field: &Field, access: Access, value: &TokenStream, at: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        let save = access.method("_elements");
        tokens!(#provider::#save(#value, sink, #at, __vmstate::ElementIndex::ONLY))
    }

    fn exclusive(&self, field: &Field) -> Option<TokenStream> {
        (!self.plain).then(|| self.of_provider(field))
    }

    fn load(&self, field: &Field, value: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        tokens!(#provider::load_elements(#value, reader))
    }

    fn size(&self, _: &Field) -> Size {
        if self.plain { Size::Fixed } else { Size::ByType }
    }

    fn may_be_struct(&self, _: &Field) -> bool {
        !self.plain
    }
}
