//! Types without a built-in wire format because several are possible: growable containers, ranges, and `Option`.
//!
//! They implement [`Wire`] under bounds that no type satisfies. For a field without an attribute, the compiler then
//! reports the bound, whose message lists the attributes for that type. This also works for type aliases.

use alloc::collections::{BTreeMap, BTreeSet, BinaryHeap, LinkedList, VecDeque};
use alloc::vec::Vec;
use core::ops::RangeInclusive;

use crate::description::Form;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::wire::Reader;

/// Never implemented: an unmet bound that explains the attributes of counted containers.
#[diagnostic::on_unimplemented(
    message = "missing attribute: the wire form of `{Container}` depends on how its elements are counted",
    label = "unknown number of elements",
    note = "if another field has the number, add `#[vmstate(len = field, max = N)]`",
    note = "if the number precedes the elements, add `#[vmstate(count(\"name\": u32), max = N)]`",
    note = "for one buffer of bytes, add `#[vmstate(buffer(len = field, max = N))]`, or `#[vmstate(byte_array(max = N))]` if its length precedes it",
    note = "for a list of structs (QEMU's QTAILQ and QLIST), add `#[vmstate(list(max = N))]`",
    note = "for nested collections, add `#[vmstate(with = vmstate::info::Sequence<N>)]`",
    note = "to exclude it from migration, add `#[vmstate(skip = \"wired by the board\")]`"
)]
pub trait IsCounted<Container: ?Sized> {}

/// Never implemented: an unmet bound that explains the attributes of lists.
#[diagnostic::on_unimplemented(
    message = "missing attribute: `{Container}` has several wire forms",
    label = "unknown kind of list",
    note = "for a list of structs (QEMU's QTAILQ and QLIST), add `#[vmstate(list(max = N))]`",
    note = "for a counted array, use `Vec` or `VecDeque` and add `#[vmstate(len = field, max = N)]`",
    note = "to exclude it from migration, add `#[vmstate(skip = \"wired by the board\")]`"
)]
pub trait IsListed<Container> {}

/// Never implemented: an unmet bound that explains the attributes of trees.
#[diagnostic::on_unimplemented(
    message = "missing attribute: `{Container}` needs a limit on its number of nodes",
    label = "unknown limit",
    note = "for keys and values that are structs (QEMU's GTREE), add `#[vmstate(tree(max = N))]`",
    note = "for integers as keys, add `#[vmstate(tree(direct, max = N))]`",
    note = "for other keys and values, add `#[vmstate(with = vmstate::info::Map<N>)]`",
    note = "to exclude it from migration, add `#[vmstate(skip = \"wired by the board\")]`"
)]
pub trait IsLimited<Container> {}

/// Never implemented: an unmet bound that explains the forms of sets, heaps and hash maps.
#[diagnostic::on_unimplemented(
    message = "missing attribute: `{Container}` needs a limit on its number of items",
    label = "unknown limit",
    note = "for a set or a heap, add `#[vmstate(with = vmstate::info::Sequence<N>)]`",
    note = "for a map, add `#[vmstate(with = vmstate::info::Map<N>)]`",
    note = "to exclude it from migration, add `#[vmstate(skip = \"a cache\")]`"
)]
pub trait IsComposed<Container> {}

/// Never implemented: an unmet bound that explains the form of inclusive ranges.
#[diagnostic::on_unimplemented(
    message = "missing attribute: `{Container}` can be an iterator at its end, which has no wire form",
    label = "unknown form",
    note = "for its start and end, add `#[vmstate(with = vmstate::info::Ends)]`",
    note = "to exclude it from migration, add `#[vmstate(skip = \"wired by the board\")]`"
)]
pub trait IsRange<Container> {}

/// Never implemented: an unmet bound that explains the attributes of `Option`.
#[diagnostic::on_unimplemented(
    message = "missing attribute: the wire form of `{Container}` depends on what `None` means",
    label = "unknown encoding of `None`",
    note = "to send it only if it is `Some`, add `#[vmstate(subsection(\"parent/name\"))]`",
    note = "to send a `bool` before it, add `#[vmstate(option)]`",
    note = "for an `Option<Box<T>>` about which source and destination agree, add `#[vmstate(pointer)]`, and `when` if it can be `None`",
    note = "for the deadline of a timer, add `#[vmstate(timer)]` to an `Option<u64>`",
    note = "to exclude it from migration, add `#[vmstate(skip = \"wired by the board\")]`"
)]
pub trait IsKnown<Container> {}

/// Implements the required items, which are never used.
macro_rules! no_form {
    () => {
        const FORM: Form = Form::info("", None);

        fn share_elements<S: Sink>(&self, _: &mut S, _: FieldRef, _: ElementIndex) -> Result<(), SaveError> {
            Err(SaveError::misuse("type without a wire format"))
        }

        fn load_elements(&mut self, _: &mut Reader<'_>) -> Result<(), LoadError> {
            Err(LoadError::misuse("a type with a wire format", "one without"))
        }
    };
}

// The compiler shows the heads of these impls in messages, so they are not generated by the macro.

#[doc(hidden)]
impl<T: IsCounted<Self>> Wire for Vec<T> {
    no_form!();
}

#[doc(hidden)]
impl<T: IsCounted<Self>> Wire for VecDeque<T> {
    no_form!();
}

#[doc(hidden)]
impl<T: IsCounted<Self>> Wire for [T] {
    no_form!();
}

#[doc(hidden)]
impl<T: IsListed<Self>> Wire for LinkedList<T> {
    no_form!();
}

#[doc(hidden)]
impl<K, V: IsLimited<Self>> Wire for BTreeMap<K, V> {
    no_form!();
}

#[doc(hidden)]
impl<T: IsComposed<Self>> Wire for BTreeSet<T> {
    no_form!();
}

#[doc(hidden)]
impl<T: IsComposed<Self>> Wire for BinaryHeap<T> {
    no_form!();
}

#[cfg(feature = "std")]
#[doc(hidden)]
impl<T: IsComposed<Self>, H> Wire for std::collections::HashSet<T, H> {
    no_form!();
}

#[cfg(feature = "std")]
#[doc(hidden)]
impl<K, V: IsComposed<Self>, H> Wire for std::collections::HashMap<K, V, H> {
    no_form!();
}

#[doc(hidden)]
impl<T: IsRange<Self>> Wire for RangeInclusive<T> {
    no_form!();
}

#[doc(hidden)]
impl<T: IsKnown<Self>> Wire for Option<T> {
    no_form!();
}
