//! The page of the derive macro (`vm_state.md`) has every attribute in a table, with a link to its section in the book.

use std::collections::BTreeSet;

use super::book::{Book, mentions, parent};
use crate::parse::LEVELS;

const PAGE: &str = include_str!("../vm_state.md");

/// The book's address in both `vmstate_derive/derive.VmState.html` and `vmstate/derive.VmState.html`.
const BOOK: &str = "(../vmstate/attributes/";

/// Returns the first two cells of each row of the tables below a heading.
fn rows(heading: &str) -> Vec<(&str, &str)> {
    let section = PAGE.split("\n# ").find_map(|section| section.strip_prefix(heading)).unwrap_or_default();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| ")).map(|line| line.split(" | "));
    let rows = cells.filter_map(|mut cells| Some((cells.next()?, cells.next()?)));
    rows.filter(|(attribute, _)| attribute.starts_with("[`")).collect()
}

/// Returns the attributes in a cell: `default` twice for "[`default`, `default = 100`](...)".
fn attributes(cell: &str) -> Vec<&str> {
    let codes = cell.split('`').skip(1).step_by(2);
    codes.filter_map(|code| code.split(|letter: char| !letter.is_alphanumeric() && letter != '_').next()).collect()
}

/// Returns the link of a cell as `page#heading`.
fn link(cell: &str) -> Option<String> {
    let (_, link) = cell.split_once(BOOK)?;
    link.split(')').next().map(|link| link.replace("/index.html", ""))
}

/// Checks that the table below `heading` has exactly the attributes `keys`.
fn assert_complete(heading: &str, keys: &[&str]) {
    let listed: BTreeSet<_> = rows(heading).iter().flat_map(|(cell, _)| attributes(cell)).collect();
    assert_eq!(listed, keys.iter().copied().collect(), "the table of {heading}");
}

#[test]
fn tables_have_every_attribute() {
    for name in ["Struct", "Field", "Subsection"] {
        let noun = format!("{} attribute", name.to_lowercase());
        let level = LEVELS.iter().find(|level| level.noun == noun).unwrap();
        assert_complete(&format!("{name} attributes\n"), level.keys);
    }
}

#[test]
fn options_table_has_every_option() {
    let rows = rows("Options of attributes\n");
    for level in LEVELS.iter().filter(|level| level.noun.ends_with(" option")) {
        let attribute = parent(level.noun).unwrap();
        let row = rows.iter().find(|(cell, _)| attributes(cell) == [attribute]);
        let (_, options) = row.unwrap_or_else(|| panic!("no options of `{attribute}`"));
        let missing: Vec<_> = level.keys.iter().filter(|key| !mentions(options, key)).collect();
        assert!(missing.is_empty(), "the options of `{attribute}` lack {missing:?}");
    }
}

#[test]
fn attributes_link_to_their_sections() {
    let book = Book::read();
    for (cell, _) in rows("Struct attributes\n").into_iter().chain(rows("Field attributes\n")) {
        let (place, _) = book.section(attributes(cell)[0]).unwrap();
        assert_eq!(link(cell).as_deref(), Some(place), "{cell}");
    }
}

#[test]
fn links_lead_to_sections() {
    let book = Book::read();
    for link in PAGE.split(BOOK).skip(1).filter_map(|rest| rest.split(')').next()) {
        let place = link.replace("/index.html", "");
        let is_page = book.sections.keys().any(|section| section.split('#').next() == Some(&place));
        assert!(link == "index.html" || is_page || book.sections.contains_key(&place), "no section for {link}");
    }
}
