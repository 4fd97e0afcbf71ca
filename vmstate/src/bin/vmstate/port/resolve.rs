//! Which type of the crate a path names. A macro or a tool without a compiler cannot know; this is a good guess.

use std::collections::HashMap;

use syn::ext::IdentExt;
use syn::{Path, Type};

use super::names::is_built_in;
use super::syntax::{Alias, Import, Scope, Sources};

/// The types and aliases of the sources by name.
pub(crate) struct Index<'s> {
    pub(crate) sources: &'s Sources,
    types: HashMap<&'s str, Vec<usize>>,
    aliases: HashMap<&'s str, Vec<&'s Alias>>,
    imports: HashMap<&'s str, Vec<&'s Import>>,
    crates: Vec<&'s str>,
}

/// The meaning of a path.
pub(crate) enum Named<'s> {
    /// One type of the sources, or several of the same name.
    Types(Vec<usize>),
    Alias(&'s Alias),
    /// A type of another crate, or of the standard library.
    Foreign,
}

impl<'s> Index<'s> {
    pub(crate) fn new(sources: &'s Sources) -> Self {
        let mut index = Self {
            sources,
            types: HashMap::new(),
            aliases: HashMap::new(),
            imports: HashMap::new(),
            crates: Vec::new(),
        };
        for (number, ty) in sources.types.iter().enumerate() {
            index.types.entry(&ty.name).or_default().push(number);
        }
        for alias in &sources.aliases {
            index.aliases.entry(&alias.name).or_default().push(alias);
        }
        for import in &sources.imports {
            index.imports.entry(&import.name).or_default().push(import);
        }
        let names = sources.types.iter().filter_map(|ty| ty.scope.module.first());
        index.crates.extend(names.map(String::as_str));
        index.crates.sort_unstable();
        index.crates.dedup();
        index
    }

    /// Returns the meaning of a path in a module.
    pub(crate) fn path(&self, path: &Path, scope: &Scope) -> Named<'s> {
        let names: Vec<_> = path.segments.iter().map(|segment| segment.ident.unraw().to_string()).collect();
        self.names(&names, scope)
    }

    /// Returns the meaning of the names of a path.
    pub(crate) fn names(&self, names: &[String], scope: &Scope) -> Named<'s> {
        let Some((name, qualifiers)) = names.split_last() else { return Named::Foreign };
        if qualifiers.is_empty() {
            if let Some(found) = self.defined(name, |other| other == scope) {
                return found;
            }
            let mut imports = self.imports.get(name.as_str()).into_iter().flatten();
            if let Some(import) = imports.find(|import| import.scope == *scope) {
                return self.absolute(&import.path, scope);
            }
            if let Some(template) = self.template(name, |other| other == scope) {
                return template;
            }
            let globs = self.imports.get("*").into_iter().flatten().filter(|import| import.scope == *scope);
            let mut inside = globs.map(|glob| self.absolute(&[&glob.path[..], &names[..1]].concat(), scope));
            return inside.find(|found| !matches!(found, Named::Foreign)).unwrap_or(Named::Foreign);
        }
        self.absolute(names, scope)
    }

    /// Returns the meaning of a path that begins with a crate or module.
    fn absolute(&self, names: &[String], scope: &Scope) -> Named<'s> {
        let Some((name, qualifiers)) = names.split_last() else { return Named::Foreign };
        let relative = ["crate", "self", "super", "Self"];
        let tail: Vec<_> = qualifiers.iter().filter(|name| !relative.contains(&name.as_str())).cloned().collect();
        let ends = |other: &Scope| other.module.ends_with(&tail);
        if let Some(found) = self.defined(name, |other| ends(other) && same_crate(other, scope, qualifiers)) {
            return found;
        }
        if let Some(template) = self.template(name, |other| ends(other) && same_crate(other, scope, qualifiers)) {
            return template;
        }
        // A re-export: the name is unique, or all types of this name are meant.
        let first = qualifiers.first().map(String::as_str);
        let is_local = first.is_some_and(|first| relative.contains(&first) || self.crates.contains(&first))
            || self.is_module(first, scope);
        match is_local {
            true => self.defined(name, |_| true).or_else(|| self.template(name, |_| true)).unwrap_or(Named::Foreign),
            false => Named::Foreign,
        }
    }

    /// Returns the types in the rules of a macro, if an invocation of the macro in one of the modules contains the name.
    ///
    /// An invocation also contains the types of fields, of which the built-in ones are not defined by it.
    fn template(&self, name: &str, accepts: impl Fn(&Scope) -> bool) -> Option<Named<'s>> {
        if is_built_in(name) {
            return None;
        }
        let invocations = &self.sources.invocations;
        let mut invocations = invocations.iter().filter(|other| accepts(&other.scope) && other.words.contains(name));
        invocations.find_map(|invocation| {
            let types = self.types.get(format!("{}!", invocation.name).as_str())?;
            Some(Named::Types(types.clone()))
        })
    }

    /// Returns the types that invocations of a macro name, in the crate of `scope`.
    pub(crate) fn named_in_invocations(&self, name: &str, scope: &Scope) -> Vec<usize> {
        let same_crate = |other: &Scope| other.module.first() == scope.module.first();
        let invocations = &self.sources.invocations;
        let invocations = invocations.iter().filter(|other| other.name == name && same_crate(&other.scope));
        let types = invocations.flat_map(|other| &other.words).filter_map(|word| self.types.get(word.as_str()));
        types.flatten().copied().filter(|number| same_crate(&self.sources.types[*number].scope)).collect()
    }

    fn defined(&self, name: &str, accepts: impl Fn(&Scope) -> bool) -> Option<Named<'s>> {
        let types = self.types.get(name).into_iter().flatten().copied();
        let types: Vec<_> = types.filter(|number| accepts(&self.sources.types[*number].scope)).collect();
        if !types.is_empty() {
            return Some(Named::Types(types));
        }
        let mut aliases = self.aliases.get(name).into_iter().flatten();
        aliases.find(|alias| accepts(&alias.scope)).map(|alias| Named::Alias(alias))
    }

    /// Returns whether a path begins with a module of the crate that is a sibling or child of `scope`.
    fn is_module(&self, first: Option<&str>, scope: &Scope) -> bool {
        let Some(first) = first else { return false };
        let in_crate = self.sources.types.iter().filter(|ty| ty.scope.module.first() == scope.module.first());
        in_crate.flat_map(|ty| ty.scope.module.iter().skip(1)).any(|module| module == first)
    }
}

/// A path that begins with `crate` or `self` does not leave the crate.
fn same_crate(other: &Scope, scope: &Scope, qualifiers: &[String]) -> bool {
    let begins_here = qualifiers.first().is_some_and(|first| ["crate", "self", "super"].contains(&first.as_str()));
    !begins_here || other.module.first() == scope.module.first()
}

/// Returns the type without parentheses and groups.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Paren(paren) => bare(&paren.elem),
        Type::Group(group) => bare(&group.elem),
        other => other,
    }
}
