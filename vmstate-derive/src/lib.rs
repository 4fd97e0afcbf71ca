//! `#[derive(VmState)]` for the crates `vmstate` and `vmstate-types`.
//!
//! Four steps, each in its place: `parse` takes attributes as they are written, `model` says what the device means,
//! `check` holds the rules, `expand` writes the code. All mistakes are reported at once, and an implementation
//! is written even then, so that one mistake does not look like fifty.

mod check;
mod enumeration;
mod errors;
mod expand;
mod model;
mod parse;
mod remote;
mod transparent;

use std::mem;

use proc_macro2::{Span, TokenStream};
use quote::quote;
use syn::{Data, DeriveInput};

use crate::errors::Errors;

/// Teaches a struct to save and load itself as QEMU's VMState does; described in the crate `vmstate`.
#[proc_macro_derive(VmState, attributes(vmstate))]
pub fn derive_vm_state(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive(input.into(), &quote!(::vmstate)).into()
}

/// The same for crates that depend on `vmstate-types` alone.
#[doc(hidden)]
#[proc_macro_derive(VmStateOfTypes, attributes(vmstate))]
pub fn derive_vm_state_of_types(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive(input.into(), &quote!(::vmstate_types)).into()
}

/// The expansion, with an error for each mistake before it.
fn derive(input: TokenStream, root: &TokenStream) -> TokenStream {
    let input: DeriveInput = match syn::parse2(input) {
        Ok(input) => input,
        Err(error) => return error.into_compile_error(),
    };
    let errors = Errors::new();
    let mut attributes = parse::Struct::of(&input, &errors);
    let root = attributes.root_or(root);
    if let Data::Enum(data) = &input.data {
        let expansion = enumeration::derive(&input, data, &attributes, &root);
        let errors = errors.finish().map(syn::Error::into_compile_error);
        return quote!(#errors #expansion);
    }
    if attributes.transparent.is_set() {
        let expansion = transparent::derive(&input, &attributes, &root);
        let errors = errors.finish().map(syn::Error::into_compile_error);
        return quote!(#errors #expansion);
    }
    let groups = mem::take(&mut attributes.groups);
    let device = model::Device::of(&input, &attributes, groups, &errors);
    if let Some(device) = &device {
        check::check(device, &errors);
    }
    match (errors.finish(), device) {
        (None, Some(device)) => match attributes.remote.value() {
            Some(ty) => remote::expand(device, ty, &root),
            None => expand::expand(&device, &root),
        },
        (errors, _) => {
            let errors = errors.unwrap_or_else(|| syn::Error::new(Span::call_site(), "no device")).into_compile_error();
            let fallback = expand::fallback(&input, &attributes.name_or(&input.ident), &root);
            quote!(#errors #fallback)
        }
    }
}

#[cfg(test)]
mod tests;
