//! `#[derive(VmState)]` for the crates `vmstate` and `vmstate-types`.
//!
//! Four steps, each in its place: `parse` takes attributes as they are written, `model` says what the device means,
//! `check` holds the rules, `expand` writes the code. All mistakes are reported at once, and an implementation
//! is written even then, so that one mistake does not look like fifty.

mod check;
mod errors;
mod expand;
mod model;
mod parse;

use proc_macro2::TokenStream;
use quote::quote;
use syn::DeriveInput;

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

/// Runs the four stages. The expansion contains an error for each mistake in the input.
fn derive(input: TokenStream, root: &TokenStream) -> TokenStream {
    let item: DeriveInput = match syn::parse2(input) {
        Ok(item) => item,
        Err(error) => return error.into_compile_error(),
    };
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
