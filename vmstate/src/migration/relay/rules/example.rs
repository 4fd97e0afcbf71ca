//! A stream as an example of a release.

use std::collections::{HashMap, HashSet};

use vmstate_types::LoadError;

use super::layout::{Layout, layout_of};
use crate::dynamic::{DecodedSection, StreamDecoder, StreamEvent};
use crate::stream::SectionHeader;

/// The number of bytes of pages that are skipped at once.
const CHUNK: usize = 64 << 10;

/// A section of an example.
pub(super) type ExampleSection = (SectionHeader, DecodedSection);

/// A stream as an example of a release.
pub(super) struct Example {
    pub(super) machine: Option<String>,
    pub(super) blocks: Vec<(String, u64)>,
    pub(super) sections: Vec<ExampleSection>,
}

impl Example {
    pub(super) fn read(walk: &mut StreamDecoder<'_, '_>) -> Result<Self, LoadError> {
        let machine = walk.configuration().map(|configuration| configuration.machine.clone());
        let mut sections = Vec::new();
        loop {
            if !walk.data(CHUNK)?.is_empty() {
                continue;
            }
            match walk.next_event()? {
                Some(StreamEvent::Section { header, section, .. }) => sections.push((header, section)),
                Some(_) => {}
                None => break,
            }
        }
        let blocks = walk.ram().blocks().iter().map(|block| (block.idstr.clone(), block.size)).collect();
        Ok(Self { machine, blocks, sections })
    }

    /// Returns the section of this name, with the same instance id if it exists.
    pub(super) fn find(&self, header: &SectionHeader) -> Option<&ExampleSection> {
        let same_name = |(other, _): &&ExampleSection| other.name == header.name;
        let mut named = self.sections.iter().filter(same_name);
        let first = named.clone().next();
        named.find(|(other, _)| other.instance_id == header.instance_id).or(first)
    }
}

/// Returns the sections that the release of `new` has renamed, by their old names: the sections of each example without a
/// section of the same name in the other one, if only one of each has their layout and their place on a bus.
pub(super) fn renamed<'e>(old: &'e Example, new: &'e Example) -> HashMap<&'e str, &'e ExampleSection> {
    let others = unpaired(new, old);
    let pair = |(key, section): (Key<'e>, Option<&'e ExampleSection>)| {
        let other = others.get(&key).copied().flatten()?;
        Some((section?.0.name.as_str(), other))
    };
    unpaired(old, new).into_iter().filter_map(pair).collect()
}

/// The place of a device on a bus, and the layout of its section.
type Key<'e> = (Option<&'e str>, Layout<'e>);

/// Returns the sections without a section of the same name in the other example; `None` for several names.
fn unpaired<'e>(example: &'e Example, other: &'e Example) -> HashMap<Key<'e>, Option<&'e ExampleSection>> {
    let names: HashSet<&str> = other.sections.iter().map(|(header, _)| header.name.as_str()).collect();
    let mut found: HashMap<_, Option<&ExampleSection>> = HashMap::new();
    for entry @ (header, section) in &example.sections {
        let layout = section.state().and_then(layout_of).filter(|layout| !layout.is_empty());
        let Some(layout) = layout.filter(|_| !names.contains(header.name.as_str())) else { continue };
        let place = header.name.rsplit_once('/').map(|(place, _)| place);
        let first = found.entry((place, layout)).or_insert(Some(entry));
        if first.is_some_and(|(first, _)| first.name != header.name) {
            *first = None;
        }
    }
    found
}
