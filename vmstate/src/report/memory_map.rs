//! Maps of the pages of RAM, as data for the page's script.

use std::collections::HashMap;
use std::ops::Range;

use serde::Serialize;

use super::merge_trees::State;
use super::{MAX_BLOCKS, MAX_CELLS, MAX_NAME, ReportInput, cut};
use crate::dynamic::diff::{BlockDifference, MemoryBlock, PageChange, PageKind, pairs};

/// The data of the page about RAM.
#[derive(Serialize)]
pub(super) struct Data {
    /// The size of its sections in bytes, for each side.
    sent: Vec<u64>,
    blocks: Vec<BlockData>,
    /// The number of blocks, with and without a map.
    #[serde(skip)]
    pub(super) count: u64,
    /// Pages with contents, on the last side.
    #[serde(skip)]
    pub(super) data_pages: u64,
    /// Pages that differ.
    #[serde(skip)]
    pub(super) changed_pages: u64,
}

#[derive(Serialize)]
struct BlockData {
    name: String,
    state: u8,
    sizes: Vec<Option<u64>>,
    page_size: u64,
    /// The number of pages in a cell.
    per_cell: u64,
    /// One character for each cell, as defined by `Cells`.
    cells: String,
    /// A description in words.
    text: String,
}

impl Data {
    pub(super) fn new(first: ReportInput<'_>, second: Option<ReportInput<'_>>) -> Self {
        let sides: Vec<_> = std::iter::once(first).chain(second).collect();
        let compared = second.map(|second| first.snapshot.memory.compare(&second.snapshot.memory));
        let differences: HashMap<_, _> =
            compared.into_iter().flatten().map(|difference| (difference.name, difference)).collect();
        let page_size = sides.iter().find_map(|side| side.snapshot.memory.page_size()).unwrap_or(1);
        let (old, new) = (first.snapshot.memory.blocks(), second.map(|side| side.snapshot.memory.blocks()));
        let mut data = Self {
            sent: sides.iter().map(|side| side.snapshot.memory.sent()).collect(),
            blocks: Vec::new(),
            count: 0,
            data_pages: 0,
            changed_pages: 0,
        };
        for pair in pairs(old, new.unwrap_or_default(), |block| &block.name) {
            let sides: [_; 2] = pair.sides().into();
            let Some(block) = sides.into_iter().flatten().next_back() else { continue };
            let difference = differences.get(&*block.name);
            data.count += 1;
            data.data_pages += pages(block, PageKind::Data);
            data.changed_pages += difference.map_or(0, changed_pages);
            if data.blocks.len() < MAX_BLOCKS {
                data.blocks.push(BlockData::new(sides, new.is_some(), difference, page_size));
            }
        }
        data
    }
}

fn changed_pages(difference: &BlockDifference<'_>) -> u64 {
    let pages =
        difference.pages.iter().map(|pages| (pages.range.end - pages.range.start).div_ceil(difference.page_size));
    pages.fold(0, u64::saturating_add)
}

impl BlockData {
    fn new(
        sides: [Option<&MemoryBlock>; 2],
        are_two: bool,
        difference: Option<&BlockDifference<'_>>,
        page_size: u64,
    ) -> Self {
        let present: Vec<_> = sides.into_iter().flatten().collect();
        let size = present.iter().map(|block| block.size).max().unwrap_or(0);
        let mut cells = Cells::new(size.div_ceil(page_size));
        // The map shows the new side, and marks its differences from the old side.
        if let Some(block) = present.last() {
            block.pages().for_each(|(pages, kind)| cells.add(&pages, kind));
        }
        for pages in difference.iter().flat_map(|difference| &difference.pages) {
            cells.mark(&(pages.range.start / page_size..pages.range.end.div_ceil(page_size)), pages.change);
        }
        Self {
            name: cut(present.last().map_or("", |block| &block.name), MAX_NAME),
            state: if are_two { State::new(&sides, difference.is_some()) } else { State::Same }.number(),
            sizes: sides.iter().take(if are_two { 2 } else { 1 }).map(|block| block.map(|block| block.size)).collect(),
            page_size,
            per_cell: cells.per_cell,
            cells: cells.text(),
            text: text(sides, are_two, difference),
        }
    }
}

/// Describes a block in words.
fn text(sides: [Option<&MemoryBlock>; 2], are_two: bool, difference: Option<&BlockDifference<'_>>) -> String {
    let Some(block) = sides.into_iter().flatten().next_back() else { return String::new() };
    let (zero, data, packed) =
        (pages(block, PageKind::Zero), pages(block, PageKind::Data), pages(block, PageKind::Packed));
    let mut text = format!("{}, {}", bytes(block.size), pages_of(zero, data));
    if packed > 0 {
        text += &format!(", {packed} packed");
    }
    match (sides, difference) {
        _ if !are_two => {}
        ([Some(_), None], _) => text += "; only in A",
        ([None, Some(_)], _) => text += "; only in B",
        (_, None) => text += "; the same",
        (_, Some(difference)) => {
            let counts = CHANGES.map(|(change, name)| (difference.count(change), name));
            let counts = counts.iter().filter(|(count, _)| *count > 0).map(|(count, name)| format!("; {count} {name}"));
            text.extend(counts);
        }
    }
    text
}

fn pages_of(zero: u64, data: u64) -> String {
    let plural = |count: u64| if count == 1 { "page" } else { "pages" };
    match (zero, data) {
        (_, 0) => format!("{zero} {} of zeros", plural(zero)),
        (0, _) => format!("{data} {} with data", plural(data)),
        _ => format!("{zero} {} of zeros and {data} with data", plural(zero)),
    }
}

const CHANGES: [(PageChange, &str); 6] = [
    (PageChange::Changed, "changed"),
    (PageChange::Zeroed, "zeroed"),
    (PageChange::Filled, "filled"),
    (PageChange::Added, "only in B"),
    (PageChange::Removed, "only in A"),
    (PageChange::Unknown, "not comparable"),
];

fn pages(block: &MemoryBlock, wanted: PageKind) -> u64 {
    let pages = block.pages().filter(|(_, kind)| *kind == wanted);
    pages.map(|(pages, _)| pages.end - pages.start).sum()
}

/// Formats a size in the largest unit that divides it.
fn bytes(size: u64) -> String {
    let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let fits = units.iter().find(|(unit, _)| size >= *unit && size.is_multiple_of(*unit));
    fits.map_or(format!("{size} bytes"), |(unit, name)| format!("{} {name}", size / unit))
}

/// The cells of a map. A cell represents several pages if a block has too many for one cell each.
struct Cells {
    per_cell: u64,
    cells: Vec<Cell>,
}

#[derive(Clone, Copy, Default)]
struct Cell {
    data: u64,
    zero: u64,
    /// The most important difference in the cell, by the order of [`PageChange`].
    change: Option<PageChange>,
}

impl Cells {
    fn new(pages: u64) -> Self {
        let per_cell = pages.div_ceil(MAX_CELLS).max(1);
        let count = usize::try_from(pages.div_ceil(per_cell)).unwrap_or(0);
        Self { per_cell, cells: vec![Cell::default(); count] }
    }

    /// Calls `change` for each cell that contains some of `pages`, with their number.
    fn each(&mut self, pages: &Range<u64>, mut change: impl FnMut(&mut Cell, u64)) {
        let per_cell = self.per_cell;
        let first = usize::try_from(pages.start / per_cell).unwrap_or(usize::MAX);
        let end = usize::try_from(pages.end.div_ceil(per_cell)).unwrap_or(usize::MAX);
        let numbered = (0_u64..).zip(&mut self.cells).skip(first).take(end.saturating_sub(first));
        for (number, cell) in numbered {
            let (start, end) = (number * per_cell, (number + 1) * per_cell);
            change(cell, pages.end.min(end).saturating_sub(pages.start.max(start)));
        }
    }

    fn add(&mut self, pages: &Range<u64>, kind: PageKind) {
        self.each(pages, |cell, count| match kind {
            PageKind::Zero => cell.zero += count,
            PageKind::Data | PageKind::Packed => cell.data += count,
        });
    }

    fn mark(&mut self, pages: &Range<u64>, change: PageChange) {
        // `PageChange` is ordered by importance, so one changed page among zeroed ones stays visible.
        self.each(pages, |cell, _| cell.change = cell.change.map_or(Some(change), |other| Some(other.min(change))));
    }

    fn text(&self) -> String {
        self.cells.iter().map(Cell::sign).collect()
    }
}

impl Cell {
    /// Returns the cell's character: `.` for pages that were not sent, `0` to `9` for the share of pages with data, or
    /// the sign of a difference.
    fn sign(&self) -> char {
        match self.change {
            Some(PageChange::Changed) => 'c',
            Some(PageChange::Zeroed) => 'z',
            Some(PageChange::Filled) => 'f',
            Some(PageChange::Added) => '+',
            Some(PageChange::Removed) => '-',
            Some(PageChange::Unknown) => '?',
            None if self.data + self.zero == 0 => '.',
            None => {
                // Rounded up, so that a single page with data among zeros is visible.
                let part = (9 * self.data).div_ceil(self.data + self.zero);
                u32::try_from(part).ok().and_then(|part| char::from_digit(part, 10)).unwrap_or('9')
            }
        }
    }
}
