//! A struct with a description.

use std::ops::Range;

use syn::{Generics, Ident, LitStr, Member};

use super::field::Field;
use super::subsection::Subsection;
use super::version::Version;
use crate::parse::{self, InputField, Make};

/// A struct that is saved field by field.
pub(crate) struct Device<'a> {
    pub(crate) input: &'a parse::Input<'a>,
    pub(crate) attributes: &'a parse::Struct,
    pub(crate) name: LitStr,
    pub(crate) version: Version,
    /// The fields in wire order, without the fields of subsections.
    pub(crate) fields: Vec<Field>,
    pub(crate) subsections: Vec<Subsection<'a>>,
    /// The ranges of fields that are on the wire together: all fields of a struct, or the fields of each variant.
    pub(crate) sequences: Vec<Range<usize>>,
    /// The members that are not migrated.
    pub(crate) skipped: Vec<Skipped>,
}

/// A member that is not migrated.
pub(crate) struct Skipped {
    pub(crate) member: Member,
    /// Its value after a load.
    pub(crate) reset: Option<Make>,
}

impl Skipped {
    /// Returns the member, if it is skipped.
    pub(super) fn new(field: &InputField<'_>) -> Option<Self> {
        let InputField { member, attributes, .. } = field;
        // Even with a malformed reason: as a field it would cause further errors, about its type.
        attributes.has("skip").then(|| Self { member: member.clone(), reset: attributes.reset.value().cloned() })
    }
}

impl<'a> Device<'a> {
    pub(super) fn new(input: &'a parse::Input<'a>) -> Self {
        let attributes = &input.attributes;
        let mut device = Self {
            input,
            attributes,
            name: attributes.name_or(&input.item.ident),
            version: match attributes.versions.value() {
                Some(_) => Version::PARENT,
                None => Version::new(&attributes.version, &attributes.minimum_version),
            },
            fields: Vec::new(),
            subsections: Vec::new(),
            sequences: Vec::new(),
            skipped: Vec::new(),
        };
        let mut groups = attributes.groups.iter().collect();
        for field in &input.members {
            device.add(field, &mut groups);
        }
        device.fields.extend(attributes.extra.iter().flat_map(Field::from_extra));
        device.sequences.push(0..device.fields.len());
        // Groups without fields, which `check` rejects.
        device.subsections.extend(groups.into_iter().map(|group| Subsection::from_group(group, Vec::new())));
        device
    }

    /// Returns the definition of a foreign type, whose fields are in a value of that type.
    pub(super) fn in_foreign(mut self) -> Self {
        self.fields = self.fields.into_iter().map(Field::in_foreign).collect();
        self
    }

    /// Returns whether the struct has the version of the struct around it.
    pub(crate) fn inherits(&self) -> bool {
        self.attributes.versions.is_set()
    }

    /// Returns the versions for the description. If they are the parent's, the newest one is the last that changed a
    /// field.
    pub(crate) fn described_version(&self) -> Version {
        if !self.inherits() {
            return self.version;
        }
        let gates = self.fields.iter().map(|field| &field.gate);
        let changes = gates.flat_map(|gate| {
            let until = gate.until.as_ref().map(|until| until.value.saturating_add(1));
            gate.since.as_ref().map(|since| since.value).into_iter().chain(until)
        });
        Version { current: changes.max().unwrap_or(1).max(1), minimum: 1 }
    }

    pub(crate) fn ident(&self) -> &'a Ident {
        &self.input.item.ident
    }

    pub(crate) fn generics(&self) -> &'a Generics {
        &self.input.item.generics
    }

    fn add(&mut self, field: &'a InputField<'a>, groups: &mut Vec<&'a parse::Subsection>) {
        if let Some(skipped) = Skipped::new(field) {
            self.skipped.push(skipped);
            return;
        }
        let attributes = &field.attributes;
        let fields = Field::from_member(field);
        match (attributes.subsection.value(), attributes.group.value()) {
            (Some(subsection), _) => self.subsections.push(Subsection::from_member(subsection, field, fields)),
            (None, Some(group)) => self.add_to_group(&group.value(), fields, groups),
            (None, None) => self.fields.extend(fields),
        }
    }

    /// Adds fields to a group. The first field of a group determines its position among the subsections.
    fn add_to_group(&mut self, name: &str, fields: Vec<Field>, groups: &mut Vec<&'a parse::Subsection>) {
        let mut known = self.subsections.iter_mut();
        if let Some(group) = known.find(|group| group.group_name().is_some_and(|known| known == name)) {
            group.extend(fields);
        } else if let Some(index) = groups.iter().position(|group| group.has_name(name)) {
            self.subsections.push(Subsection::from_group(groups.remove(index), fields));
        }
    }
}
