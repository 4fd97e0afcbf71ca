//! Code that calls the device's own functions. A mistake in a function's signature shows at its path.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::{ExprPath, Ident, Type};

use super::{Parent, located, tokens};
use crate::parse::Condition;

/// Whether the predicate holds at `version`.
pub(super) fn holds(path: &ExprPath, version: &TokenStream) -> TokenStream {
    let holds = quote_spanned!(located(path)=> __vmstate::hook::holds);
    tokens!(#holds(&*self, #version, #path))
}

/// Calls the hook `kind` with `version`, a local.
pub(super) fn call(kind: &Ident, path: &ExprPath, parent: Parent) -> TokenStream {
    let call = quote_spanned!(located(path)=> __vmstate::hook::#kind);
    match is_about_saving(kind) {
        true => tokens!(#call(self, version, #path)),
        false => tokens!(#call(self, version, #parent, #path)),
    }
}

/// Gives `old`, the value of a field that is no more, to the function that knows what to do with it.
pub(super) fn removed(path: &ExprPath, old: &TokenStream) -> TokenStream {
    let removed = quote_spanned!(located(path)=> __vmstate::hook::removed);
    tokens!(#removed(&mut *self, #old, #path))
}

/// Asks the function that makes the value of a field that is no more, of type `ty`.
pub(super) fn old(path: &ExprPath, ty: &Type) -> TokenStream {
    let old = quote_spanned!(located(path)=> __vmstate::hook::old);
    tokens!(#old::<Self, #ty>(&*self, #path))
}

/// The method of `VmState` that loads versions below the minimum.
pub(super) fn load_old(path: &ExprPath) -> TokenStream {
    let load = quote_spanned!(located(path)=> __vmstate::hook::load_old);
    tokens! {
        fn load_old(
            &mut self,
            reader: &mut __vmstate::Reader<'_>,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            #load(self, reader, version, #path)
        }
    }
}

/// The method of `VmState` that calls the device's hook `kind`.
pub(super) fn method((kind, path): (&Ident, &ExprPath)) -> TokenStream {
    let call = call(kind, path, Parent::Device);
    let error = if is_about_saving(kind) { tokens!(SaveError) } else { tokens!(LoadError) };
    tokens! {
        fn #kind(&mut self, version: u32) -> __vmstate::core::result::Result<(), __vmstate::#error> {
            #call
        }
    }
}

/// The method of `VmState` that says whether the section is sent.
pub(super) fn needed(path: &ExprPath) -> TokenStream {
    let holds = holds(path, &tokens!(<Self as __vmstate::VmState>::DESCRIPTION.version));
    tokens! {
        fn needed(&self) -> bool {
            #holds
        }
    }
}

/// Refuses to go on if a condition does not hold, while `saving` or `loading`.
pub(super) fn must_exist(condition: &Condition, kind: &str) -> TokenStream {
    let Condition { text, path } = condition;
    let holds = holds(path, &tokens!(version));
    let refusal = Ident::new(&format!("must_exist_{kind}"), text.span());
    let description = tokens!(<Self as __vmstate::VmState>::DESCRIPTION);
    let heed = match kind {
        "saving" => tokens!(heed_saving(sink, __vmstate::core::result::Result::Err(__vmstate::hook::#refusal(#text)))),
        _ => tokens! {
            heed_loading(
                reader,
                __vmstate::core::result::Result::Err(__vmstate::hook::#refusal(#text, version, #description)),
            )
        },
    };
    tokens! {
        if !#holds {
            __vmstate::walk::#heed?;
        }
    }
}

fn is_about_saving(kind: &Ident) -> bool {
    kind == "pre_save" || kind == "post_save"
}
