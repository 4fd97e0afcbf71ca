//! The implementation of `Codec` for a remote definition.
//!
//! The fields have the code of any struct. It runs on a local view, which dereferences to the value of the remote type.

use proc_macro2::TokenStream;
use syn::{Ident, Type, parse_quote};

use super::access::Access;
use super::hygiene::tokens;
use super::implementor::Implementor;
use super::parent::Parent;
use super::{save, state, subsection};
use crate::model::{Device, Field};

pub(super) fn expand(device: &Device<'_>, remote: &Type) -> TokenStream {
    let view = Ident::new("__View", device.ident().span());
    let state = state::expand(device, Implementor { ident: &view, generics: &parse_quote!(<'__v>) });
    let view_type = view_type(&view, remote);
    let shared = Ident::new("__SharedView", device.ident().span());
    let shared_view = shared_view(device, &shared, &view, remote);
    let codec = codec(device.ident(), &view, &shared, remote);
    let used = used(device);
    tokens!(#view_type #state #shared_view #codec #used)
}

/// The view through a shared reference, which can only be saved.
fn shared_view(device: &Device<'_>, shared: &Ident, view: &Ident, remote: &Type) -> TokenStream {
    let saves = state::save_methods(device, None, &|_| save::fields(Parent::Device, &device.fields, Access::Shared));
    let subsections = (!device.subsections.is_empty()).then(|| subsection::save_methods(&device.subsections));
    let items = tokens! {
        const DESCRIPTION: &'static __vmstate::Description = <#view<'static> as __vmstate::VmState>::DESCRIPTION;
        const EXCLUSIVE: __vmstate::core::option::Option<&'static str> =
            <#view<'static> as __vmstate::VmState>::EXCLUSIVE;

        #saves

        #subsections

        fn load_fields(
            &mut self,
            _: &mut __vmstate::Reader<'_>,
            _: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            __vmstate::core::result::Result::Err(__vmstate::LoadError::misuse("`&mut`", "`&`"))
        }
    };
    let state =
        Implementor { ident: shared, generics: &parse_quote!(<'__v>) }.implement(&tokens!(__vmstate::VmState), &items);
    tokens! {
        struct #shared<'__v> {
            __value: &'__v #remote,
        }

        impl __vmstate::core::ops::Deref for #shared<'_> {
            type Target = #remote;

            fn deref(&self) -> &#remote {
                self.__value
            }
        }

        #state
    }
}

fn view_type(view: &Ident, remote: &Type) -> TokenStream {
    tokens! {
        // A field of the remote type must not have this name.
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
    }
}

fn codec(definition: &Ident, view: &Ident, shared: &Ident, remote: &Type) -> TokenStream {
    // The description is the same for every lifetime of the view; a constant needs one without parameters.
    tokens! {
        #[automatically_derived]
        impl __vmstate::Codec<#remote> for #definition {
            const FORM: __vmstate::Form =
                __vmstate::Form::structure(<#view<'static> as __vmstate::VmState>::DESCRIPTION);
            const EXCLUSIVE: __vmstate::core::option::Option<&'static str> =
                <#view<'static> as __vmstate::VmState>::EXCLUSIVE;

            fn save<__S: __vmstate::Sink>(
                value: &mut #remote,
                sink: &mut __S,
                at: __vmstate::FieldRef,
                element: __vmstate::ElementIndex,
            ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
                __vmstate::walk::save_view(&mut #view { __value: value }, sink, at, element)
            }

            fn share<__S: __vmstate::Sink>(
                value: &#remote,
                sink: &mut __S,
                at: __vmstate::FieldRef,
                element: __vmstate::ElementIndex,
            ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
                __vmstate::walk::share_view(&#shared { __value: value }, sink, at, element)
            }

            fn load(
                value: &mut #remote,
                reader: &mut __vmstate::Reader<'_>,
            ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
                let version = <#view<'static> as __vmstate::VmState>::DESCRIPTION.version;
                __vmstate::walk::load(&mut #view { __value: value }, reader, version)
            }
        }
    }
}

/// Reads the definition's members. Nothing else does, so the compiler would report them as unused.
fn used(device: &Device<'_>) -> TokenStream {
    let definition = device.ident();
    let members = device.fields.iter().filter_map(Field::member);
    tokens! {
        #[allow(dead_code)]
        fn used(definition: &#definition) {
            #(let _ = &definition.#members;)*
        }
    }
}
