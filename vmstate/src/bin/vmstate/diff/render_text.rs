//! Differences as text, one per line.

use std::ops::Range;

use anstyle::{AnsiColor, Style};
use vmstate::dynamic::diff::{
    BlockDifference, ElementArray, ElementDifferences, FieldChange, FieldDifference, LiveSummary, PageChange,
    SectionDifference, StateDifference,
};
use vmstate::dynamic::{DecodedBody, Found, FoundItem, Scalar, ScalarKind};

use crate::dump::OLD_STYLE;
use crate::terminal::{HEADING, plain, plural};

const OLD: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Red)));
const NEW: Style = Style::new().fg_color(Some(anstyle::Color::Ansi(AnsiColor::Green)));
/// The widths of the columns for paths and types.
const PATH: usize = 36;
const TYPE: usize = 14;
/// The number of elements shown of an array of structs.
const STRUCTS: usize = 8;
/// The number of ranges shown of an array.
const RANGES: usize = 4;
/// The number of ranges shown of a RAM block.
const PAGES: usize = 8;
/// The number of elements shown of a range.
const ELEMENTS: usize = 8;
/// The longest text that is shown as a whole.
const TEXT: u64 = 64;

/// Renders the differences.
pub(super) fn differences(differences: &[StateDifference<'_>]) -> String {
    if differences.is_empty() {
        return "0 differences\n".to_owned();
    }
    let mut lines = Lines { text: String::new() };
    for difference in differences {
        match difference {
            StateDifference::PageSize { old, new } => lines.heading(&format!("page size {}", arrow(old, new))),
            StateDifference::Configuration(section) => lines.section(section, "configuration"),
            StateDifference::Section(section) => {
                let name = format!("section \"{}\" (instance {})", plain(section.name), section.instance_id);
                lines.section(section, &name);
            }
            StateDifference::Live { old, new } => lines.live(*old, *new),
            StateDifference::Block(block) => lines.block(block),
            _ => {}
        }
    }
    lines.text
}

struct Lines {
    text: String,
}

/// The only side that has a section, field or block.
#[derive(Clone, Copy)]
enum Only {
    Old,
    New,
}

impl Only {
    fn from_sides<T>(old: Option<T>, new: Option<T>) -> Option<Self> {
        match (old, new) {
            (Some(_), None) => Some(Self::Old),
            (None, Some(_)) => Some(Self::New),
            _ => None,
        }
    }

    fn marked(self, text: &str) -> String {
        match self {
            Self::Old => format!("{OLD}- {text}{OLD:#}"),
            Self::New => format!("{NEW}+ {text}{NEW:#}"),
        }
    }
}

impl Lines {
    fn section(&mut self, section: &SectionDifference<'_>, name: &str) {
        if let Some(only) = Only::from_sides(section.old, section.new) {
            let present = section.old.or(section.new);
            let version = present.and_then(|present| present.version).map(|version| format!(", version {version}"));
            let size = present.map_or(0, |present| present.section.size());
            let text = format!("{name}{}, {}", version.unwrap_or_default(), plural(size, "byte"));
            return self.heading(&only.marked(&text));
        }
        match section.versions() {
            Some((old, new)) => self.heading(&format!("{name}, version {}", arrow(old, new))),
            None => self.heading(name),
        }
        self.fields(section);
    }

    /// Writes the fields that differ. Of an array of structs, only the first elements are written.
    fn fields(&mut self, section: &SectionDifference<'_>) {
        let array = |field: &FieldDifference<'_>| element(&field.path).map(|(array, _)| array.to_owned());
        for fields in section.fields.chunk_by(|one, other| array(one) == array(other)) {
            let elements = || fields.chunk_by(|one, other| element(&one.path) == element(&other.path));
            for field in elements().take(STRUCTS).flatten() {
                self.field(section, field);
            }
            self.more(elements().count(), STRUCTS, "differing element", "differing elements");
        }
    }

    fn live(&mut self, old: Option<&LiveSummary>, new: Option<&LiveSummary>) {
        let Some(live) = old.or(new) else { return };
        let name = format!("live section \"{}\" (instance {})", plain(&live.name), live.instance_id);
        let size =
            |live: &LiveSummary| format!("{} with {}", plural(live.sections, "section"), plural(live.bytes, "byte"));
        match (Only::from_sides(old, new), old.zip(new)) {
            (Some(only), _) => self.heading(&only.marked(&format!("{name}: {}", size(live)))),
            (None, Some((old, new))) => {
                self.heading(&name);
                self.line(&format!("  {}, different bytes", arrow(size(old), size(new))));
            }
            (None, None) => {}
        }
    }

    fn block(&mut self, block: &BlockDifference<'_>) {
        let name = format!("RAM block \"{}\"", plain(block.name));
        if let Some(only) = Only::from_sides(block.old, block.new) {
            let size = block.old.or(block.new).map_or(0, |block| block.size);
            return self.heading(&only.marked(&format!("{name}, {size:#x} bytes")));
        }
        let [old, new] = [block.old, block.new].map(|side| format!("{:#x}", side.map_or(0, |block| block.size)));
        self.heading(&format!("{name}, {} bytes", one_or_both(old, new)));
        let counts = CHANGES.map(|change| (block.count(change), change));
        let counts = counts.iter().filter(|(count, _)| *count > 0);
        let counts: Vec<_> =
            counts.map(|(count, change)| format!("{} {}", plural(*count, "page"), name_of(*change))).collect();
        if !counts.is_empty() {
            self.line(&format!("  {}", counts.join(", ")));
        }
        for pages in block.pages.iter().take(PAGES) {
            let Range { start, end } = pages.range;
            self.line(&format!("  {start:#010x}..{end:#010x} {}", name_of(pages.change)));
        }
        self.more(block.pages.len(), PAGES, "range", "ranges");
    }

    fn field(&mut self, section: &SectionDifference<'_>, field: &FieldDifference<'_>) {
        let path = path(section, field);
        match &field.change {
            FieldChange::Added(found) => self.only(Only::New, &path, found),
            FieldChange::Removed(found) => self.only(Only::Old, &path, found),
            FieldChange::Value { old, new } => {
                let values = arrow(value(old), value(new));
                self.row(" ", &path, &types(old.type_name, new.type_name), &values);
            }
            FieldChange::Elements(elements) => self.elements(&path, elements),
            _ => self.row("~", &path, "", ""),
        }
    }

    fn only(&mut self, only: Only, path: &str, found: &Found<'_>) {
        let type_name = plain(found.type_name);
        self.line(&only.marked(format!("{path:<PATH$} {type_name:<TYPE$} {}", value(found)).trim_end()));
    }

    fn elements(&mut self, path: &str, elements: &ElementDifferences<'_>) {
        let ElementDifferences { old, new, .. } = elements;
        let count = one_or_both(old.len().to_string(), new.len().to_string());
        let text = match (as_text(old), as_text(new)) {
            (Some(old), Some(new)) => arrow(old, new),
            _ => format!("{} of {count} differ: {}", elements.count(), parts(elements)),
        };
        self.row(" ", path, &types(old.type_name, new.type_name), &text);
    }

    fn more(&mut self, count: usize, shown: usize, one: &str, several: &str) {
        match count.saturating_sub(shown) {
            0 => {}
            1 => self.line(&format!("  ... and 1 more {one}")),
            more => self.line(&format!("  ... and {more} more {several}")),
        }
    }

    fn row(&mut self, sign: &str, path: &str, type_name: &str, value: &str) {
        self.line(&format!("{sign} {path:<PATH$} {type_name:<TYPE$} {value}"));
    }

    fn heading(&mut self, text: &str) {
        let gap = if self.text.is_empty() { "" } else { "\n" };
        self.line(&format!("{gap}{HEADING}{text}{HEADING:#}"));
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }
}

/// Returns the path of a field. Bytes without a field have the same names as in `vmstate dump`.
fn path(section: &SectionDifference<'_>, field: &FieldDifference<'_>) -> String {
    let old = section.old.map(|old| &old.section.body);
    match (field.path.as_str(), old) {
        ("", Some(DecodedBody::OldStyle(_))) => OLD_STYLE.to_owned(),
        ("", Some(DecodedBody::Partly(..))) => "(not decoded)".to_owned(),
        ("", _) => "(not described)".to_owned(),
        (path, _) => plain(path),
    }
}

/// Returns the outermost array of a path, and the index of the element.
fn element(path: &str) -> Option<(&str, u64)> {
    let (array, rest) = path.split_once('[')?;
    Some((array, rest.split_once(']')?.0.parse().ok()?))
}

fn value(found: &Found<'_>) -> String {
    match found.item {
        FoundItem::Struct(_) => format!("{}, {}", found.item, plural(found.size, "byte")),
        _ => found.item.to_string(),
    }
}

fn types(old: &str, new: &str) -> String {
    one_or_both(plain(old), plain(new))
}

/// Returns the text once if both sides are equal.
fn one_or_both(old: String, new: String) -> String {
    if old == new { old } else { arrow(old, new) }
}

fn arrow(old: impl std::fmt::Display, new: impl std::fmt::Display) -> String {
    format!("{OLD}{old}{OLD:#} -> {NEW}{new}{NEW:#}")
}

fn indices(range: &Range<u64>) -> String {
    match range.end.saturating_sub(range.start) {
        1 => format!("[{}]", range.start),
        _ => format!("[{}..{}]", range.start, range.end),
    }
}

/// Returns the first ranges that differ.
fn parts(ElementDifferences { old, new, changed, .. }: &ElementDifferences<'_>) -> String {
    let part = |range| format!("{} {}", indices(range), arrow(part(old, range), part(new, range)));
    let parts: Vec<_> = changed.iter().take(RANGES).map(part).collect();
    let rest = if changed.len() > RANGES { ", ..." } else { "" };
    parts.join(", ") + rest
}

/// Returns bytes as text if they are printable, with trailing zeros.
fn as_text(sequence: &ElementArray<'_>) -> Option<String> {
    if !(3..=TEXT).contains(&sequence.len()) {
        return None;
    }
    let bytes: Option<Vec<_>> = (0..sequence.len()).map(|index| byte(sequence.get(index)?)).collect();
    let bytes = bytes?;
    let text = bytes.split(|&byte| byte == 0).next().unwrap_or_default();
    let is_text = text.len() > 2 && text.iter().all(|byte| (b' '..=b'~').contains(byte));
    let is_rest_zero = bytes.iter().skip(text.len()).all(|&byte| byte == 0);
    (is_text && is_rest_zero).then(|| format!("\"{}\"", text.escape_ascii()))
}

fn byte(value: Scalar) -> Option<u8> {
    (value.kind == ScalarKind::Uint8).then(|| value.bits.try_into().ok())?
}

/// Returns the first elements of `range`.
fn part(sequence: &ElementArray<'_>, range: &Range<u64>) -> String {
    let shown = range.clone().take(ELEMENTS).map_while(|index| sequence.get(index));
    let mut words: Vec<_> = shown.map(scalar).collect();
    if words.is_empty() {
        words.push("none".to_owned());
    } else if range.end.saturating_sub(range.start) > ELEMENTS as u64 {
        words.push("...".to_owned());
    }
    words.join(" ")
}

fn scalar(value: Scalar) -> String {
    match value.kind {
        ScalarKind::Bool | ScalarKind::Timer | ScalarKind::Double | ScalarKind::Marker => value.to_string(),
        _ => format!("{:#x}", value.bits),
    }
}

/// The kinds of page differences, in the order of the summary.
const CHANGES: [PageChange; 6] = [
    PageChange::Changed,
    PageChange::Zeroed,
    PageChange::Filled,
    PageChange::Added,
    PageChange::Removed,
    PageChange::Unknown,
];

fn name_of(change: PageChange) -> &'static str {
    match change {
        PageChange::Changed => "changed",
        PageChange::Zeroed => "zeroed",
        PageChange::Filled => "filled",
        PageChange::Added => "only in the new stream",
        PageChange::Removed => "only in the old stream",
        PageChange::Unknown => "not comparable",
    }
}
