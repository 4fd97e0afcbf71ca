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
    message = "`{Container}` has no wire form of its own: nothing says how many elements there are",
    label = "`vmstate` does not know where their number stands",
    note = "if another field counts them: `#[vmstate(len = field, max = N)]`",
    note = "if their number stands before them and in no field: `#[vmstate(count(\"name\": u32), max = N)]`",
    note = "if they are the bytes of one buffer: `#[vmstate(buffer(len = field, max = N))]`, or, behind a length of their own, `#[vmstate(byte_array(max = N))]`",
    note = "if they are a list of structs, as QTAILQ and QLIST in QEMU: `#[vmstate(list(max = N))]`",
    note = "or leave it out and say why: `#[vmstate(skip = \"wired by the board\")]`"
)]
pub trait IsCounted<Container: ?Sized> {}

/// The elements of a list are on the wire by themselves. No type implements this.
#[diagnostic::on_unimplemented(
    message = "`{Container}` has no wire form of its own: there are several kinds of lists",
    label = "`vmstate` does not know of which kind it is",
    note = "if it is a list of structs, as QTAILQ and QLIST in QEMU: `#[vmstate(list(max = N))]`",
    note = "if its elements are counted, take a `Vec` or a `VecDeque` and `#[vmstate(len = field, max = N)]`",
    note = "or leave it out and say why: `#[vmstate(skip = \"wired by the board\")]`"
)]
pub trait IsListed<Container> {}

/// The nodes of a tree are on the wire by themselves. No type implements this.
#[diagnostic::on_unimplemented(
    message = "`{Container}` has no wire form of its own: nothing limits the number of its nodes",
    label = "`vmstate` does not know how many there may be",
    note = "if keys and values are structs, as those of GTREE in QEMU: `#[vmstate(tree(max = N))]`",
    note = "if the keys are integers: `#[vmstate(tree(direct, max = N))]`",
    note = "or leave it out and say why: `#[vmstate(skip = \"wired by the board\")]`"
)]
pub trait IsLimited<Container> {}

/// Whether there is something is on the wire by itself. No type implements this.
#[diagnostic::on_unimplemented(
    message = "`{Container}` has no wire form of its own: nothing says whether there is something in it",
    label = "`vmstate` does not know who decides that",
    note = "if it is sent only when there is something in it: `#[vmstate(subsection(\"parent/name\"))]`",
    note = "if both sides know, or it is a pointer in an array: `#[vmstate(pointer)]`; say with `when` if it is not always there",
    note = "if it is the deadline of a timer: `#[vmstate(timer)]`, on an `Option<u64>`",
    note = "or leave it out and say why: `#[vmstate(skip = \"wired by the board\")]`"
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
