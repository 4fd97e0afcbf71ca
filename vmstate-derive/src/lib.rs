//! [`derive(VmState)`](macro@VmState) for the crates `vmstate` and `vmstate-types`.
//!
//! The macro has four stages, each in a module: `parse` reads attributes, `model` derives the fields in wire order,
//! `check` rejects violations of rules, and `expand` generates the code. All errors are reported at once. An input
//! with errors still gets an empty implementation, so that its users do not cause further errors.

mod check;
mod errors;
mod expand;
mod model;
mod parse;

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

use crate::errors::Errors;

// `vmstate` depends on this crate and is not available to its doc tests; the crate of tests runs the example.
#[cfg_attr(not(doctest), doc = include_str!("vm_state.md"))]
#[proc_macro_derive(VmState, attributes(vmstate))]
pub fn derive_vm_state(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive(input.into(), &quote!(::vmstate)).into()
}

/// [`VmState`](macro@VmState) for crates that depend on `vmstate-types` and not on `vmstate`.
#[cfg(feature = "types")]
#[doc(hidden)]
#[proc_macro_derive(VmStateOfTypes, attributes(vmstate))]
pub fn derive_vm_state_of_types(input: proc_macro::TokenStream) -> proc_macro::TokenStream {
    derive(input.into(), &quote!(::vmstate_types)).into()
}

/// Runs the four stages. An input with errors expands to the errors and an implementation without content.
fn derive(input: TokenStream, root: &TokenStream) -> TokenStream {
    let item: DeriveInput = match syn::parse2(input) {
        Ok(item) => item,
        Err(error) => return error.into_compile_error(),
    };
    // All stages add to the same errors. Only `expand` relies on a model without errors.
    let errors = Errors::new();
    let input = parse::Input::parse(&item, &errors);
    let root = input.attributes.root_or(root);
    let model = model::Input::new(&input, &errors);
    if let Some(model) = &model {
        check::check(model, &errors);
    }
    match (errors.check(), model) {
        (Ok(()), Some(model)) => expand::expand(&model, &root),
        (result, model) => {
            let errors = result.err().map(syn::Error::into_compile_error);
            let fallback = expand::fallback(&input, model.as_ref(), &root);
            quote!(#errors #fallback)
        }
    }
}

#[cfg(test)]
mod tests;
