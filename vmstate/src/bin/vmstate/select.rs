//! Which sections and fields a command is about.

use std::cell::Cell;

use vmstate::dynamic::diff::{FieldChange, FieldDifference};
use vmstate::dynamic::{DecodedSection, Leaf};

use crate::failure::Failure;

/// The sections that were asked for; all if none were.
pub(crate) struct Selection<'a> {
    wanted: Vec<Wanted<'a>>,
}

/// One `NAME[:INSTANCE]`. Names have colons too, so that both readings count.
struct Wanted<'a> {
    text: &'a str,
    name_and_instance: Option<(&'a str, u32)>,
    found: Cell<bool>,
}

impl<'a> Selection<'a> {
    pub(crate) fn new(texts: &'a [String]) -> Self {
        let wanted = |text: &'a String| Wanted {
            text,
            name_and_instance: text.rsplit_once(':').and_then(|(name, id)| Some((name, id.parse().ok()?))),
            found: Cell::new(false),
        };
        Self { wanted: texts.iter().map(wanted).collect() }
    }

    /// Whether the section of this name and instance was asked for.
    pub(crate) fn has(&self, name: &str, instance_id: u32) -> bool {
        let mut any = self.wanted.is_empty();
        for wanted in &self.wanted {
            if name == wanted.text || wanted.name_and_instance == Some((name, instance_id)) {
                wanted.found.set(true);
                any = true;
            }
        }
        any
    }

    /// Makes sure that everything that was asked for has been found.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self.wanted.iter().find(|wanted| !wanted.found.get()) {
            Some(wanted) => Err(Failure::Usage(format!(
                "there is no section `{}`; `vmstate info` lists those of a stream",
                wanted.text
            ))),
            None => Ok(()),
        }
    }
}

/// The fields that were asked for, with all that is in them; all if none were.
pub(crate) struct Prefixes<'a> {
    wanted: Vec<Prefix<'a>>,
}

struct Prefix<'a> {
    path: &'a str,
    found: Cell<bool>,
}

impl<'a> Prefixes<'a> {
    pub(crate) fn new(paths: &'a [String]) -> Self {
        Self { wanted: paths.iter().map(|path| Prefix { path, found: Cell::new(false) }).collect() }
    }

    pub(crate) fn is_all(&self) -> bool {
        self.wanted.is_empty()
    }

    /// Notes which of the fields `section` has.
    pub(crate) fn look_into(&self, section: &DecodedSection) {
        self.wanted.iter().filter(|prefix| prefix.is_in(section)).for_each(|prefix| prefix.found.set(true));
    }

    /// Whether `section` has one of the fields.
    pub(crate) fn are_in(&self, section: &DecodedSection) -> bool {
        self.wanted.iter().any(|prefix| prefix.is_in(section))
    }

    /// Makes sure that each field has been found somewhere.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self.wanted.iter().find(|prefix| !prefix.found.get()) {
            Some(Prefix { path, .. }) => {
                Err(Failure::Usage(format!("no section that was looked at has a field `{path}`")))
            }
            None => Ok(()),
        }
    }

    /// Leaves of a difference what was asked for. Paths may begin with one of `names`.
    pub(crate) fn keep<'d>(&self, names: &[&str], field: FieldDifference<'d>) -> Option<FieldDifference<'d>> {
        let paths = || self.wanted.iter().flat_map(|prefix| prefix.readings(names));
        if paths().any(|path| is_under(&field.path, path)) {
            return Some(field);
        }
        let FieldChange::Elements(elements) = field.change else { return None };
        let indices = paths().filter_map(|path| index(path.strip_prefix(&field.path)?));
        let mut indices: Vec<_> = indices.collect();
        indices.sort_unstable();
        let elements = elements.only(&indices)?;
        Some(FieldDifference { path: field.path, change: FieldChange::Elements(elements) })
    }
}

impl<'a> Prefix<'a> {
    /// The path, with and without the name of a section before it.
    fn readings(&self, names: &[&str]) -> impl Iterator<Item = &'a str> {
        let path = self.path;
        let inner: Vec<_> = names.iter().filter_map(|name| path.strip_prefix(name)?.strip_prefix('.')).collect();
        std::iter::once(path).chain(inner)
    }

    fn is_in(&self, section: &DecodedSection) -> bool {
        let names = names(section);
        let under = |leaf: &Leaf<'_>| self.readings(&names).any(|path| is_under(&leaf.path, path));
        section.get(self.path).is_some() || section.leaves().iter().any(under)
    }
}

/// The names that paths into a section may begin with.
pub(crate) fn names(section: &DecodedSection) -> Vec<&str> {
    let state = section.state().map(|state| &*state.vmsd_name);
    std::iter::once(&*section.name).chain(state).collect()
}

/// Whether `path` leads to what is at `prefix`, or into it.
fn is_under(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// The index in `[7]`.
fn index(text: &str) -> Option<u64> {
    text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}
