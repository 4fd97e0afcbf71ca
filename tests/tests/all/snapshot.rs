//! Named snapshots.

mod folder;
mod images;
mod incremental;
mod processes;
mod stores;
mod threads;

use std::path::Path;

use vmstate::snapshot::Store;
use vmstate_tests::saved_guest::Guest;

/// Returns the ids and names of all snapshots.
fn names(store: &dyn Store) -> Vec<(String, String)> {
    store.list().unwrap().into_iter().map(|snapshot| (snapshot.id, snapshot.name)).collect()
}

/// Returns the names of the files in a folder, sorted.
fn files(path: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(path).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}
