//! The elements of arrays that are not sent whole.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use crate::expand::hygiene::located;
use crate::model::{Elements, Field};

impl Elements {
    /// The implementation of the field's type that saves and loads a number of elements.
    pub(super) fn provider(&self, field: &Field) -> TokenStream {
        let ty = &field.ty;
        let span = located(&field.ty);
        match self {
            Self::Typed => quote_spanned!(span=> <#ty as __vmstate::items::Items>),
            Self::Info(info) => {
                let info = info.at(span);
                quote_spanned!(span=> <#ty as __vmstate::items::ItemsBy<#info>>)
            }
            Self::Buffer => quote_spanned!(span=> <#ty as __vmstate::items::Bytes>),
        }
    }
}
