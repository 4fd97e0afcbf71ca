//! The constant description.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::LitStr;

use super::tokens;
use crate::model::{Absent, Body, Device, Field, Subsection};
use crate::parse::Hooks;

/// The description of the device, as an expression.
pub(super) fn expand(device: &Device<'_>) -> TokenStream {
    let attributes = device.attributes;
    let described = described(&device.name, device.version, device.minimum_version, &attributes.hooks, &device.fields);
    let priority = attributes.priority.value().map(|name| tokens!(.priority(__vmstate::Priority::#name)));
    let unmigratable = attributes.unmigratable.is_set().then(|| tokens!(.unmigratable()));
    let early_setup = attributes.early_setup.is_set().then(|| tokens!(.early_setup()));
    let conditional = attributes.needed.is_set().then(|| tokens!(.conditional()));
    let subsections = device.subsections.iter().map(subsection);
    let subsections = (!device.subsections.is_empty()).then(|| tokens!(.subsections(const { &[#(#subsections),*] })));
    tokens!(&#described #priority #unmigratable #early_setup #conditional #subsections)
}

fn described(name: &LitStr, version: u32, minimum: u32, hooks: &Hooks, fields: &[Field]) -> TokenStream {
    let versions = (version != 1 || minimum != 1).then(|| tokens!(.versions(#version, #minimum)));
    let hooks: Vec<_> = hooks.all().map(|(kind, _)| kind).collect();
    let hooks = (!hooks.is_empty()).then(|| tokens!(.hooks(__vmstate::Hooks::NONE #(.#hooks())*)));
    let fields = fields.iter().map(field);
    tokens!(__vmstate::Description::new(#name) #versions #hooks .fields(const { &[#(#fields),*] }))
}

fn field(field: &Field) -> TokenStream {
    let (name, form) = (&field.name, field.form());
    let gate = &field.gate;
    let since = gate.since.as_ref().map(|number| number.value).map(|version| tokens!(.since(#version)));
    let until = gate.until.as_ref().map(|number| number.value).map(|version| tokens!(.until(#version)));
    let when = gate.when.as_ref().map(|_| tokens!(.conditional()));
    tokens!(__vmstate::Field::new(#name, #form::FORM) #since #until #when)
}

fn subsection(subsection: &Subsection<'_>) -> TokenStream {
    let description = match (&subsection.body, &subsection.name) {
        (Body::Own { ty, .. }, _) => tokens!(<#ty as __vmstate::VmState>::DESCRIPTION),
        (_, Some(name)) => {
            let (version, minimum) = (subsection.version, subsection.minimum_version);
            let described = described(name, version, minimum, subsection.hooks.get(), subsection.fields());
            let optional = matches!(subsection.body, Body::Optional(_)) || subsection.needed.is_some();
            let conditional = optional.then(|| tokens!(.conditional()));
            tokens!(const { &#described #conditional })
        }
        (_, None) => TokenStream::new(),
    };
    let absent = match subsection.policy() {
        Absent::Keep => tokens!(Keep),
        Absent::Default => tokens!(Default),
        Absent::Error => tokens!(Error),
    };
    tokens!(__vmstate::Subsection::new(#description, __vmstate::Absent::#absent))
}

/// What only the compiler can check, because it depends on other types.
pub(super) fn assertions(device: &Device<'_>) -> TokenStream {
    let (generics, arguments, bounds) = device.generics.split_for_impl();
    let name = device.ident;
    let ambiguous = device.fields.iter().enumerate().filter(|(_, field)| !field.ambiguous).map(|(index, field)| {
        quote_spanned! {field.span()=>
            assert!(
                !__vmstate::walk::is_ambiguous(<Self as __vmstate::VmState>::DESCRIPTION, #index),
                "something follows a struct that has subsections: the format cannot always tell them apart. \
                 Move the field to the end, or say `ambiguous = \"reason\"` if QEMU has it so"
            );
        }
    });
    let owned = device.subsections.iter().filter_map(|subsection| match &subsection.body {
        Body::Own { ty, .. } => Some(ty),
        _ => None,
    });
    let parent = &device.name;
    let owned = owned.map(|ty| {
        quote_spanned! {syn::spanned::Spanned::span(ty)=>
            assert!(
                __vmstate::walk::is_subsection_name(<#ty as __vmstate::VmState>::DESCRIPTION.name, #parent),
                "the name of this type, which is a subsection, does not begin with its parent's name and go on"
            );
        }
    });
    let checks: Vec<_> = ambiguous.chain(owned).collect();
    if checks.is_empty() || !device.generics.params.is_empty() {
        // Constants of generic types are checked where the types are known, which is nowhere in particular.
        return TokenStream::new();
    }
    tokens! {
        impl #generics #name #arguments #bounds {
            #[doc(hidden)]
            const __VMSTATE_CHECKS: () = { #(#checks)* };
        }

        const _: () = <#name>::__VMSTATE_CHECKS;
    }
}
