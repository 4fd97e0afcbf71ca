//! The book of attributes (`vmstate/src/attributes`) has a section for every attribute, and no other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::parse::LEVELS;

/// The text of the book's front page, and of each section by `page#heading`.
pub(super) struct Book {
    front: String,
    pub(super) sections: BTreeMap<String, String>,
}

impl Book {
    pub(super) fn read() -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../vmstate/src/attributes");
        let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let pages = files.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
        let (mut front, mut sections) = (String::new(), BTreeMap::new());
        for path in pages {
            let (name, text) = (path.file_stem().unwrap().to_string_lossy(), fs::read_to_string(&path).unwrap());
            match name.as_ref() {
                "README" => front = text,
                name => sections.extend(headings(name, &text)),
            }
        }
        Self { front, sections }
    }

    /// Returns the place and the text of the section whose heading is the attribute `key` as code.
    pub(super) fn section(&self, key: &str) -> Option<(&str, &str)> {
        let heading = format!("`{key}`\n");
        let found = self.sections.iter().find(|(_, text)| text.starts_with(&heading));
        found.map(|(place, text)| (place.as_str(), text.as_str()))
    }
}

/// Returns the sections of a page with their headings, by the anchors that rustdoc gives them.
fn headings(page: &str, text: &str) -> Vec<(String, String)> {
    let (mut sections, mut in_example) = (Vec::new(), false);
    for line in text.lines() {
        in_example ^= line.starts_with("```");
        // In an example, `# ` hides a line.
        match line.strip_prefix("# ").filter(|_| !in_example) {
            Some(heading) => sections.push(format!("{heading}\n")),
            None => sections.iter_mut().last().into_iter().for_each(|section| *section += &format!("{line}\n")),
        }
    }
    sections.into_iter().map(|text| (place(page, &text), text)).collect()
}

/// Returns the place of a section, such as `values#skip`.
fn place(page: &str, text: &str) -> String {
    let heading = text.lines().next().unwrap_or_default().to_lowercase();
    let name = heading.replace(' ', "-");
    format!("{page}#{}", name.replace(|letter: char| !letter.is_alphanumeric() && letter != '-' && letter != '_', ""))
}

/// Returns the attribute that a level belongs to, such as `buffer` for "`buffer` option".
pub(super) fn parent(noun: &str) -> Option<&str> {
    match noun {
        "struct attribute" | "field attribute" => None,
        "subsection attribute" => Some("subsection"),
        noun => Some(noun.trim_end_matches(" option").trim_matches('`')),
    }
}

/// Returns whether `text` contains `key` as code: `` `max` ``, or `` `max = 4` ``.
pub(super) fn mentions(text: &str, key: &str) -> bool {
    text.split('`')
        .skip(1)
        .step_by(2)
        .any(|code| code.split(|letter: char| !letter.is_alphanumeric() && letter != '_').any(|word| word == key))
}

#[test]
fn every_attribute_has_a_section_with_an_example() {
    let book = Book::read();
    for key in LEVELS.iter().filter(|level| parent(level.noun).is_none()).flat_map(|level| level.keys) {
        let (place, text) = book.section(key).unwrap_or_else(|| panic!("the book has no section `{key}`"));
        let examples: Vec<_> = text.split("```").skip(1).step_by(2).collect();
        let shows = |example: &&str| mentions(&format!("`{example}`"), key) && example.contains("writer.");
        assert!(examples.iter().any(shows), "{place} has no example that shows the bytes");
    }
}

#[test]
fn every_option_is_in_the_section_of_its_attribute() {
    let book = Book::read();
    for level in LEVELS {
        let Some(attribute) = parent(level.noun) else { continue };
        let (_, text) = book.section(attribute).unwrap_or_else(|| panic!("the book has no section `{attribute}`"));
        let missing: Vec<_> = level.keys.iter().filter(|key| !mentions(text, key)).collect();
        assert!(missing.is_empty(), "the section `{attribute}` does not mention {missing:?}");
    }
}

#[test]
fn book_has_no_stale_sections() {
    let keys: BTreeSet<_> = LEVELS.iter().flat_map(|level| level.keys).copied().collect();
    for (place, text) in &Book::read().sections {
        let heading = text.lines().next().unwrap_or_default();
        let key = heading.strip_prefix('`').and_then(|heading| heading.strip_suffix('`'));
        assert!(key.is_none_or(|key| keys.contains(key)), "{place} documents an unknown attribute");
    }
}

/// rustdoc reports links to missing pages, but not to missing headings.
#[test]
fn links_lead_to_headings() {
    let book = Book::read();
    let pages: BTreeSet<_> = book.sections.keys().filter_map(|place| place.split('#').next()).collect();
    let texts = book.sections.iter().map(|(place, text)| (place.split('#').next().unwrap_or_default(), text));
    for (page, text) in texts.chain([("", &book.front)]) {
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            let target = if link.starts_with('#') { format!("{page}{link}") } else { link.to_owned() };
            let ours = target.split_once('#').is_some_and(|(page, _)| pages.contains(page));
            assert!(!ours || book.sections.contains_key(&target), "{page} links to {link}, which does not exist");
        }
    }
}
