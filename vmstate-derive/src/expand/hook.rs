//! Calls of the user's functions.
//!
//! Each call goes through a function of the library whose bounds describe the signature, with the span of the user's path,
//! so that a wrong signature is reported there and with the expected one.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::{Ident, Type};

use super::access::Access;
use super::direction::Direction;
use super::hygiene::{located, tokens};
use super::parent::Parent;
use crate::parse::{Condition, Function};

/// The call of a predicate at `version`.
pub(super) fn holds(predicate: &Function, version: &TokenStream) -> TokenStream {
    let holds = quote_spanned!(located(predicate)=> __vmstate::hook::holds);
    // The types let the compiler infer a closure that is passed through a generic bound.
    let predicate = predicate.with_types(&[tokens!(&Self), tokens!(u32)]);
    tokens!(#holds(&*self, #version, #predicate))
}

/// The hook `pre_save` or `post_save` as a value of the library.
pub(super) fn saving(hook: &Function) -> TokenStream {
    let saving = quote_spanned!(located(hook)=> __vmstate::hook::saving::<Self, _, _>);
    let hook = hook.with_types(&[tokens!(&mut Self), tokens!(u32)]);
    tokens!(#saving(#hook))
}

/// The call of the hook `pre_save` or `post_save` of a subsection with `version`, a local.
pub(super) fn call_saving(kind: &Ident, hook: &Function, access: Access) -> TokenStream {
    let saving = saving(hook);
    let kind = kind.to_string();
    let value = access.reference(&tokens!(*self));
    tokens!(#saving.run(#kind, #value, version))
}

/// The call of the hook `pre_load` or `post_load` with `version`, a local.
pub(super) fn call_loading(kind: &Ident, hook: &Function, parent: Parent) -> TokenStream {
    let call = quote_spanned!(located(hook)=> __vmstate::hook::#kind);
    let hook = hook.with_types(&[tokens!(&mut Self), tokens!(u32)]);
    tokens!(#call(self, version, #parent, #hook))
}

/// The call that passes `old`, the value of a removed field, to the user's function.
pub(super) fn removed(take: &Function, ty: &Type, old: &TokenStream) -> TokenStream {
    let span = located(take);
    let take = take.with_types(&[tokens!(&mut Self), tokens!(#ty)]);
    quote_spanned!(span=> __vmstate::hook::removed(&mut *self, #old, #take))
}

/// The call that makes the value of a removed field of type `ty`.
pub(super) fn old(make: &Function, ty: &Type) -> TokenStream {
    let span = located(make);
    let make = make.with_types(&[tokens!(&Self)]);
    quote_spanned!(span=> __vmstate::hook::old::<Self, #ty>(&*self, #make))
}

/// The method of `VmState` that loads versions below the minimum.
pub(super) fn load_old(loader: &Function) -> TokenStream {
    let span = located(loader);
    let loader = loader.with_types(&[tokens!(&mut Self), tokens!(&mut __vmstate::Reader<'_>), tokens!(u32)]);
    let load = quote_spanned!(span=> __vmstate::hook::load_old(self, reader, version, #loader));
    tokens! {
        fn load_old(
            &mut self,
            reader: &mut __vmstate::Reader<'_>,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            #load
        }
    }
}

/// The method of `VmState` that calls the hook `kind`.
pub(super) fn method((kind, hook): (&Ident, &Function)) -> TokenStream {
    if is_about_saving(kind) {
        let saving = saving(hook);
        let name = kind.to_string();
        return tokens! {
            fn #kind(
                this: __vmstate::hook::Access<'_, Self>,
                version: u32,
            ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
                #saving.run(#name, this, version)
            }
        };
    }
    let call = call_loading(kind, hook, Parent::Device);
    tokens! {
        fn #kind(&mut self, version: u32) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            #call
        }
    }
}

/// The method of `VmState` that returns whether to send the section.
pub(super) fn needed(predicate: &Function) -> TokenStream {
    let holds = holds(predicate, &tokens!(<Self as __vmstate::VmState>::DESCRIPTION.version));
    tokens! {
        fn needed(&self) -> bool {
            #holds
        }
    }
}

/// The statement that fails if a condition of the device or of a subsection does not hold.
pub(super) fn must_exist(condition: &Condition, parent: Parent, direction: Direction) -> TokenStream {
    let Condition { text, holds } = condition;
    let holds = self::holds(holds, &tokens!(version));
    // A checkpoint is restored regardless of its content, so that it needs no checks.
    match direction {
        Direction::Save => quote_spanned! {located(text)=>
            if !__vmstate::Sink::out(sink).is_checkpoint() && !#holds {
                return __vmstate::core::result::Result::Err(__vmstate::hook::must_exist_saving(#text));
            }
        },
        Direction::Load => quote_spanned! {located(text)=>
            if !reader.is_checkpoint() && !#holds {
                return __vmstate::core::result::Result::Err(
                    __vmstate::hook::must_exist_loading(#text, version, #parent).at_offset(reader.offset()),
                );
            }
        },
    }
}

/// Returns whether the hook `kind` runs during a save.
pub(super) fn is_about_saving(kind: &Ident) -> bool {
    kind == "pre_save" || kind == "post_save"
}
