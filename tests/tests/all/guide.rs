//! Checks the commands and tables in the guide, the README and other pages.

mod commands;
mod errors;

use std::fs;
use std::path::{Path, PathBuf};

/// Returns the root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the paths and texts of the pages that contain commands.
fn pages() -> Vec<(String, String)> {
    let folders = ["vmstate/src/guide", "vmstate/docs"].map(|folder| root().join(folder));
    let entries = folders.iter().flat_map(|folder| fs::read_dir(folder).unwrap());
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "md"));
    paths.extend(["README.md", "CONTRIBUTING.md", "vmstate/src/tutorial.md"].map(|file| root().join(file)));
    paths.sort();
    paths.into_iter().map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect()
}

/// Returns the text of the page `name` of the guide.
fn page(name: &str) -> String {
    fs::read_to_string(root().join(format!("vmstate/src/guide/{name}.md"))).unwrap()
}

#[test]
fn guide_lists_all_examples() {
    let page = page("README");
    let list = page.split("# Examples").nth(1).unwrap();
    for entry in fs::read_dir(root().join("examples/examples")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(list.contains(&format!("`{name}`")), "the guide does not list the example {name}");
    }
}

#[test]
fn walkthrough_shows_the_example() {
    let example = fs::read_to_string(root().join("examples/src/devices/stellaris_adc.rs")).unwrap();
    let device = example.split_once("// The guide shows the rest of this file.\n\n").unwrap().1;
    assert!(page("walkthrough").contains(device), "the page differs from the example");
}
