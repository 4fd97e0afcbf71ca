//! Rules that only the compiler can check because they depend on other types.

use std::ops::Range;

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
    let ambiguous = device
        .sequences
        .iter()
        .flat_map(|sequence| ambiguities(&tokens!(#description.subsections), &description, &device.fields, sequence));
    let grouped = device.subsections.iter().enumerate().flat_map(|(index, subsection)| {
        let group = tokens!(#description.subsections[#index].description);
        let fields = subsection.fields();
        ambiguities(&tokens!(#description.subsections), &group, fields, &(0..fields.len()))
    });
    let subsections = device.subsections.iter().enumerate();
    let names = subsections.filter_map(|(index, subsection)| is_named_after_parent(&description, index, subsection));
    let subsections = device.subsections.iter().enumerate();
    let conditions = subsections.filter_map(|(index, subsection)| is_conditional(&description, index, subsection));
    let groups = device.subsections.iter().flat_map(Subsection::fields);
    let forms = device.fields.iter().chain(groups).filter_map(form::assertion);
    let newest = has_all_versions(device, &description);
    newest.into_iter().chain(ambiguous).chain(grouped).chain(names).chain(conditions).chain(forms).collect()
}

/// Asserts that the struct has all versions that nested structs with `versions = parent` refer to.
fn has_all_versions(device: &Device<'_>, description: &TokenStream) -> Option<TokenStream> {
    if device.inherits() || !device.fields.iter().any(form::may_be_struct) {
        return None;
    }
    let name = device.ident();
    Some(quote_spanned! {located(name)=>
        __vmstate::core::assert!(
            __vmstate::walk::newest_inherited(#description.fields) <= #description.version,
            "a nested struct with `versions = parent` has a field of a newer version: raise `version` of this struct"
        );
    })
}

/// Asserts, for each field of the `sequence`, that a load cannot mistake the following bytes for a subsection of the struct in it.
///
/// `subsections` may follow the last one.
fn ambiguities(
    subsections: &TokenStream,
    parent: &TokenStream,
    fields: &[Field],
    sequence: &Range<usize>,
) -> Vec<TokenStream> {
    let end = sequence.end;
    let structs = sequence.clone().filter(|index| !fields[*index].ambiguous && form::may_be_struct(&fields[*index]));
    structs.map(|index| is_unambiguous(subsections, parent, index, end, &fields[index])).collect()
}

fn is_unambiguous(
    subsections: &TokenStream,
    parent: &TokenStream,
    index: usize,
    end: usize,
    field: &Field,
) -> TokenStream {
    // The form on the wire: `opaque` hides the struct from the description, but not from a load.
    let form = match field.opaque {
        Some(_) => form::actual(field),
        None => tokens!(#parent.fields[#index].form),
    };
    quote_spanned! {located(&field.ty)=>
        __vmstate::core::assert!(
            !__vmstate::walk::is_ambiguous(#form, #parent, #index, #end, #subsections),
            "ambiguous layout: the format cannot distinguish the bytes after this struct from its subsections; \
             move the field to the end, make the subsections fields, or add `#[vmstate(ambiguous = \"QEMU's layout\")]`"
        );
    }
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

/// Asserts that the type of a subsection that every stream could have decides whether it is sent.
fn is_conditional(description: &TokenStream, index: usize, subsection: &Subsection<'_>) -> Option<TokenStream> {
    let Body::Own { ty, optional: false, .. } = &subsection.body else { return None };
    if subsection.needed().is_some() || subsection.attributes.always.is_set() {
        return None;
    }
    Some(quote_spanned! {located(ty)=>
        __vmstate::core::assert!(
            #description.subsections[#index].description.conditional,
            "missing condition: a subsection that every stream has cannot be loaded by an older release; add \
             `#[vmstate(needed = path)]` to its type, or `subsection(always)` if QEMU's has no `.needed` either"
        );
    })
}
