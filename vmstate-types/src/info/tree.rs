//! Balanced trees: QEMU's `gtree`, which is a `BTreeMap` here.

use alloc::collections::BTreeMap;
use alloc::format;

use super::hidden::check_max;
use super::list::more;
use crate::description::{Description, Form, Kind};
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::VmState;
use crate::walk;
use crate::wire::Reader;

/// A tree's key: a described struct, or a number that stands on the wire as 64 bits ([`Direct`]).
pub trait Key<K>: Sized {
    /// The key's shape, if it is a struct.
    const DESCRIPTION: Option<&'static Description>;

    /// Writes the key.
    ///
    /// # Errors
    /// When it cannot be saved.
    fn save<S: Sink>(key: &K, sink: &mut S) -> Result<(), SaveError>;

    /// Reads a key.
    ///
    /// # Errors
    /// When it cannot be loaded.
    fn load(reader: &mut Reader<'_>, version: u32) -> Result<K, LoadError>;
}

/// Keys that are described structs.
#[derive(Debug)]
pub struct Described;

/// Keys that are 64-bit numbers (`VMSTATE_GTREE_DIRECT_KEY_V`).
#[derive(Debug)]
pub struct Direct;

impl<K: VmState + Clone + Default> Key<K> for Described {
    const DESCRIPTION: Option<&'static Description> = Some(K::DESCRIPTION);

    fn save<S: Sink>(key: &K, sink: &mut S) -> Result<(), SaveError> {
        // A key in a tree cannot be changed, and hooks may change what they save.
        walk::save(&mut key.clone(), sink, K::DESCRIPTION.version)
    }

    fn load(reader: &mut Reader<'_>, version: u32) -> Result<K, LoadError> {
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

    fn save<S: Sink>(key: &K, sink: &mut S) -> Result<(), SaveError> {
        let number = u64::try_from(*key).map_err(|_| SaveError::out_of_range("a key that is no 64-bit number"))?;
        sink.out().u64(number);
        Ok(())
    }

    fn load(reader: &mut Reader<'_>, _: u32) -> Result<K, LoadError> {
        let (start, number) = (reader.offset(), reader.u64()?);
        K::try_from(number).map_err(|_| LoadError::malformed("a key that fits its type", number).at_offset(start))
    }
}

/// A tree whose keys are of the sort `Keys`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a tree type",
    label = "expected a `BTreeMap` of structs",
    note = "`tree` requires `BTreeMap` with keys and values that derive `VmState`; with `tree(direct)` the keys are integers"
)]
pub trait Tree<Keys> {
    /// What it is on the wire.
    const FORM: Form;

    /// The version at which keys and values are loaded where nothing else is said: the values' own.
    const VERSION: u32;

    /// Whether keys are saved at that version, too, if they have one.
    const AGREES: bool;

    /// Saves the number of nodes, at most `max`, then key and value of each in order, each at its type's own version.
    ///
    /// # Errors
    /// When there are more nodes, which nobody could load, or a key or a value refuses.
    fn save<S: Sink>(&mut self, max: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>;

    /// Replaces the nodes by those of the stream, at most `max`, keys and values loaded at `version`.
    ///
    /// # Errors
    /// When there are more nodes, not as many as announced, or the same key twice; when one cannot be loaded.
    fn load(&mut self, max: usize, version: u32, reader: &mut Reader<'_>) -> Result<(), LoadError>;
}

impl<Keys: Key<K>, K: Ord, V: VmState + Default> Tree<Keys> for BTreeMap<K, V> {
    const FORM: Form = Form::new(Kind::Tree { key: Keys::DESCRIPTION, value: V::DESCRIPTION }, None);
    const VERSION: u32 = V::DESCRIPTION.version;
    const AGREES: bool = match Keys::DESCRIPTION {
        Some(key) => key.version == V::DESCRIPTION.version,
        None => true,
    };

    fn save<S: Sink>(&mut self, max: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
        check_max(self.len(), max)?;
        let count = u32::try_from(self.len()).map_err(|_| SaveError::out_of_range("more than 2^32 nodes"))?;
        sink.begin_element(at, ElementIndex::ONLY);
        sink.out().u32(count);
        for (index, (key, value)) in self.iter_mut().enumerate() {
            sink.out().u8(1);
            Keys::save(key, sink).map_err(|error| error.in_element(index))?;
            walk::save(value, sink, V::DESCRIPTION.version).map_err(|error| error.in_element(index))?;
        }
        sink.out().u8(0);
        sink.end_element();
        Ok(())
    }

    fn load(&mut self, max: usize, version: u32, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        for description in Keys::DESCRIPTION.into_iter().chain([V::DESCRIPTION]) {
            walk::check_version(description, version).map_err(|error| error.at_offset(reader.offset()))?;
        }
        let announced = announced(max, reader)?;
        self.clear();
        let mut count = 0_u32;
        while more(reader)? {
            let start = reader.offset();
            if count == announced {
                return Err(inconsistent(announced, "another one").at_offset(start));
            }
            load_node::<Keys, K, V>(self, version, reader)
                .map_err(|error| error.in_element(usize::try_from(count).unwrap_or(usize::MAX)).at_offset(start))?;
            count += 1;
        }
        match count == announced {
            true => Ok(()),
            false => Err(inconsistent(announced, &format!("the end after {count}")).at_offset(reader.offset())),
        }
    }
}

/// The number of nodes that follow, at most `max`.
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
        Some(_) => Err(LoadError::malformed("each key once", "a key again")),
    }
}

fn inconsistent(announced: u32, found: &str) -> LoadError {
    LoadError::malformed(format!("{announced} nodes, as announced"), found)
        .with_qemu_message("inconsistent stream when loading the gtree")
}
