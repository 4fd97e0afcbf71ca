//! The implementation of `VmState`: description, fields, subsections, hooks.

use proc_macro2::TokenStream;

use super::direction::Direction;
use super::hygiene::tokens;
use super::implementor::Implementor;
use super::parent::Parent;
use super::{assertion, default, description, hook, load, run, save, subsection};
use crate::model::Device;

pub(super) fn expand(device: &Device<'_>, implementor: Implementor<'_>) -> TokenStream {
    let saves = save::fields(Parent::Device, &device.fields);
    let loads = load::fields(Parent::Device, &device.fields);
    expand_with(device, implementor, &saves, &loads)
}

/// The implementation with the statements that save and load the fields.
pub(super) fn expand_with(
    device: &Device<'_>,
    implementor: Implementor<'_>,
    saves: &TokenStream,
    loads: &TokenStream,
) -> TokenStream {
    let description = description::expand(device);
    let fields = fields(device, implementor, saves, loads);
    let subsections = subsection::methods(&device.subsections);
    let needed = device.attributes.needed.value().map(hook::needed);
    let load_old = device.attributes.load_old.value().and_then(|loader| loader.with.value()).map(hook::load_old);
    let hooks = device.attributes.hooks.all().map(hook::method);
    let items = tokens! {
        const DESCRIPTION: &'static __vmstate::Description = #description;

        #fields
        #subsections
        #needed
        #load_old
        #(#hooks)*
    };
    implementor.implement(&tokens!(__vmstate::VmState), &items)
}

/// The methods that save and load the fields.
fn fields(device: &Device<'_>, implementor: Implementor<'_>, saves: &TokenStream, loads: &TokenStream) -> TokenStream {
    let assertions = assertion::statements(device, implementor);
    let conditions = &device.attributes.must_exist;
    let saving_conditions =
        conditions.iter().map(|condition| hook::must_exist(condition, Parent::Device, Direction::Save));
    let loading_conditions =
        conditions.iter().map(|condition| hook::must_exist(condition, Parent::Device, Direction::Load));
    let resets = device.skipped.iter().filter_map(default::reset);
    let inline = inline(device);
    // `version` is unused in structs without gates. The assertions are in one of the methods, which is enough for the
    // compiler to evaluate them, and only if the struct is saved at all.
    tokens! {
        #[allow(unused_variables)]
        #inline
        fn save_fields<__S: __vmstate::Sink>(
            &mut self,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            #assertions
            #saves
            #(#saving_conditions)*
            __vmstate::core::result::Result::Ok(())
        }

        #[allow(unused_variables)]
        #inline
        fn load_fields(
            &mut self,
            reader: &mut __vmstate::Reader<'_>,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            #loads
            #(#loading_conditions)*
            #(#resets)*
            __vmstate::core::result::Result::Ok(())
        }
    }
}

/// The largest number of runs in a struct whose code is inlined. For more, the call is cheap compared with the work.
const FEW: usize = 4;

/// The attribute that limits inlining.
///
/// Without `inline(never)`, the compiler would optimize the code of large structs again in every caller.
fn inline(device: &Device<'_>) -> TokenStream {
    if run::split(&device.fields, &(0..device.fields.len())).len() <= FEW {
        tokens!(#[inline])
    } else {
        tokens!(#[inline(never)])
    }
}
