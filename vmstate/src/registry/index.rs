//! Index of names, instance ids and section ids, so that a lookup does not have to search all entries.

use std::collections::{BTreeSet, HashMap};

use super::entry::{Entry, Key};
use super::threading::Threading;

/// The names and ids of a registry's entries.
#[derive(Debug, Default)]
pub(super) struct Index {
    names: HashMap<String, Uses>,
    section_ids: BTreeSet<u32>,
}

/// The entries that use a name.
#[derive(Debug, Default)]
struct Uses {
    /// The sections of this name, by instance id.
    own: Vec<(u32, Key)>,
    /// The sections that use the name and the instance id in streams of old machines.
    old: Vec<(u32, Key)>,
    /// The highest instance id of the name as an old name.
    highest_old: Option<u32>,
}

impl Index {
    /// Creates an index of `entries`.
    pub(super) fn from_entries<T: Threading>(entries: &[Entry<'_, T>]) -> Self {
        let mut index = Self::default();
        entries.iter().for_each(|entry| index.add(entry));
        index
    }

    /// Adds an entry whose ids are free.
    pub(super) fn add<T: Threading>(&mut self, entry: &Entry<'_, T>) {
        let (header, key) = (&entry.header, entry.key());
        self.section_ids.insert(header.section_id);
        let own = self.uses(&header.name);
        insert(&mut own.own, header.instance_id, key);
        if let Some(alias_id) = entry.alias_id {
            insert(&mut own.old, alias_id, key);
        }
        let Some((name, instance_id)) = &entry.compat else { return };
        let old = self.uses(name);
        old.highest_old = old.highest_old.max(Some(*instance_id));
        for instance_id in [Some(*instance_id), entry.alias_id].into_iter().flatten() {
            insert(&mut old.old, instance_id, key);
        }
    }

    /// Returns one more than the highest instance id of the name.
    pub(super) fn next_id(&self, name: &str) -> u32 {
        let highest = self.names.get(name).and_then(|uses| uses.own.last());
        highest.map_or(0, |(highest, _)| highest.saturating_add(1))
    }

    /// Returns one more than the highest instance id of the name as an old name
    /// (`calculate_compat_instance_id`).
    pub(super) fn next_old_id(&self, name: &str) -> u32 {
        let highest = self.names.get(name).and_then(|uses| uses.highest_old);
        highest.map_or(0, |highest| highest.saturating_add(1))
    }

    /// Returns one more than the highest section id, at least 1.
    pub(super) fn next_section_id(&self) -> u32 {
        self.section_ids.last().map_or(1, |highest| highest.saturating_add(1))
    }

    /// Returns whether a section has this name and instance id.
    pub(super) fn has(&self, name: &str, instance_id: u32) -> bool {
        self.names.get(name).is_some_and(|uses| uses.own.binary_search_by_key(&instance_id, |(id, _)| *id).is_ok())
    }

    /// Returns whether a section has this section id.
    pub(super) fn has_section_id(&self, section_id: u32) -> bool {
        self.section_ids.contains(&section_id)
    }

    /// Iterates over the entries that load sections with this name and instance id ([`Entry::answers_to`]). Only an old
    /// name can have several.
    pub(super) fn answering(&self, name: &str, instance_id: u32) -> impl Iterator<Item = Key> {
        let uses = self.names.get(name).into_iter();
        let lists = uses.flat_map(|uses| [&uses.own, &uses.old]);
        lists.flat_map(move |uses| under(uses, instance_id)).map(|(_, key)| *key)
    }

    fn uses(&mut self, name: &str) -> &mut Uses {
        self.names.entry(name.to_owned()).or_default()
    }
}

/// Iterates over the uses of `id`.
fn under(uses: &[(u32, Key)], id: u32) -> impl Iterator<Item = &(u32, Key)> {
    let (_, from) = uses.split_at(uses.partition_point(|(other, _)| *other < id));
    from.iter().take_while(move |(other, _)| *other == id)
}

/// Inserts a use in the order of ids. This is cheap because new ids are mostly the highest ones.
fn insert(uses: &mut Vec<(u32, Key)>, id: u32, key: Key) {
    let place = uses.partition_point(|(other, _)| *other <= id);
    uses.insert(place, (id, key));
}
