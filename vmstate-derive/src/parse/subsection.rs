//! The attribute `subsection` of structs and fields.

use proc_macro2::TokenStream;
use syn::{Ident, LitStr};

use super::entry::{Entry, Number, Value, split_name};
use super::function::Function;
use super::hooks::Hooks;
use super::keys::keys;
use super::old::Was;
use super::once::Once;
use crate::errors::Errors;

/// A `subsection(...)` on a struct, which names a group of fields, or on a field.
pub(crate) struct Subsection {
    pub(crate) key: Ident,
    /// The keys of all options, even of malformed ones.
    keys: Vec<Ident>,
    /// `None` on a field whose type describes the subsection.
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Once<Number>,
    pub(crate) minimum_version: Once<Number>,
    pub(crate) needed: Once<Function>,
    /// Set if every stream has it.
    pub(crate) always: Once<()>,
    /// Set if it has no fields.
    pub(crate) empty: Once<()>,
    pub(crate) absent: Once<Ident>,
    pub(crate) was: Once<Vec<Was>>,
    pub(crate) hooks: Hooks,
}

keys! {
    impl Subsection("subsection attribute") |self, key, entry, errors| {
        "version" => self.version.set(key, entry.version(errors), errors),
        "minimum_version" => self.minimum_version.set(key, entry.version(errors), errors),
        "needed" => self.needed.set(key, entry.predicate(errors), errors),
        "always" => self.always.set(key, entry.word(errors), errors),
        "empty" => self.empty.set(key, entry.word(errors), errors),
        "absent" => self.absent.set(key, entry.assigned("`keep`, `default` or `error`", "default", errors), errors),
        "was" => self.was.set(key, Was::parse(entry, errors), errors),
        "pre_save" => self.hooks.pre_save.set(key, entry.function("Self::update", errors), errors),
        "post_save" => self.hooks.post_save.set(key, entry.function("Self::release", errors), errors),
        "pre_load" => self.hooks.pre_load.set(key, entry.function("Self::reset", errors), errors),
        "post_load" => self.hooks.post_load.set(key, entry.function("Self::validate", errors), errors),
    }
}

impl Subsection {
    /// Reads a subsection on a struct.
    pub(super) fn parse_group(entry: &Entry, errors: &Errors) -> Option<Self> {
        let group = Self::parse(entry, errors)?;
        if group.name.is_none() {
            errors
                .at(&entry.key, "missing name: a group of fields needs one, as in `subsection(\"serial/fifo\", ...)`");
            return None;
        }
        Some(group)
    }

    pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Self> {
        let (name, rest) = match &entry.value {
            Value::Word => (None, TokenStream::new()),
            Value::List(tokens) => split_name(tokens.clone()),
            Value::Assign(_) => {
                errors.at(&entry.key, "expected the name in parentheses, as in `subsection(\"serial/fifo\")`");
                return None;
            }
        };
        let mut subsection = Self {
            key: entry.key.clone(),
            keys: Vec::new(),
            name,
            version: Once::default(),
            minimum_version: Once::default(),
            needed: Once::default(),
            always: Once::default(),
            empty: Once::default(),
            absent: Once::default(),
            was: Once::default(),
            hooks: Hooks::default(),
        };
        let options = entry.nested(rest, errors);
        subsection.read_all(&options, errors);
        subsection.keys = options.into_iter().map(|option| option.key).collect();
        Some(subsection)
    }

    /// Returns whether an option was reported that may have been meant to be `key`.
    pub(crate) fn misses(&self, key: &str) -> bool {
        self.keys.iter().any(|given| given == key || Self::LEVEL.keys.iter().all(|known| given != known))
    }

    /// Returns the name as a string.
    pub(crate) fn text(&self) -> Option<String> {
        self.name.as_ref().map(LitStr::value)
    }

    pub(crate) fn has_name(&self, text: &str) -> bool {
        self.text().is_some_and(|name| name == text)
    }
}
