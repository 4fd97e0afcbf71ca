//! The implementations for a struct with a description.

use proc_macro2::TokenStream;
use syn::Generics;

use super::hygiene::tokens;
use super::implementor::Implementor;
use super::wire::Wire;
use super::{assertion, exclusive, fixed, state};
use crate::model::Device;

pub(super) fn expand(device: &Device<'_>, generics: &Generics) -> TokenStream {
    let implementor = Implementor::new(device.input.item, generics);
    let state = state::expand(device, implementor);
    let wire = Wire::structure(fixed::items(device), exclusive::constant(device).is_some()).implement(implementor);
    let assertions = assertion::items(device, implementor);
    tokens!(#state #wire #assertions)
}
