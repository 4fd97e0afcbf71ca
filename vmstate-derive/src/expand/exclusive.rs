//! The reasons why a struct can be saved only through `&mut self`.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::Ident;
use syn::ext::IdentExt;

use super::hygiene::{located, tokens};
use super::{form, hook};
use crate::model::{Body, Device, Field, Subsection};
use crate::parse::Hooks;

/// The constant of `VmState`; `None` if no field or hook needs exclusive access.
pub(super) fn constant(device: &Device<'_>) -> Option<TokenStream> {
    let name = device.ident().unraw().to_string();
    let own = hooks(&device.attributes.hooks, &name, "");
    let groups = device.subsections.iter().flat_map(|subsection| {
        let of = subsection.name().map_or_else(String::new, |name| format!(" of the subsection `{}`", name.value()));
        hooks(&subsection.attributes.hooks, &name, &of)
    });
    let reasons: Vec<_> =
        own.into_iter().chain(groups).chain(of_fields(&device.fields)).chain(of_subsections(device)).collect();
    (!reasons.is_empty()).then(|| {
        tokens! {
            const EXCLUSIVE: __vmstate::core::option::Option<&'static str> =
                __vmstate::walk::exclusive(&[#(#reasons),*]);
        }
    })
}

/// Returns whether a field may need exclusive access.
pub(super) fn is_in_fields(fields: &[Field]) -> bool {
    fields.iter().any(|field| form::exclusive(field).is_some())
}

/// Returns whether a subsection may need exclusive access.
pub(super) fn is_in_subsections(subsections: &[Subsection<'_>]) -> bool {
    subsections.iter().any(|subsection| {
        let mut hooks = subsection.attributes.hooks.all();
        let own = matches!(subsection.body, Body::Own { .. });
        own || is_in_fields(subsection.fields()) || hooks.any(|(kind, _)| hook::is_about_saving(kind))
    })
}

fn of_fields(fields: &[Field]) -> Vec<TokenStream> {
    let mut reasons: Vec<TokenStream> = Vec::new();
    let mut known = Vec::new();
    for reason in fields.iter().filter_map(form::exclusive) {
        let text = reason.to_string();
        if !known.contains(&text) {
            known.push(text);
            reasons.push(reason);
        }
    }
    reasons
}

fn of_subsections(device: &Device<'_>) -> Vec<TokenStream> {
    let reasons = device.subsections.iter().flat_map(|subsection| match &subsection.body {
        Body::Own { ty, .. } => vec![quote_spanned!(located(ty)=> <#ty as __vmstate::VmState>::EXCLUSIVE)],
        _ => of_fields(subsection.fields()),
    });
    reasons.collect()
}

/// The reasons of hooks whose functions take `&mut self`.
fn hooks(hooks: &Hooks, name: &str, of: &str) -> Vec<TokenStream> {
    let saving = hooks.all().filter(|(kind, _)| hook::is_about_saving(kind));
    let reason = |(kind, hook): (&Ident, _)| {
        let text = format!(
            "`{name}` cannot be saved through `&self`: the hook `{kind}`{of} takes `&mut self`; \
             save it with `save`, or let the hook take `&self`"
        );
        let saving = hook::saving(hook);
        tokens!(#saving.exclusive(#text))
    };
    saving.map(reason).collect()
}
