//! Attributes for older versions: removed fields, versions of subsections, and functions that load old layouts.

use proc_macro2::TokenStream;
use syn::parse::{Parse, ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Ident, LitStr, Token, Type};

use super::entry::{Entry, Number, Value};
use super::function::Function;
use super::keys::keys;
use super::once::Once;
use crate::errors::Errors;

/// `removed("old_name": u32, since = 2, until = 4, with = path, from = path)`
pub(crate) struct Removed {
    pub(crate) name: LitStr,
    pub(crate) ty: Type,
    pub(crate) since: Once<Number>,
    pub(crate) until: Once<Number>,
    pub(crate) with: Once<Function>,
    pub(crate) from: Once<Function>,
}

keys! {
    impl Removed("`removed` option") |self, key, entry, errors| {
        "since" => self.since.set(key, entry.version(errors), errors),
        "until" => self.until.set(key, entry.version(errors), errors),
        "with" => self.with.set(key, entry.function("Self::convert_old", errors), errors),
        "from" => self.from.set(key, entry.function("Self::old_value", errors), errors),
    }
}

/// The name and the type of a removed field, and the options that follow them.
struct Typed {
    name: LitStr,
    ty: Type,
    rest: TokenStream,
}

impl Parse for Typed {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse()?;
        input.parse::<Token![:]>()?;
        let ty = input.parse()?;
        if !input.is_empty() {
            input.parse::<Token![,]>()?;
        }
        Ok(Self { name, ty, rest: input.parse()? })
    }
}

impl Removed {
    pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Self> {
        let typed = match &entry.value {
            Value::List(tokens) => syn::parse2::<Typed>(tokens.clone()).ok(),
            Value::Word | Value::Assign(_) => None,
        };
        let Some(Typed { name, ty, rest }) = typed else {
            let message = "expected a name, a type and versions, as in `removed(\"old_name\": u32, until = 4)`";
            errors.at(&entry.key, message);
            return None;
        };
        let mut removed = Self {
            name,
            ty,
            since: Once::default(),
            until: Once::default(),
            with: Once::default(),
            from: Once::default(),
        };
        removed.read_all(&entry.nested(rest, errors), errors);
        if !removed.until.is_set() {
            errors.at(&removed.name, "missing last version with this field: add `until = N`");
            return None;
        }
        Some(removed)
    }
}

/// `..=4 => 2`: up to version 4 of the struct, the subsection or nested struct has version 2.
#[derive(Clone)]
pub(crate) struct Was {
    pub(crate) until: Number,
    pub(crate) version: Number,
}

impl Parse for Was {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        input.parse::<Token![..=]>()?;
        let until = input.parse()?;
        input.parse::<Token![=>]>()?;
        Ok(Self { until, version: input.parse()? })
    }
}

impl Was {
    /// Reads `was(..=4 => 2, ..=6 => 3)`.
    pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Vec<Self>> {
        let arms = match &entry.value {
            Value::List(tokens) => Punctuated::<Self, Token![,]>::parse_terminated.parse2(tokens.clone()).ok(),
            Value::Word | Value::Assign(_) => None,
        };
        if arms.is_none() {
            let message = "expected versions of the struct and of the part, as in `was(..=4 => 1)`";
            errors.at(&entry.key, message);
        }
        arms.map(|arms| arms.into_iter().collect())
    }
}

/// `versioned = 2`, or `versioned(was(..=4 => 1))`
pub(crate) enum Versioned {
    /// One version, in all versions of the struct around it.
    At(Number),
    /// These versions in older versions of the struct around it, and the current version in newer ones.
    Was(Vec<Was>),
}

/// The options of `versioned`.
#[derive(Default)]
pub(crate) struct OldVersions {
    was: Once<Vec<Was>>,
}

keys! {
    impl OldVersions("`versioned` option") |self, key, entry, errors| {
        "was" => self.was.set(key, Was::parse(entry, errors), errors),
    }
}

impl Versioned {
    pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Self> {
        let Value::List(tokens) = &entry.value else { return entry.version(errors).map(Self::At) };
        let mut versions = OldVersions::default();
        let entries = entry.nested(tokens.clone(), errors);
        versions.read_all(&entries, errors);
        if entries.is_empty() {
            errors.at(&entry.key, "missing versions: write `versioned = 2`, or `versioned(was(..=4 => 1))`");
        }
        versions.was.into_value().map(Self::Was)
    }
}

/// `load_old(min = 1, with = path)`
#[derive(Default)]
pub(crate) struct OldLoader {
    pub(crate) min: Once<Number>,
    pub(crate) with: Once<Function>,
}

keys! {
    impl OldLoader("`load_old` option") |self, key, entry, errors| {
        "min" => self.min.set(key, entry.version(errors), errors),
        "with" => self.with.set(key, entry.function("Self::load_old", errors), errors),
    }
}

impl OldLoader {
    pub(super) fn parse(entry: &Entry, errors: &Errors) -> Option<Self> {
        let mut loader = Self::default();
        if let Value::List(tokens) = &entry.value {
            loader.read_all(&entry.nested(tokens.clone(), errors), errors);
        }
        if !loader.min.is_set() || !loader.with.is_set() {
            let key: &Ident = &entry.key;
            errors.at(
                key,
                "expected the oldest version and a function, as in `load_old(min = 1, with = Self::load_old)`",
            );
            return None;
        }
        Some(loader)
    }
}
