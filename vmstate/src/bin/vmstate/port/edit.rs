//! Writes attributes into the sources.

use std::fs;
use std::path::Path;

use super::defaults::Added;
use super::form::FOREIGN;
use super::plan::Planned;
use super::syntax::{File, Kind, Sources, TypeDef};
use crate::failure::Failure;

/// A text at an offset of a file.
struct Insertion {
    at: usize,
    text: String,
    /// Set if it follows an item, instead of preceding one.
    after: bool,
}

/// Inserts the attributes of all types, and returns the number of changed files.
pub(crate) fn write(sources: &Sources, planned: &[Planned]) -> Result<usize, Failure> {
    let mut changed = 0;
    for (number, file) in sources.files.iter().enumerate() {
        let types = planned.iter().map(|ty| (ty, &sources.types[ty.number]));
        let here = types.filter(|(_, definition)| definition.scope.file == number);
        let mut insertions: Vec<_> = here.flat_map(|(ty, definition)| insertions(ty, definition)).collect();
        if insertions.is_empty() {
            continue;
        }
        // From the end, so that offsets stay valid.
        insertions.sort_by_key(|insertion| std::cmp::Reverse(insertion.at));
        let mut text = file.text.clone();
        for insertion in insertions {
            text.insert_str(insertion.at, &insertion.indented(file));
        }
        fs::write(&file.path, text).map_err(Failure::file("cannot write", &file.path))?;
        changed += 1;
    }
    Ok(changed)
}

impl Insertion {
    /// Returns the text with the indentation of its place.
    fn indented(&self, file: &File) -> String {
        if self.after {
            let line = file.text[..self.at].rfind('\n').map_or(0, |end| end + 1);
            let indentation: String = file.text[line..].chars().take_while(|letter| *letter == ' ').collect();
            return format!(
                "\n{}",
                self.text.split('\n').map(|line| format!("\n{indentation}{line}")).collect::<String>()
            );
        }
        let end = file.indentation(self.at).map_or_else(|| " ".to_owned(), |indentation| format!("\n{indentation}"));
        self.text.split('\n').map(|line| format!("{line}{end}")).collect()
    }
}

fn insertions(ty: &Planned, definition: &TypeDef) -> Vec<Insertion> {
    let Some(attributes) = &ty.attributes else { return Vec::new() };
    let derives = match ty.default {
        Some(Added::Derive) => "Default, ::vmstate::VmState",
        _ => "::vmstate::VmState",
    };
    let default = match &ty.default {
        Some(Added::Written(text)) => Some(Insertion { at: definition.end, text: text.clone(), after: true }),
        _ => None,
    };
    let own = if attributes.is_empty() { String::new() } else { format!("\n#[vmstate({attributes})]") };
    let own = Insertion { at: definition.at, text: format!("#[derive({derives})]{own}"), after: false };
    let members = ty.members.iter().filter_map(|member| {
        let attributes = member.attributes.as_ref()?;
        Some(Insertion { at: member.at, text: format!("#[vmstate({attributes})]"), after: false })
    });
    std::iter::once(own).chain(members).chain(default_variant(ty, definition)).chain(default).collect()
}

/// Marks the default of an enum: its first variant without fields.
fn default_variant(ty: &Planned, definition: &TypeDef) -> Option<Insertion> {
    let Kind::Enum(variants) = &definition.kind else { return None };
    let first = variants.iter().find(|variant| variant.unit)?;
    let is_marked = variants.iter().any(|variant| variant.is_default);
    let derives = matches!(ty.default, Some(Added::Derive));
    (derives && !is_marked).then(|| Insertion { at: first.at, text: "#[default]".to_owned(), after: false })
}

/// Adds the dependency on this library to a manifest that does not have it.
pub(crate) fn depend(folder: &Path, planned: &[Planned]) -> Result<(), Failure> {
    let path = folder.join("Cargo.toml");
    let text = fs::read_to_string(&path).map_err(Failure::file("cannot read", &path))?;
    let has_dependency = |line: &str| line.starts_with("[dependencies.vmstate]") || line.starts_with("vmstate ");
    if text.lines().any(|line| has_dependency(line) || line.starts_with("vmstate=") || line.starts_with("vmstate.")) {
        return Ok(());
    }
    let features = features(planned);
    let features = match features.is_empty() {
        true => String::new(),
        false => format!("features = [{}]\n", features.join(", ")),
    };
    let version = concat!(env!("CARGO_PKG_VERSION_MAJOR"), ".", env!("CARGO_PKG_VERSION_MINOR"));
    let text = format!("{}\n\n[dependencies.vmstate]\nversion = \"{version}\"\n{features}", text.trim_end());
    fs::write(&path, text).map_err(Failure::file("cannot write", &path))
}

/// Returns the features for collections of other crates.
fn features(planned: &[Planned]) -> Vec<String> {
    let collections = planned.iter().flat_map(|ty| &ty.collections);
    let mut features: Vec<_> = collections
        .filter_map(|name| FOREIGN.iter().find(|(foreign, _)| foreign == name))
        .map(|(_, feature)| format!("\"{feature}\""))
        .collect();
    features.sort();
    features.dedup();
    features
}
