//! The sections, with their fields and bytes.

use std::collections::HashMap;

use serde::Serialize;

use super::merge_trees::{Payloads, Row, State};
use super::section_tree::{Budget, Node};
use super::{MAX_NAME, MAX_NODES, MAX_PAYLOAD, MAX_PAYLOADS, MAX_SECTIONS, ReportInput, cut};
use crate::Writer;
use crate::dynamic::diff::{LiveSummary, pairs};
use crate::dynamic::{DecodedBody, DecodedSection};

/// A section, as the page has it.
#[derive(Serialize)]
pub(super) struct Data {
    name: String,
    instance: u32,
    /// `fields`, `partly`, `opaque` or `live`.
    kind: &'static str,
    state: u8,
    changes: u64,
    /// The description of a live device.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    versions: Vec<Option<u32>>,
    /// Of the payloads, in their streams.
    offsets: Vec<Option<u64>>,
    sizes: Vec<Option<u64>>,
    /// The payloads in hex, as far as they are in the page.
    bytes: Vec<Option<String>>,
    fields: Vec<Field>,
    /// The number of fields that are left out.
    hidden: u64,
}

/// A row, as an array: name, type, state, sides, changes, rows in it, and the number of rows left out.
#[derive(Serialize)]
struct Field(String, usize, u8, Vec<Option<Place>>, u64, Vec<Self>, u64);

/// A row on one side: its offset in the payload, its size, its value, and the size of an element.
#[derive(Serialize)]
struct Place(u64, u64, String, usize);

/// A section on one side.
struct Payload<'a> {
    section: &'a DecodedSection,
    version: Option<u32>,
    bytes: Vec<u8>,
    nodes: Vec<Node>,
    hidden: u64,
}

/// All sections, with the part of the page's limits that they use.
pub(super) struct Sections {
    pub(super) list: Vec<Data>,
    /// The number of sections, including sections that are left out.
    pub(super) count: u64,
    /// The types of fields, which refer to them by number.
    pub(super) types: Vec<String>,
    numbers: HashMap<String, usize>,
    budget: Budget,
    bytes_left: usize,
    are_two: bool,
    /// The number of fields, including the fields in elements of arrays.
    pub(super) fields: u64,
}

impl Sections {
    pub(super) fn new(first: ReportInput<'_>, second: Option<ReportInput<'_>>) -> Self {
        let mut sections = Self {
            list: Vec::new(),
            count: 0,
            types: Vec::new(),
            numbers: HashMap::new(),
            budget: Budget { left: MAX_NODES },
            bytes_left: MAX_PAYLOADS,
            are_two: second.is_some(),
            fields: 0,
        };
        let (old, new) = (listed(first), second.map(listed).unwrap_or_default());
        for pair in pairs(&old, &new, |(section, _)| (&section.name, section.instance_id)) {
            if sections.take() {
                sections.add(pair.sides().into());
            }
        }
        let (old, new) = (&first.snapshot.live, second.map_or(&[][..], |second| &second.snapshot.live));
        for pair in pairs(old, new, |live| (&live.name, live.instance_id)) {
            if sections.take() {
                sections.add_live(pair.sides().into());
            }
        }
        sections
    }

    /// Counts a section, and returns whether it is within the limit.
    fn take(&mut self) -> bool {
        self.count += 1;
        self.list.len() < MAX_SECTIONS
    }

    /// Returns the number of sections in a state.
    pub(super) fn in_state(&self, state: State) -> u64 {
        self.list.iter().filter(|section| section.state == state.number()).count() as u64
    }

    /// Returns the number of fields that differ.
    pub(super) fn changes(&self) -> u64 {
        self.list.iter().map(|section| section.changes).sum()
    }

    fn add(&mut self, sides: [Option<&Listed<'_>>; 2]) {
        let Some((section, _)) = sides.into_iter().flatten().next_back() else { return };
        let payloads = sides.map(|side| side.map(|&(section, version)| self.payload(section, version)));
        let compared = Payloads {
            offsets: each(&payloads, |payload| payload.section.offset).map(Option::unwrap_or_default),
            bytes: each(&payloads, |payload| payload.bytes.as_slice()).map(Option::unwrap_or_default),
            are_two: self.are_two,
        };
        let [old, new] = each(&payloads, |payload| payload.nodes.as_slice()).map(Option::unwrap_or_default);
        let rows = compared.merge(old, new);
        let changes = rows.iter().map(|row| row.changes).sum();
        let versions = each(&payloads, |payload| payload.version).map(Option::flatten);
        let [old, new] = compared.bytes;
        let differ = changes > 0 || old != new || versions[0] != versions[1];
        let state = if self.are_two { State::new(&payloads, differ) } else { State::Same };
        let section = Data {
            name: cut(&section.name, MAX_NAME),
            instance: section.instance_id,
            kind: kind(section),
            state: state.number(),
            changes,
            note: None,
            versions: self.sides(versions),
            offsets: self.sides(each(&payloads, |payload| payload.section.offset)),
            sizes: self.sides(each(&payloads, |payload| payload.bytes.len() as u64)),
            bytes: self.bytes(&payloads),
            fields: rows.iter().map(|row| self.field(row, compared.offsets)).collect(),
            hidden: payloads.iter().flatten().map(|payload| payload.hidden).max().unwrap_or(0),
        };
        self.list.push(section);
    }

    fn payload<'s>(&mut self, section: &'s DecodedSection, version: Option<u32>) -> Payload<'s> {
        let mut out = Writer::new();
        section.encode(&mut out);
        let (nodes, hidden) = self.budget.section(section);
        Payload { section, version, bytes: out.take(), nodes, hidden }
    }

    fn add_live(&mut self, sides: [Option<&LiveSummary>; 2]) {
        let Some(live) = sides.into_iter().flatten().next_back() else { return };
        let state = if self.are_two { State::new(&sides, sides[0] != sides[1]) } else { State::Same };
        self.list.push(Data {
            name: cut(&live.name, MAX_NAME),
            instance: live.instance_id,
            kind: "live",
            state: state.number(),
            changes: u64::from(state != State::Same),
            note: Some(format!("{} sections of a live device", live.sections)),
            versions: self.sides(sides.map(|side| side.map(|live| live.version))),
            offsets: self.sides([None, None]),
            sizes: self.sides(sides.map(|side| side.map(|live| live.bytes))),
            bytes: self.sides([None, None]),
            fields: Vec::new(),
            hidden: 0,
        });
    }

    /// Returns the entries of the sides in the report.
    fn sides<T>(&self, sides: [T; 2]) -> Vec<T> {
        sides.into_iter().take(if self.are_two { 2 } else { 1 }).collect()
    }

    /// The payloads in hex, for as long as there is room.
    fn bytes(&mut self, payloads: &[Option<Payload<'_>>; 2]) -> Vec<Option<String>> {
        let hex = each(payloads, |payload| {
            let most = payload.bytes.len().min(MAX_PAYLOAD).min(self.bytes_left);
            self.bytes_left -= most;
            payload.bytes.iter().take(most).map(|byte| format!("{byte:02x}")).collect()
        });
        self.sides(hex)
    }

    fn field(&mut self, row: &Row<'_>, offsets: [u64; 2]) -> Field {
        let names = row.sides.map(|side| side.map(|node| (node.name.as_str(), node.type_name.as_str())));
        let ((name, old), (_, new)) = (first(names), first([names[1], names[0]]));
        let type_name = if old == new { old.to_owned() } else { format!("{old} \u{2192} {new}") };
        let [one, other] = row.sides;
        let places = [(one, offsets[0]), (other, offsets[1])].map(|(node, start)| {
            node.map(|node| Place(node.offset.saturating_sub(start), node.size, node.text.clone(), node.unit))
        });
        self.fields += u64::from(row.inside.is_empty());
        let inside: Vec<_> = row.inside.iter().map(|row| self.field(row, offsets)).collect();
        let hidden = row.sides.iter().flatten().map(|node| node.hidden).max().unwrap_or(0);
        Field(
            name.to_owned(),
            self.type_number(type_name),
            row.state.number(),
            self.sides(places),
            row.changes,
            inside,
            hidden,
        )
    }

    fn type_number(&mut self, name: String) -> usize {
        let next = self.types.len();
        let number = *self.numbers.entry(name.clone()).or_insert(next);
        if number == next {
            self.types.push(name);
        }
        number
    }
}

/// A section and its version.
type Listed<'a> = (&'a DecodedSection, Option<u32>);

/// The configuration and all sections.
fn listed(side: ReportInput<'_>) -> Vec<Listed<'_>> {
    let configuration = side.snapshot.configuration.iter().map(|section| (section, None));
    let sections = side.snapshot.sections.iter().map(|entry| (&entry.section, Some(entry.version)));
    configuration.chain(sections).collect()
}

fn each<'p, 's, T>(
    payloads: &'p [Option<Payload<'s>>; 2],
    mut get: impl FnMut(&'p Payload<'s>) -> T,
) -> [Option<T>; 2] {
    payloads.each_ref().map(|payload| payload.as_ref().map(&mut get))
}

/// Returns the entry of the first side, or else of the second.
fn first<'a>(sides: [Option<(&'a str, &'a str)>; 2]) -> (&'a str, &'a str) {
    sides.into_iter().flatten().next().unwrap_or_default()
}

fn kind(section: &DecodedSection) -> &'static str {
    match section.body {
        DecodedBody::Described(_) => "fields",
        DecodedBody::Partly(..) => "partly",
        DecodedBody::OldStyle(_) | DecodedBody::Undescribed(_) => "opaque",
    }
}
