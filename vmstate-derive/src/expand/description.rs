//! The description, a constant.

use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::LitStr;
use syn::spanned::Spanned;

use super::form;
use super::hygiene::tokens;
use crate::model::{Absent, Body, Device, Field, Subsection, Version};
use crate::parse::Hooks;

/// The description of a struct, as an expression.
pub(super) fn expand(device: &Device<'_>) -> TokenStream {
    let attributes = device.attributes;
    let described = described(&device.name, device.described_version(), &attributes.hooks, &device.fields);
    let load_old = attributes.load_old.value().and_then(|loader| loader.min.value());
    let load_old = load_old.map(|number| number.value).map(|oldest| tokens!(.load_old(#oldest)));
    let priority = attributes.priority.value().map(|name| tokens!(.priority(__vmstate::Priority::#name)));
    let unmigratable = attributes.unmigratable.is_set().then(|| tokens!(.unmigratable()));
    let early_setup = attributes.early_setup.is_set().then(|| tokens!(.early_setup()));
    let inherits = device.inherits().then(|| tokens!(.inherits()));
    let conditional = attributes.needed.is_set().then(|| tokens!(.conditional()));
    let subsections = device.subsections.iter().map(subsection);
    let subsections = (!device.subsections.is_empty()).then(|| tokens!(.subsections(const { &[#(#subsections),*] })));
    tokens!(&#described #load_old #priority #unmigratable #early_setup #inherits #conditional #subsections)
}

fn described(name: &LitStr, version: Version, hooks: &Hooks, fields: &[Field]) -> TokenStream {
    let Version { current, minimum } = version;
    let versions = (current != 1 || minimum != 1).then(|| tokens!(.versions(#current, #minimum)));
    let hooks: Vec<_> = hooks.all().map(|(kind, _)| kind).collect();
    let hooks = (!hooks.is_empty()).then(|| tokens!(.hooks(__vmstate::Hooks::NONE #(.#hooks())*)));
    let fields = fields.iter().map(field);
    // Calls of `const` functions are promoted to statics only in a `const` block.
    tokens!(__vmstate::Description::new(#name) #versions #hooks .fields(const { &[#(#fields),*] }))
}

fn field(field: &Field) -> TokenStream {
    let name = &field.name;
    let form = form::described(field);
    let gate = &field.gate;
    let since = gate.since.as_ref().map(|number| number.value).map(|version| tokens!(.since(#version)));
    let until = gate.until.as_ref().map(|number| number.value).map(|version| tokens!(.until(#version)));
    let when = (gate.when.is_some() || field.depends).then(|| tokens!(.conditional()));
    tokens!(__vmstate::Field::new(#name, #form) #since #until #when)
}

fn subsection(subsection: &Subsection<'_>) -> TokenStream {
    let description = match (&subsection.body, subsection.name()) {
        (Body::Own { ty, optional, .. }, _) => {
            let own =
                quote_spanned!(Span::mixed_site().located_at(ty.span())=> <#ty as __vmstate::VmState>::DESCRIPTION);
            if *optional || subsection.needed().is_some() { tokens!(const { &(*#own).conditional() }) } else { own }
        }
        (body, name) => {
            let hooks = &subsection.attributes.hooks;
            let described = name.map(|name| described(name, subsection.version(), hooks, subsection.fields()));
            let optional = matches!(body, Body::Optional(_)) || subsection.needed().is_some();
            let conditional = optional.then(|| tokens!(.conditional()));
            tokens!(const { &#described #conditional })
        }
    };
    let absent = match subsection.policy() {
        Absent::Keep => tokens!(Keep),
        Absent::Default => tokens!(Default),
        Absent::Error => tokens!(Error),
    };
    tokens!(__vmstate::Subsection::new(#description, __vmstate::Absent::#absent))
}
