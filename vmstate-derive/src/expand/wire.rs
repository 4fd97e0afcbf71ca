//! The implementation of `Wire`: the struct as a value in another one.

use proc_macro2::TokenStream;
use syn::{Generics, Ident};

use super::{run, tokens};
use crate::model::{Codec, Device, Field};

pub(super) fn expand(device: &Device<'_>) -> TokenStream {
    let fixed = can_be_fixed(device).then(|| fixed(&device.fields));
    implementation(device.ident, device.generics, fixed.as_ref())
}

/// The implementation for a struct, whose values may have a fixed size.
pub(super) fn implementation(name: &Ident, generics: &Generics, fixed: Option<&TokenStream>) -> TokenStream {
    let (generics, arguments, bounds) = generics.split_for_impl();
    tokens! {
        #[automatically_derived]
        impl #generics __vmstate::Wire for #name #arguments #bounds {
            const FORM: __vmstate::Form = __vmstate::Form::structure(<Self as __vmstate::VmState>::DESCRIPTION);

            #fixed

            fn save_elements<__S: __vmstate::Sink>(
                &mut self,
                sink: &mut __S,
                at: __vmstate::At,
                element: __vmstate::Element,
            ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
                __vmstate::walk::save_struct(self, sink, at, element)
            }

            fn load_elements(
                &mut self,
                reader: &mut __vmstate::Reader<'_>,
            ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
                __vmstate::walk::load_struct(self, reader)
            }
        }
    }
}

/// Whether nothing but the fields' types can keep the struct from being bytes of fixed size.
fn can_be_fixed(device: &Device<'_>) -> bool {
    let attributes = device.attributes;
    let simple = |field: &Field| {
        field.gate.is_open()
            && !field.is_inside()
            && field.opaque.is_none()
            && field.conditions.is_empty()
            && (field.is_plain() || matches!(field.codec, Codec::Type { .. }))
    };
    attributes.hooks.all().next().is_none()
        && !attributes.needed.is_set()
        && attributes.must_exist.is_empty()
        && device.subsections.is_empty()
        && device.skipped.iter().all(|skipped| skipped.reset.is_none())
        && device.fields.iter().all(simple)
}

fn fixed(fields: &[Field]) -> TokenStream {
    let forms = fields.iter().map(Field::codec);
    let (puts, gets) = (run::puts(fields), run::gets(fields));
    tokens! {
        const FIXED: __vmstate::core::option::Option<usize> = __vmstate::walk::sum(&[#(#forms::FIXED),*]);

        #[inline]
        #[allow(unused_variables)]
        fn put(&self, out: &mut [u8]) {
            #puts
        }

        #[inline]
        #[allow(unused_variables)]
        fn get(&mut self, from: &[u8]) {
            #gets
        }
    }
}
