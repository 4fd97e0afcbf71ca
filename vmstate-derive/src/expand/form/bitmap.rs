//! Bitmaps in 64-bit words (`VMSTATE_BITMAP`).

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::Member;
use syn::ext::IdentExt;

use super::count;
use super::wire_form::WireForm;
use crate::expand::access::Access;
use crate::expand::hygiene::{located, tokens};
use crate::model::{Bitmap, Field, bits_field};

impl WireForm for Bitmap {
    fn provider(&self, field: &Field) -> TokenStream {
        let ty = &field.ty;
        let span = located(&field.ty);
        quote_spanned!(span=> <#ty as __vmstate::bitmap::Words>)
    }

    fn form(&self, field: &Field) -> TokenStream {
        let provider = self.provider(field);
        let bits = &self.bits;
        // The description shows a constant number of bits by its expression, and a counter field by its name.
        let text = match bits_field(bits) {
            Some(member) => field.sibling_name(&member.unraw().to_string()).into_token_stream(),
            None => tokens!(__vmstate::core::stringify!(#bits)),
        };
        let max = self.max.as_ref().or_else(|| bits_field(bits).is_none().then_some(bits));
        let max = max.map(|max| tokens!(.max(#max)));
        let source = count::bounded(field, &provider, &tokens!(__vmstate::CountSource::new(#text) #max));
        tokens!(__vmstate::Form::info("bitmap", __vmstate::core::option::Option::None).sized(#source))
    }

    fn save(&self, field: &Field, _: Access, value: &TokenStream, at: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        let bits = &self.bits;
        let Some(member) = bits_field(bits) else { return tokens!(#provider::save(#value, #bits, sink, #at)) };
        let count = count::to_save(field, &Member::Named(member.clone()), &tokens!(1));
        tokens!(#count.and_then(|count| #provider::save(#value, count, sink, #at)))
    }

    fn exclusive(&self, _: &Field) -> Option<TokenStream> {
        None
    }

    fn load(&self, field: &Field, value: &TokenStream) -> TokenStream {
        let provider = self.provider(field);
        let bits = &self.bits;
        let Some(member) = bits_field(bits) else { return tokens!(#provider::load(#value, #bits, reader)) };
        let number = count::number(field, &Member::Named(member.clone()), &tokens!(1));
        let count = count::to_load(&number, &tokens!(#provider::CAPACITY), self.max.as_ref());
        tokens!(#count.and_then(|count| #provider::load(#value, count, reader)))
    }
}
