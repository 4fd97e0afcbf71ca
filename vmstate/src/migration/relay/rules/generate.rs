//! Rules from two streams, one of each release.

use std::collections::HashSet;
use std::fmt;

use vmstate_types::LoadError;
use vmstate_types::text::printable;

use super::example::{Example, ExampleSection, renamed};
use super::field::{described, encoded, to_hex};
use super::layout::layout_of;
use super::{Action, Change, MachineRule, RelayRules, SectionRule};
use crate::dynamic::{DecodedField, DecodedSection, DecodedStruct, DecodedValue, StreamDecoder};
use crate::stream::SectionHeader;

/// The most findings.
const MAX_FINDINGS: usize = 1000;
/// The most fields of a struct that are compared, in quadratic time.
const MAX_FIELDS: usize = 2048;
/// The most bytes of a value in a finding.
const MAX_SHOWN: usize = 16;

/// A difference between two releases that rules cannot hide, or hide only for some values.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RelayFinding {
    /// The kind.
    pub kind: RelayFindingKind,
    /// The section, and the path in it.
    pub path: String,
    /// The difference.
    pub detail: String,
}

/// The kind of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RelayFindingKind {
    /// State is lost, or the destination rejects the guest.
    Lost,
    /// The guest passes only with some values. With others it stays at the source.
    Bounded,
    /// The destination gets a value that the source does not have.
    Added,
    /// A difference that may depend on the state of the guest.
    Note,
}

impl fmt::Display for RelayFindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost",
            Self::Bounded => "bounded",
            Self::Added => "added",
            Self::Note => "note",
        })
    }
}

impl RelayRules {
    /// Generates the rules under which the release of the stream `old` gives guests to the release of `new`, and lists the
    /// differences that remain.
    ///
    /// Both are streams of the same machine with the same devices. Inserted fields get the values of `new`, and dropped
    /// ones must have the value of `old`. The fields of sections with equal versions are not changed, except in structs and
    /// subsections whose version decreases. A section that only one stream has gets the name of a section with the same fields that only the other one has. A subsection that only
    /// `old` has is dropped if the version of its section decreases.
    ///
    /// # Errors
    /// Returns an error if a stream is malformed.
    pub fn generate(
        old: &mut StreamDecoder<'_, '_>,
        new: &mut StreamDecoder<'_, '_>,
    ) -> Result<(Self, Vec<RelayFinding>), LoadError> {
        Ok(Self::of_examples(&Example::read(old)?, &Example::read(new)?))
    }

    pub(super) fn of_examples(old: &Example, new: &Example) -> (Self, Vec<RelayFinding>) {
        let mut generator = Generator::default();
        generator.compare_blocks(old, new);
        let renamed = renamed(old, new);
        let mut sections: Vec<SectionRule> = Vec::new();
        for (header, section) in &old.sections {
            if !sections.iter().any(|rule| rule.name == header.name) {
                let other = new.find(header).or_else(|| renamed.get(header.name.as_str()).copied());
                sections.push(generator.section(header, section, other));
            }
        }
        let targets: HashSet<&str> = renamed.values().map(|(header, _)| header.name.as_str()).collect();
        for (header, _) in &new.sections {
            if old.find(header).is_none() && !targets.contains(header.name.as_str()) {
                let detail = "only NEW has the section, and keeps its initial state";
                generator.find(RelayFindingKind::Note, &header.name, detail);
            }
        }
        let mut rules = Self::of_sections(sections);
        if let (Some(from), Some(to)) = (old.machine.clone(), new.machine.clone()) {
            rules.machine = Some(MachineRule { from, to });
        }
        (rules, generator.findings)
    }
}

/// Rules and findings so far.
#[derive(Default)]
pub(super) struct Generator {
    pub(super) findings: Vec<RelayFinding>,
    /// The changes to the section.
    changes: Vec<Change>,
    /// The version of the section decreases.
    becomes_older: bool,
}

impl Generator {
    pub(super) fn find(&mut self, kind: RelayFindingKind, path: &str, detail: impl Into<String>) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(RelayFinding { kind, path: printable(path).to_string(), detail: detail.into() });
        }
    }

    fn compare_blocks(&mut self, old: &Example, new: &Example) {
        for (name, size) in &old.blocks {
            match new.blocks.iter().find(|(other, _)| other == name) {
                None => {
                    self.find(RelayFindingKind::Lost, name, "NEW rejects the block of memory, which it does not have");
                }
                Some((_, other)) if size != other => {
                    self.find(RelayFindingKind::Note, name, format!("{size} bytes of memory in OLD, {other} in NEW"));
                }
                Some(_) => {}
            }
        }
    }

    fn section(
        &mut self,
        header: &SectionHeader,
        section: &DecodedSection,
        other: Option<&ExampleSection>,
    ) -> SectionRule {
        let mut rule = SectionRule::new(&header.name, header.version);
        let Some((other_header, other)) = other else {
            self.find(RelayFindingKind::Lost, &header.name, "NEW does not have the section");
            rule.drop = true;
            return rule;
        };
        if header.name != other_header.name {
            let name = printable(&other_header.name).to_string();
            self.find(RelayFindingKind::Note, &header.name, format!("becomes `{name}`, which has the same fields"));
            rule.rename = Some(other_header.name.clone());
        }
        if header.version != other_header.version {
            rule.to = Some(other_header.version);
        }
        self.becomes_older = other_header.version < header.version;
        match (section.state(), other.state()) {
            (Some(old), Some(new)) if rule.to.is_none() || nests_same_fields(old, new) => {
                if layout_of(old).is_some() && layout_of(old) == layout_of(new) && header.name != other_header.name {
                    self.replace_constants(&header.name, old, new);
                }
                self.missing_subsections(&header.name, old, new);
                if rule.to.is_none() {
                    self.older_structs(&header.name, &[], old, new);
                }
            }
            (Some(old), Some(new)) => self.structs(&header.name, &[], &[old], new),
            _ if rule.to.is_none() => {}
            _ => self.find(RelayFindingKind::Lost, &header.name, "the content has no description, and is not changed"),
        }
        rule.changes = std::mem::take(&mut self.changes);
        rule
    }

    /// Compares the elements of a field, or one struct, with an element of the other release.
    pub(super) fn structs(&mut self, path: &str, within: &[String], old: &[&DecodedStruct], new: &DecodedStruct) {
        let Some(first) = old.first() else { return };
        if names(first).len().max(names(new).len()) > MAX_FIELDS {
            return self.find(RelayFindingKind::Lost, path, "has too many fields to be compared");
        }
        let mut order = self.drop_fields(path, within, old, new);
        for name in order.clone() {
            let path = format!("{path}.{name}");
            let group = |state: &DecodedStruct| fields(state, &name);
            self.field(&path, within, &name, &old.iter().map(|state| group(state)).collect::<Vec<_>>(), &group(new));
        }
        self.order(path, within, &mut order, new);
        if !within.is_empty() && first.version != new.version {
            self.change(within, Action::Version { version: new.version });
        }
        self.subsections(path, within, old, new);
    }

    pub(super) fn change(&mut self, within: &[String], action: Action) {
        self.changes.push(Change { within: within.to_vec(), action });
    }

    /// Drops the fields that only the old release has. Returns the names of the others, in their order.
    fn drop_fields(
        &mut self,
        path: &str,
        within: &[String],
        old: &[&DecodedStruct],
        new: &DecodedStruct,
    ) -> Vec<String> {
        let (wanted, mut kept) = (names(new), Vec::new());
        let Some(first) = old.first() else { return kept };
        for name in names(first) {
            if wanted.contains(&name) {
                kept.push(name);
                continue;
            }
            let values: Vec<_> = old.iter().map(|state| to_hex(&encoded(&fields(state, &name)))).collect();
            let is_same = values.iter().all(|value| Some(value) == values.first()) && !is_timer(first, &name);
            let only = values.first().filter(|_| is_same).cloned();
            let (kind, detail) = match &only {
                Some(value) => (RelayFindingKind::Bounded, format!("dropped, and must be {}", shown(value))),
                None => (RelayFindingKind::Lost, "dropped with any value".to_owned()),
            };
            self.find(kind, &format!("{path}.{name}"), detail);
            self.change(within, Action::Drop { field: name, only });
        }
        kept
    }

    /// Compares the entries of a field that both releases have.
    fn field(&mut self, path: &str, within: &[String], name: &str, old: &[Vec<DecodedField>], new: &[DecodedField]) {
        let (Some([first]), [other]) = (old.first().map(Vec::as_slice), new) else { return };
        match (&first.value, &other.value) {
            (DecodedValue::Scalar(_), DecodedValue::Scalar(_))
            | (DecodedValue::Scalars(_), DecodedValue::Scalars(_)) => {
                if first.type_name != other.type_name {
                    let type_name = other.type_name.to_string();
                    self.find(RelayFindingKind::Bounded, path, format!("{} becomes {type_name}", first.type_name));
                    self.change(within, Action::Convert { field: name.to_owned(), type_name });
                }
            }
            (DecodedValue::Bytes(_), DecodedValue::Bytes(_)) => {}
            _ => self.nested(path, within, name, old, &other.value),
        }
        let lengths = (length(&first.value), length(&other.value));
        if let (Some(from), Some(count)) = lengths
            && from != count
        {
            self.find(RelayFindingKind::Bounded, path, format!("{from} elements become {count}"));
            self.change(within, Action::Resize { field: name.to_owned(), count });
        }
    }

    fn nested(&mut self, path: &str, within: &[String], name: &str, old: &[Vec<DecodedField>], new: &DecodedValue) {
        let mut structs = Vec::new();
        old.iter().flatten().for_each(|field| inner(&field.value, &mut structs));
        let mut others = Vec::new();
        inner(new, &mut others);
        match others.first() {
            Some(other) if !structs.is_empty() => {
                let within = [within, &[name.to_owned()]].concat();
                self.structs(path, &within, &structs, other);
            }
            _ => self.find(RelayFindingKind::Note, path, "cannot be compared"),
        }
    }

    /// Moves and inserts fields, so that they have the order of the new release.
    fn order(&mut self, path: &str, within: &[String], order: &mut Vec<String>, new: &DecodedStruct) {
        let mut after: Option<String> = None;
        for (index, name) in names(new).into_iter().enumerate() {
            if order.get(index) != Some(&name) {
                if let Some(place) = order.iter().position(|other| *other == name) {
                    order.remove(place);
                    self.change(within, Action::Move { field: name.clone(), after: after.clone() });
                } else {
                    let group = fields(new, &name);
                    let bytes = to_hex(&encoded(&group));
                    self.find(RelayFindingKind::Added, &format!("{path}.{name}"), format!("gets {}", shown(&bytes)));
                    self.change(within, Action::Insert { fields: described(&group), bytes, after: after.clone() });
                }
                order.insert(index.min(order.len()), name.clone());
            }
            after = Some(name);
        }
    }

    fn subsections(&mut self, path: &str, within: &[String], old: &[&DecodedStruct], new: &DecodedStruct) {
        let mut known: Vec<&str> = Vec::new();
        for name in old.iter().flat_map(|state| &state.subsections).map(|inner| &*inner.vmsd_name) {
            if known.contains(&name) {
                continue;
            }
            known.push(name);
            let path = format!("{path}.{name}");
            let Some(other) = new.subsections.iter().find(|inner| *inner.vmsd_name == *name) else {
                self.missing_subsection(&path, within, name);
                continue;
            };
            let inner: Vec<_> =
                old.iter().flat_map(|state| &state.subsections).filter(|inner| *inner.vmsd_name == *name).collect();
            let within = [within, &[name.to_owned()]].concat();
            self.structs(&path, &within, &inner, other);
        }
    }

    /// Finds the subsections that only the old release has.
    fn missing_subsections(&mut self, path: &str, old: &DecodedStruct, new: &DecodedStruct) {
        let mut known = HashSet::new();
        for_each_subsection(new, &mut Vec::new(), &mut |_, name| {
            known.insert(name.to_owned());
        });
        for_each_subsection(old, &mut Vec::new(), &mut |within, name| {
            // Another element of an array may have it, too.
            if known.insert(name.to_owned()) {
                let path = [&[path.to_owned()], within, &[name.to_owned()]].concat().join(".");
                self.missing_subsection(&path, within, name);
            }
        });
    }

    /// A stream without the subsection does not show whether its release has it. QEMU rejects unknown subsections.
    fn missing_subsection(&mut self, path: &str, within: &[String], name: &str) {
        if self.becomes_older {
            self.find(RelayFindingKind::Lost, path, "dropped: NEW is an older release whose stream does not have it");
            self.change(within, Action::DropSubsection { subsection: name.to_owned() });
        } else {
            self.find(RelayFindingKind::Note, path, "is not in NEW, which may reject it");
        }
    }
}

/// Calls `found` with the place and the name of each subsection.
fn for_each_subsection(state: &DecodedStruct, within: &mut Vec<String>, found: &mut dyn FnMut(&[String], &str)) {
    for subsection in &state.subsections {
        found(within, &subsection.vmsd_name);
        within.push(subsection.vmsd_name.to_string());
        for_each_subsection(subsection, within, found);
        within.pop();
    }
    for field in &state.fields {
        let mut structs = Vec::new();
        inner(&field.value, &mut structs);
        within.push(field.name.to_string());
        structs.into_iter().for_each(|inner| for_each_subsection(inner, within, found));
        within.pop();
    }
}

/// Returns whether structs have the same layout, although one nests its fields in another struct.
fn nests_same_fields(old: &DecodedStruct, new: &DecodedStruct) -> bool {
    names(old) != names(new) && layout_of(old).is_some_and(|layout| layout_of(new) == Some(layout))
}

/// Returns whether a field is a deadline, which is another one in each guest.
fn is_timer(state: &DecodedStruct, name: &str) -> bool {
    state.fields.iter().any(|field| *field.name == *name && &*field.type_name == "timer")
}

/// Returns the names of all fields, each once.
pub(super) fn names(state: &DecodedStruct) -> Vec<String> {
    let mut seen = HashSet::new();
    state.fields.iter().filter(|field| seen.insert(&*field.name)).map(|field| field.name.to_string()).collect()
}

/// Returns the entries of a field.
pub(super) fn fields(state: &DecodedStruct, name: &str) -> Vec<DecodedField> {
    state.fields.iter().filter(|field| *field.name == *name).cloned().collect()
}

/// Adds the structs in a value.
pub(super) fn inner<'v>(value: &'v DecodedValue, structs: &mut Vec<&'v DecodedStruct>) {
    match value {
        DecodedValue::Struct(state) => structs.push(state),
        DecodedValue::List(elements) => structs.extend(elements),
        DecodedValue::Array(values) => values.iter().for_each(|value| inner(value, structs)),
        _ => {}
    }
}

fn length(value: &DecodedValue) -> Option<u64> {
    match value {
        DecodedValue::Bytes(bytes) => Some(bytes.len() as u64),
        DecodedValue::Scalars(_) | DecodedValue::Array(_) => Some(value.count()),
        _ => None,
    }
}

/// Returns the beginning of a value in hexadecimal.
fn shown(hex: &str) -> String {
    match hex.get(..2 * MAX_SHOWN) {
        Some(beginning) if beginning.len() < hex.len() => format!("{beginning}... ({} bytes)", hex.len() / 2),
        _ => hex.to_owned(),
    }
}
