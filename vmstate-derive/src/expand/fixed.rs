//! The part of `Wire` for structs of fixed size, which are read and written at offsets in a block.

use proc_macro2::TokenStream;

use super::form::{self, Size};
use super::hygiene::tokens;
use super::run;
use crate::model::{Device, Field};

/// The items, unless the struct has something other than its fields' types that varies.
pub(super) fn items(device: &Device<'_>) -> Option<TokenStream> {
    can_be_fixed(device).then(|| implementation(&device.fields))
}

fn can_be_fixed(device: &Device<'_>) -> bool {
    let attributes = device.attributes;
    attributes.hooks.all().next().is_none()
        && !attributes.needed.is_set()
        && attributes.must_exist.is_empty()
        && device.subsections.is_empty()
        && device.skipped.iter().all(|skipped| skipped.reset.is_none())
        && device.fields.iter().all(is_simple)
}

fn is_simple(field: &Field) -> bool {
    field.gate.is_open() && !field.is_inside() && field.conditions.is_empty() && form::size(field) != Size::Varies
}

fn implementation(fields: &[Field]) -> TokenStream {
    let providers = fields.iter().map(form::provider);
    let puts = run::puts(fields);
    let gets = run::gets(fields);
    tokens! {
        const FIXED: __vmstate::core::option::Option<usize> = __vmstate::walk::sum(&[#(#providers::FIXED),*]);

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
