//! Text for terminals: tables, headings, and escaped names.

use anstyle::Style;
use vmstate::text::printable;

/// The style of headings.
pub(crate) const HEADING: Style = Style::new().bold();

/// Escapes a name from a stream, so that it cannot control the terminal.
pub(crate) fn plain(name: &str) -> String {
    printable(name).to_string()
}

/// Returns a count with its unit: `1 byte`, `2 bytes`.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The alignment of a column.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// The largest width of a column. Longer cells extend their lines and not all others, so the size of a table is linear in
/// the size of its cells.
const MAX_WIDTH: usize = 80;

/// A table with headings, whose columns are as wide as their widest cell.
pub(crate) struct Table<const N: usize> {
    heads: [(&'static str, Align); N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(heads: [(&'static str, Align); N]) -> Self {
        Self { heads, rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }

    /// Returns the table, one row per line.
    pub(crate) fn render(&self) -> String {
        let heads = self.heads.map(|(head, _)| head.to_owned());
        let widths: [usize; N] = std::array::from_fn(|column| {
            let cells = self.rows.iter().chain([&heads]).map(|row| row[column].chars().count());
            cells.filter(|&width| width <= MAX_WIDTH).max().unwrap_or(0)
        });
        let mut text = format!("{HEADING}{}{HEADING:#}\n", self.line(&heads, &widths));
        for row in &self.rows {
            text.push_str(&self.line(row, &widths));
            text.push('\n');
        }
        text
    }

    fn line(&self, row: &[String; N], widths: &[usize; N]) -> String {
        let cells = row.iter().zip(widths).zip(&self.heads).map(|((cell, &width), (_, align))| match align {
            Align::Left => format!("{cell}{}", padding(cell, width)),
            Align::Right => format!("{}{cell}", padding(cell, width)),
        });
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    }
}

/// Returns the spaces that fill a column. Widths in format strings are limited to 16 bits.
fn padding(cell: &str, width: usize) -> String {
    " ".repeat(width.saturating_sub(cell.chars().count()))
}
