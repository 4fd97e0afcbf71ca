//! The implementation of `Wire` for an enum.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::ext::IdentExt;
use syn::{Generics, Ident, LitStr};

use super::hygiene::{located, tokens};
use super::implementor::Implementor;
use super::wire::Wire;
use crate::model::Enumeration;

pub(super) fn expand(enumeration: &Enumeration<'_>, generics: &Generics) -> TokenStream {
    let repr = enumeration.repr.clone();
    // An enum without a `repr` has an error already; `u64` has room for any discriminant.
    let repr = repr.unwrap_or_else(|| Ident::new("u64", enumeration.item.ident.span()));
    let wire = Wire {
        form: tokens!(<#repr as __vmstate::Wire>::FORM),
        fixed: None,
        exclusive: None,
        share: save(enumeration, &repr),
        load: load(enumeration, &repr),
    };
    let wire = wire.implement(Implementor::new(enumeration.item, generics));
    let fits = enumeration.attributes.repr.is_set().then(|| fits(enumeration, &repr));
    tokens!(#wire #fits)
}

/// The assertions that each discriminant fits the wire type, which is not the type in memory.
fn fits(enumeration: &Enumeration<'_>, repr: &Ident) -> TokenStream {
    let name = &enumeration.item.ident;
    let message = format!("the number of this variant does not fit the wire type `{repr}`: choose a larger one");
    let assertions = enumeration.variants().into_iter().map(|variant| {
        quote_spanned! {located(variant)=>
            const _: () = __vmstate::core::assert!((#name::#variant as #repr) as i128 == #name::#variant as i128, #message);
        }
    });
    assertions.collect()
}

fn save(enumeration: &Enumeration<'_>, repr: &Ident) -> TokenStream {
    let variants = enumeration.variants();
    // `*self as u8` would need an enum that is `Copy`.
    tokens! {
        let number = match self {
            #(Self::#variants => Self::#variants as #repr,)*
        };
        __vmstate::Wire::share_elements(&number, sink, at, element)
    }
}

fn load(enumeration: &Enumeration<'_>, repr: &Ident) -> TokenStream {
    let variants = enumeration.variants();
    let expected = expected(enumeration);
    // Guards, because a pattern cannot contain the cast of a variant, and discriminants are only known to the compiler.
    tokens! {
        let start = reader.offset();
        let mut number: #repr = 0;
        __vmstate::Wire::load_elements(&mut number, reader)?;
        *self = match number {
            #(number if number == Self::#variants as #repr => Self::#variants,)*
            other => {
                return __vmstate::core::result::Result::Err(
                    __vmstate::LoadError::malformed(#expected, other).at_offset(start),
                );
            }
        };
        __vmstate::core::result::Result::Ok(())
    }
}

/// The description of the valid values for the load error.
fn expected(enumeration: &Enumeration<'_>) -> LitStr {
    let name = &enumeration.item.ident;
    let variants: Vec<_> = enumeration.variants().iter().map(|variant| variant.unraw().to_string()).collect();
    LitStr::new(&format!("one of {}: {}", name.unraw(), variants.join(", ")), name.span())
}
