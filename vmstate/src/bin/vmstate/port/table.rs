//! The table of attributes: decisions that only a person can make, by type and field.
//!
//! Each line is a type, a field as `Type.field`, or a field of a variant as `Type.Variant.field`, followed by its
//! attributes. A line that begins with whitespace continues the previous one. `#` begins a comment.

use std::cell::RefCell;
use std::collections::BTreeSet;

use super::syntax::TypeDef;

/// The entries of a table.
#[derive(Default)]
pub(crate) struct Table {
    entries: Vec<Entry>,
    /// The indices of the entries that apply to a type or field.
    used: RefCell<BTreeSet<usize>>,
}

struct Entry {
    line: usize,
    /// `Type`, or `module::Type`.
    ty: String,
    /// `field`, or `Variant.field`.
    field: Option<String>,
    attributes: String,
}

impl Table {
    /// Reads a table.
    ///
    /// # Errors
    /// Returns the line and the reason if a line has no attributes.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut entries: Vec<Entry> = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let content = line.trim();
            if content.is_empty() || content.starts_with('#') {
                continue;
            }
            if line.starts_with([' ', '\t']) {
                let Some(entry) = entries.last_mut() else {
                    return Err(format!("line {}: unexpected indentation: no entry precedes it", index + 1));
                };
                entry.attributes += &format!(" {content}");
                continue;
            }
            let Some((place, attributes)) = content.split_once(char::is_whitespace) else {
                return Err(format!("line {}: missing attributes after `{content}`", index + 1));
            };
            let (ty, field) = match place.split_once('.') {
                Some((ty, field)) => (ty.to_owned(), Some(field.to_owned())),
                None => (place.to_owned(), None),
            };
            entries.push(Entry { line: index + 1, ty, field, attributes: attributes.trim().to_owned() });
        }
        Ok(Self { entries, used: RefCell::default() })
    }

    /// Returns the attributes of a type, or of a field of it.
    pub(crate) fn get(&self, ty: &TypeDef, field: Option<&str>) -> Option<&str> {
        let matches = |entry: &Entry| is_named(ty, &entry.ty) && entry.field.as_deref() == field;
        let index = self.entries.iter().position(matches)?;
        self.used.borrow_mut().insert(index);
        Some(&self.entries[index].attributes)
    }

    /// Returns the lines whose type or field does not exist, or is not part of the state.
    pub(crate) fn unused(&self) -> Vec<(usize, String)> {
        let used = self.used.borrow();
        let unused = self.entries.iter().enumerate().filter(|(index, _)| !used.contains(index));
        let name =
            |entry: &Entry| entry.field.as_ref().map_or(entry.ty.clone(), |field| format!("{}.{field}", entry.ty));
        unused.map(|(_, entry)| (entry.line, name(entry))).collect()
    }
}

/// Returns whether `name` is the name of the type, with or without modules.
pub(crate) fn is_named(ty: &TypeDef, name: &str) -> bool {
    let mut names: Vec<_> = name.split("::").collect();
    let last = names.pop();
    let modules = &ty.scope.module;
    let start = modules.len().checked_sub(names.len());
    last == Some(&ty.name) && start.is_some_and(|start| modules[start..].iter().eq(names.iter()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_without_attributes_are_rejected() {
        assert!(Table::parse("Cpu.ram").err().is_some_and(|error| error.contains("line 1: missing attributes")));
        assert!(Table::parse("# comment\n  skip").err().is_some_and(|error| error.contains("line 2")));
        let table = Table::parse("Cpu.ram  with = A,\n    until = 2\n# Bus\n").unwrap();
        assert_eq!(table.entries[0].attributes, "with = A, until = 2");
        assert_eq!(table.unused(), [(1, "Cpu.ram".to_owned())]);
    }
}
