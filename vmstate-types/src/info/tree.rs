//! Balanced trees: QEMU's `gtree`, which is a `BTreeMap` here.

use alloc::collections::BTreeMap;
use alloc::format;

use super::hidden::check_max;
use super::list::more;
use super::sealed::{Seal, Sealed};
use crate::description::{Description, Form, Kind};
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::VmState;
use crate::walk;
use crate::wire::Reader;

/// A kind of tree keys: described structs ([`Described`]), or 64-bit numbers ([`Direct`]).
pub trait Key<K>: Sealed + Sized {
    /// The description of the key, if it is a struct.
    const DESCRIPTION: Option<&'static Description>;

    /// Writes the key.
    ///
    /// # Errors
    /// Returns an error if the key cannot be saved.
    fn save<S: Sink>(key: &K, sink: &mut S) -> Result<(), SaveError>;

    /// The reason why a key cannot be saved through a shared reference, if one exists.
    const EXCLUSIVE: Option<&'static str>;

    /// Writes the key through a shared reference.
    ///
    /// # Errors
    /// Returns the same errors as [`save`](Self::save).
    fn share<S: Sink>(key: &K, sink: &mut S) -> Result<(), SaveError>;

    /// Reads a key.
    ///
    /// # Errors
    /// Returns an error if the key cannot be loaded.
    fn load(reader: &mut Reader<'_>, version: u32) -> Result<K, LoadError>;
}

/// Keys that are described structs.
#[derive(Debug)]
pub struct Described;

/// Keys that are 64-bit numbers (`VMSTATE_GTREE_DIRECT_KEY_V`).
#[derive(Debug)]
pub struct Direct;

impl Sealed for Described {}

impl Sealed for Direct {}

impl<K: VmState + Clone + Default> Key<K> for Described {
    const DESCRIPTION: Option<&'static Description> = Some(K::DESCRIPTION);
    const EXCLUSIVE: Option<&'static str> = K::EXCLUSIVE;

    fn save<S: Sink>(key: &K, sink: &mut S) -> Result<(), SaveError> {
        // Keys in a map are immutable, but saving may run hooks that change the value.
        let version = walk::nested_version(K::DESCRIPTION, sink.out().version());
        walk::save(&mut key.clone(), sink, version)
    }

    fn share<S: Sink>(key: &K, sink: &mut S) -> Result<(), SaveError> {
        let version = walk::nested_version(K::DESCRIPTION, sink.out().version());
        walk::share(key, sink, version)
    }

    fn load(reader: &mut Reader<'_>, version: u32) -> Result<K, LoadError> {
        let version = if reader.is_checkpoint() { K::DESCRIPTION.version } else { version };
        let mut key = K::default();
        walk::load(&mut key, reader, version)?;
        Ok(key)
    }
}

impl<K: Copy + TryFrom<u64>> Key<K> for Direct
where
    u64: TryFrom<K>,
{
    const DESCRIPTION: Option<&'static Description> = None;
    const EXCLUSIVE: Option<&'static str> = None;

    fn save<S: Sink>(key: &K, sink: &mut S) -> Result<(), SaveError> {
        Self::share(key, sink)
    }

    fn share<S: Sink>(key: &K, sink: &mut S) -> Result<(), SaveError> {
        let number = u64::try_from(*key).map_err(|_| SaveError::out_of_range("the key does not fit into 64 bits"))?;
        sink.bytes(&number.to_be_bytes());
        Ok(())
    }

    fn load(reader: &mut Reader<'_>, _: u32) -> Result<K, LoadError> {
        let start = reader.offset();
        let number = reader.u64()?;
        K::try_from(number)
            .map_err(|_| LoadError::malformed("a key within the range of its type", number).at_offset(start))
    }
}

/// A tree with keys of the kind `Keys`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tree type",
    label = "expected a `BTreeMap` of structs",
    note = "`tree` requires `BTreeMap` with keys and values that derive `VmState`; with `tree(direct)` the keys are integers"
)]
pub trait Tree<Keys> {
    #[doc(hidden)]
    const SEAL: Seal;

    /// The wire format.
    const FORM: Form;

    /// Returns the default version of keys and values in a load: the current version of the values, or the parent's.
    fn version(parent: u32) -> u32;

    /// Set if keys are also saved at that version, if they have one.
    const AGREES: bool;

    /// Saves the number of nodes, at most `max`, and the key and value of each in order, at their current versions.
    ///
    /// # Errors
    /// Returns an error if there are more nodes, or a key or value cannot be saved.
    fn save<S: Sink>(&mut self, max: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>;

    /// The reason why the nodes cannot be saved through a shared reference, if one exists.
    const EXCLUSIVE: Option<&'static str>;

    /// Saves the nodes through a shared reference.
    ///
    /// # Errors
    /// Returns the same errors as [`save`](Self::save).
    fn share<S: Sink>(&self, max: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>;

    /// Replaces the nodes with those in the stream, at most `max`, with keys and values loaded at `version`.
    ///
    /// # Errors
    /// Returns an error if there are more nodes, another number than announced, or a duplicate key, or if a node cannot
    /// be loaded.
    fn load(&mut self, max: usize, version: u32, reader: &mut Reader<'_>) -> Result<(), LoadError>;
}

impl<Keys: Key<K>, K: Ord, V: VmState + Default> Tree<Keys> for BTreeMap<K, V> {
    const SEAL: Seal = Seal;
    const FORM: Form = Form::new(Kind::Tree { key: Keys::DESCRIPTION, value: V::DESCRIPTION }, None);
    const AGREES: bool = match Keys::DESCRIPTION {
        Some(key) if key.inherits && V::DESCRIPTION.inherits => true,
        Some(key) => key.version == V::DESCRIPTION.version && key.inherits == V::DESCRIPTION.inherits,
        None => true,
    };

    fn version(parent: u32) -> u32 {
        walk::nested_version(V::DESCRIPTION, parent)
    }

    const EXCLUSIVE: Option<&'static str> = walk::exclusive(&[Keys::EXCLUSIVE, V::EXCLUSIVE]);

    fn save<S: Sink>(&mut self, max: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
        check_max(self.len(), max)?;
        let version = <Self as Tree<Keys>>::version(sink.out().version());
        save_each(self.iter_mut(), sink, at, |(key, value), sink| {
            Keys::save(key, sink)?;
            walk::save(value, sink, version)
        })
    }

    fn share<S: Sink>(&self, max: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
        check_max(self.len(), max)?;
        let version = <Self as Tree<Keys>>::version(sink.out().version());
        save_each(self.iter(), sink, at, |(key, value), sink| {
            Keys::share(key, sink)?;
            walk::share(value, sink, version)
        })
    }

    fn load(&mut self, max: usize, version: u32, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        // A save writes the current versions, which another version of the field cannot read.
        let version = if reader.is_checkpoint() { V::DESCRIPTION.version } else { version };
        for description in Keys::DESCRIPTION.into_iter().chain([V::DESCRIPTION]) {
            walk::check_version(description, version).map_err(|error| error.at_offset(reader.offset()))?;
        }
        let announced = announced(max, reader)?;
        self.clear();
        let mut count = 0_u32;
        while more(reader)? {
            let start = reader.offset();
            // As in get_gtree of QEMU's migration/vmstate-types.c, the announced number and the end marker must agree.
            if count == announced {
                return Err(inconsistent(announced, "another one").at_offset(start));
            }
            load_node::<Keys, K, V>(self, version, reader)
                .map_err(|error| error.in_element(usize::try_from(count).unwrap_or(usize::MAX)).at_offset(start))?;
            count += 1;
        }
        if count == announced {
            return Ok(());
        }
        Err(inconsistent(announced, &format!("the end after {count}")).at_offset(reader.offset()))
    }
}

fn save_each<T, S: Sink>(
    nodes: impl ExactSizeIterator<Item = T>,
    sink: &mut S,
    at: FieldRef,
    save: impl Fn(T, &mut S) -> Result<(), SaveError>,
) -> Result<(), SaveError> {
    let count = u32::try_from(nodes.len())
        .map_err(|_| SaveError::out_of_range("the number of nodes does not fit into 32 bits"))?;
    sink.begin_element(at, ElementIndex::ONLY);
    sink.bytes(&count.to_be_bytes());
    for (index, node) in nodes.enumerate() {
        sink.bytes(&[1]);
        save(node, sink).map_err(|error| error.in_element(index))?;
    }
    sink.bytes(&[0]);
    sink.end_element();
    Ok(())
}

/// Reads the number of nodes, at most `max`.
fn announced(max: usize, reader: &mut Reader<'_>) -> Result<u32, LoadError> {
    let start = reader.offset();
    let announced = reader.u32()?;
    match usize::try_from(announced) {
        Ok(count) if count <= max => Ok(announced),
        _ => Err(LoadError::malformed(format!("at most {max} nodes (max = {max})"), announced).at_offset(start)),
    }
}

fn load_node<Kind, K, V>(tree: &mut BTreeMap<K, V>, version: u32, reader: &mut Reader<'_>) -> Result<(), LoadError>
where
    Kind: Key<K>,
    K: Ord,
    V: VmState + Default,
{
    let key = Kind::load(reader, version)?;
    let mut value = V::default();
    walk::load(&mut value, reader, version)?;
    match tree.insert(key, value) {
        None => Ok(()),
        Some(_) => Err(LoadError::malformed("unique keys", "a duplicate key")),
    }
}

fn inconsistent(announced: u32, found: &str) -> LoadError {
    LoadError::malformed(format!("{announced} nodes, as announced"), found)
        .with_qemu_message("inconsistent stream when loading the gtree")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::description::Field;
    use crate::wire::Writer;

    const PARENT: &Description = &Description::new("parent").fields(&[Field::new("tree", Form::info("any", None))]);

    /// A value of the versions 2 and 3, without bytes.
    #[derive(Debug, Default, PartialEq)]
    struct Empty;

    impl VmState for Empty {
        const DESCRIPTION: &'static Description = &Description::new("empty").versions(3, 2);

        fn share_fields<S: Sink>(&self, _: &mut S, _: u32) -> Result<(), SaveError> {
            Ok(())
        }

        fn load_fields(&mut self, _: &mut Reader<'_>, _: u32) -> Result<(), LoadError> {
            Ok(())
        }
    }

    #[test]
    fn unsupported_version_of_an_empty_tree_is_rejected() {
        let at = FieldRef::new(PARENT, 0);
        let mut tree = BTreeMap::<u64, Empty>::new();
        let mut out = Writer::new();
        Tree::<Direct>::save(&mut tree, 4, &mut out, at).unwrap();
        for (version, supported) in [(1, false), (2, true), (3, true), (4, false)] {
            let loaded = Tree::<Direct>::load(&mut tree, 4, version, &mut Reader::from_slice(out.pending()));
            assert_eq!(loaded.is_ok(), supported, "version {version}");
        }
    }
}
