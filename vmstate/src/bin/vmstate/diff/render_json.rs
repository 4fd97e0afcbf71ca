//! Differences as JSON. `vmstate/docs/diff-json.md` documents the keys.

use std::ops::Range;

use serde::Serialize;
use vmstate::dynamic::diff::{
    BlockDifference, ElementArray, ElementDifferences, FieldChange, FieldDifference, LiveSummary, MemoryBlock,
    PageChange, PageKind, SectionDifference, StateDifference, VersionedSection,
};

use crate::value_json::{Json, Located, scalar};

/// The number of elements of an array that are listed with their values. `ranges` has the indices of all.
const LISTED_ELEMENTS: usize = 64;

#[derive(Serialize)]
pub(super) struct Document<'a> {
    same: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    page_size: Option<Sides<u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    configuration: Option<Section<'a>>,
    sections: Vec<Section<'a>>,
    live: Vec<Sides<Option<LiveSections<'a>>>>,
    ram: Vec<RamBlock<'a>>,
}

#[derive(Serialize)]
struct Sides<T> {
    old: T,
    new: T,
}

#[derive(Serialize)]
struct Section<'a> {
    name: &'a str,
    instance_id: u32,
    /// `changed`, `added` or `removed`.
    change: &'static str,
    old: Option<Payload>,
    new: Option<Payload>,
    fields: Vec<Field<'a>>,
}

#[derive(Serialize)]
struct Payload {
    version: Option<u32>,
    offset: u64,
    size: u64,
}

#[derive(Serialize)]
struct Field<'a> {
    path: &'a str,
    #[serde(flatten)]
    change: Change<'a>,
}

#[derive(Serialize)]
#[serde(tag = "change", rename_all = "lowercase")]
enum Change<'a> {
    Value { old: Located<'a>, new: Located<'a> },
    Elements(Array<'a>),
    Added { new: Located<'a> },
    Removed { old: Located<'a> },
}

#[derive(Serialize)]
struct Array<'a> {
    old: ArraySide<'a>,
    new: ArraySide<'a>,
    /// The number of elements that differ.
    count: u64,
    ranges: Vec<[u64; 2]>,
    elements: Vec<Element<'a>>,
}

#[derive(Serialize)]
struct ArraySide<'a> {
    #[serde(rename = "type")]
    type_name: &'a str,
    offset: u64,
    length: u64,
}

#[derive(Serialize)]
struct Element<'a> {
    index: u64,
    old: Option<Json<'a>>,
    new: Option<Json<'a>>,
}

#[derive(Serialize)]
struct LiveSections<'a> {
    name: &'a str,
    instance_id: u32,
    version: u32,
    sections: u64,
    bytes: u64,
}

#[derive(Serialize)]
struct RamBlock<'a> {
    name: &'a str,
    change: &'static str,
    page_size: u64,
    old: Option<BlockSide>,
    new: Option<BlockSide>,
    ranges: Vec<Pages>,
}

#[derive(Serialize)]
struct BlockSide {
    size: u64,
    zero_pages: u64,
    data_pages: u64,
    packed_pages: u64,
}

#[derive(Serialize)]
struct Pages {
    start: u64,
    end: u64,
    pages: u64,
    change: &'static str,
}

impl<'a> Document<'a> {
    pub(super) fn new(differences: &'a [StateDifference<'a>]) -> Self {
        let mut document = Self {
            same: differences.is_empty(),
            page_size: None,
            configuration: None,
            sections: Vec::new(),
            live: Vec::new(),
            ram: Vec::new(),
        };
        for difference in differences {
            match difference {
                StateDifference::PageSize { old, new } => document.page_size = Some(Sides { old: *old, new: *new }),
                StateDifference::Configuration(section) => document.configuration = Some(Section::new(section)),
                StateDifference::Section(section) => document.sections.push(Section::new(section)),
                StateDifference::Live { old, new } => {
                    document.live.push(Sides { old: old.map(LiveSections::new), new: new.map(LiveSections::new) });
                }
                StateDifference::Block(block) => document.ram.push(RamBlock::new(block)),
                _ => {}
            }
        }
        document
    }
}

fn change<T>(old: Option<T>, new: Option<T>) -> &'static str {
    match (old, new) {
        (Some(_), None) => "removed",
        (None, Some(_)) => "added",
        _ => "changed",
    }
}

impl<'a> Section<'a> {
    fn new(section: &'a SectionDifference<'a>) -> Self {
        let payload = |side: VersionedSection<'_>| Payload {
            version: side.version,
            offset: side.section.offset,
            size: side.section.size(),
        };
        Self {
            name: section.name,
            instance_id: section.instance_id,
            change: change(section.old, section.new),
            old: section.old.map(payload),
            new: section.new.map(payload),
            fields: section.fields.iter().filter_map(Field::new).collect(),
        }
    }
}

impl<'a> Field<'a> {
    fn new(field: &'a FieldDifference<'a>) -> Option<Self> {
        let change = match &field.change {
            FieldChange::Value { old, new } => {
                Change::Value { old: Located::from_found(old), new: Located::from_found(new) }
            }
            FieldChange::Elements(elements) => Change::Elements(Array::new(elements)),
            FieldChange::Added(new) => Change::Added { new: Located::from_found(new) },
            FieldChange::Removed(old) => Change::Removed { old: Located::from_found(old) },
            _ => return None,
        };
        Some(Self { path: &field.path, change })
    }
}

impl<'a> Array<'a> {
    fn new(elements: &'a ElementDifferences<'a>) -> Self {
        let element = |(index, old, new): (u64, Option<_>, Option<_>)| Element {
            index,
            old: old.map(scalar),
            new: new.map(scalar),
        };
        Self {
            old: ArraySide::new(&elements.old),
            new: ArraySide::new(&elements.new),
            count: elements.count(),
            ranges: elements.changed.iter().map(|&Range { start, end }| [start, end]).collect(),
            elements: elements.iter().take(LISTED_ELEMENTS).map(element).collect(),
        }
    }
}

impl<'a> ArraySide<'a> {
    fn new(sequence: &ElementArray<'a>) -> Self {
        Self { type_name: sequence.type_name, offset: sequence.offset, length: sequence.len() }
    }
}

impl<'a> LiveSections<'a> {
    fn new(live: &'a LiveSummary) -> Self {
        let LiveSummary { name, instance_id, version, sections, bytes, .. } = live;
        Self { name, instance_id: *instance_id, version: *version, sections: *sections, bytes: *bytes }
    }
}

impl<'a> RamBlock<'a> {
    fn new(block: &'a BlockDifference<'a>) -> Self {
        let ranges = block.pages.iter().map(|pages| Pages {
            start: pages.range.start,
            end: pages.range.end,
            pages: (pages.range.end - pages.range.start).div_ceil(block.page_size),
            change: name(pages.change),
        });
        Self {
            name: block.name,
            change: change(block.old, block.new),
            page_size: block.page_size,
            old: block.old.map(BlockSide::new),
            new: block.new.map(BlockSide::new),
            ranges: ranges.collect(),
        }
    }
}

impl BlockSide {
    fn new(block: &MemoryBlock) -> Self {
        let count = |wanted| -> u64 {
            let pages = block.pages().filter(|(_, kind)| *kind == wanted);
            pages.map(|(pages, _)| pages.end - pages.start).sum()
        };
        Self {
            size: block.size,
            zero_pages: count(PageKind::Zero),
            data_pages: count(PageKind::Data),
            packed_pages: count(PageKind::Packed),
        }
    }
}

fn name(change: PageChange) -> &'static str {
    match change {
        PageChange::Changed => "changed",
        PageChange::Zeroed => "zeroed",
        PageChange::Filled => "filled",
        PageChange::Added => "added",
        PageChange::Removed => "removed",
        PageChange::Unknown => "unknown",
    }
}
