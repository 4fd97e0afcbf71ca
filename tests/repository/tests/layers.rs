//! The modules of the published crates follow the table of layers in CONTRIBUTING.md and have no circles of imports.

use std::collections::BTreeSet;
use std::fs;

use vmstate_repository::layers::{Crate, Cycle, Import, Modules, Sources, Table, cycles, imports};
use vmstate_repository::root;

const CRATES: [Crate<'static>; 4] = [
    Crate { name: "vmstate_types", root: "vmstate-types/src/lib.rs" },
    Crate { name: "vmstate_derive", root: "vmstate-derive/src/lib.rs" },
    Crate { name: "vmstate", root: "vmstate/src/lib.rs" },
    Crate { name: "vmstate_cli", root: "vmstate/src/bin/vmstate/main.rs" },
];

/// A trait that calls its engine, and the engine, which is generic over the trait. The methods of `VmState` call the
/// walk over a struct. `MaybeSend` boxes devices as `Held`, whose hooks are boxed by `Threading`.
const TRAITS_AND_ENGINES: [[&str; 2]; 2] =
    [["vmstate_types::state", "vmstate_types::walk"], ["vmstate::registry::device", "vmstate::registry::threading"]];

fn table() -> Table {
    Table::parse(&fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap()).unwrap()
}

fn crates() -> Modules {
    let sources = Sources::read(root(), &["vmstate-types/src", "vmstate-derive/src", "vmstate/src"]).unwrap();
    Modules::parse(&sources, &CRATES).unwrap()
}

#[test]
fn no_module_imports_from_a_higher_layer() {
    let modules = crates();
    let violations = table().violations(&modules, &imports(&modules));
    let found: Vec<_> = violations.iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{} upward imports:\n{}", found.len(), found.join("\n"));
}

#[test]
fn siblings_do_not_import_each_other() {
    let is_engine = |cycle: &Cycle| TRAITS_AND_ENGINES.iter().any(|allowed| cycle.modules == *allowed);
    let found = cycles(&imports(&crates()));
    let new: Vec<_> = found.iter().filter(|cycle| !is_engine(cycle)).map(ToString::to_string).collect();
    assert!(new.is_empty(), "{} circles of imports:\n{}", new.len(), new.join("\n"));
}

#[test]
fn table_lists_every_module() {
    let (table, modules) = (table(), crates());
    assert_eq!(table.unlisted(&modules), BTreeSet::new(), "files in no layer of CONTRIBUTING.md");
    assert_eq!(table.unused(&modules), [""; 0], "paths in CONTRIBUTING.md that do not exist");
}

#[test]
fn guide_draws_the_layers_of_the_table() {
    let layers = fs::read_to_string(root().join("CONTRIBUTING.md")).unwrap();
    let guide = fs::read_to_string(root().join("vmstate/src/guide/README.md")).unwrap();
    let (_, rest) = guide.split_once("# Architecture\n").expect("the section");
    let diagram = rest.split("```").nth(1).expect("a diagram");
    let (mut owner, mut places) = ("", Vec::new());
    // The first column is the crate, if it is not the one of the line before.
    for line in diagram.lines().skip_while(|line| !line.starts_with("vmstate")).filter(|line| !line.is_empty()) {
        let (name, rest) = line.split_at(17);
        owner = if name.trim().is_empty() { owner } else { name.trim() };
        let module = format!("`{owner}/src/{}`", rest.split(' ').next().unwrap());
        places.push(layers.find(&module).unwrap_or_else(|| panic!("CONTRIBUTING.md does not list {module}")));
    }
    assert!(places.len() > 5 && places.is_sorted_by(|upper, lower| upper > lower), "from the top down: {places:?}");
}

/// A library of two layers, `low` and `high`, with these sources and an empty root module.
fn library(files: &[(&str, &str)]) -> (Table, Modules, BTreeSet<Import>) {
    let mut text = String::new();
    for name in files.iter().filter_map(|(path, _)| path.strip_suffix(".rs").filter(|path| !path.contains('/'))) {
        text += &format!("pub mod {name};\n");
    }
    let table = "## Layers\n\n| modules | for |\n|---|---|\n| `src/low`, `src/lower` | a |\n| `src/high` | b |\n";
    let (table, sources) = (Table::parse(table).unwrap(), with_root(&text, files));
    let modules = Modules::parse(&sources, &[Crate { name: "lib", root: "src/lib.rs" }]).unwrap();
    let imports = imports(&modules);
    (table, modules, imports)
}

fn with_root(root: &str, files: &[(&str, &str)]) -> Sources {
    let files = files.iter().map(|(path, text)| (format!("src/{path}"), *text));
    files.chain([("src/lib.rs".to_owned(), root)]).collect()
}

fn violations(files: &[(&str, &str)]) -> Vec<String> {
    let (table, modules, imports) = library(files);
    table.violations(&modules, &imports).iter().map(ToString::to_string).collect()
}

const HIGH: (&str, &str) = ("high.rs", "pub struct High;\npub mod inner;\n");
const INNER: (&str, &str) = ("high/inner.rs", "pub struct Inner;");

#[test]
fn upward_imports_are_found_in_every_form() {
    for low in [
        "use crate::high::High;",
        "use crate::high::{self};",
        "use crate::{high::inner::Inner as Other};",
        "pub(crate) use super::high::*;",
        "fn low(_: &crate::high::High) {}",
        "fn low() { let _ = super::high::High; }",
        "fn low() { use crate::high::High; }",
        "impl From<crate::high::High> for u8 {}",
        "mod inner { use super::super::high::High; }",
        "fn low() { println!(\"{:?}\", crate::high::High) }",
        "macro_rules! low { () => { $crate::high::High } }",
    ] {
        let found = violations(&[("low.rs", low), HIGH, INNER]);
        assert_eq!(found.len(), 1, "{low}: {found:?}");
        assert!(found[0].starts_with("lib::low"), "{found:?}");
        assert!(found[0].ends_with("but `src/low` is a layer below `src/high`"), "{found:?}");
    }
}

#[test]
fn downward_imports_and_test_code_are_allowed() {
    let low = "pub struct Low;\n#[cfg(test)]\nmod tests { use crate::high::High; }\n\
               #[cfg(test)]\nfn helper(_: crate::high::High) {}\npub(in crate::low) struct Private;";
    let high = "use crate::low::Low;\npub struct High;\npub mod inner;\nuse self::inner::Inner;";
    assert_eq!(violations(&[("low.rs", low), ("high.rs", high), INNER]), [""; 0]);
}

#[test]
fn re_exports_lead_to_the_definition() {
    let low = "use crate::{Low, High};";
    let sources = with_root(
        "mod low;\nmod lower;\nmod high;\npub use lower::*;\npub use high::inner::Inner as High;",
        &[("low.rs", low), ("lower.rs", "pub struct Low;"), HIGH, INNER],
    );
    let modules = Modules::parse(&sources, &[Crate { name: "lib", root: "src/lib.rs" }]).unwrap();
    let imports: Vec<_> = imports(&modules).into_iter().map(|import| (import.path, import.to)).collect();
    let expected = [("crate::High", "lib::high::inner"), ("crate::Low", "lib::lower")];
    assert_eq!(imports, expected.map(|(path, to)| (path.to_owned(), to.to_owned())));
}

/// The layer of a re-exporting module counts, even though the name is defined in a lower one.
#[test]
fn import_through_a_higher_layer_is_upward() {
    let files = [("low.rs", "use crate::high::Low;"), ("lower.rs", "pub struct Low;")];
    let found = violations(&[files[0], files[1], ("high.rs", "pub use crate::lower::Low;")]);
    assert_eq!(found, ["lib::low imports `crate::high::Low`, but `src/low` is a layer below `src/high`"]);
}

#[test]
fn circles_are_found_between_siblings() {
    let cycles_of = |files: &[(&str, &str)]| {
        let (_, _, imports) = library(files);
        cycles(&imports).iter().map(|cycle| cycle.modules.join(" ")).collect::<Vec<_>>()
    };
    let one = ("low.rs", "use crate::lower::Lower;\npub struct Low;");
    let other = ("lower.rs", "use crate::high::inner::Inner;\npub struct Lower;");
    let back = ("high.rs", "pub mod inner;\nuse crate::low::Low;");
    assert_eq!(cycles_of(&[one, other, HIGH, INNER]), [""; 0]);
    assert_eq!(cycles_of(&[one, other, back, INNER]), ["lib::high lib::low lib::lower"]);
    let parent = ("high.rs", "pub mod inner;\npub struct High;\nuse inner::Inner;");
    assert_eq!(cycles_of(&[parent, ("high/inner.rs", "use super::High;\npub struct Inner;")]), [""; 0]);
    let children = ("high.rs", "mod left;\nmod right;");
    let (left, right) = (("high/left.rs", "use super::right::R;\npub struct L;"), "use super::left::L;\npub struct R;");
    assert_eq!(cycles_of(&[children, left, ("high/right.rs", right)]), ["lib::high::left lib::high::right"]);
}

#[test]
fn files_outside_of_the_table_are_reported() {
    let (table, modules, _) = library(&[("low.rs", ""), ("other.rs", "")]);
    assert_eq!(table.unlisted(&modules), BTreeSet::from(["src/other.rs"]));
    assert_eq!(table.unused(&modules), ["src/lower", "src/high"]);
}
