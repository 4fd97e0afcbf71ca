//! The table of layers in CONTRIBUTING.md.

use std::collections::BTreeSet;
use std::fmt;

use super::modules::{Modules, is_facade};
use super::resolve::Import;

/// The heading of the section that contains the table.
const HEADING: &str = "## Layers";

/// The layers, from the bottom up: a module may import from its own layer and from lower ones.
#[derive(Debug)]
pub struct Table {
    /// The paths of folders and files in each layer.
    layers: Vec<Vec<String>>,
}

/// An import from a layer above.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The module that contains the path.
    pub import: Import,
    /// The path in the table to which that module belongs.
    pub from: String,
    /// The path in the table to which the imported module belongs.
    pub to: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, but `{}` is a layer below `{}`", self.import, self.from, self.to)
    }
}

impl Table {
    /// Parses the first table after the heading "Layers": the code in a row's first cell is the paths of its layer.
    ///
    /// # Errors
    /// Returns an error if the table is missing or a row contains no path.
    pub fn parse(markdown: &str) -> Result<Self, String> {
        let lines = markdown.lines().skip_while(|line| *line != HEADING).skip(1);
        let mut rows = lines.skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
        rows.next().ok_or_else(|| format!("no table after \"{HEADING}\""))?;
        let layers: Vec<_> = rows.skip(1).map(paths_in).collect();
        match layers.iter().position(Vec::is_empty) {
            Some(row) => Err(format!("row {} of the layers contains no path", row + 1)),
            None => Ok(Self { layers }),
        }
    }

    /// Returns the imports from higher layers.
    #[must_use]
    pub fn violations(&self, modules: &Modules, imports: &BTreeSet<Import>) -> Vec<Violation> {
        let layer = |module: &str| self.layer_of(modules.file(module)?);
        let violation = |import: &Import| {
            let (own, from) = layer(&import.from)?;
            let (_, to) = [&import.to, &import.through]
                .into_iter()
                .filter_map(|module| layer(module))
                .find(|(other, _)| *other > own)?;
            Some(Violation { import: import.clone(), from: from.to_owned(), to: to.to_owned() })
        };
        imports.iter().filter_map(violation).collect()
    }

    /// Returns the files that belong to no layer.
    #[must_use]
    pub fn unlisted<'m>(&self, modules: &'m Modules) -> BTreeSet<&'m str> {
        modules.files().filter(|file| self.layer_of(file).is_none()).collect()
    }

    /// Returns the paths of the table that contain no module.
    #[must_use]
    pub fn unused(&self, modules: &Modules) -> Vec<&str> {
        let files: BTreeSet<_> = modules.files().collect();
        let unused = |path: &&str| !files.iter().any(|file| contains(path, file));
        self.layers.iter().flatten().map(String::as_str).filter(unused).collect()
    }

    /// Returns the number of a file's layer, and the longest path of the table that contains the file.
    fn layer_of(&self, file: &str) -> Option<(usize, &str)> {
        if is_facade(file) {
            return None;
        }
        let rows = self.layers.iter().enumerate();
        let paths = rows.flat_map(|(layer, paths)| paths.iter().map(move |path| (layer, path.as_str())));
        paths.filter(|(_, path)| contains(path, file)).max_by_key(|(_, path)| path.len())
    }
}

/// Returns whether `path` is the file, or a folder or module (`src/ram` is `src/ram.rs`, too) that contains it.
fn contains(path: &str, file: &str) -> bool {
    file.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || rest == ".rs")
}

fn paths_in(row: &str) -> Vec<String> {
    let cell = row.trim_start_matches('|').split('|').next().unwrap_or_default();
    cell.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
