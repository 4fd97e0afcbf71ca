//! Temporaries that are computed from the struct (`VMSTATE_WITH_TMP`).

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::wire_form::WireForm;
use crate::expand::access::Access;
use crate::expand::hygiene::{located, tokens};
use crate::model::{Field, Temporary};

impl WireForm for Temporary {
    fn provider(&self, _: &Field) -> TokenStream {
        let temporary = &self.0;
        quote_spanned!(located(temporary)=> <#temporary as __vmstate::tmp::TemporaryForm<Self>>)
    }

    fn form(&self, field: &Field) -> TokenStream {
        let provider = self.provider(field);
        tokens! {
            __vmstate::Form::new(
                __vmstate::Kind::Temporary(#provider::TEMPORARY),
                __vmstate::core::option::Option::None
            )
        }
    }

    fn save(&self, field: &Field, _: Access, _: &TokenStream, at: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        tokens!(#provider::save(&*self, sink, #at))
    }

    fn exclusive(&self, _: &Field) -> Option<TokenStream> {
        None
    }

    fn load(&self, field: &Field, _: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        tokens!(#provider::load(&mut *self, reader))
    }

    fn may_be_struct(&self, _: &Field) -> bool {
        true
    }
}
