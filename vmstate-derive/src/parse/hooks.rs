//! The hooks of a struct or of a subsection.

use syn::Ident;

use super::function::Function;
use super::once::Once;

/// The four hooks.
#[derive(Default)]
pub(crate) struct Hooks {
    pub(crate) pre_save: Once<Function>,
    pub(crate) post_save: Once<Function>,
    pub(crate) pre_load: Once<Function>,
    pub(crate) post_load: Once<Function>,
}

impl Hooks {
    /// Returns all hooks that are set, with their keys.
    pub(crate) fn all(&self) -> impl Iterator<Item = (&Ident, &Function)> {
        [&self.pre_save, &self.post_save, &self.pre_load, &self.post_load].into_iter().filter_map(Once::entry)
    }
}
