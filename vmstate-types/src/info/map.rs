//! Maps with their number of entries in front, as one value: `#[vmstate(with = Map<16>)]`.

use alloc::collections::BTreeMap;
use core::marker::PhantomData;

use super::collection::unique;
use super::hidden::check_max;
use super::sequence::{counted, load_count, save_count};
use super::{Codec, Info, Plain, members, several_fields};
use crate::description::{Description, Field, Form};
use crate::error::field::InField;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::walk;
use crate::wire::{Reader, Writer};

/// At most `MAX` entries in the order of their keys, after their number. Keys have the form `K`, values the form `V`.
///
/// The description is a struct with a `VMSTATE_UINT32` and a `VMSTATE_STRUCT_VARRAY_ALLOC`. For QEMU's `GTree`, use the
/// attribute `tree`.
#[derive(Debug)]
pub struct Map<const MAX: usize, K = Plain, V = Plain>(PhantomData<(K, V)>);

/// A map with a defined order.
///
/// It is implemented for `BTreeMap` and `HashMap`; implement it for other types to use [`Map`] with them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a map",
    label = "expected a map",
    note = "`Map` requires `BTreeMap`, `HashMap`, or a type that implements `vmstate::info::KeyedCollection`",
    note = "for `Vec` and sets, use `Sequence`"
)]
pub trait KeyedCollection {
    /// The type of the keys.
    type Key: Clone;
    /// The type of the values.
    type Value;

    /// The maximum number of entries; `None` if the map grows.
    const CAPACITY: Option<usize> = None;

    /// Returns the number of entries.
    fn length(&self) -> usize;

    /// Calls `save` for each entry in an order that only depends on the entries, up to the first error.
    ///
    /// # Errors
    /// Returns the error of `save`.
    fn save_each<E>(&mut self, save: impl FnMut(&Self::Key, &mut Self::Value) -> Result<(), E>) -> Result<(), E>;

    /// Calls `save` for each entry in the order of [`save_each`](Self::save_each), up to the first error.
    ///
    /// [`VmState::save_shared`](crate::VmState::save_shared) uses it.
    ///
    /// # Errors
    /// Returns the error of `save`.
    fn share_each<E>(&self, save: impl FnMut(&Self::Key, &Self::Value) -> Result<(), E>) -> Result<(), E>;

    /// Removes all entries.
    fn clear(&mut self);

    /// Adds an entry, and returns whether the key is new.
    fn insert(&mut self, key: Self::Key, value: Self::Value) -> bool;
}

impl<K: Clone + Ord, V> KeyedCollection for BTreeMap<K, V> {
    type Key = K;
    type Value = V;

    fn length(&self) -> usize {
        self.len()
    }

    fn save_each<E>(&mut self, mut save: impl FnMut(&K, &mut V) -> Result<(), E>) -> Result<(), E> {
        self.iter_mut().try_for_each(|(key, value)| save(key, value))
    }

    fn share_each<E>(&self, mut save: impl FnMut(&K, &V) -> Result<(), E>) -> Result<(), E> {
        self.iter().try_for_each(|(key, value)| save(key, value))
    }

    fn clear(&mut self) {
        Self::clear(self);
    }

    fn insert(&mut self, key: K, value: V) -> bool {
        Self::insert(self, key, value).is_none()
    }
}

#[cfg(feature = "std")]
mod hashed {
    use std::collections::HashMap;
    use std::hash::{BuildHasher, Hash};

    use alloc::vec::Vec;

    use super::KeyedCollection;

    impl<K: Clone + Ord + Hash, V, H: BuildHasher> KeyedCollection for HashMap<K, V, H> {
        type Key = K;
        type Value = V;

        fn length(&self) -> usize {
            self.len()
        }

        /// The smallest key is first, because the order in memory is random.
        fn save_each<E>(&mut self, mut save: impl FnMut(&K, &mut V) -> Result<(), E>) -> Result<(), E> {
            let mut entries: Vec<_> = self.iter_mut().collect();
            entries.sort_unstable_by(|left, right| left.0.cmp(right.0));
            entries.into_iter().try_for_each(|(key, value)| save(key, value))
        }

        fn share_each<E>(&self, mut save: impl FnMut(&K, &V) -> Result<(), E>) -> Result<(), E> {
            let mut entries: Vec<_> = self.iter().collect();
            entries.sort_unstable_by(|left, right| left.0.cmp(right.0));
            entries.into_iter().try_for_each(|(key, value)| save(key, value))
        }

        fn clear(&mut self) {
            Self::clear(self);
        }

        fn insert(&mut self, key: K, value: V) -> bool {
            Self::insert(self, key, value).is_none()
        }
    }
}

/// The descriptions of a map with the given types and forms.
struct Layout<M, K, V, const MAX: usize>(PhantomData<(M, K, V)>);

impl<M: KeyedCollection, K: Codec<M::Key>, V: Codec<M::Value>, const MAX: usize> Layout<M, K, V, MAX> {
    const ENTRY: &'static Description =
        &members::describe("entry", const { &[Field::new("key", K::FORM), Field::new("value", V::FORM)] });

    const DESCRIPTION: &'static Description = &members::describe(
        "map",
        const { &[members::count("count"), Field::new("entries", counted(Form::structure(Self::ENTRY), MAX))] },
    );
}

impl<M, K, V, const MAX: usize> Info<M> for Map<MAX, K, V>
where
    M: KeyedCollection<Key: Default, Value: Default>,
    K: Codec<M::Key>,
    V: Codec<M::Value>,
{
    const NAME: &'static str = "";
    const FORM: Form = Form::structure(Layout::<M, K, V, MAX>::DESCRIPTION);
    const EXCLUSIVE: Option<&'static str> = walk::exclusive(&[K::EXCLUSIVE, V::EXCLUSIVE]);

    several_fields!(M);

    fn save_elements<S: Sink>(map: &mut M, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        let description = Layout::<M, K, V, MAX>::DESCRIPTION;
        let count = map.length();
        save_counted(description, count, MAX, sink, at, element, |sink| {
            let mut elements = elements(count);
            map.save_each(|key, value| {
                // Keys in a map are immutable, but saving may run hooks that change the value.
                save_entry::<M, K, V, S, MAX>(
                    sink,
                    elements(),
                    |sink, at| K::save(&mut key.clone(), sink, at, ElementIndex::ONLY),
                    |sink, at| V::save(value, sink, at, ElementIndex::ONLY),
                )
            })
        })
    }

    fn share_elements<S: Sink>(map: &M, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        let description = Layout::<M, K, V, MAX>::DESCRIPTION;
        let count = map.length();
        save_counted(description, count, MAX, sink, at, element, |sink| {
            let mut elements = elements(count);
            map.share_each(|key, value| {
                save_entry::<M, K, V, S, MAX>(
                    sink,
                    elements(),
                    |sink, at| K::share(key, sink, at, ElementIndex::ONLY),
                    |sink, at| V::share(value, sink, at, ElementIndex::ONLY),
                )
            })
        })
    }

    fn load_elements(map: &mut M, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        let count = load_count(MAX, M::CAPACITY, reader).in_field("count")?;
        map.clear();
        for index in 0..count {
            let start = reader.offset();
            let loaded = load_entry::<M, K, V>(map, reader);
            loaded.map_err(|error| error.at_offset(start).in_element(index)).in_field("entries")?;
        }
        Ok(())
    }
}

/// Saves the number of entries, and the entries with `save`.
fn save_counted<S: Sink>(
    description: &'static Description,
    count: usize,
    max: usize,
    sink: &mut S,
    at: FieldRef,
    element: ElementIndex,
    save: impl FnOnce(&mut S) -> Result<(), SaveError>,
) -> Result<(), SaveError> {
    check_max(count, max)?;
    members::save(description, sink, at, element, |sink| {
        save_count(count, description, sink)?;
        save(sink).in_field("entries")
    })
}

/// Returns a function that returns the indices of `count` elements in order.
fn elements(count: usize) -> impl FnMut() -> ElementIndex {
    let mut indices = 0..count;
    move || ElementIndex::new(indices.next().unwrap_or(count), count)
}

fn save_entry<M, K, V, S, const MAX: usize>(
    sink: &mut S,
    element: ElementIndex,
    key: impl FnOnce(&mut S, FieldRef) -> Result<(), SaveError>,
    value: impl FnOnce(&mut S, FieldRef) -> Result<(), SaveError>,
) -> Result<(), SaveError>
where
    M: KeyedCollection,
    K: Codec<M::Key>,
    V: Codec<M::Value>,
    S: Sink,
{
    let at = FieldRef::new(Layout::<M, K, V, MAX>::DESCRIPTION, 1);
    let entry = Layout::<M, K, V, MAX>::ENTRY;
    let saved = members::save(entry, sink, at, element, |sink| {
        key(sink, FieldRef::new(entry, 0)).in_field("key")?;
        value(sink, FieldRef::new(entry, 1)).in_field("value")
    });
    saved.map_err(|error| error.in_element(element.index))
}

fn load_entry<M, K, V>(map: &mut M, reader: &mut Reader<'_>) -> Result<(), LoadError>
where
    M: KeyedCollection<Key: Default, Value: Default>,
    K: Codec<M::Key>,
    V: Codec<M::Value>,
{
    let (mut key, mut value) = (M::Key::default(), M::Value::default());
    K::load(&mut key, reader).in_field("key")?;
    V::load(&mut value, reader).in_field("value")?;
    unique(map.insert(key, value))
}
