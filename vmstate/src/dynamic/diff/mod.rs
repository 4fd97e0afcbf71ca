//! The differences between two states of a machine, by fields and not by bytes.
//!
//! A [`Snapshot`] is one side: all sections with their values, and of the guest's memory a digest for each page.
//! [`Snapshot::read`] makes it of a stream, in one pass; sections from anywhere else can be put into it, decoded with
//! the text of their description ([`DecodedSection::decode`]). [`compare`] lists the differences.
//!
//! ```
//! use vmstate::dynamic::DecodedSection;
//! use vmstate::dynamic::diff::{FieldChange, StateDifference, Snapshot, compare};
//! use vmstate::schema::vmdesc::Document;
//! use vmstate::Reader;
//!
//! let text = concat!(
//!     r#"{"page_size": 4096, "devices": [{"name": "serial", "instance_id": 0, "vmsd_name": "serial", "version": 3, "#,
//!     r#""fields": [{"name": "divider", "type": "uint16", "size": 2}]}]}"#,
//! );
//! let description = Document::parse(text.as_bytes(), 0)?;
//! let side = |payload: [u8; 2]| -> Result<Snapshot, vmstate::LoadError> {
//!     let mut snapshot = Snapshot::default();
//!     let section = DecodedSection::decode(&description.devices[0], &mut Reader::from_slice(&payload), None)?;
//!     snapshot.add(3, section);
//!     Ok(snapshot)
//! };
//!
//! let (old, new) = (side([0, 12])?, side([0, 1])?);
//! let differences: Vec<_> = compare(&old, &new).collect();
//! let [StateDifference::Section(serial)] = differences.as_slice() else { panic!() };
//! assert_eq!((&*serial.name, &*serial.fields[0].path), ("serial", "divider"));
//! let FieldChange::Value { old, new } = &serial.fields[0].change else { panic!() };
//! assert_eq!((old.item.to_string(), new.item.to_string()), ("12 (0xc)".into(), "1".into()));
//! # Ok::<(), vmstate::LoadError>(())
//! ```
//!
//! The comparison covers the state that a machine loads: the configuration, and the versions, fields and subsections of
//! sections, and memory. It ignores the transport: order and ids of sections, footers, commands, and the order and
//! repetition of pages.

use super::{DecodedSection, Found};

mod elements;
mod fields;
mod memory;
mod pair;
mod snapshot;

pub use elements::{ElementArray, ElementDifferences};
pub use fields::compare_sections;
pub use memory::{BlockDifference, MemoryBlock, MemoryDigest, PageChange, PageKind, PageRange};
pub use snapshot::{LiveSummary, Snapshot, SnapshotSection};

pub(crate) use pair::{Pair, pairs};

/// A difference between two states.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum StateDifference<'a> {
    /// The size of the guest's pages. Memory is not compared then.
    PageSize {
        /// The old one.
        old: u64,
        /// The new one.
        new: u64,
    },
    /// The configuration; its name is `configuration`.
    Configuration(SectionDifference<'a>),
    /// A section with a device's state.
    Section(SectionDifference<'a>),
    /// The sections of a live device other than memory, whose contents have no description.
    Live {
        /// The old sections, if any.
        old: Option<&'a LiveSummary>,
        /// The new sections, if any.
        new: Option<&'a LiveSummary>,
    },
    /// A block of memory.
    Block(BlockDifference<'a>),
}

/// A section that differs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SectionDifference<'a> {
    /// The section's idstr.
    pub name: &'a str,
    /// Its instance id.
    pub instance_id: u32,
    /// The old section, if it exists.
    pub old: Option<VersionedSection<'a>>,
    /// The new section, if it exists.
    pub new: Option<VersionedSection<'a>>,
    /// The differences in a section that exists on both sides.
    pub fields: Vec<FieldDifference<'a>>,
}

/// A section and the version in its header; the configuration has no version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct VersionedSection<'a> {
    /// The section.
    pub section: &'a DecodedSection,
    /// The version.
    pub version: Option<u32>,
}

/// A value, an array or a subsection that differs.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct FieldDifference<'a> {
    /// The path from the section, as for [`DecodedSection::get`]. Empty for bytes that are not fields: the whole
    /// payload if its fields are unknown, and the rest after an inexact description.
    ///
    /// Nodes of a tree correspond by their keys. A path contains a node's index in the old tree, or in the new tree if
    /// only that has the node.
    pub path: String,
    /// The difference.
    pub change: FieldChange<'a>,
}

/// The difference of a field.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum FieldChange<'a> {
    /// Another value, or a value of another type. For a struct: another name or version.
    Value {
        /// The old value.
        old: Found<'a>,
        /// The new value.
        new: Found<'a>,
    },
    /// Some elements of an array, bytes of a buffer or bits of a bitmap.
    Elements(ElementDifferences<'a>),
    /// Only the new side has it.
    Added(Found<'a>),
    /// Only the old side has it.
    Removed(Found<'a>),
}

impl<'a> FieldDifference<'a> {
    /// Replaces the change, for example by one with fewer elements.
    #[must_use]
    pub fn with_change(self, change: FieldChange<'a>) -> Self {
        Self { change, ..self }
    }
}

/// Lists the differences between two states, section by section.
pub fn compare<'a>(old: &'a Snapshot, new: &'a Snapshot) -> impl Iterator<Item = StateDifference<'a>> {
    let live = pairs(&old.live, &new.live, |live| (&live.name, live.instance_id));
    let sections = pairs(&old.sections, &new.sections, |entry| (&entry.section.name, entry.section.instance_id));
    page_size(old, new)
        .into_iter()
        .chain(configuration(old, new).map(StateDifference::Configuration))
        .chain(sections.into_iter().filter_map(|pair| section(pair).map(StateDifference::Section)))
        .chain(live.into_iter().filter_map(live_sections))
        .chain(old.memory.compare(&new.memory).map(StateDifference::Block))
}

fn page_size<'a>(old: &Snapshot, new: &Snapshot) -> Option<StateDifference<'a>> {
    let (old, new) = (old.memory.page_size()?, new.memory.page_size()?);
    (old != new).then_some(StateDifference::PageSize { old, new })
}

fn configuration<'a>(old: &'a Snapshot, new: &'a Snapshot) -> Option<SectionDifference<'a>> {
    let bare = |section: &'a Option<DecodedSection>| {
        section.as_ref().map(|section| VersionedSection { section, version: None })
    };
    SectionDifference::between(bare(&old.configuration), bare(&new.configuration))
}

fn section(pair: Pair<&SnapshotSection>) -> Option<SectionDifference<'_>> {
    let (old, new) = pair.sides();
    SectionDifference::between(old.map(SnapshotSection::as_version), new.map(SnapshotSection::as_version))
}

fn live_sections(pair: Pair<&LiveSummary>) -> Option<StateDifference<'_>> {
    let (old, new) = pair.sides();
    (old != new).then_some(StateDifference::Live { old, new })
}

impl<'a> SectionDifference<'a> {
    fn between(old: Option<VersionedSection<'a>>, new: Option<VersionedSection<'a>>) -> Option<Self> {
        let DecodedSection { name, instance_id, .. } = old.or(new)?.section;
        let fields = match (old, new) {
            (Some(old), Some(new)) => compare_sections(old.section, new.section),
            _ => Vec::new(),
        };
        let same =
            |(old, new): (VersionedSection<'_>, VersionedSection<'_>)| old.version == new.version && fields.is_empty();
        let is_same = old.zip(new).is_some_and(same);
        (!is_same).then_some(Self { name, instance_id: *instance_id, old, new, fields })
    }

    /// Returns the versions if they differ.
    #[must_use]
    pub fn versions(&self) -> Option<(u32, u32)> {
        let (old, new) = (self.old?.version?, self.new?.version?);
        (old != new).then_some((old, new))
    }
}
