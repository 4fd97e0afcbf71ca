//! Rules that only the compiler can check, because they depend on other types.

use proc_macro2::TokenStream;
use quote::quote_spanned;

use super::{codec, located, tokens};
use crate::model::{Body, Codec, Device, Field, InfoKind, Subsection};

/// The assertions as items, which are always checked.
pub(super) fn items(device: &Device<'_>) -> Option<TokenStream> {
    let name = device.ident;
    let assertions = assertions(device, &tokens!(#name));
    let is_generic = !device.generics.params.is_empty();
    // One item each, so that all that do not hold are reported.
    (!is_generic && !assertions.is_empty()).then(|| tokens!(#(const _: () = { #assertions };)*))
}

/// The assertions as statements, which are checked where a generic struct's types are known: in code that uses it.
pub(super) fn statements(device: &Device<'_>) -> Option<TokenStream> {
    let assertions = assertions(device, &tokens!(Self));
    let is_generic = !device.generics.params.is_empty();
    (is_generic && !assertions.is_empty()).then(|| tokens!(const { #(#assertions)* }))
}

fn assertions(device: &Device<'_>, name: &TokenStream) -> Vec<TokenStream> {
    let description = tokens!(<#name as __vmstate::VmState>::DESCRIPTION);
    let fields = device.fields.iter().enumerate();
    let ambiguous = fields.filter_map(|(index, field)| is_unambiguous(&description, index, field));
    let subsections = device.subsections.iter().enumerate();
    let names = subsections.filter_map(|(index, subsection)| is_named_after_parent(&description, index, subsection));
    let groups = device.subsections.iter().flat_map(Subsection::fields);
    let trees = device.fields.iter().chain(groups).filter_map(is_at_one_version);
    ambiguous.chain(names).chain(trees).collect()
}

/// The struct in a field does not take what follows it for its subsection.
fn is_unambiguous(description: &TokenStream, index: usize, field: &Field) -> Option<TokenStream> {
    let can_be_struct = match &field.codec {
        Codec::Type { plain } => !plain,
        Codec::Info(info) => matches!(info.kind, InfoKind::Custom(_) | InfoKind::Present),
        _ => false,
    };
    if field.ambiguous || !can_be_struct {
        return None;
    }
    let form = codec::own_form(field);
    Some(quote_spanned! {located(&field.ty)=>
        __vmstate::core::assert!(
            !__vmstate::walk::is_ambiguous(#form, #description, #index),
            "the format cannot tell what follows this struct from a subsection of it: move the field to the end, \
             or say `#[vmstate(ambiguous = \"QEMU has it so\")]`"
        );
    })
}

/// A type that is a whole subsection has a name that begins with its parent's.
fn is_named_after_parent(description: &TokenStream, index: usize, subsection: &Subsection) -> Option<TokenStream> {
    let Body::Own { ty, .. } = &subsection.body else { return None };
    Some(quote_spanned! {located(ty)=>
        __vmstate::core::assert!(
            __vmstate::walk::is_subsection_name(#description.subsections[#index].description.name, #description.name),
            "the name of this subsection, which its type says, does not begin with its parent's name and go on: \
             write `#[vmstate(name = \"parent/...\")]` on the type"
        );
    })
}

/// The keys and values of a tree, which load at one version, are saved at one, too.
fn is_at_one_version(field: &Field) -> Option<TokenStream> {
    let Codec::Tree { direct: false, version: None, .. } = &field.codec else { return None };
    let codec = field.codec();
    Some(quote_spanned! {located(&field.ty)=>
        __vmstate::core::assert!(
            #codec::AGREES,
            "the keys and the values of this tree have different versions, but all of a tree loads at one: \
             give both types the same `version`"
        );
    })
}
