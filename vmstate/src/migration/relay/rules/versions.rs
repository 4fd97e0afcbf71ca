//! Rules from two schemas without values, such as dumps of QEMU.

use super::generate::{Generator, RelayFinding, RelayFindingKind};
use super::{RelayRules, SectionRule};
use crate::schema::shape::{Shape, ShapeCount, ShapeKind};
use crate::schema::{Origin, Schema};

impl RelayRules {
    /// Generates rules that only change versions and names, from schemas without values, such as dumps of QEMU. A device
    /// whose fields differ is a finding.
    #[must_use]
    pub fn of_versions(old: &Schema, new: &Schema) -> (Self, Vec<RelayFinding>) {
        let (mut generator, mut sections) = (Generator::default(), Vec::<SectionRule>::new());
        for (name, shape) in &old.devices {
            let Some(other) = new.devices.get(name) else {
                generator.find(RelayFindingKind::Note, name, "NEW does not have the device; guests without it pass");
                continue;
            };
            let (from, to) = (section_name(old, name, shape), section_name(new, name, other));
            // The destination converts older versions itself.
            let loads = (other.oldest_loaded().unwrap_or(other.version)..=other.version).contains(&shape.version);
            if loads && from == to {
                continue;
            }
            if fields_of(shape) != fields_of(other) {
                generator.find(RelayFindingKind::Lost, name, differing(shape, other));
                continue;
            }
            let rename = (from != to).then(|| to.to_owned());
            let rule = SectionRule { to: Some(other.version), rename, ..SectionRule::new(from, shape.version) };
            match sections.iter().find(|other| other.name == rule.name) {
                None => sections.push(rule),
                Some(other) if *other == rule => {}
                Some(_) => generator.find(RelayFindingKind::Lost, name, SAME_NAME),
            }
        }
        (Self::of_sections(sections), generator.findings)
    }
}

/// Types of devices share names of sections, such as `vga`.
const SAME_NAME: &str = "needs another rule than a device with the same name; generate rules from streams";

/// Returns the name of the section, which is not the name of the type in dumps.
fn section_name<'s>(schema: &Schema, name: &'s str, shape: &'s Shape) -> &'s str {
    if schema.origin == Origin::Dump { &shape.name } else { name }
}

fn differing(old: &Shape, new: &Shape) -> String {
    let names = if old.name == new.name { String::new() } else { format!(" (`{}` and `{}`)", old.name, new.name) };
    format!(
        "version {} and {}{names} have other fields; generate rules from streams of both releases",
        old.version, new.version
    )
}

/// Returns the facts about fields that determine their bytes.
fn fields_of(shape: &Shape) -> Vec<(&str, &ShapeKind, &ShapeCount, Option<u64>)> {
    let fields = shape.fields.iter().filter(|field| field.can_exist_at(shape.version));
    fields.map(|field| (field.name.as_str(), &field.kind, &field.count, field.size.or(field.host_size))).collect()
}
