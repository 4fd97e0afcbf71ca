//! Paths, resolved to the modules of their definitions.

use std::collections::BTreeSet;
use std::fmt;

use super::modules::{Module, Modules, is_facade};
use super::paths::Name;

/// Re-exports followed for one path. A longer chain would be a circle of re-exports.
const MAX_HOPS: usize = 16;

/// An import of one module by another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// The module that contains the path.
    pub from: String,
    /// The module that defines the name.
    pub to: String,
    /// The innermost module that the path mentions: it differs from `to` if it re-exports the name.
    pub through: String,
    /// The path as written.
    pub path: String,
}

impl fmt::Display for Import {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} imports `{}`", self.from, self.path)
    }
}

/// Returns the imports of all modules, without imports from a module itself and by the roots of libraries.
#[must_use]
pub fn imports(modules: &Modules) -> BTreeSet<Import> {
    let mut imports = BTreeSet::new();
    for (from, module) in modules.iter().filter(|(_, module)| !is_facade(&module.file)) {
        for path in &module.paths {
            let Some(Target { to, through }) = resolve(modules, from, path, MAX_HOPS) else { continue };
            if to != from {
                imports.insert(Import { from: from.to_owned(), to, through, path: path.join("::") });
            }
        }
    }
    imports
}

/// The modules to which a path leads.
struct Target {
    /// The innermost module that the path mentions.
    through: String,
    /// The module that defines the name.
    to: String,
}

/// Resolves a path in the scope of the module `from`. Returns `None` if it leads out of the known crates.
fn resolve(modules: &Modules, from: &str, path: &[String], hops: usize) -> Option<Target> {
    let (start, rest) = start(modules, from, path, hops.checked_sub(1)?)?;
    descend(modules, start, rest, hops - 1)
}

/// Returns the module in which a path begins, and the names after it.
fn start<'p>(modules: &Modules, from: &str, path: &'p [String], hops: usize) -> Option<(String, &'p [String])> {
    let (first, mut rest) = path.split_first()?;
    let mut module = match first.as_str() {
        "crate" => root(from).to_owned(),
        "self" => from.to_owned(),
        "super" => parent(from)?.to_owned(),
        name => return Some((named(modules, from, name, hops)?, rest)),
    };
    while let Some(("super", after)) = rest.split_first().map(|(name, after)| (name.as_str(), after)) {
        module = parent(&module)?.to_owned();
        rest = after;
    }
    Some((module, rest))
}

/// Returns the module of `name` in the scope of `from`: a child, an import, or another crate.
fn named(modules: &Modules, from: &str, name: &str, hops: usize) -> Option<String> {
    match modules.get(from)?.names.named.get(name) {
        Some(Name::Module) => Some(format!("{from}::{name}")),
        Some(Name::Import(path)) if path.first().map(String::as_str) != Some(name) => {
            let target = resolve(modules, from, path, hops)?;
            // A type, not a module: its definition.
            Some(target.to)
        }
        Some(Name::Item) => Some(from.to_owned()),
        _ => modules.get(name).map(|_| name.to_owned()),
    }
}

/// Follows `names` from `module` through child modules, and the last of them through re-exports.
fn descend(modules: &Modules, mut module: String, mut names: &[String], hops: usize) -> Option<Target> {
    while let Some((name, rest)) = names.split_first() {
        let child = format!("{module}::{name}");
        if modules.get(&child).is_none() {
            break;
        }
        (module, names) = (child, rest);
    }
    let to = match names.split_first() {
        Some((name, rest)) => defined(modules, &module, name, rest, hops).unwrap_or_else(|| module.clone()),
        None => module.clone(),
    };
    // Through the root of a library only the definition counts.
    let through = if modules.file(&module).is_some_and(is_facade) { to.clone() } else { module };
    Some(Target { through, to })
}

/// Returns the module that defines `name`, which `module` defines or re-exports, and the path `rest` in it.
fn defined(modules: &Modules, module: &str, name: &str, rest: &[String], hops: usize) -> Option<String> {
    let names = &modules.get(module)?.names;
    match names.named.get(name) {
        Some(Name::Import(path)) => {
            let path = [path, rest].concat();
            resolve(modules, module, &path, hops).map(|target| target.to)
        }
        Some(_) => Some(module.to_owned()),
        None => names.globs.iter().find_map(|glob| {
            let target = resolve(modules, module, glob, hops)?;
            let has_name = |found: &Module| found.names.named.contains_key(name);
            modules.get(&target.to).filter(|found| has_name(found))?;
            defined(modules, &target.to, name, rest, hops.checked_sub(1)?)
        }),
    }
}

fn root(module: &str) -> &str {
    module.split("::").next().unwrap_or(module)
}

fn parent(module: &str) -> Option<&str> {
    module.rsplit_once("::").map(|(parent, _)| parent)
}
