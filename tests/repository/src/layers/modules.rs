//! The modules of crates, with the names that they define and the paths that they mention.

use std::collections::BTreeMap;

use super::paths::{Names, names_and_paths};
use super::sources::Sources;

/// A crate whose modules are read.
#[derive(Debug, Clone, Copy)]
pub struct Crate<'a> {
    /// The name by which other crates import it.
    pub name: &'a str,
    /// The path of its root module's file.
    pub root: &'a str,
}

/// A module, in a file or inline.
#[derive(Debug)]
pub(super) struct Module {
    /// The file that contains it.
    pub(super) file: String,
    /// The names in its scope.
    pub(super) names: Names,
    /// The paths that its code mentions, as written.
    pub(super) paths: Vec<Vec<String>>,
}

/// The modules of several crates, by their paths, such as `vmstate::ram::live`.
#[derive(Debug, Default)]
pub struct Modules(BTreeMap<String, Module>);

impl Modules {
    /// Reads the modules of `crates`, from their roots along `mod` declarations.
    ///
    /// # Errors
    /// Returns the path of a file that is missing or cannot be parsed, with the reason.
    pub fn parse(sources: &Sources, crates: &[Crate<'_>]) -> Result<Self, String> {
        let mut modules = Self::default();
        for Crate { name, root } in crates {
            let (folder, _) = root.rsplit_once('/').unwrap_or_default();
            modules.parse_file(sources, name, root, folder)?;
        }
        Ok(modules)
    }

    /// Reads the module `path` in `file`, whose children's files are in `folder`.
    fn parse_file(&mut self, sources: &Sources, path: &str, file: &str, folder: &str) -> Result<(), String> {
        let text = sources.get(file).ok_or_else(|| format!("{file}: no such file, for the module {path}"))?;
        let parsed = syn::parse_file(text).map_err(|error| format!("{file}: {error}"))?;
        self.add(sources, path, file, folder, &parsed.items)
    }

    fn add(
        &mut self,
        sources: &Sources,
        path: &str,
        file: &str,
        folder: &str,
        items: &[syn::Item],
    ) -> Result<(), String> {
        let (names, paths, children) = names_and_paths(items);
        self.0.insert(path.to_owned(), Module { file: file.to_owned(), names, paths });
        for child in children {
            let name = child.ident.to_string();
            let (path, inside) = (format!("{path}::{name}"), format!("{folder}/{name}"));
            match &child.content {
                Some((_, items)) => self.add(sources, &path, file, &inside, items)?,
                None => self.parse_file(sources, &path, &file_of(sources, &inside), &inside)?,
            }
        }
        Ok(())
    }

    pub(super) fn get(&self, path: &str) -> Option<&Module> {
        self.0.get(path)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &Module)> {
        self.0.iter().map(|(path, module)| (path.as_str(), module))
    }

    /// Returns the file that contains the module `path`.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&str> {
        self.get(path).map(|module| module.file.as_str())
    }

    /// Returns the files of all modules, and the crates' roots, which are facades, left out.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.0.values().map(|module| module.file.as_str()).filter(|file| !is_facade(file))
    }
}

/// Returns whether `file` is the root of a library. It re-exports names of other modules, so imports through it
/// are followed, and imports by it do not count.
pub(super) fn is_facade(file: &str) -> bool {
    file.ends_with("/lib.rs")
}

fn file_of(sources: &Sources, path: &str) -> String {
    let nested = format!("{path}/mod.rs");
    if sources.get(&nested).is_some() { nested } else { format!("{path}.rs") }
}
