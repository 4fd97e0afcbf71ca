//! The description of a stream that is being saved, composed of the texts of its sections.

use crate::ram::RamOptions;
use crate::registry::{Entry, Threading};
use crate::schema::{self, Release};
use crate::stream::Configuration;

/// The parts of descriptions that a machine keeps from one save to the next. The texts of sections are in their entries.
#[derive(Debug, Default)]
pub(crate) struct DescriptionCache {
    /// The text before the first device, with the values that it depends on.
    beginning: Option<(Beginning, String)>,
    /// The indexes of the entries whose sections have been described, in the order of the stream.
    described: Vec<usize>,
}

/// The values that the text before the first device depends on, besides the machine's configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Beginning {
    release: Release,
    page_size: u64,
    configured: bool,
    /// Set if guest memory has fixed places in a file, which adds a capability to the configuration.
    mapped: bool,
}

impl DescriptionCache {
    /// Removes the text of another configuration.
    pub(crate) fn reconfigure(&mut self) {
        self.beginning = None;
    }

    /// Begins the description of a stream.
    pub(super) fn begin(&mut self, release: Release, page_size: u64, configuration: Option<&Configuration>) {
        self.described.clear();
        let capabilities = configuration.and_then(|configuration| configuration.capabilities.as_deref());
        let mapped = RamOptions::from_capabilities(capabilities.unwrap_or_default()).mapped;
        let this = Beginning { release, page_size, configured: configuration.is_some(), mapped };
        if self.beginning.as_ref().is_none_or(|(other, _)| *other != this) {
            self.beginning = Some((this, schema::beginning(release, page_size, configuration)));
        }
    }

    /// Adds the section of the entry at `index`, which has been described.
    pub(super) fn add(&mut self, index: usize) {
        self.described.push(index);
    }

    /// Iterates over the pieces of the description. `more` are the texts of sections without entries.
    pub(super) fn pieces<'t, 'd: 't, T: Threading>(
        &'t self,
        entries: &'t [Entry<'d, T>],
        more: &'t [String],
    ) -> impl Iterator<Item = &'t str> {
        let beginning = self.beginning.iter().map(|(_, text)| text.as_str());
        let entries = self.described.iter().filter_map(|index| entries.get(*index));
        let devices = entries.map(|entry| entry.text.as_str()).chain(more.iter().map(String::as_str));
        let separators = std::iter::once("").chain(std::iter::repeat(schema::SEPARATOR));
        let devices = separators.zip(devices).flat_map(|(separator, text)| [separator, text]);
        beginning.chain(devices).chain([schema::END])
    }
}
