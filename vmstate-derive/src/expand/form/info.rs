//! Values with the form of an info: `equal`, `timer`, `with` and others.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};

use super::wire_form::{Size, WireForm};
use crate::expand::access::Access;
use crate::expand::hygiene::{located, tokens};
use crate::model::{Field, Info, InfoKind};

impl WireForm for Info {
    fn provider(&self, field: &Field) -> TokenStream {
        let ty = &field.ty;
        let span = located(&field.ty);
        let info = self.at(span);
        quote_spanned!(span=> <#info as __vmstate::Codec<#ty>>)
    }

    fn form(&self, field: &Field) -> TokenStream {
        let provider = self.provider(field);
        tokens!(#provider::FORM)
    }

    fn save(&self, field: &Field, access: Access, value: &TokenStream, at: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        let save = access.method("");
        tokens!(#provider::#save(#value, sink, #at, __vmstate::ElementIndex::ONLY))
    }

    fn exclusive(&self, field: &Field) -> Option<TokenStream> {
        self.kind.may_be_exclusive().then(|| self.of_provider(field))
    }

    fn load(&self, field: &Field, value: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        tokens!(#provider::load(#value, reader))
    }

    fn size(&self, field: &Field) -> Size {
        if self.is_fixed(&field.ty) { Size::Fixed } else { Size::Varies }
    }

    fn may_be_struct(&self, _: &Field) -> bool {
        self.kind.may_be_struct()
    }
}

impl Info {
    /// The library's type for the info, with names at `span`.
    fn at(&self, span: Span) -> TokenStream {
        (0..self.dimensions).fold(self.kind.at(span), |info, _| quote_spanned!(span=> __vmstate::Each<#info>))
    }
}

impl InfoKind {
    /// Returns whether the info may be the form of a struct: a remote definition, or the form of the value's type.
    pub(super) fn may_be_struct(&self) -> bool {
        matches!(self, Self::Custom(_) | Self::Present)
    }

    /// Returns whether a struct in the value may need an exclusive reference to be saved.
    pub(super) fn may_be_exclusive(&self) -> bool {
        matches!(self, Self::Custom(_) | Self::Present | Self::Equal)
    }

    /// The library's type for the info, with names at `span`.
    pub(super) fn at(&self, span: Span) -> TokenStream {
        match self {
            Self::Buffer => quote_spanned!(span=> __vmstate::Buffer),
            Self::Equal => quote_spanned!(span=> __vmstate::Equal),
            Self::LessOrEqual => quote_spanned!(span=> __vmstate::LessOrEqual),
            Self::Timer => quote_spanned!(span=> __vmstate::TimerInfo),
            Self::ByteArray(max) => quote_spanned!(span=> __vmstate::ByteArray<{ #max }>),
            Self::Present => quote_spanned!(span=> __vmstate::Present),
            Self::As(wire) => quote_spanned!(span=> __vmstate::As<#wire>),
            Self::Custom(info) => quote!(#info),
        }
    }
}
