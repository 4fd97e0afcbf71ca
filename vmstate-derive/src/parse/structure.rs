//! The attributes of a struct.

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Attribute, Ident, LitStr, Path, Type};

use super::bound::Bounds;
use super::condition::Condition;
use super::entry::{Entry, Number, entries};
use super::field::{Extra, Placed};
use super::function::Function;
use super::hooks::Hooks;
use super::keys::keys;
use super::old::{OldLoader, Removed};
use super::once::Once;
use super::subsection::Subsection;
use super::suggest::{Levels, meant};
use super::variant::Variants;
use crate::errors::Errors;

/// The attributes of a struct.
#[derive(Default)]
pub(crate) struct Struct {
    /// The keys of all attributes, even of malformed ones.
    pub(crate) keys: Vec<Ident>,
    pub(crate) name: Once<LitStr>,
    pub(crate) version: Once<Number>,
    pub(crate) minimum_version: Once<Number>,
    pub(crate) versions: Once<Ident>,
    pub(crate) priority: Once<Ident>,
    pub(crate) unmigratable: Once<()>,
    pub(crate) early_setup: Once<()>,
    pub(crate) needed: Once<Function>,
    pub(crate) hooks: Hooks,
    pub(crate) transparent: Once<()>,
    pub(crate) remote: Once<Type>,
    pub(crate) root: Once<Path>,
    pub(crate) bound: Once<Bounds>,
    pub(crate) bits: Once<Type>,
    pub(crate) wire: Once<Type>,
    pub(crate) with: Once<Type>,
    pub(crate) repr: Once<Ident>,
    pub(crate) variant: Once<Variants>,
    pub(crate) groups: Vec<Subsection>,
    pub(crate) must_exist: Vec<Condition>,
    /// The fields after the last member.
    pub(crate) extra: Vec<Extra>,
    pub(crate) load_old: Once<OldLoader>,
}

keys! {
    impl Struct("struct attribute") |self, key, entry, errors| {
        "name" => self.name.set(key, entry.text("serial", errors), errors),
        "version" => self.version.set(key, entry.version(errors), errors),
        "minimum_version" => self.minimum_version.set(key, entry.version(errors), errors),
        "versions" => self.versions.set(key, entry.assigned("`parent`", "parent", errors), errors),
        "priority" => self.priority.set(key, entry.assigned("a variant of `Priority`", "PciBus", errors), errors),
        "unmigratable" => self.unmigratable.set(key, entry.word(errors), errors),
        "early_setup" => self.early_setup.set(key, entry.word(errors), errors),
        "needed" => self.needed.set(key, entry.predicate(errors), errors),
        "pre_save" => self.hooks.pre_save.set(key, entry.function("Self::update", errors), errors),
        "post_save" => self.hooks.post_save.set(key, entry.function("Self::release", errors), errors),
        "pre_load" => self.hooks.pre_load.set(key, entry.function("Self::reset", errors), errors),
        "post_load" => self.hooks.post_load.set(key, entry.function("Self::validate", errors), errors),
        "subsection" => self.groups.extend(Subsection::parse_group(entry, errors)),
        "must_exist" => self.must_exist.extend(Condition::parse(entry, errors)),
        "removed" => self.extra.extend(Removed::parse(entry, errors).map(Box::new).map(Extra::Removed)),
        "field" => self.extra.extend(Placed::parse(entry, errors).map(Box::new).map(Extra::Placed)),
        "load_old" => self.load_old.set(key, OldLoader::parse(entry, errors), errors),
        "transparent" => self.transparent.set(key, entry.word(errors), errors),
        "bits" => self.bits.set(key, entry.assigned("an integer type", "u32", errors), errors),
        "wire" => self.wire.set(key, entry.assigned("an integer type", "u32", errors), errors),
        "with" => self.with.set(key, entry.assigned("a type that implements `Info`", "MyInfo", errors), errors),
        "bound" => self.bound.set(key, Bounds::parse(entry, errors), errors),
        "remote" => self.remote.set(key, entry.assigned("the path of a type", "other_crate::Type", errors), errors),
        "repr" => self.repr.set(key, entry.assigned("an integer type", "u8", errors), errors),
        "variant" => self.variant.set(key, Variants::parse(entry, errors), errors),
        "crate" => self.root.set(key, entry.assigned("the path of the crate `vmstate`", "my_crate::vmstate", errors), errors),
    }
}

impl Struct {
    pub(super) fn parse(attributes: &[Attribute], levels: Levels, errors: &Errors) -> Self {
        let mut structure = Self::default();
        let entries = entries(attributes, levels, errors);
        structure.read_all(&entries, errors);
        structure.keys = entries.into_iter().map(|entry| entry.key).collect();
        structure
    }

    /// Returns the path of the library from `crate = path`, or `root`.
    pub(crate) fn root_or(&self, root: &TokenStream) -> TokenStream {
        self.root.value().map_or_else(|| root.clone(), ToTokens::to_token_stream)
    }

    /// Returns the name from `name = "..."`, or the type's.
    pub(crate) fn name_or(&self, ident: &Ident) -> LitStr {
        let own = || LitStr::new(&ident.unraw().to_string(), ident.span());
        self.name.value().cloned().unwrap_or_else(own)
    }
}

impl Struct {
    /// Returns whether a struct attribute has this key.
    pub(crate) fn knows(key: &Ident) -> bool {
        Self::LEVEL.keys.iter().any(|known| key == known)
    }

    /// Returns whether a key is this struct attribute, or was probably meant to be it.
    pub(crate) fn intends(key: &Ident, attribute: &str) -> bool {
        key == attribute || meant(&key.to_string(), &Self::LEVEL) == Some(attribute)
    }
}
