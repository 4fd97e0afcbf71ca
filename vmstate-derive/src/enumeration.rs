//! Enums without fields: a number on the wire, of which only the variants' are accepted.
//!
//! They have no description and so are a path of their own through the macro, as short as its four steps.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::{Attribute, DataEnum, DeriveInput, Fields, Ident, LitStr};

use crate::errors::Errors;
use crate::expand::{self, tokens};
use crate::parse;

/// What an enum's `#[repr(...)]` may say.
const NUMBERS: [&str; 8] = ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"];

/// The implementation of `Wire` for an enum, or all its mistakes.
pub(crate) fn derive(
    input: &DeriveInput,
    data: &DataEnum,
    attributes: &parse::Struct,
    root: &TokenStream,
) -> TokenStream {
    let errors = Errors::new();
    let number = number(input, &errors);
    check(input, data, attributes, &errors);
    match (errors.finish(), number) {
        (None, Some(number)) => expand::wrap(root, &implementation(input, data, &number)),
        (Some(errors), _) => {
            let errors = errors.into_compile_error();
            let simple = !data.variants.is_empty() && data.variants.iter().all(|variant| variant.fields.is_empty());
            let any = Ident::new("u64", input.ident.span());
            let fallback = simple.then(|| expand::wrap(root, &implementation(input, data, &any)));
            quote!(#errors #fallback)
        }
        (None, None) => TokenStream::new(),
    }
}

/// The type of the number, from `#[repr(u8)]`.
fn number(input: &DeriveInput, errors: &Errors) -> Option<Ident> {
    let number = input.attrs.iter().filter(|attribute| attribute.path().is_ident("repr")).find_map(repr);
    if number.is_none() {
        let message = "say what number the enum is on the wire: `#[repr(u8)]`, or another integer of fixed size";
        errors.at(&input.ident, message);
    }
    number
}

fn repr(attribute: &Attribute) -> Option<Ident> {
    let mut number = None;
    // What is no list of words is none of ours; the compiler says what is wrong with it.
    let _ = attribute.parse_nested_meta(|meta| {
        number = number
            .take()
            .or_else(|| meta.path.get_ident().filter(|name| NUMBERS.iter().any(|known| name == known)).cloned());
        Ok(())
    });
    number
}

/// `#[vmstate(version = 2)] enum`, `enum Mode { Off, On(u8) }`, `enum Never {}`
fn check(input: &DeriveInput, data: &DataEnum, attributes: &parse::Struct, errors: &Errors) {
    for key in attributes.keys.iter().filter(|key| *key != "crate") {
        errors.at(key, format!("`{key}` belongs on a struct: an enum is a number, and has nothing to describe"));
    }
    for variant in data.variants.iter().filter(|variant| !matches!(variant.fields, Fields::Unit)) {
        errors
            .at(&variant.fields, "a variant with fields has no wire form; keep the number and the fields in a struct");
    }
    for variant in &data.variants {
        for attribute in variant.attrs.iter().filter(|attribute| attribute.path().is_ident("vmstate")) {
            errors.at(attribute, "a variant is a number, and nothing can be said about it");
        }
    }
    if data.variants.is_empty() {
        errors.at(&input.ident, "an enum without variants can never be loaded");
    }
}

fn implementation(input: &DeriveInput, data: &DataEnum, number: &Ident) -> TokenStream {
    let name = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    let variants: Vec<_> = data.variants.iter().map(|variant| &variant.ident).collect();
    let names: Vec<_> = variants.iter().map(|variant| variant.unraw().to_string()).collect();
    let expected = LitStr::new(&format!("one of {}: {}", name.unraw(), names.join(", ")), name.span());
    tokens! {
        #[automatically_derived]
        impl #generics __vmstate::Wire for #name #arguments #bounds {
            const FORM: __vmstate::Form = <#number as __vmstate::Wire>::FORM;

            fn save_elements<__S: __vmstate::Sink>(
                &mut self,
                sink: &mut __S,
                at: __vmstate::At,
                element: __vmstate::Element,
            ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
                let mut number = match self {
                    #(Self::#variants => Self::#variants as #number,)*
                };
                __vmstate::Wire::save_elements(&mut number, sink, at, element)
            }

            fn load_elements(
                &mut self,
                reader: &mut __vmstate::Reader<'_>,
            ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
                let start = reader.offset();
                let mut number: #number = 0;
                __vmstate::Wire::load_elements(&mut number, reader)?;
                *self = match number {
                    #(number if number == Self::#variants as #number => Self::#variants,)*
                    other => {
                        return __vmstate::core::result::Result::Err(
                            __vmstate::LoadError::malformed(#expected, other).at_offset(start),
                        );
                    }
                };
                __vmstate::core::result::Result::Ok(())
            }
        }
    }
}
