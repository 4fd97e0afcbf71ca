//! The forms and their sections in the book of attributes.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use vmstate::prelude::*;
use vmstate_tests::forms::{Form, Property, check};

fn workspace(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(workspace(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn page(name: &str) -> String {
    read(&format!("vmstate/src/attributes/{name}.md"))
}

/// Returns the section with a heading, up to the next one.
fn section<'p>(page: &'p str, heading: &str) -> Option<&'p str> {
    let plain = |line: &str| line.strip_prefix("# ").map(|text| text.replace('`', ""));
    // A comment in an example begins with `#`, too, but is not a heading of this name.
    let (at, line) = lines(page).find(|(_, line)| plain(line).as_deref() == Some(heading))?;
    let rest = &page[at + line.len()..];
    Some(&rest[..rest.find("\n# `").or_else(|| rest.find("\n\n# ")).unwrap_or(rest.len())])
}

fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split_inclusive('\n').scan(0, |next, line| {
        let at = *next;
        *next += line.len();
        Some((at, line.trim_end()))
    })
}

/// Returns the cells of the rows of a page's tables.
fn rows(page: &str) -> impl Iterator<Item = Vec<&str>> {
    let rows = page.lines().filter(|line| line.starts_with("| `"));
    rows.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect())
}

struct Documented;

impl Property for Documented {
    fn check<T: VmState + Debug + Send + 'static>(&self, form: &Form<T>) {
        let page = page(form.page);
        if form.page == "types" {
            let name = format!("`{}`", form.heading);
            let row = rows(&page).find(|row| row[0].contains(&name));
            let row = row.unwrap_or_else(|| panic!("{name} is not in the table of types"));
            assert!(row.len() == 3 && row[2].contains("VMSTATE_"), "no macro of QEMU: {row:?}");
            return;
        }
        let section = section(&page, form.heading).unwrap_or_else(|| panic!("no section `{}`", form.heading));
        let example = section.split("```").nth(1).expect("an example");
        assert!(example.contains("assert_eq!(") || example.contains("from_slice(&["), "no bytes in the example");
        // Attributes on types and parameters change no macro.
        let plain = ["repr", "Attributes on the type", "Generics", "bound"].contains(&form.heading);
        assert!(plain || section.contains("- In QEMU:"), "no macro of QEMU");
    }
}

#[test]
fn every_form_is_in_the_book() {
    check(&Documented);
}

/// Collects the sections of the forms, and their names.
#[derive(Default)]
struct Sections(RefCell<BTreeSet<(&'static str, &'static str)>>, RefCell<BTreeSet<&'static str>>);

impl Property for Sections {
    fn check<T: VmState + Debug + Send + 'static>(&self, form: &Form<T>) {
        self.0.borrow_mut().insert((form.page, form.heading));
        assert!(self.1.borrow_mut().insert(form.name), "two forms have this name");
    }
}

/// Types with the form of a macro of QEMU, or of the type inside of them. Other tests are about them.
const PLAIN: [&str; 11] = [
    "`u8`",
    "`bool`",
    "`f64`",
    "`f32`",
    "`[T; N]`",
    "`Box<T>`",
    "`Rc<RefCell<T>>`",
    "`NonZero<u16>`",
    "`AtomicU16`",
    "Unused<N>",
    "a struct",
];

#[test]
fn every_section_of_forms_has_a_form() {
    let sections = Sections::default();
    check(&sections);
    let known = sections.0.into_inner();
    let composed = page("composed");
    let headings = lines(&composed).filter_map(|(_, line)| line.strip_prefix("# "));
    let headings: Vec<_> = headings.filter(|heading| heading.chars().all(char::is_alphanumeric)).collect();
    assert!(headings.len() >= 8, "{headings:?}");
    for heading in headings {
        assert!(known.contains(&("composed", heading)), "no form for the section `{heading}`");
    }
    let types = page("types");
    let table = types.split("# Infos").next().expect("the table of types");
    for row in rows(table).filter(|row| !PLAIN.iter().any(|plain| row[0].contains(plain))) {
        let known = known.iter().any(|(page, heading)| *page == "types" && row[0].contains(&format!("`{heading}`")));
        assert!(known, "no form for the row {}", row[0]);
    }
}
