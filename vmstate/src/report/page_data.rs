//! The data of the page, as JSON.

use std::io;

use serde::Serialize;

use super::merge_trees::State;
use super::sections::Sections;
use super::{
    HtmlReport, MAX_BLOCKS, MAX_CELLS, MAX_ELEMENTS, MAX_NAME, MAX_NODES, MAX_PAYLOAD, MAX_PAYLOADS, MAX_SECTIONS, cut,
    memory_map, sections,
};
use crate::dynamic::FoundItem;

#[derive(Serialize)]
pub(super) struct Data {
    pub(super) title: String,
    sides: Vec<Side>,
    /// The numbers at the head of the page.
    numbers: Vec<(u64, &'static str)>,
    types: Vec<String>,
    sections: Vec<sections::Data>,
    ram: memory_map::Data,
    /// The parts that are left out.
    caps: String,
}

#[derive(Serialize)]
struct Side {
    name: String,
    length: u64,
    machine: String,
}

impl Data {
    pub(super) fn new(report: &HtmlReport<'_>) -> Self {
        let (first, second) = (report.first, report.second);
        let sections = Sections::new(first, second);
        let ram = memory_map::Data::new(first, second);
        let sides: Vec<_> = std::iter::once(first).chain(second).map(Side::new).collect();
        Self {
            title: title(&sides),
            numbers: match second {
                None => numbers(&sections, &ram),
                Some(_) => differences(&sections, &ram),
            },
            sides,
            types: sections.types,
            sections: sections.list,
            ram,
            caps: caps(),
        }
    }

    /// Returns the JSON text for use in HTML: it cannot end a script or begin a comment.
    pub(super) fn text(&self) -> io::Result<String> {
        let text = serde_json::to_string(self)?;
        Ok(text.chars().fold(String::with_capacity(text.len()), |mut text, char| {
            match char {
                '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => text.push_str(&format!("\\u{:04x}", u32::from(char))),
                _ => text.push(char),
            }
            text
        }))
    }
}

impl Side {
    fn new(side: super::ReportInput<'_>) -> Self {
        let name = side.snapshot.configuration.as_ref().and_then(|configuration| configuration.get("name"));
        let machine = match name.map(|found| found.item) {
            Some(FoundItem::Value(crate::dynamic::DecodedValue::Bytes(bytes))) => {
                String::from_utf8_lossy(bytes).into_owned()
            }
            _ => String::new(),
        };
        Self { name: cut(side.name, 4 * MAX_NAME), length: side.length, machine: cut(&machine, MAX_NAME) }
    }
}

/// Returns the name of the machine, or of the stream if the machine is unknown.
fn title(sides: &[Side]) -> String {
    let mut titles: Vec<_> =
        sides.iter().map(|side| if side.machine.is_empty() { &*side.name } else { &*side.machine }).collect();
    titles.dedup();
    titles.join(" \u{2192} ")
}

fn numbers(sections: &Sections, ram: &memory_map::Data) -> Vec<(u64, &'static str)> {
    vec![
        (sections.count, "sections"),
        (sections.fields, "fields"),
        (ram.count, "RAM blocks"),
        (ram.data_pages, "pages with data"),
    ]
}

/// Returns the numbers of differences. Zeros are left out, unless all are zero.
fn differences(sections: &Sections, ram: &memory_map::Data) -> Vec<(u64, &'static str)> {
    let mut numbers = vec![
        (sections.in_state(State::Changed), "sections differ"),
        (sections.in_state(State::Removed), "sections only in A"),
        (sections.in_state(State::Added), "sections only in B"),
        (sections.changes(), "fields differ"),
        (ram.changed_pages, "pages differ"),
    ];
    numbers.retain(|(count, _)| *count > 0);
    if numbers.is_empty() {
        numbers.push((0, "differences"));
    }
    numbers
}

fn caps() -> String {
    format!(
        "This page has no contents of RAM, only a map with at most {MAX_CELLS} cells for each of the first {MAX_BLOCKS} \
         blocks; of each payload the first {} KiB, of all together {} MiB; at most {MAX_SECTIONS} sections, {MAX_NODES} \
         fields, and {MAX_ELEMENTS} elements of an array. It loads nothing from elsewhere.",
        MAX_PAYLOAD >> 10,
        MAX_PAYLOADS >> 20,
    )
}
