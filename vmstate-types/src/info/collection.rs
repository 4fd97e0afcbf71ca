//! Collections that [`Sequence`](super::Sequence) can save: the trait, and its implementations for the standard ones.

use alloc::boxed::Box;
use alloc::collections::{BTreeSet, BinaryHeap, LinkedList, VecDeque};
use alloc::vec::Vec;

use super::container::Counted;
use crate::error::LoadError;

/// A collection of items in a defined order.
///
/// Equal collections must have their items in the same order, so that equal states have equal bytes. A type without an
/// order, such as `HashSet`, sorts its items.
///
/// ```
/// use vmstate_types::info::{Collection, Sequence};
/// use vmstate_types::{LoadError, VmState, Writer};
///
/// /// A stack with at most 16 entries.
/// #[derive(Default)]
/// struct Stack {
///     entries: Vec<u16>,
/// }
///
/// impl Collection for Stack {
///     type Item = u16;
///     const CAPACITY: Option<usize> = Some(16);
///
///     fn length(&self) -> usize {
///         self.entries.len()
///     }
///
///     fn save_each<E>(&mut self, save: impl FnMut(&mut u16) -> Result<(), E>) -> Result<(), E> {
///         self.entries.iter_mut().try_for_each(save)
///     }
///
///     fn share_each<E>(&self, save: impl FnMut(&u16) -> Result<(), E>) -> Result<(), E> {
///         self.entries.iter().try_for_each(save)
///     }
///
///     fn load_each(
///         &mut self,
///         count: usize,
///         mut load: impl FnMut(&mut u16) -> Result<(), LoadError>,
///     ) -> Result<(), LoadError> {
///         self.entries.clear();
///         for _ in 0..count {
///             let mut entry = 0;
///             load(&mut entry)?;
///             self.entries.push(entry);
///         }
///         Ok(())
///     }
/// }
///
/// #[derive(VmState, Default)]
/// struct Cpu {
///     #[vmstate(with = Sequence<16>)]
///     stack: Stack,
/// }
///
/// let mut writer = Writer::new();
/// Cpu { stack: Stack { entries: vec![5, 6] } }.save(&mut writer)?;
/// assert_eq!(writer.pending(), [0, 0, 0, 2, 0, 5, 0, 6]);
/// # Ok::<(), vmstate_types::SaveError>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a collection",
    label = "expected a collection",
    note = "`Sequence` requires `Vec`, `VecDeque`, `LinkedList`, `BTreeSet`, `HashSet`, `BinaryHeap`, `Box<[T]>`, or a type that implements `vmstate::info::Collection`",
    note = "for `BTreeMap` and `HashMap`, use `Map`; for `Option`, use `Maybe`; for text, use `Text`"
)]
pub trait Collection {
    /// The type of the items.
    type Item;

    /// The maximum number of items; `None` if the collection grows.
    const CAPACITY: Option<usize> = None;

    /// Returns the number of items.
    fn length(&self) -> usize;

    /// Calls `save` for each item in order, up to the first error.
    ///
    /// # Errors
    /// Returns the error of `save`.
    fn save_each<E>(&mut self, save: impl FnMut(&mut Self::Item) -> Result<(), E>) -> Result<(), E>;

    /// Calls `save` for each item in the order of [`save_each`](Self::save_each), up to the first error.
    ///
    /// [`VmState::save_shared`](crate::VmState::save_shared) uses it.
    ///
    /// # Errors
    /// Returns the error of `save`.
    fn share_each<E>(&self, save: impl FnMut(&Self::Item) -> Result<(), E>) -> Result<(), E>;

    /// Replaces the items with `count` items that `load` fills in order, up to the first error.
    ///
    /// `count` comes from the stream and is at most [`CAPACITY`](Self::CAPACITY). Memory must grow with the number of
    /// loaded items, because the stream may end before `count` of them. `load` may receive an existing item, which
    /// keeps its members that are not migrated.
    ///
    /// # Errors
    /// Returns the error of `load`, or an error if an item is invalid for the collection.
    fn load_each(
        &mut self,
        count: usize,
        load: impl FnMut(&mut Self::Item) -> Result<(), LoadError>,
    ) -> Result<(), LoadError>;

    /// Returns the items, if they are contiguous.
    #[doc(hidden)]
    fn slice(&self) -> Option<&[Self::Item]> {
        None
    }

    /// Grows a contiguous collection to `end` items and returns the items from `start` on.
    #[doc(hidden)]
    fn grow(&mut self, start: usize, end: usize) -> Option<&mut [Self::Item]> {
        let _ = (start, end);
        None
    }

    /// Drops the items of a contiguous collection from `end` on.
    #[doc(hidden)]
    fn cut(&mut self, end: usize) {
        let _ = end;
    }
}

/// Implements the methods for contiguous collections, which have functions `len`, `grow_to` and `truncate`.
macro_rules! contiguous {
    ($grow:expr) => {
        fn length(&self) -> usize {
            self.len()
        }

        fn save_each<E>(&mut self, save: impl FnMut(&mut Self::Item) -> Result<(), E>) -> Result<(), E> {
            self.iter_mut().try_for_each(save)
        }

        fn share_each<E>(&self, save: impl FnMut(&Self::Item) -> Result<(), E>) -> Result<(), E> {
            self.iter().try_for_each(save)
        }

        fn load_each(
            &mut self,
            count: usize,
            mut load: impl FnMut(&mut Self::Item) -> Result<(), $crate::LoadError>,
        ) -> Result<(), $crate::LoadError> {
            for index in 0..count {
                // One by one, because the stream may end at any item.
                for item in Collection::grow(self, index, index + 1).unwrap_or_default() {
                    load(item)?;
                }
            }
            Collection::cut(self, count);
            Ok(())
        }

        fn slice(&self) -> Option<&[Self::Item]> {
            Some(self)
        }

        fn grow(&mut self, start: usize, end: usize) -> Option<&mut [Self::Item]> {
            if self.len() < end {
                let grow: fn(&mut Self, usize) = $grow;
                grow(self, end);
            }
            self.get_mut(start..end)
        }

        fn cut(&mut self, end: usize) {
            self.truncate(end);
        }
    };
}
#[cfg(any(
    feature = "arrayvec",
    feature = "bytes",
    feature = "heapless",
    feature = "smallvec",
    feature = "tinyvec"
))]
pub(super) use contiguous;

impl<T: Default> Collection for Vec<T> {
    type Item = T;

    contiguous!(|items, end| items.resize_with(end, T::default));
}

impl<T: Default> Collection for VecDeque<T> {
    type Item = T;

    fn length(&self) -> usize {
        self.len()
    }

    fn save_each<E>(&mut self, save: impl FnMut(&mut T) -> Result<(), E>) -> Result<(), E> {
        self.iter_mut().try_for_each(save)
    }

    fn share_each<E>(&self, save: impl FnMut(&T) -> Result<(), E>) -> Result<(), E> {
        self.iter().try_for_each(save)
    }

    fn load_each(&mut self, count: usize, load: impl FnMut(&mut T) -> Result<(), LoadError>) -> Result<(), LoadError> {
        let mut items = Vec::from(core::mem::take(self));
        let loaded = items.load_each(count, load);
        *self = items.into();
        loaded
    }

    fn slice(&self) -> Option<&[T]> {
        match self.as_slices() {
            (items, []) => Some(items),
            _ => None,
        }
    }

    fn grow(&mut self, start: usize, end: usize) -> Option<&mut [T]> {
        Some(Counted::grow(self, start, end))
    }

    fn cut(&mut self, end: usize) {
        self.truncate(end);
    }
}

impl<T: Default> Collection for Box<[T]> {
    type Item = T;

    fn length(&self) -> usize {
        self.len()
    }

    fn save_each<E>(&mut self, save: impl FnMut(&mut T) -> Result<(), E>) -> Result<(), E> {
        self.iter_mut().try_for_each(save)
    }

    fn share_each<E>(&self, save: impl FnMut(&T) -> Result<(), E>) -> Result<(), E> {
        self.iter().try_for_each(save)
    }

    fn load_each(&mut self, count: usize, load: impl FnMut(&mut T) -> Result<(), LoadError>) -> Result<(), LoadError> {
        let mut items = core::mem::take(self).into_vec();
        let loaded = items.load_each(count, load);
        *self = items.into_boxed_slice();
        loaded
    }

    fn slice(&self) -> Option<&[T]> {
        Some(self)
    }

    fn grow(&mut self, start: usize, end: usize) -> Option<&mut [T]> {
        Some(Counted::grow(self, start, end))
    }

    fn cut(&mut self, end: usize) {
        Counted::cut(self, end);
    }
}

impl<T: Default> Collection for LinkedList<T> {
    type Item = T;

    fn length(&self) -> usize {
        self.len()
    }

    fn save_each<E>(&mut self, save: impl FnMut(&mut T) -> Result<(), E>) -> Result<(), E> {
        self.iter_mut().try_for_each(save)
    }

    fn share_each<E>(&self, save: impl FnMut(&T) -> Result<(), E>) -> Result<(), E> {
        self.iter().try_for_each(save)
    }

    fn load_each(&mut self, count: usize, load: impl FnMut(&mut T) -> Result<(), LoadError>) -> Result<(), LoadError> {
        self.clear();
        each_new(count, load, |item| {
            self.push_back(item);
            Ok(())
        })
    }
}

impl<T: Default + Clone + Ord> Collection for BTreeSet<T> {
    type Item = T;

    fn length(&self) -> usize {
        self.len()
    }

    fn save_each<E>(&mut self, mut save: impl FnMut(&mut T) -> Result<(), E>) -> Result<(), E> {
        // Items of a set are immutable, but saving may run hooks that change the value.
        self.iter().try_for_each(|item| save(&mut item.clone()))
    }

    fn share_each<E>(&self, save: impl FnMut(&T) -> Result<(), E>) -> Result<(), E> {
        self.iter().try_for_each(save)
    }

    fn load_each(&mut self, count: usize, load: impl FnMut(&mut T) -> Result<(), LoadError>) -> Result<(), LoadError> {
        self.clear();
        each_new(count, load, |item| unique(self.insert(item)))
    }
}

impl<T: Default + Ord> Collection for BinaryHeap<T> {
    type Item = T;

    fn length(&self) -> usize {
        self.len()
    }

    /// The smallest item is first.
    fn save_each<E>(&mut self, save: impl FnMut(&mut T) -> Result<(), E>) -> Result<(), E> {
        // The order in memory depends on the order of insertion.
        let mut items = core::mem::take(self).into_sorted_vec();
        let saved = items.iter_mut().try_for_each(save);
        *self = items.into();
        saved
    }

    fn share_each<E>(&self, save: impl FnMut(&T) -> Result<(), E>) -> Result<(), E> {
        // A heap of references, so that items that compare as equal have the same order as in `save_each`.
        let items: BinaryHeap<&T> = self.iter().collect();
        items.into_sorted_vec().into_iter().try_for_each(save)
    }

    fn load_each(&mut self, count: usize, load: impl FnMut(&mut T) -> Result<(), LoadError>) -> Result<(), LoadError> {
        self.clear();
        each_new(count, load, |item| {
            self.push(item);
            Ok(())
        })
    }
}

#[cfg(feature = "std")]
mod hashed {
    use std::collections::HashSet;
    use std::hash::{BuildHasher, Hash};

    use super::{Collection, LoadError, Vec, each_new, unique};

    impl<T: Default + Clone + Ord + Hash, H: BuildHasher> Collection for HashSet<T, H> {
        type Item = T;

        fn length(&self) -> usize {
            self.len()
        }

        fn save_each<E>(&mut self, mut save: impl FnMut(&mut T) -> Result<(), E>) -> Result<(), E> {
            self.share_each(|item| save(&mut item.clone()))
        }

        /// The smallest item is first, because the order in memory is random.
        fn share_each<E>(&self, save: impl FnMut(&T) -> Result<(), E>) -> Result<(), E> {
            let mut items: Vec<_> = self.iter().collect();
            items.sort_unstable();
            items.into_iter().try_for_each(save)
        }

        fn load_each(
            &mut self,
            count: usize,
            load: impl FnMut(&mut T) -> Result<(), LoadError>,
        ) -> Result<(), LoadError> {
            self.clear();
            each_new(count, load, |item| unique(self.insert(item)))
        }
    }
}

/// Calls `add` with `count` items that `load` has filled.
pub(super) fn each_new<T: Default>(
    count: usize,
    mut load: impl FnMut(&mut T) -> Result<(), LoadError>,
    mut add: impl FnMut(T) -> Result<(), LoadError>,
) -> Result<(), LoadError> {
    for _ in 0..count {
        let mut item = T::default();
        load(&mut item)?;
        add(item)?;
    }
    Ok(())
}

/// Returns an error for an item that the set or map contains already.
pub(super) fn unique(is_new: bool) -> Result<(), LoadError> {
    if is_new { Ok(()) } else { Err(LoadError::malformed("unique items", "a duplicate")) }
}
