//! Implementations that do nothing, for a struct with mistakes: so that those are all that is reported.

use proc_macro2::TokenStream;
use syn::{DeriveInput, LitStr};

use super::{tokens, wire, wrap};

pub(crate) fn expand(input: &DeriveInput, name: &LitStr, root: &TokenStream) -> TokenStream {
    let ident = &input.ident;
    let (generics, arguments, bounds) = input.generics.split_for_impl();
    let wire = wire::implementation(ident, &input.generics, None);
    let state = tokens! {
        #[automatically_derived]
        impl #generics __vmstate::VmState for #ident #arguments #bounds {
            const DESCRIPTION: &'static __vmstate::Description = &__vmstate::Description::new(#name);

            fn save_fields<__S: __vmstate::Sink>(
                &mut self,
                _: &mut __S,
                _: u32,
            ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
                __vmstate::core::result::Result::Ok(())
            }

            fn load_fields(
                &mut self,
                _: &mut __vmstate::Reader<'_>,
                _: u32,
            ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
                __vmstate::core::result::Result::Ok(())
            }
        }
    };
    wrap(root, &tokens!(#state #wire))
}
