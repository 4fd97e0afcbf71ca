//! The implementation of `VmState`: description, fields, subsections, hooks.

use proc_macro2::TokenStream;
use quote::quote_spanned;
use syn::spanned::Spanned;
use syn::{ExprPath, Ident};

use super::{Parent, description, load, save, tokens};
use crate::model::{Absent, Body, Device, Subsection};

pub(super) fn expand(device: &Device<'_>) -> TokenStream {
    let (generics, arguments, bounds) = device.generics.split_for_impl();
    let name = device.ident;
    let description = description::expand(device);
    let saves = save::fields(Parent::Device, &device.fields);
    let loads = load::fields(Parent::Device, &device.fields);
    let resets = device.skipped.iter().filter_map(|skipped| {
        let (member, reset) = (&skipped.member, skipped.reset.as_ref()?);
        Some(tokens!(self.#member = #reset();))
    });
    let subsections = (!device.subsections.is_empty()).then(|| subsections(device));
    let needed = device.attributes.needed.value().map(needed);
    let hooks = device.attributes.hooks.all().map(|(kind, path)| hook(kind, path));
    tokens! {
        #[automatically_derived]
        impl #generics __vmstate::VmState for #name #arguments #bounds {
            const DESCRIPTION: &'static __vmstate::Description = #description;

            #[allow(unused_variables)]
            fn save_fields<S: __vmstate::Sink>(
                &mut self,
                sink: &mut S,
                version: u32,
            ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
                #saves
                __vmstate::core::result::Result::Ok(())
            }

            #[allow(unused_variables)]
            fn load_fields(
                &mut self,
                reader: &mut __vmstate::Reader<'_>,
                version: u32,
            ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
                #loads
                #(#resets)*
                __vmstate::core::result::Result::Ok(())
            }

            #subsections
            #needed
            #(#hooks)*
        }
    }
}

fn needed(path: &ExprPath) -> TokenStream {
    let holds = quote_spanned!(path.span()=> __vmstate::hook::holds);
    tokens! {
        fn needed(&self) -> bool {
            #holds(#path, self, <Self as __vmstate::VmState>::DESCRIPTION.version)
        }
    }
}

fn hook(kind: &str, path: &ExprPath) -> TokenStream {
    let method = Ident::new(kind, path.span());
    let call = call_hook(kind, path, Parent::Device);
    let error = if kind.ends_with("save") { tokens!(__vmstate::SaveError) } else { tokens!(__vmstate::LoadError) };
    tokens! {
        fn #method(&mut self, version: u32) -> __vmstate::core::result::Result<(), #error> {
            #call
        }
    }
}

/// Calls a hook; a mistake in its signature shows at its path.
fn call_hook(kind: &str, path: &ExprPath, parent: Parent) -> TokenStream {
    let kind = Ident::new(kind, path.span());
    let call = quote_spanned!(path.span()=> __vmstate::hook::#kind);
    match kind == "pre_save" || kind == "post_save" {
        true => tokens!(#call(#path, self, version)),
        false => tokens!(#call(#path, self, version, #parent)),
    }
}

/// The three methods about subsections.
fn subsections(device: &Device<'_>) -> TokenStream {
    let each = || device.subsections.iter().enumerate();
    let saves = each().map(|(index, subsection)| save_one(index, subsection));
    let loads = each().map(|(index, subsection)| {
        let load = load_one(index, subsection);
        tokens!(#index => { #load })
    });
    let absences = each().filter_map(|(index, subsection)| {
        let code = absent(index, subsection)?;
        Some(tokens!(#index => { #code }))
    });
    let absences: Vec<_> = absences.collect();
    let absences = (!absences.is_empty()).then(|| {
        tokens! {
            fn subsection_absent(
                &mut self,
                index: usize,
            ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
                match index {
                    #(#absences)*
                    _ => {}
                }
                __vmstate::core::result::Result::Ok(())
            }
        }
    });
    tokens! {
        fn save_subsections<S: __vmstate::Sink>(
            &mut self,
            sink: &mut S,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            #(#saves)*
            __vmstate::core::result::Result::Ok(())
        }

        #[allow(unused_variables)]
        fn load_subsection(
            &mut self,
            index: usize,
            reader: &mut __vmstate::Reader<'_>,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            match index {
                #(#loads)*
                _ => {}
            }
            __vmstate::core::result::Result::Ok(())
        }

        #absences
    }
}

/// Saves a subsection if it is needed.
fn save_one(index: usize, subsection: &Subsection<'_>) -> TokenStream {
    let parent = Parent::Subsection(index);
    let body = match &subsection.body {
        Body::Group(fields) | Body::Single(fields) => {
            let saves = save::fields(parent, fields);
            with_save_hooks(parent, subsection, &saves)
        }
        Body::Optional(field) => {
            let save = save::element(parent, field, 0, &tokens!(value));
            let member = &field.member;
            let save = tokens! {
                if let __vmstate::core::option::Option::Some(value) = &mut self.#member {
                    #save
                }
            };
            with_save_hooks(parent, subsection, &save)
        }
        Body::Own { member, optional: false, .. } => {
            tokens!(__vmstate::walk::save(&mut self.#member, sink, #parent.version))
        }
        Body::Own { member, optional: true, .. } => tokens! {
            match &mut self.#member {
                __vmstate::core::option::Option::Some(value) => __vmstate::walk::save(value, sink, #parent.version),
                __vmstate::core::option::Option::None => __vmstate::core::result::Result::Ok(()),
            }
        },
    };
    let save = tokens! {
        __vmstate::walk::save_subsection(sink, #parent, |sink| { #body })?;
    };
    match needed_condition(parent, subsection) {
        Some(condition) => tokens!(if #condition { #save }),
        None => save,
    }
}

/// When a subsection is sent; none if it always is. An `Option` that is `None` has nothing to send.
fn needed_condition(parent: Parent, subsection: &Subsection<'_>) -> Option<TokenStream> {
    let some = match &subsection.body {
        Body::Optional(field) => field.member.as_ref().map(|member| tokens!(self.#member.is_some())),
        Body::Own { member, optional: true, .. } => Some(tokens!(self.#member.is_some())),
        _ => None,
    };
    let needed = subsection.needed.as_ref().map(|path| {
        let holds = quote_spanned!(path.span()=> __vmstate::hook::holds);
        tokens!(#holds(#path, &*self, #parent.version))
    });
    match (needed, some) {
        (Some(needed), Some(some)) => Some(tokens!(#some && #needed)),
        (needed, some) => needed.or(some),
    }
}

/// The walk over a subsection's fields, with its hooks around.
fn with_save_hooks(parent: Parent, subsection: &Subsection<'_>, saves: &TokenStream) -> TokenStream {
    let call = |kind: &str| {
        let (kind, path) = subsection.hooks.get().all().find(|(other, _)| *other == kind)?;
        Some(call_hook(kind, path, parent))
    };
    let before = call("pre_save").map(|call| tokens!(#call?;));
    let walk = tokens! {
        __vmstate::Sink::begin_struct(sink, #parent, version);
        #saves
        __vmstate::Sink::end_struct(sink);
    };
    let ok = tokens!(__vmstate::core::result::Result::Ok(()));
    let walk = match call("post_save") {
        // Runs even if a field has failed.
        Some(after) => tokens! {
            let saved = (|| { #walk #ok })();
            let after = #after;
            saved.and(after)
        },
        None => tokens!(#walk #ok),
    };
    tokens! {
        #[allow(unused_variables)]
        let version = #parent.version;
        #before
        #walk
    }
}

fn load_one(index: usize, subsection: &Subsection<'_>) -> TokenStream {
    let parent = Parent::Subsection(index);
    match &subsection.body {
        Body::Group(fields) | Body::Single(fields) => {
            let loads = load::fields(parent, fields);
            with_load_hooks(parent, subsection, &loads)
        }
        Body::Optional(field) => {
            let load = load::element(field, &tokens!(value));
            let value = get_or_insert(field.member.as_ref());
            with_load_hooks(parent, subsection, &tokens!(#value #load))
        }
        Body::Own { member, optional: false, .. } => {
            tokens!(__vmstate::walk::load(&mut self.#member, reader, version)?;)
        }
        Body::Own { member, optional: true, .. } => {
            let value = get_or_insert(Some(member));
            tokens!(#value __vmstate::walk::load(value, reader, version)?;)
        }
    }
}

fn get_or_insert(member: Option<&Ident>) -> TokenStream {
    tokens! {
        let value = self.#member.get_or_insert_with(__vmstate::core::default::Default::default);
    }
}

fn with_load_hooks(parent: Parent, subsection: &Subsection<'_>, loads: &TokenStream) -> TokenStream {
    let call = |kind: &str| {
        let (kind, path) = subsection.hooks.get().all().find(|(other, _)| *other == kind)?;
        let call = call_hook(kind, path, parent);
        Some(tokens!(#call.map_err(|error| error.at(reader.offset()))?;))
    };
    let (before, after) = (call("pre_load"), call("post_load"));
    tokens! {
        __vmstate::walk::check_version(#parent, version).map_err(|error| error.at(reader.offset()))?;
        #before
        #loads
        __vmstate::walk::end_of_subsection(#parent, reader)?;
        #after
    }
}

/// What is done about a subsection that is not in the stream; none if nothing is.
fn absent(index: usize, subsection: &Subsection<'_>) -> Option<TokenStream> {
    let parent = Parent::Subsection(index);
    match subsection.policy() {
        Absent::Keep => None,
        Absent::Error => Some(tokens! {
            return __vmstate::core::result::Result::Err(__vmstate::walk::missing_subsection(#parent));
        }),
        Absent::Default => {
            let own = match &subsection.body {
                Body::Own { member, .. } => Some(member),
                _ => None,
            };
            let members = subsection.fields().iter().filter_map(|field| field.member.as_ref()).chain(own);
            let resets = members.map(|member| tokens!(self.#member = __vmstate::core::default::Default::default();));
            Some(tokens!(#(#resets)*))
        }
    }
}
