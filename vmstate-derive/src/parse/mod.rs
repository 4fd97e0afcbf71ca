//! Tokens to attributes as written, with their places kept.
//!
//! Each attribute is read here and nowhere else. Nothing is judged yet but what a single attribute can get wrong: its
//! value, or being given twice.

mod entry;
mod once;
mod suggest;

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Attribute, DeriveInput, ExprPath, Ident, LitInt, LitStr, Path, Type};

use self::entry::{Entry, entries};
pub(crate) use self::entry::{Number, Value};
pub(crate) use self::once::Once;
use crate::errors::Errors;

/// The four hooks.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) pre_save: Once<ExprPath>,
    pub(crate) post_save: Once<ExprPath>,
    pub(crate) pre_load: Once<ExprPath>,
    pub(crate) post_load: Once<ExprPath>,
}

const HOOKS: [&str; 4] = ["pre_save", "post_save", "pre_load", "post_load"];

impl Hooks {
    /// Takes the entry if it is a hook.
    fn take(&mut self, entry: &Entry, errors: &Errors) -> bool {
        let hook = match entry.key.to_string().as_str() {
            "pre_save" => &mut self.pre_save,
            "post_save" => &mut self.post_save,
            "pre_load" => &mut self.pre_load,
            "post_load" => &mut self.post_load,
            _ => return false,
        };
        hook.set(&entry.key, entry.assigned("the path of a function", errors), errors);
        true
    }

    /// All hooks that are set, with their names.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&'static str, &ExprPath)> {
        let hooks = [&self.pre_save, &self.post_save, &self.pre_load, &self.post_load];
        HOOKS.into_iter().zip(hooks).filter_map(|(name, hook)| Some((name, hook.value()?)))
    }
}

/// The attributes of a struct.
#[derive(Default)]
pub(crate) struct Struct {
    pub(crate) name: Once<LitStr>,
    pub(crate) version: Once<Number>,
    pub(crate) minimum_version: Once<Number>,
    pub(crate) priority: Once<Ident>,
    pub(crate) unmigratable: Once<()>,
    pub(crate) early_setup: Once<()>,
    pub(crate) needed: Once<ExprPath>,
    pub(crate) hooks: Hooks,
    pub(crate) root: Once<Path>,
    pub(crate) groups: Vec<Subsection>,
}

const STRUCT: &[&str] = &[
    "name",
    "version",
    "minimum_version",
    "priority",
    "unmigratable",
    "early_setup",
    "needed",
    "pre_save",
    "post_save",
    "pre_load",
    "post_load",
    "crate",
    "subsection",
];

impl Struct {
    pub(crate) fn of(input: &DeriveInput, errors: &Errors) -> Self {
        let mut attributes = Self::default();
        for entry in entries(&input.attrs, errors) {
            attributes.take(&entry, errors);
        }
        attributes
    }

    fn take(&mut self, entry: &Entry, errors: &Errors) {
        let key = &entry.key;
        match key.to_string().as_str() {
            "name" => self.name.set(key, entry.text("a name in quotes", errors), errors),
            "version" => self.version.set(key, entry.version(errors), errors),
            "minimum_version" => self.minimum_version.set(key, entry.version(errors), errors),
            "priority" => self.priority.set(key, entry.assigned("a variant of `Priority`", errors), errors),
            "unmigratable" => self.unmigratable.set(key, entry.word(errors), errors),
            "early_setup" => self.early_setup.set(key, entry.word(errors), errors),
            "needed" => self.needed.set(key, entry.assigned("the path of a predicate", errors), errors),
            "crate" => self.root.set(key, entry.assigned("the path of the crate `vmstate`", errors), errors),
            "subsection" => self.groups.extend(Subsection::of(entry, true, errors)),
            _ if self.hooks.take(entry, errors) => {}
            _ => suggest::unknown(key, STRUCT, "on a struct", errors),
        }
    }
}

/// A `subsection(...)`, on a struct as a group or on a field.
pub(crate) struct Subsection {
    pub(crate) key: Ident,
    /// The name. A field's subsection without one is described by the field's type.
    pub(crate) name: Option<LitStr>,
    pub(crate) version: Once<Number>,
    pub(crate) minimum_version: Once<Number>,
    pub(crate) needed: Once<ExprPath>,
    pub(crate) absent: Once<Ident>,
    pub(crate) hooks: Hooks,
}

const SUBSECTION: &[&str] =
    &["version", "minimum_version", "needed", "absent", "pre_save", "post_save", "pre_load", "post_load"];

impl Subsection {
    fn of(entry: &Entry, group: bool, errors: &Errors) -> Option<Self> {
        let mut subsection = Self {
            key: entry.key.clone(),
            name: None,
            version: Once::default(),
            minimum_version: Once::default(),
            needed: Once::default(),
            absent: Once::default(),
            hooks: Hooks::default(),
        };
        let tokens = match &entry.value {
            Value::Word if !group => return Some(subsection),
            Value::List(tokens) => tokens.clone(),
            Value::Word | Value::Assign(_) => {
                errors.at(&entry.key, "`subsection` takes its name in parentheses: `subsection(\"serial/fifo\")`");
                return None;
            }
        };
        let (name, rest) = split_name(tokens);
        if name.is_none() && group {
            errors.at(&entry.key, "a group of fields needs a name: `subsection(\"serial/fifo\", ...)`");
            return None;
        }
        subsection.name = name;
        for entry in entry::parse_entries(rest, errors) {
            subsection.take(&entry, errors);
        }
        Some(subsection)
    }

    fn take(&mut self, entry: &Entry, errors: &Errors) {
        let key = &entry.key;
        match key.to_string().as_str() {
            "version" => self.version.set(key, entry.version(errors), errors),
            "minimum_version" => self.minimum_version.set(key, entry.version(errors), errors),
            "needed" => self.needed.set(key, entry.assigned("the path of a predicate", errors), errors),
            "absent" => self.absent.set(key, entry.assigned("`keep`, `default` or `error`", errors), errors),
            _ if self.hooks.take(entry, errors) => {}
            _ => suggest::unknown(key, SUBSECTION, "in a subsection", errors),
        }
    }
}

/// The text at the beginning of a list, and what follows it.
fn split_name(tokens: TokenStream) -> (Option<LitStr>, TokenStream) {
    let mut rest = tokens.clone().into_iter();
    let first = rest.next().and_then(|token| syn::parse2::<LitStr>(token.to_token_stream()).ok());
    match (first, rest.next()) {
        (Some(name), None) => (Some(name), TokenStream::new()),
        (Some(name), Some(proc_macro2::TokenTree::Punct(comma))) if comma.as_char() == ',' => {
            (Some(name), rest.collect())
        }
        _ => (None, tokens),
    }
}

/// The attributes of a field.
#[derive(Default)]
pub(crate) struct Field {
    pub(crate) name: Once<LitStr>,
    pub(crate) since: Once<Number>,
    pub(crate) until: Once<Number>,
    pub(crate) default: Once<Option<ExprPath>>,
    pub(crate) when: Once<ExprPath>,
    pub(crate) skip: Once<LitStr>,
    pub(crate) reset: Once<ExprPath>,
    pub(crate) buffer: Once<()>,
    pub(crate) equal: Once<Option<LitStr>>,
    pub(crate) le: Once<()>,
    pub(crate) timer: Once<()>,
    pub(crate) with: Once<Type>,
    pub(crate) unused: Once<Unused>,
    pub(crate) subsection: Once<Subsection>,
    pub(crate) group: Once<LitStr>,
    pub(crate) ambiguous: Once<LitStr>,
}

const FIELD: &[&str] = &[
    "name",
    "since",
    "until",
    "default",
    "when",
    "skip",
    "reset",
    "buffer",
    "equal",
    "le",
    "timer",
    "with",
    "unused",
    "subsection",
    "in",
    "ambiguous",
];

/// Bytes without meaning around a field.
#[derive(Default)]
pub(crate) struct Unused {
    pub(crate) before: Once<LitInt>,
    pub(crate) after: Once<LitInt>,
}

impl Field {
    pub(crate) fn of(attributes: &[Attribute], errors: &Errors) -> Self {
        let mut field = Self::default();
        for entry in entries(attributes, errors) {
            field.take(&entry, errors);
        }
        field
    }

    fn take(&mut self, entry: &Entry, errors: &Errors) {
        let key = &entry.key;
        match key.to_string().as_str() {
            "name" => self.name.set(key, entry.text("a name in quotes", errors), errors),
            "since" => self.since.set(key, entry.version(errors), errors),
            "until" => self.until.set(key, entry.version(errors), errors),
            "default" => self.default.set(key, optional(entry, "the path of a function", errors), errors),
            "when" => self.when.set(key, entry.assigned("the path of a predicate", errors), errors),
            "skip" => self.skip.set(key, skip_reason(entry, errors), errors),
            "reset" => self.reset.set(key, entry.assigned("the path of a function", errors), errors),
            "buffer" => self.buffer.set(key, entry.word(errors), errors),
            "equal" => self.equal.set(key, optional(entry, "a hint in quotes", errors), errors),
            "le" => self.le.set(key, entry.word(errors), errors),
            "timer" => self.timer.set(key, entry.word(errors), errors),
            "with" => self.with.set(key, entry.assigned("a type that implements `Info`", errors), errors),
            "unused" => self.unused.set(key, Unused::of(entry, errors), errors),
            "subsection" => self.subsection.set(key, Subsection::of(entry, false, errors), errors),
            "in" => self.group.set(key, entry.text("the name of a subsection of the struct", errors), errors),
            "ambiguous" => self.ambiguous.set(key, entry.text("the reason why it may be so", errors), errors),
            _ => suggest::unknown(key, FIELD, "on a field", errors),
        }
    }
}

/// What is behind a key that may also stand alone.
fn optional<T: syn::parse::Parse>(entry: &Entry, what: &str, errors: &Errors) -> Option<Option<T>> {
    match entry.value {
        Value::Word => Some(None),
        Value::Assign(_) | Value::List(_) => entry.assigned(what, errors).map(Some),
    }
}

fn skip_reason(entry: &Entry, errors: &Errors) -> Option<LitStr> {
    if matches!(entry.value, Value::Word) {
        errors.at(&entry.key, "say why the field is not migrated: `skip = \"wired by the board\"`");
        return None;
    }
    let reason = entry.text("the reason in quotes", errors)?;
    if reason.value().trim().is_empty() {
        errors.at(&reason, "say why the field is not migrated: `skip = \"wired by the board\"`");
        return None;
    }
    Some(reason)
}

impl Unused {
    fn of(entry: &Entry, errors: &Errors) -> Option<Self> {
        let mut unused = Self::default();
        for entry in entry.list("`before = N`, `after = N` or both", errors)? {
            let key = &entry.key;
            match key.to_string().as_str() {
                "before" => unused.before.set(key, entry.assigned("a number of bytes", errors), errors),
                "after" => unused.after.set(key, entry.assigned("a number of bytes", errors), errors),
                _ => suggest::unknown(key, &["before", "after"], "in `unused`", errors),
            }
        }
        Some(unused)
    }
}
