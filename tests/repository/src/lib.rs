//! Checks of the repository itself: the layers of its modules, and its prose.

use std::path::Path;

pub mod layers;
pub mod prose;

/// Returns the root folder of the repository.
#[must_use]
pub fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}
