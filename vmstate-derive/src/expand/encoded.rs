//! The implementation of `Wire` for a type with the form of an attribute.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::Generics;

use super::access::Access;
use super::hygiene::{located, tokens};
use super::implementor::Implementor;
use super::wire::Wire;
use crate::model::{Encoded, Encoding};

pub(super) fn expand(encoded: &Encoded<'_>, generics: &Generics) -> TokenStream {
    let wire = match &encoded.encoding {
        Encoding::Bits(bits) => bits_form(bits),
        Encoding::Wire(wire, field) => match field {
            Some(field) => {
                let ty = field.ty;
                let member = &field.member;
                let codec = quote_spanned!(located(ty)=> <__vmstate::As<#wire> as __vmstate::Codec<#ty>>);
                Wire { exclusive: None, ..codec_form(&codec, &|access| access.reference(&tokens!(self.#member))) }
            }
            // Another number of fields has an error already.
            None => return TokenStream::new(),
        },
        Encoding::With(info) => {
            codec_form(&quote_spanned!(located(info)=> <#info as __vmstate::Codec<Self>>), &|_| tokens!(self))
        }
    };
    wire.implement(Implementor::new(encoded.item(), generics))
}

fn bits_form(bits: &syn::Type) -> Wire {
    let name = quote_spanned!(located(bits)=> Self);
    Wire {
        form: tokens!(<#bits as __vmstate::Wire>::FORM),
        fixed: None,
        // Typed locals, because the methods may be inherent: another integer type is reported at the attribute.
        exclusive: None,
        share: quote_spanned! {located(bits)=>
            let bits: #bits = #name::bits(self);
            __vmstate::bits::save_bits(bits, sink, at, element)
        },
        load: quote_spanned! {located(bits)=>
            __vmstate::bits::load(self, |set: &#name| #name::bits(set), #name::from_bits, reader)
        },
    }
}

/// The form of `codec` for `value`.
fn codec_form(codec: &TokenStream, value: &dyn Fn(Access) -> TokenStream) -> Wire {
    let (exclusive, shared) = (value(Access::Exclusive), value(Access::Shared));
    Wire {
        form: tokens!(#codec::FORM),
        fixed: None,
        exclusive: Some((tokens!(#codec::EXCLUSIVE), tokens!(#codec::save(#exclusive, sink, at, element)))),
        share: tokens!(#codec::share(#shared, sink, at, element)),
        load: tokens!(#codec::load(#exclusive, reader)),
    }
}
