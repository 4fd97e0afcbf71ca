//! The methods of `VmState` that save and load subsections.

use proc_macro2::TokenStream;
use quote::{ToTokens, quote_spanned};
use syn::{Ident, Type};

use super::access::Access;
use super::direction::Direction;
use super::hygiene::{located, tokens};
use super::parent::Parent;
use super::{default, exclusive, field, hook, load, save};
use crate::model::{Absent, Body, Subsection};

pub(super) fn methods(subsections: &[Subsection<'_>]) -> Option<TokenStream> {
    if subsections.is_empty() {
        return None;
    }
    let save = save_methods(subsections);
    let load = load_method(subsections);
    let absent = absent_method(subsections);
    Some(tokens!(#save #load #absent))
}

/// The methods that save: through `&mut self`, if a subsection may need it, and through `&self`.
pub(super) fn save_methods(subsections: &[Subsection<'_>]) -> TokenStream {
    let exclusive = exclusive::is_in_subsections(subsections).then(|| save_method(subsections, Access::Exclusive));
    let shared = save_method(subsections, Access::Shared);
    tokens!(#exclusive #shared)
}

fn save_method(subsections: &[Subsection<'_>], access: Access) -> TokenStream {
    let name = access.method("_subsections");
    let receiver = access.receiver();
    let saves = subsections.iter().enumerate().map(|(index, subsection)| save_one(index, subsection, access));
    tokens! {
        #[allow(unused_variables)]
        fn #name<__S: __vmstate::Sink>(
            #receiver,
            sink: &mut __S,
            version: u32,
        ) -> __vmstate::core::result::Result<(), __vmstate::SaveError> {
            #(#saves)*
            __vmstate::core::result::Result::Ok(())
        }
    }
}

fn load_method(subsections: &[Subsection<'_>]) -> TokenStream {
    let loads = subsections.iter().enumerate().map(|(index, subsection)| {
        let load = load_one(index, subsection);
        tokens!(#index => { #load })
    });
    tokens! {
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
    }
}

fn absent_method(subsections: &[Subsection<'_>]) -> Option<TokenStream> {
    let absences = subsections.iter().enumerate().filter_map(|(index, subsection)| {
        let code = absent_one(index, subsection)?;
        Some(tokens!(#index => { #code }))
    });
    let absences: Vec<_> = absences.collect();
    if absences.is_empty() {
        return None;
    }
    Some(tokens! {
        #[allow(unused_variables)]
        fn subsection_absent(
            &mut self,
            index: usize,
            checkpoint: bool,
        ) -> __vmstate::core::result::Result<(), __vmstate::LoadError> {
            match index {
                #(#absences)*
                _ => {}
            }
            __vmstate::core::result::Result::Ok(())
        }
    })
}

/// The statement that saves a subsection if it is needed.
fn save_one(index: usize, subsection: &Subsection<'_>, access: Access) -> TokenStream {
    let parent = Parent::Subsection(index);
    let save_at = access.method("_at");
    let body = match &subsection.body {
        Body::Group(fields) | Body::Single(fields) => {
            with_save_hooks(parent, subsection, access, &save::fields(parent, fields, access))
        }
        Body::Optional(field) => {
            let conditions = field::conditions(parent, field, Direction::Save);
            let save = if_some(field.member(), access, &field::save(parent, field, 0, access, &tokens!(value)));
            with_save_hooks(parent, subsection, access, &tokens!(#conditions #save))
        }
        Body::Own { member, ty, optional: false } => {
            let value = access.reference(&tokens!(self.#member));
            quote_spanned!(located(ty)=> <#ty as __vmstate::VmState>::#save_at(#value, sink, version))
        }
        Body::Own { member, ty, optional: true } => {
            let save = quote_spanned!(located(ty)=> <#ty as __vmstate::VmState>::#save_at(value, sink, version)?;);
            let save = if_some(member, access, &save);
            tokens!(#save __vmstate::core::result::Result::Ok(()))
        }
    };
    let version = version(parent, subsection);
    let save = tokens! {
        let version = #version;
        __vmstate::walk::save_subsection(sink, #parent, version, |sink| { #body })?;
    };
    match needed(parent, subsection) {
        Some(condition) => tokens!(if #condition { #save }),
        None => tokens!({ #save }),
    }
}

/// The version of a subsection if the struct is saved at `version`, a local.
fn version(parent: Parent, subsection: &Subsection<'_>) -> TokenStream {
    let Some(was) = subsection.attributes.was.value() else { return tokens!(#parent.version) };
    let arms = was.iter().map(|was| {
        let until = was.until.value;
        let version = was.version.value;
        tokens!(..=#until => #version,)
    });
    tokens!(match version { #(#arms)* _ => #parent.version })
}

fn if_some(member: impl ToTokens, access: Access, code: &TokenStream) -> TokenStream {
    let option = access.reference(&tokens!(self.#member));
    tokens! {
        if let __vmstate::core::option::Option::Some(value) = #option {
            #code
        }
    }
}

/// The condition for sending a subsection; `None` if it is always sent.
///
/// Checkpoints contain subsections that are not needed, because a load may change their fields and a rollback has to
/// restore them. Only an `Option` that is `None` has nothing to send.
fn needed(parent: Parent, subsection: &Subsection<'_>) -> Option<TokenStream> {
    let checkpoint = tokens!(__vmstate::Sink::out(sink).is_checkpoint());
    let needed = subsection.needed().map(|path| hook::holds(path, &tokens!(#parent.version)));
    match (&subsection.body, needed) {
        (Body::Own { member, ty, optional: false }, None) => {
            let needed = quote_spanned!(located(ty)=> <#ty as __vmstate::VmState>::needed(&self.#member));
            Some(tokens!(#needed || #checkpoint))
        }
        (Body::Own { member, ty, optional: true }, None) => {
            let needed = quote_spanned!(located(ty)=> <#ty as __vmstate::VmState>::needed(value) || #checkpoint);
            Some(tokens!(self.#member.as_ref().is_some_and(|value| #needed)))
        }
        (Body::Optional(field), needed) => Some(is_some_and(field.member(), needed, &checkpoint)),
        (Body::Own { member, optional: true, .. }, needed) => Some(is_some_and(member, needed, &checkpoint)),
        (_, needed) => needed.map(|needed| tokens!(#needed || #checkpoint)),
    }
}

fn is_some_and(member: impl ToTokens, needed: Option<TokenStream>, checkpoint: &TokenStream) -> TokenStream {
    let needed = needed.map(|needed| tokens!(&& (#needed || #checkpoint)));
    tokens!(self.#member.is_some() #needed)
}

/// The statements that save the fields, between the hooks.
fn with_save_hooks(parent: Parent, subsection: &Subsection<'_>, access: Access, saves: &TokenStream) -> TokenStream {
    let hooks = &subsection.attributes.hooks;
    let call = |(kind, path): (&Ident, _)| {
        let call = hook::call_saving(kind, path, access);
        tokens!(__vmstate::walk::check_save_hook(sink, #call))
    };
    let before = hooks.pre_save.entry().map(call).map(|call| tokens!(#call?;));
    let walk = tokens! {
        __vmstate::Sink::begin_struct(sink, #parent, version);
        #saves
        __vmstate::Sink::end_struct(sink);
        __vmstate::core::result::Result::Ok(())
    };
    let walk = match hooks.post_save.entry().map(call) {
        // As in QEMU (`vmstate_save_state_v`), `post_save` runs even if a field fails.
        Some(after) => tokens! {
            let saved = (|| { #walk })();
            let after = #after;
            saved.and(after)
        },
        None => walk,
    };
    tokens! {
        #before
        #walk
    }
}

fn load_one(index: usize, subsection: &Subsection<'_>) -> TokenStream {
    let parent = Parent::Subsection(index);
    match &subsection.body {
        Body::Group(fields) | Body::Single(fields) => {
            with_load_hooks(parent, subsection, &load::fields(parent, fields))
        }
        Body::Optional(field) => {
            let value = get_or_insert(field.member(), &field.ty);
            let load = field::load(field, &tokens!(value));
            let conditions = field::conditions(parent, field, Direction::Load);
            with_load_hooks(parent, subsection, &tokens!(#conditions #value #load))
        }
        Body::Own { member, ty, optional: false } => {
            quote_spanned!(located(ty)=> <#ty as __vmstate::VmState>::load_at(&mut self.#member, reader, version)?;)
        }
        Body::Own { member, ty, optional: true } => {
            let value = get_or_insert(member, ty);
            quote_spanned!(located(ty)=> #value <#ty as __vmstate::VmState>::load_at(value, reader, version)?;)
        }
    }
}

/// The statement that gets the value of an `Option`, after inserting a default if it is `None`.
fn get_or_insert(member: impl ToTokens, ty: &Type) -> TokenStream {
    let default = default::type_default(ty);
    tokens!(let value = self.#member.get_or_insert_with(|| #default);)
}

fn with_load_hooks(parent: Parent, subsection: &Subsection<'_>, loads: &TokenStream) -> TokenStream {
    let hooks = &subsection.attributes.hooks;
    let call = |(kind, path): (&Ident, _)| {
        let call = hook::call_loading(kind, path, parent);
        tokens!(__vmstate::walk::run_load_hook(reader, || #call)?;)
    };
    let before = hooks.pre_load.entry().map(call);
    let after = hooks.post_load.entry().map(call);
    tokens! {
        __vmstate::walk::check_version(#parent, version).map_err(|error| error.at_offset(reader.offset()))?;
        #before
        #loads
        __vmstate::walk::end_of_subsections(#parent, reader)?;
        #after
    }
}

/// The effect of a missing subsection; `None` if the fields keep their values.
fn absent_one(index: usize, subsection: &Subsection<'_>) -> Option<TokenStream> {
    let parent = Parent::Subsection(index);
    let code = match subsection.policy() {
        Absent::Keep => None,
        Absent::Error => Some(tokens! {
            return __vmstate::core::result::Result::Err(__vmstate::walk::missing_subsection(#parent));
        }),
        Absent::Default => Some(defaults(&subsection.body)),
    };
    // A checkpoint lacks a subsection only if its `Option` was `None`. A rollback restores that, regardless of the policy.
    match (&subsection.body, subsection.policy()) {
        (Body::Optional(field), Absent::Default)
            if field.default.as_ref().is_none_or(|default| default.value.is_none()) =>
        {
            code
        }
        (Body::Optional(field), _) => Some(or_none(field.member(), code)),
        (Body::Own { optional: true, .. }, Absent::Default) => code,
        (Body::Own { member, optional: true, .. }, _) => Some(or_none(member, code)),
        _ => code,
    }
}

fn or_none(member: impl ToTokens, otherwise: Option<TokenStream>) -> TokenStream {
    let otherwise = otherwise.map(|code| tokens!(else { #code }));
    tokens! {
        if checkpoint {
            self.#member = __vmstate::core::option::Option::None;
        } #otherwise
    }
}

/// The statements that set all members of a subsection to their defaults.
fn defaults(body: &Body) -> TokenStream {
    let none = tokens!(__vmstate::core::option::Option::None);
    match body {
        Body::Group(fields) | Body::Single(fields) => fields.iter().filter_map(default::assign).collect(),
        Body::Optional(field) => {
            let member = field.member();
            let path = field.default.as_ref().and_then(|default| default.value.as_ref());
            let value = path.map_or(none, default::make);
            tokens!(self.#member = #value;)
        }
        Body::Own { member, optional: true, .. } => tokens!(self.#member = #none;),
        Body::Own { member, ty, optional: false } => {
            let value = default::type_default(ty);
            tokens!(self.#member = #value;)
        }
    }
}
