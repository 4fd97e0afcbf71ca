//! The elements of arrays that are not sent whole.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use crate::expand::hygiene::located;
use crate::model::{Elements, Field, holds_primitives};

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

    /// Returns whether the elements may need an exclusive reference to be saved.
    pub(super) fn may_be_exclusive(&self, field: &Field) -> bool {
        match self {
            Self::Typed => !holds_primitives(&field.ty),
            Self::Info(info) => info.may_be_exclusive(),
            Self::Buffer => false,
        }
    }

    /// Returns whether the elements may be structs.
    pub(super) fn may_be_structs(&self, field: &Field) -> bool {
        match self {
            Self::Typed => !holds_primitives(&field.ty),
            Self::Info(info) => info.may_be_struct(),
            Self::Buffer => false,
        }
    }
}
