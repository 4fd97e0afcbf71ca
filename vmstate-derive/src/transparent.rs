//! Structs around one field that are on the wire what the field is.
//!
//! They have no description of their own and so are a path of their own through the macro, as enums are.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Data, DeriveInput, Field, Ident, Index, Member};

use crate::errors::Errors;
use crate::expand::{self, tokens};
use crate::parse;

/// The implementation of `Wire` for a transparent struct, or all its mistakes.
pub(crate) fn derive(input: &DeriveInput, attributes: &parse::Struct, root: &TokenStream) -> TokenStream {
    let errors = Errors::new();
    for key in attributes.keys.iter().filter(|key| *key != "crate" && *key != "transparent") {
        errors.at(key, format!("`{key}` has no place beside `transparent`: the struct has no description"));
    }
    let field = only_field(input, &errors);
    match (errors.finish(), field) {
        (None, Some(field)) => expand::wrap(root, &implementation(input, field)),
        (errors, _) => {
            let errors = errors.map(syn::Error::into_compile_error);
            let fallback = expand::fallback(input, &attributes.name_or(&input.ident), root);
            quote!(#errors #fallback)
        }
    }
}

/// The field, of which there must be one, as its type says.
fn only_field<'a>(input: &'a DeriveInput, errors: &Errors) -> Option<&'a Field> {
    let Data::Struct(data) = &input.data else {
        errors.at(&input.ident, "`transparent` takes a struct");
        return None;
    };
    let mut fields = data.fields.iter();
    let (Some(field), None) = (fields.next(), fields.next()) else {
        errors.at(&input.ident, format!("`transparent` takes a struct with one field; this has {}", data.fields.len()));
        return None;
    };
    for key in parse::Field::of(&field.attrs, errors).keys {
        errors.at(&key, format!("`{key}` has no place here: a transparent struct is what the type of its field says"));
    }
    Some(field)
}

fn implementation(input: &DeriveInput, field: &Field) -> TokenStream {
    let name = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    let member = member(field);
    let ty = &field.ty;
    let inner = quote_spanned!(Span::mixed_site().located_at(ty.span())=> <#ty as __vmstate::Wire>);
    tokens! {
        #[automatically_derived]
        impl #generics __vmstate::Wire for #name #arguments #bounds {
            const FORM: __vmstate::Form = #inner::FORM;
            const FIXED: __vmstate::core::option::Option<usize> = #inner::FIXED;

            #[inline]
            fn put(&self, out: &mut [u8]) {
                #inner::put(&self.#member, out);
            }

            #[inline]
            fn get(&mut self, from: &[u8]) {
                #inner::get(&mut self.#member, from);
            }

            fn save_elements<__S: __vmstate::Sink>(
                &mut self,
                sink: &mut __S,
                at: __vmstate::At,
                element: __vmstate::Element,
            ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
                #inner::save_elements(&mut self.#member, sink, at, element)
            }

            fn load_elements(
                &mut self,
                reader: &mut __vmstate::Reader<'_>,
            ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
                #inner::load_elements(&mut self.#member, reader)
            }
        }
    }
}

fn member(field: &Field) -> Member {
    let name: Option<Ident> = field.ident.clone();
    name.map_or_else(|| Member::Unnamed(Index::from(0)), Member::Named)
}
