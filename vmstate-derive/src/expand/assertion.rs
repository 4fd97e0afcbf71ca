//! Rules that only the compiler can check because they depend on other types.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::form;
use super::hygiene::{located, tokens};
use super::implementor::Implementor;
use crate::model::{Body, Device, Field, Subsection};

/// The assertions as items, which the compiler always evaluates.
pub(super) fn items(device: &Device<'_>, implementor: Implementor<'_>) -> Option<TokenStream> {
    let name = implementor.ident;
    let assertions = assertions(device, &tokens!(#name));
    let is_generic = !implementor.generics.params.is_empty();
    // One item each, so that all violations are reported.
    (!is_generic && !assertions.is_empty()).then(|| tokens!(#(const _: () = { #assertions };)*))
}

/// The assertions as statements of a generic struct, which the compiler evaluates for each instance that is used.
pub(super) fn statements(device: &Device<'_>, implementor: Implementor<'_>) -> Option<TokenStream> {
    let assertions = assertions(device, &tokens!(Self));
    let is_generic = !implementor.generics.params.is_empty();
    (is_generic && !assertions.is_empty()).then(|| tokens!(const { #(#assertions)* }))
}

fn assertions(device: &Device<'_>, name: &TokenStream) -> Vec<TokenStream> {
    let description = tokens!(<#name as __vmstate::VmState>::DESCRIPTION);
    let fields = device.fields.iter().enumerate();
    let ambiguous = fields.filter_map(|(index, field)| is_unambiguous(&description, index, field));
    let subsections = device.subsections.iter().enumerate();
    let names = subsections.filter_map(|(index, subsection)| is_named_after_parent(&description, index, subsection));
    let groups = device.subsections.iter().flat_map(Subsection::fields);
    let forms = device.fields.iter().chain(groups).filter_map(form::assertion);
    ambiguous.chain(names).chain(forms).collect()
}

/// Asserts that a load cannot mistake the next field for a subsection of the struct in this field.
fn is_unambiguous(description: &TokenStream, index: usize, field: &Field) -> Option<TokenStream> {
    if field.ambiguous || !form::may_be_struct(field) {
        return None;
    }
    // The form on the wire: `opaque` hides the struct from the description, but not from a load.
    let form = form::actual(field);
    Some(quote_spanned! {located(&field.ty)=>
        __vmstate::core::assert!(
            !__vmstate::walk::is_ambiguous(#form, #description, #index),
            "ambiguous layout: the format cannot distinguish the fields after this struct from its subsections; \
             move the field to the end, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    })
}

/// Asserts that the name of a type that is a subsection starts with its parent's name.
fn is_named_after_parent(description: &TokenStream, index: usize, subsection: &Subsection<'_>) -> Option<TokenStream> {
    let Body::Own { ty, .. } = &subsection.body else { return None };
    Some(quote_spanned! {located(ty)=>
        __vmstate::core::assert!(
            __vmstate::walk::is_subsection_name(#description.subsections[#index].description.name, #description.name),
            "the name of this subsection's type must start with the parent's name: \
             add `#[vmstate(name = \"parent/...\")]` to the type"
        );
    })
}
