//! The list of QEMU's behaviors and their tests.

use std::collections::HashSet;
use std::fs;
use std::path::Path;

/// Collects the names of the functions in a file or folder.
fn functions(path: &Path, names: &mut HashSet<String>) {
    if path.is_dir() {
        fs::read_dir(path).unwrap().for_each(|entry| functions(&entry.unwrap().path(), names));
    } else if path.extension().is_some_and(|extension| extension == "rs") {
        let text = fs::read_to_string(path).unwrap();
        let tests = text.split("#[test]").skip(1).filter_map(|rest| rest.split_once("fn ")?.1.split_once('('));
        names.extend(tests.map(|(name, _)| name.to_owned()));
    }
}

#[test]
fn listed_tests_exist_and_have_a_verdict() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut names = HashSet::new();
    for folder in ["../vmstate/src", "tests"] {
        functions(&root.join(folder), &mut names);
    }
    let page = include_str!("rows.md");
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| behavior")).collect();
    assert!(rows.len() > 50, "{} rows", rows.len());
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split('|').map(str::trim).collect();
        let [_, tests, verdict] = cells[..] else { panic!("not three cells: {row}") };
        assert!(verdict.starts_with("same") || verdict.starts_with("differs: "), "no verdict: {row}");
        for test in tests.split(", ") {
            assert!(names.contains(test.trim_matches('`')), "no test {test}");
        }
    }
}
