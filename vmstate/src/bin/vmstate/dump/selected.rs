//! The sections and fields to dump.

use std::collections::BTreeSet;

use vmstate::dynamic::{DecodedBody, DecodedSection, Found};
use vmstate::schema::vmdesc::{Nested, SentField, SentStruct};

use crate::failure::Failure;
use crate::select::unknown_field;
use crate::survey::{SectionRow, Survey};

/// QEMU's name for the state that an old-style handler (`register_savevm`) wrote. Nothing else about it is described:
/// `vmstate_save_old_style` in QEMU's migration/savevm.c.
pub(crate) const OLD_STYLE: &str = "data";

/// A section and its decoded payload, which is `None` for RAM.
pub(super) type SelectedSection = (SectionRow, Option<DecodedSection>);

/// The parts of a stream to dump.
pub(super) struct Selected<'a> {
    pub(super) survey: &'a Survey,
    pub(super) configuration: Option<&'a DecodedSection>,
    pub(super) sections: &'a [SelectedSection],
}

/// A field selected by its path.
pub(super) struct FoundField<'a> {
    pub(super) section: &'a DecodedSection,
    pub(super) path: &'a str,
    pub(super) found: Found<'a>,
}

impl<'a> Selected<'a> {
    /// Finds `paths` in all sections.
    pub(super) fn find(&self, paths: &'a [String]) -> Result<Vec<FoundField<'a>>, Failure> {
        let mut missing: BTreeSet<_> = paths.iter().collect();
        let mut fields = Vec::new();
        let sections = self.sections.iter().filter_map(|(_, section)| section.as_ref());
        for section in self.configuration.into_iter().chain(sections) {
            for path in paths {
                let Some(found) = section.get(path) else { continue };
                missing.remove(path);
                fields.push(FoundField { section, path, found });
            }
        }
        match missing.first() {
            Some(path) => Err(unknown_field(path)),
            None => Ok(fields),
        }
    }

    /// Returns whether RAM is selected.
    pub(super) fn has_ram(&self) -> bool {
        self.sections.iter().any(|(_, section)| section.is_none())
    }
}

/// Returns the names of the fields and subsections within the opaque bytes of a section.
pub(super) fn opaque_names(section: &DecodedSection) -> Vec<&str> {
    match section.body {
        DecodedBody::OldStyle(_) => vec![OLD_STYLE],
        _ => undecoded_names(section),
    }
}

/// Returns the names of the fields and subsections whose boundaries are unknown, because their description is inexact.
pub(super) fn undecoded_names(section: &DecodedSection) -> Vec<&str> {
    let mut names = Vec::new();
    if let DecodedBody::Partly(_, rest) = &section.body {
        rest.fields.iter().for_each(|field| push_field_names(field, &mut names));
        rest.subsections.iter().for_each(|subsection| push_struct_names(subsection, &mut names));
    }
    names
}

fn push_field_names<'a>(field: &'a SentField, names: &mut Vec<&'a str>) {
    names.push(&field.name);
    match &field.nested {
        Nested::Struct(inner) => push_struct_names(inner, names),
        Nested::Inline(structs) => structs.iter().for_each(|inner| push_struct_names(inner, names)),
        _ => {}
    }
}

fn push_struct_names<'a>(inner: &'a SentStruct, names: &mut Vec<&'a str>) {
    names.push(&inner.vmsd_name);
    inner.fields.iter().for_each(|field| push_field_names(field, names));
    inner.subsections.iter().for_each(|subsection| push_struct_names(subsection, names));
}
