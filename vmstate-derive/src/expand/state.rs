//! The implementation of `VmState`: description, fields, subsections, hooks.

use proc_macro2::TokenStream;

use super::access::Access;
use super::direction::Direction;
use super::hygiene::tokens;
use super::implementor::Implementor;
use super::parent::Parent;
use super::{assertion, default, description, exclusive, hook, load, run, save, subsection};
use crate::model::Device;

pub(super) fn expand(device: &Device<'_>, implementor: Implementor<'_>) -> TokenStream {
    let loads = load::fields(Parent::Device, &device.fields);
    expand_with(device, implementor, &|access| save::fields(Parent::Device, &device.fields, access), &loads)
}

/// The implementation with the statements that save and load the fields.
pub(super) fn expand_with(
    device: &Device<'_>,
    implementor: Implementor<'_>,
    saves: &dyn Fn(Access) -> TokenStream,
    loads: &TokenStream,
) -> TokenStream {
    let exclusive = exclusive::constant(device);
    let description = description::expand(device);
    let fields = fields(device, implementor, saves, loads);
    let subsections = subsection::methods(&device.subsections);
    let needed = device.attributes.needed.value().map(hook::needed);
    let load_old = device.attributes.load_old.value().and_then(|loader| loader.with.value()).map(hook::load_old);
    let hooks = device.attributes.hooks.all().map(hook::method);
    let items = tokens! {
        const DESCRIPTION: &'static __vmstate::Description = #description;
        #exclusive

        #fields
        #subsections
        #needed
        #load_old
        #(#hooks)*
    };
    implementor.implement(&tokens!(__vmstate::VmState), &items)
}

/// The methods that save and load the fields.
fn fields(
    device: &Device<'_>,
    implementor: Implementor<'_>,
    saves: &dyn Fn(Access) -> TokenStream,
    loads: &TokenStream,
) -> TokenStream {
    let assertions = assertion::statements(device, implementor);
    let saves = save_methods(device, assertions.as_ref(), saves);
    let conditions = &device.attributes.must_exist;
    let conditions = conditions.iter().map(|condition| hook::must_exist(condition, Parent::Device, Direction::Load));
    let resets = device.skipped.iter().filter_map(default::reset);
    let inline = inline(device);
    // `version` is unused in structs without gates.
    tokens! {
        #saves

        #[allow(unused_variables)]
        #inline
        fn load_fields(
            &mut self,
            reader: &mut __vmstate::Reader<'_>,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            #loads
            #(#conditions)*
            #(#resets)*
            __vmstate::core::result::Result::Ok(())
        }
    }
}

/// The methods that save the fields: through `&mut self`, if a field may need it, and through `&self`.
///
/// The assertions are in each of them, so that the compiler evaluates them if the struct is saved at all.
pub(super) fn save_methods(
    device: &Device<'_>,
    assertions: Option<&TokenStream>,
    saves: &dyn Fn(Access) -> TokenStream,
) -> TokenStream {
    let inline = inline(device);
    let method = |access: Access| {
        let name = access.method("_fields");
        let receiver = access.receiver();
        let saves = saves(access);
        let conditions = &device.attributes.must_exist;
        let conditions =
            conditions.iter().map(|condition| hook::must_exist(condition, Parent::Device, Direction::Save));
        tokens! {
            #[allow(unused_variables)]
            #inline
            fn #name<__S: __vmstate::Sink>(
                #receiver,
                sink: &mut __S,
                version: u32,
            ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
                #assertions
                #saves
                #(#conditions)*
                __vmstate::core::result::Result::Ok(())
            }
        }
    };
    let exclusive = exclusive::is_in_fields(&device.fields).then(|| method(Access::Exclusive));
    let shared = method(Access::Shared);
    tokens!(#exclusive #shared)
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
