//! The types of a crate as `vmstate port` sees them: names, fields, and places in the sources.

use std::collections::BTreeSet;
use std::path::PathBuf;

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::Type;

/// The sources of one or several crates.
#[derive(Default)]
pub(crate) struct Sources {
    pub(crate) files: Vec<File>,
    pub(crate) types: Vec<TypeDef>,
    pub(crate) aliases: Vec<Alias>,
    pub(crate) imports: Vec<Import>,
    /// The types with a written `impl Default`.
    pub(crate) defaults: Vec<(Scope, Vec<String>)>,
    pub(crate) invocations: Vec<Invocation>,
}

/// A source file.
pub(crate) struct File {
    pub(crate) path: PathBuf,
    pub(crate) text: String,
}

impl File {
    /// Returns the whitespace at the start of the line that contains `at`, if nothing else precedes `at` on it.
    pub(crate) fn indentation(&self, at: usize) -> Option<&str> {
        let line = self.text[..at].rfind('\n').map_or(0, |end| end + 1);
        let before = &self.text[line..at];
        before.trim().is_empty().then_some(before)
    }

    /// Returns the number of the line that contains `at`.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.text[..at].matches('\n').count() + 1
    }
}

/// A module of a file. The first name is the crate's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Scope {
    pub(crate) file: usize,
    pub(crate) module: Vec<String>,
}

/// A struct, an enum or a set of flags.
pub(crate) struct TypeDef {
    pub(crate) scope: Scope,
    pub(crate) name: String,
    /// The names of the type and constant parameters.
    pub(crate) parameters: Vec<String>,
    pub(crate) kind: Kind,
    /// The last names of the derived traits.
    pub(crate) derives: Vec<String>,
    /// The integer of a `#[repr(u8)]`.
    pub(crate) repr: Option<String>,
    /// Set if its fields may be unaligned.
    pub(crate) packed: bool,
    /// The place for attributes.
    pub(crate) at: usize,
    /// The end of the item.
    pub(crate) end: usize,
    pub(crate) generics: Generics,
}

/// The parameters of a type, as sources.
#[derive(Default)]
pub(crate) struct Generics {
    /// The parameters of an implementation, such as `<T: Copy, const N: usize>`.
    pub(crate) parameters: String,
    /// The arguments of the type in it, such as `<T, N>`.
    pub(crate) arguments: String,
    /// The predicates of the `where` clause.
    pub(crate) predicates: Vec<String>,
    /// The type and constant parameters in their order; `None` for constants.
    pub(crate) order: Vec<Option<String>>,
}

impl Generics {
    /// Returns the type parameters that a type contains. Values of `PhantomData` exist for all types.
    pub(crate) fn in_type(&self, ty: &Type) -> Vec<&str> {
        if let Type::Path(path) = ty
            && path.path.segments.last().is_some_and(|last| last.ident == "PhantomData")
        {
            return Vec::new();
        }
        let words = words(ty.to_token_stream());
        self.order.iter().flatten().map(String::as_str).filter(|name| words.contains(*name)).collect()
    }
}

/// Returns the identifiers in tokens.
pub(crate) fn words(tokens: TokenStream) -> BTreeSet<String> {
    let words = tokens.into_iter().map(|token| match token {
        TokenTree::Group(group) => words(group.stream()),
        TokenTree::Ident(word) => BTreeSet::from([word.to_string()]),
        TokenTree::Punct(_) | TokenTree::Literal(_) => BTreeSet::new(),
    });
    words.flatten().collect()
}

pub(crate) enum Kind {
    Struct(Vec<Member>),
    Enum(Vec<Variant>),
    /// A struct of `bitflags!` with this integer.
    Flags(String),
    /// A type in the tokens of a macro, whose fields are unknown: the name of the macro.
    Generated {
        by: String,
    },
    /// A struct of plain values or an enum without fields in the rules of a macro, `enum $name`, which the invocations of
    /// the macro name.
    Template {
        is_enum: bool,
    },
    Union,
}

impl TypeDef {
    /// Returns all members, of all variants.
    pub(crate) fn members(&self) -> Vec<(Option<&Variant>, &Member)> {
        match &self.kind {
            Kind::Struct(members) => members.iter().map(|member| (None, member)).collect(),
            Kind::Enum(variants) => variants
                .iter()
                .flat_map(|variant| variant.members.iter().map(move |member| (Some(variant), member)))
                .collect(),
            Kind::Flags(_) | Kind::Generated { .. } | Kind::Template { .. } | Kind::Union => Vec::new(),
        }
    }

    /// Returns whether it derives a trait.
    pub(crate) fn has_derive(&self, name: &str) -> bool {
        self.derives.iter().any(|derived| derived == name)
    }
}

/// A variant of an enum.
pub(crate) struct Variant {
    pub(crate) name: String,
    pub(crate) members: Vec<Member>,
    /// Set for a variant without parentheses or braces.
    pub(crate) unit: bool,
    /// The number, if it is a literal.
    pub(crate) number: Option<i128>,
    /// Set for `#[default]`.
    pub(crate) is_default: bool,
    pub(crate) at: usize,
}

/// A field of a struct or of a variant.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) ty: Type,
    /// The name of the attribute that excludes it from another format, such as `serde`.
    pub(crate) skipped_by: Option<String>,
    /// The contents of its `#[vmstate(...)]`.
    pub(crate) own: Option<String>,
    pub(crate) at: usize,
}

/// The names in an invocation of a macro.
pub(crate) struct Invocation {
    pub(crate) scope: Scope,
    pub(crate) name: String,
    pub(crate) words: BTreeSet<String>,
}

/// `type Name = Type;`
pub(crate) struct Alias {
    pub(crate) scope: Scope,
    pub(crate) name: String,
    /// The names of the type and constant parameters.
    pub(crate) parameters: Vec<String>,
    pub(crate) ty: Type,
}

/// A name that a `use` brings into a module; `*` is a glob.
pub(crate) struct Import {
    pub(crate) scope: Scope,
    pub(crate) name: String,
    pub(crate) path: Vec<String>,
}
