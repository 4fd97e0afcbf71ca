//! The sections and fields selected with `--section` and `--field`.

use std::cell::Cell;

use vmstate::dynamic::diff::{FieldChange, FieldDifference};
use vmstate::dynamic::{DecodedSection, Leaf};
use vmstate::schema::device_name;

use crate::failure::Failure;

/// The selected sections; all if none is named.
pub(crate) struct Selection<'a> {
    wanted: Vec<Wanted<'a>>,
}

/// An argument `NAME[:INSTANCE]`. Names can contain colons, so it can also be a name alone.
struct Wanted<'a> {
    text: &'a str,
    name_and_instance: Option<(&'a str, u32)>,
    /// Set if a section has this name as its whole name. Otherwise sections match without the path of their device.
    is_whole_name: bool,
    found: Cell<bool>,
}

impl<'a> Selection<'a> {
    /// Selects the sections `texts`. `names` are the names of all sections, as far as they are known in advance.
    pub(crate) fn new<'n>(texts: &'a [String], names: &(impl Iterator<Item = &'n str> + Clone)) -> Self {
        let wanted = |text: &'a String| {
            let name_and_instance = text.rsplit_once(':').and_then(|(name, id)| Some((name, id.parse().ok()?)));
            let is_whole = |name: &str| name == text || name_and_instance.is_some_and(|(own, _)| own == name);
            let is_whole_name = names.clone().any(is_whole);
            Wanted { text, name_and_instance, is_whole_name, found: Cell::new(false) }
        };
        Self { wanted: texts.iter().map(wanted).collect() }
    }

    /// Returns whether the section is selected, and records that it was found.
    pub(crate) fn has(&self, name: &str, instance_id: u32) -> bool {
        let mut any = self.wanted.is_empty();
        for wanted in &self.wanted {
            if wanted.is(name, instance_id) {
                wanted.found.set(true);
                any = true;
            }
        }
        any
    }

    /// Returns an error if a named section was not found.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self.wanted.iter().find(|wanted| !wanted.found.get()) {
            Some(Wanted { text, .. }) => Err(Failure::usage_with_help(
                format!("unknown section `{text}`"),
                "list the sections with `vmstate info FILE`",
            )),
            None => Ok(()),
        }
    }
}

impl Wanted<'_> {
    fn is(&self, name: &str, instance_id: u32) -> bool {
        let is = |name: &str| name == self.text || self.name_and_instance == Some((name, instance_id));
        is(name) || !self.is_whole_name && is(device_name(name))
    }
}

/// The selected fields including nested ones; all if none is named.
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

    /// Records which of the fields are in `section`.
    pub(crate) fn look_into(&self, section: &DecodedSection) {
        self.wanted.iter().filter(|prefix| prefix.is_in(section)).for_each(|prefix| prefix.found.set(true));
    }

    /// Returns whether `section` has one of the fields.
    pub(crate) fn are_in(&self, section: &DecodedSection) -> bool {
        self.wanted.iter().any(|prefix| prefix.is_in(section))
    }

    /// Returns an error if a field was not found in any section.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        match self.wanted.iter().find(|prefix| !prefix.found.get()) {
            Some(Prefix { path, .. }) => Err(unknown_field(path)),
            None => Ok(()),
        }
    }

    /// Reduces a difference to the selected fields. Paths may begin with one of `names`.
    pub(crate) fn keep<'d>(&self, names: &[&str], field: FieldDifference<'d>) -> Option<FieldDifference<'d>> {
        let paths = || self.wanted.iter().flat_map(|prefix| prefix.readings(names));
        if paths().any(|path| is_under(&field.path, path)) {
            return Some(field);
        }
        let FieldChange::Elements(elements) = &field.change else { return None };
        let indices = paths().filter_map(|path| index(path.strip_prefix(&field.path)?));
        let mut indices: Vec<_> = indices.collect();
        indices.sort_unstable();
        let elements = elements.clone().only(&indices)?;
        Some(field.with_change(FieldChange::Elements(elements)))
    }
}

impl<'a> Prefix<'a> {
    /// Returns the path, also without a leading section name if it has one.
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

/// The error for a field that is not in any selected section.
pub(crate) fn unknown_field(path: &str) -> Failure {
    Failure::usage_with_help(
        format!("unknown field `{path}` in the selected sections"),
        "list the fields with `vmstate dump FILE`",
    )
}

/// Returns the names that paths into a section may begin with.
pub(crate) fn names(section: &DecodedSection) -> Vec<&str> {
    let state = section.state().map(|state| &*state.vmsd_name);
    std::iter::once(&*section.name).chain(state).collect()
}

/// Returns whether `path` is the field `prefix` or nested in it.
fn is_under(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Parses an index such as `[7]`.
fn index(text: &str) -> Option<u64> {
    text.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}
