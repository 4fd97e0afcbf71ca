//! Structs that mirror a type of another crate, and so say how its values stand on the wire.
//!
//! The mirror becomes a `Codec` of the type. The code for its fields is that of any struct, on a local view of the value.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Ident, Type, parse_quote};

use crate::errors::Errors;
use crate::expand::{self, tokens};
use crate::model::{Codec, Device, Field};

/// The codec of a mirror without mistakes.
pub(crate) fn expand(device: Device<'_>, remote: &Type, root: &TokenStream) -> TokenStream {
    let mirror = device.ident;
    let used = used(&device);
    let (view, generics) = (Ident::new("__View", mirror.span()), parse_quote!(<'__v>));
    let state = expand::state(&Device { ident: &view, generics: &generics, ..device });
    let items = tokens! {
        // Its field's name may not be that of one of the value's.
        struct #view<'__v> {
            __value: &'__v mut #remote,
        }

        impl __vmstate::core::ops::Deref for #view<'_> {
            type Target = #remote;

            fn deref(&self) -> &#remote {
                self.__value
            }
        }

        impl __vmstate::core::ops::DerefMut for #view<'_> {
            fn deref_mut(&mut self) -> &mut #remote {
                self.__value
            }
        }

        #state

        #[automatically_derived]
        impl __vmstate::Codec<#remote> for #mirror {
            const FORM: __vmstate::Form =
                __vmstate::Form::structure(<#view<'static> as __vmstate::VmState>::DESCRIPTION);

            fn save<__S: __vmstate::Sink>(
                value: &mut #remote,
                sink: &mut __S,
                at: __vmstate::At,
                element: __vmstate::Element,
            ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
                __vmstate::walk::save_view(&mut #view { __value: value }, sink, at, element)
            }

            fn load(
                value: &mut #remote,
                reader: &mut __vmstate::Reader<'_>,
            ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
                let version = <#view<'static> as __vmstate::VmState>::DESCRIPTION.version;
                __vmstate::walk::load(&mut #view { __value: value }, reader, version)
            }
        }

        #used
    };
    expand::wrap(root, &items)
}

/// Reads the mirror's members, which nothing else does: else the compiler would call them unused.
fn used(device: &Device<'_>) -> TokenStream {
    let mirror = device.ident;
    let members = device.fields.iter().filter_map(Field::member);
    tokens! {
        #[allow(dead_code)]
        fn used(mirror: &#mirror) {
            #(let _ = &mirror.#members;)*
        }
    }
}

/// What is about a struct of one's own, in a mirror: functions, which would get the view; subsections; generics.
pub(crate) fn check(device: &Device<'_>, errors: &Errors) {
    let attributes = device.attributes;
    if !attributes.remote.is_set() {
        return;
    }
    const ALLOWED: [&str; 5] = ["remote", "name", "version", "minimum_version", "crate"];
    for key in attributes.keys.iter().filter(|key| ALLOWED.iter().all(|allowed| key != allowed)) {
        errors
            .at(key, format!("`{key}` has no place in a mirror, which says how fields stand on the wire and no more"));
    }
    if !device.generics.params.is_empty() {
        errors.at(device.generics, "a mirror has no parameters: name the type that it mirrors with its own");
    }
    for skipped in &device.skipped {
        errors.at(&skipped.member, "a mirror has the migrated fields only: leave this one out");
    }
    for subsection in &device.subsections {
        errors.at(&subsection.attributes.key, "a mirror has no subsections");
    }
    device.fields.iter().for_each(|field| check_field(field, errors));
}

/// `when = path`, `must_exist("text", path)`, `tmp = Type` and `removed(with = path, from = path)` in a mirror.
fn check_field(field: &Field, errors: &Errors) {
    let when = field.gate.when.as_ref().map(ToTokens::to_token_stream);
    let functions = match &field.codec {
        Codec::Temporary(ty) => vec![ty.to_token_stream()],
        Codec::Removed { with, from } => with.iter().chain(from).map(ToTokens::to_token_stream).collect(),
        _ => Vec::new(),
    };
    let conditions = field.conditions.iter().map(|condition| condition.holds.to_token_stream());
    for tokens in when.into_iter().chain(functions).chain(conditions) {
        errors.at(tokens, "a mirror has no functions: they are about structs of one's own");
    }
}
