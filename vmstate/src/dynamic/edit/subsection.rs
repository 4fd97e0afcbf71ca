//! Drops and adds subsections.

use vmstate_types::walk::is_subsection_name;

use super::super::{DecodedSection, DecodedStruct};
use super::Rejection;
use super::section_path::{SectionPath, Visited};

/// The highest version that QEMU loads correctly: it stores a subsection's version in a `uint8_t`
/// (`vmstate_subsection_load` in migration/vmstate.c).
const MAX_VERSION: u32 = 255;
/// The longest name: its length is one byte on the wire.
const MAX_NAME: usize = 255;

impl DecodedStruct {
    /// Summarizes the struct as text.
    pub(super) fn summary(&self) -> String {
        format!("version {}, {} bytes", self.version, self.size())
    }
}

impl DecodedSection {
    /// Returns the subsection at `path`, which begins with the section's name as the paths of [`Edits`](super::Edits)
    /// do.
    #[must_use]
    pub fn subsection_by(&self, path: &str) -> Option<DecodedStruct> {
        let path = SectionPath::parse(path, &self.name, self.instance_id)?;
        self.clone().drop_subsection(path.rest).ok().flatten()
    }

    /// Removes the subsection at `path`: its name if the section has only one with this name, or else the name after
    /// the path of its struct. Returns `None` if no such subsection exists.
    ///
    /// # Errors
    /// Returns an error if several subsections have this name.
    pub fn drop_subsection(&mut self, path: &str) -> Result<Option<DecodedStruct>, Rejection> {
        let mut found = Vec::new();
        self.visit(&mut |visited| {
            let subsections = visited.state.subsections.iter();
            found.extend(subsections.map(|inner| join(visited.path, &inner.vmsd_name)).filter(|full| fits(full, path)));
        });
        let Some(full) = only(&found, path, "subsection")? else { return Ok(None) };
        let mut dropped = None;
        self.visit(&mut |Visited { path, state, .. }| {
            let place = state.subsections.iter().position(|inner| join(path, &inner.vmsd_name) == full);
            dropped = dropped.take().or_else(|| place.map(|place| state.subsections.remove(place)));
        });
        Ok(dropped)
    }

    /// Adds a subsection to the struct that `path` leads to, and returns whether the struct exists. The end of the path
    /// is the name of the subsection. Without a struct before it, the subsection is added to the only struct of the
    /// section whose name it begins with.
    ///
    /// # Errors
    /// Returns an error if the struct has a subsection of that name, if several structs could have it, or if the struct
    /// is an element of an array that is described by its first element: such elements have no subsections.
    pub fn add_subsection(&mut self, path: &str, subsection: &DecodedStruct) -> Result<bool, Rejection> {
        let mut found: Vec<(usize, String)> = Vec::new();
        self.visit(&mut |Visited { path: place, state, .. }| {
            let names = [Some(path), path.strip_prefix(place).and_then(|rest| rest.strip_prefix('.'))];
            let named = names.into_iter().flatten().find(|name| is_subsection_name(name, &state.vmsd_name));
            found.extend(named.map(|name| (state.vmsd_name.len(), join(place, name))));
        });
        // The longest prefix decides: a subsection of `ahci port` must not be added to `ahci`.
        let nearest = found.iter().map(|(length, _)| *length).max();
        let found = found.into_iter().filter(|(length, _)| Some(*length) == nearest).map(|(_, full)| full);
        let found = found.collect::<Vec<_>>();
        let Some(full) = only(&found, path, "struct that can have it")? else { return Ok(false) };
        let mut result = Ok(false);
        self.visit(&mut |visited| {
            let name = full.strip_prefix(visited.path).map(|rest| rest.strip_prefix('.').unwrap_or(rest));
            let Some(name) = name.filter(|name| is_subsection_name(name, &visited.state.vmsd_name)) else { return };
            if join(visited.path, name) == full && visited.state.vmsd_name.len() == nearest.unwrap_or(0) {
                let named = DecodedStruct { vmsd_name: name.into(), ..subsection.clone() };
                result = add(visited.state, visited.compressed, named).map(|()| true);
            }
        });
        result
    }
}

/// Adds a subsection to a struct.
fn add(state: &mut DecodedStruct, compressed: bool, subsection: DecodedStruct) -> Result<(), Rejection> {
    check(&subsection)?;
    if compressed {
        return Err(Rejection::because(
            "a struct with its own description",
            "an element of an array that is described by its first element",
        ));
    }
    if state.subsections.iter().any(|inner| inner.vmsd_name == subsection.vmsd_name) {
        return Err(Rejection::because("a new subsection", "one with this name").or_advice("drop it first"));
    }
    state.subsections.push(subsection);
    Ok(())
}

fn check(subsection: &DecodedStruct) -> Result<(), Rejection> {
    let name = &subsection.vmsd_name;
    if !(1..=MAX_NAME).contains(&name.len()) {
        return Err(Rejection::because(format!("a name of 1 to {MAX_NAME} bytes"), name.len()));
    }
    if subsection.version > MAX_VERSION {
        return Err(Rejection::because(format!("a version of at most {MAX_VERSION}"), subsection.version));
    }
    Ok(())
}

fn join(path: &str, name: &str) -> String {
    match path {
        "" => name.to_owned(),
        path => format!("{path}.{name}"),
    }
}

/// Returns whether `path` is all of `full`, or ends with whole names of it.
fn fits(full: &str, path: &str) -> bool {
    full == path || full.strip_suffix(path).is_some_and(|before| before.ends_with('.'))
}

/// Returns the only path that was found.
fn only(found: &[String], path: &str, noun: &str) -> Result<Option<String>, Rejection> {
    if let Some(exact) = found.iter().find(|full| *full == path) {
        return Ok(Some(exact.clone()));
    }
    match found {
        [] => Ok(None),
        [full] => Ok(Some(full.clone())),
        several => Err(Rejection::because(format!("one {noun}"), several.join(", ")).or_advice("give the whole path")),
    }
}
