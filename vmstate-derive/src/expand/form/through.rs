//! Values that a function of the struct returns and another one takes back.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::wire_form::WireForm;
use crate::expand::access::Access;
use crate::expand::form;
use crate::expand::hygiene::{located, tokens};
use crate::model::{Field, Through};

impl WireForm for Through {
    fn provider(&self, field: &Field) -> TokenStream {
        form::provider(value_of(field))
    }

    fn form(&self, field: &Field) -> TokenStream {
        form::actual(value_of(field))
    }

    fn save(&self, field: &Field, _: Access, _: &TokenStream, at: &TokenStream) -> TokenStream {
        let value = value_of(field);
        let ty = &value.ty;
        let get = self.get.with_types(&[tokens!(&Self)]);
        let save = form::save(value, Access::Exclusive, &tokens!(value), at);
        tokens!(__vmstate::through::save::<Self, #ty, _>(&*self, #get, sink, |value, sink| #save))
    }

    fn exclusive(&self, _: &Field) -> Option<TokenStream> {
        None
    }

    fn load(&self, field: &Field, _: &TokenStream) -> TokenStream {
        let value = value_of(field);
        let ty = &value.ty;
        let get = self.get.with_types(&[tokens!(&Self)]);
        let set = self.set.with_types(&[tokens!(&mut Self), tokens!(#ty)]);
        let load = form::load(value, &tokens!(value));
        // A result of another type is reported at `set`.
        let through = quote_spanned!(located(&self.set)=> __vmstate::through::load::<Self, #ty, _>);
        tokens!(#through(&mut *self, #get, reader, |value, reader| #load, #set))
    }

    fn may_be_struct(&self, field: &Field) -> bool {
        form::may_be_struct(value_of(field))
    }

    fn assertion(&self, field: &Field) -> Option<TokenStream> {
        form::assertion(value_of(field))
    }
}

/// The value as a field.
fn value_of(field: &Field) -> &Field {
    field.value.as_deref().unwrap_or(field)
}
