//! HTML reports: a page about one stream, or about the differences of two.
//!
//! The page is self-contained: it loads nothing, and works as a file. It shows the sections as a treemap, all fields
//! with values and offsets in a searchable tree, the bytes of the selected field, and RAM as a map of pages. Names and
//! values come from untrusted streams, so they are inserted only as text.
//!
//! ```
//! use vmstate::dynamic::StreamDecoder;
//! use vmstate::dynamic::diff::Snapshot;
//! use vmstate::report::{HtmlReport, ReportInput};
//! use vmstate::Reader;
//!
//! let stream = b"QEVM\x00\x00\x00\x03\x00";
//! let mut reader = Reader::from_slice(stream);
//! let snapshot = Snapshot::read(&mut StreamDecoder::new(&mut reader, None)?)?;
//! let side = ReportInput { name: "vm.state", length: stream.len() as u64, snapshot: &snapshot };
//! let page = HtmlReport::new(side).html()?;
//! assert!(page.contains("<title>vm.state</title>"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The size of a page is bounded. It contains a map of at most 4096 cells for each of the first 64 blocks of RAM,
//! without contents; the first 64 KiB of a payload, and 4 MiB of all payloads; 50000 fields, and 256 elements of an
//! array. The page lists the omitted parts.

use std::borrow::Cow;
use std::io;

use crate::dynamic::diff::Snapshot;

mod memory_map;
mod merge_trees;
mod page_data;
mod section_tree;
mod sections;
#[cfg(all(unix, feature = "migration"))]
pub mod timeline;

/// The highest number of fields, and of elements of arrays.
const MAX_NODES: usize = 50_000;
/// The highest number of elements of one array.
const MAX_ELEMENTS: usize = 256;
/// The highest number of sections.
const MAX_SECTIONS: usize = 4096;
/// The highest number of bytes of one payload, and of all payloads.
const MAX_PAYLOAD: usize = 64 << 10;
const MAX_PAYLOADS: usize = 4 << 20;
/// The highest number of cells in the map of a block, and of blocks with a map.
const MAX_CELLS: u64 = 4096;
const MAX_BLOCKS: usize = 64;
/// The longest names and values, in characters.
const MAX_NAME: usize = 120;
const MAX_VALUE: usize = 160;

const PAGE: &str = include_str!("page/page.html");
const STYLE: &str = include_str!("page/style.css");
/// In the order of their dependencies, because they become one script.
const SCRIPTS: [&str; 6] = [
    include_str!("page/data.js"),
    include_str!("page/treemap.js"),
    include_str!("page/bytes.js"),
    include_str!("page/tree.js"),
    include_str!("page/memory.js"),
    include_str!("page/main.js"),
];

/// A stream that a report is about.
#[derive(Debug, Clone, Copy)]
pub struct ReportInput<'a> {
    /// Its name, such as the name of its file.
    pub name: &'a str,
    /// Its bytes.
    pub length: u64,
    /// Its content.
    pub snapshot: &'a Snapshot,
}

/// A page about one stream, or about two.
#[derive(Debug, Clone, Copy)]
pub struct HtmlReport<'a> {
    first: ReportInput<'a>,
    second: Option<ReportInput<'a>>,
}

impl<'a> HtmlReport<'a> {
    /// Creates a report about one stream.
    #[must_use]
    pub fn new(side: ReportInput<'a>) -> Self {
        Self { first: side, second: None }
    }

    /// Adds a second stream, and marks the differences.
    #[must_use]
    pub fn beside(self, second: ReportInput<'a>) -> Self {
        Self { second: Some(second), ..self }
    }

    /// Returns the page.
    ///
    /// # Errors
    /// Returns an error if the data cannot be written as JSON.
    pub fn html(&self) -> io::Result<String> {
        let data = page_data::Data::new(self);
        let parts = [
            ("<!--title-->", escaped(&data.title)),
            ("<!--style-->", STYLE.into()),
            ("<!--data-->", data.text()?.into()),
            ("<!--script-->", SCRIPTS.concat().into()),
        ];
        let (mut html, mut rest) = (String::new(), PAGE);
        for (mark, part) in parts {
            // Only the rest of the template is searched for marks: an inserted name may contain the text of a mark.
            let (before, after) = rest.split_once(mark).unwrap_or((rest, ""));
            html.extend([before, &part]);
            rest = after;
        }
        Ok(html + rest)
    }
}

/// Escapes text for HTML.
fn escaped(text: &str) -> Cow<'_, str> {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").into()
}

/// Returns the first `most` characters of `text`.
fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}\u{2026}", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_has_each_mark_once_and_in_order() {
        let marks = ["<!--title-->", "<!--style-->", "<!--data-->", "<!--script-->"];
        let places: Vec<_> = marks.iter().filter_map(|mark| PAGE.find(mark)).collect();
        assert!(places.len() == marks.len() && places.is_sorted());
        assert_eq!(PAGE.matches("<!--").count(), marks.len());
    }

    #[test]
    fn scripts_cannot_end_early() {
        assert!(!SCRIPTS.concat().contains("</") && !SCRIPTS.concat().contains("<!--") && !STYLE.contains("</"));
        assert!(!SCRIPTS.concat().contains("innerHTML") && !SCRIPTS.concat().contains("://"));
    }

    /// Browsers run only the script with the hash in the page, so an inserted script would not run.
    #[test]
    fn policy_has_the_hashes_of_style_and_script() {
        use base64::Engine;
        use sha2::Digest;

        let hash = |text: &str| {
            // The template has a line break before the mark.
            let digest = sha2::Sha256::digest(format!("\n{text}"));
            format!("'sha256-{}'", base64::engine::general_purpose::STANDARD.encode(digest))
        };
        let policy = format!("default-src 'none'; style-src {}; script-src {}", hash(STYLE), hash(&SCRIPTS.concat()));
        assert!(PAGE.contains(&format!("content=\"{policy}\"")), "expected the policy {policy}");
        assert!(!PAGE.contains("style=") && !PAGE.contains("\" on"), "inline styles and handlers have no hash");
    }

    #[test]
    fn long_text_is_cut_between_characters() {
        assert_eq!((cut("h\u{e9}llo", 5).as_str(), cut("h\u{e9}llo", 2).as_str()), ("h\u{e9}llo", "h\u{e9}\u{2026}"));
    }
}
