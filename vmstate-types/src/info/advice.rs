//! Types that have no wire form because they could have several: containers that grow, and `Option`.
//!
//! They implement [`Wire`] under conditions that nothing meets. So whoever gives one to a field without an attribute is
//! told by the compiler which attributes there are for it, by whatever name the type is called.

use alloc::collections::{BTreeMap, LinkedList, VecDeque};
use alloc::vec::Vec;

use crate::description::Form;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::wire::Reader;

/// The number of elements is on the wire by itself. No type implements this.
#[diagnostic::on_unimplemented(
    message = "missing attribute: the wire form of `{Container}` depends on how its elements are counted",
    label = "unknown number of elements",
    note = "if another field has the number, add `#[vmstate(len = field, max = N)]`",
    note = "if the number precedes the elements, add `#[vmstate(count(\"name\": u32), max = N)]`",
    note = "for one buffer of bytes, add `#[vmstate(buffer(len = field, max = N))]`, or `#[vmstate(byte_array(max = N))]` if its length precedes it",
    note = "for a list of structs (QEMU's QTAILQ and QLIST), add `#[vmstate(list(max = N))]`",
    note = "to exclude it from migration, add `#[vmstate(skip = \"wired by the board\")]`"
)]
pub trait IsCounted<Container: ?Sized> {}

/// The elements of a list are on the wire by themselves. No type implements this.
#[diagnostic::on_unimplemented(
    message = "missing attribute: `{Container}` has several wire forms",
    label = "unknown kind of list",
    note = "for a list of structs (QEMU's QTAILQ and QLIST), add `#[vmstate(list(max = N))]`",
    note = "for a counted array, use `Vec` or `VecDeque` and add `#[vmstate(len = field, max = N)]`",
    note = "to exclude it from migration, add `#[vmstate(skip = \"wired by the board\")]`"
)]
pub trait IsListed<Container> {}

/// The nodes of a tree are on the wire by themselves. No type implements this.
#[diagnostic::on_unimplemented(
    message = "missing attribute: `{Container}` needs a limit on its number of nodes",
    label = "unknown limit",
    note = "for keys and values that are structs (QEMU's GTREE), add `#[vmstate(tree(max = N))]`",
    note = "for integers as keys, add `#[vmstate(tree(direct, max = N))]`",
    note = "to exclude it from migration, add `#[vmstate(skip = \"wired by the board\")]`"
)]
pub trait IsLimited<Container> {}

/// Whether there is something is on the wire by itself. No type implements this.
#[diagnostic::on_unimplemented(
    message = "missing attribute: the wire form of `{Container}` depends on what `None` means",
    label = "unknown encoding of `None`",
    note = "to send it only if it is `Some`, add `#[vmstate(subsection(\"parent/name\"))]`",
    note = "if source and destination agree on it, add `#[vmstate(pointer)]`, and `when` if it can be `None`",
    note = "for the deadline of a timer, add `#[vmstate(timer)]` to an `Option<u64>`",
    note = "to exclude it from migration, add `#[vmstate(skip = \"wired by the board\")]`"
)]
pub trait IsKnown<Container> {}

/// What is never called.
macro_rules! no_form {
    () => {
        const FORM: Form = Form::info("", None);

        fn save_elements<S: Sink>(&mut self, _: &mut S, _: FieldRef, _: ElementIndex) -> Result<(), SaveError> {
            Err(SaveError::misuse("it has no wire form"))
        }

        fn load_elements(&mut self, _: &mut Reader<'_>) -> Result<(), LoadError> {
            Err(LoadError::misuse("a type with a wire form", "one without"))
        }
    };
}

// The heads of these stand in messages, and so outside of the macro.

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
impl<T: IsKnown<Self>> Wire for Option<T> {
    no_form!();
}
