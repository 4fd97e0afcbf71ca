//! The names that generated code uses, so that a crate needs only one dependency.

// `::core` can be shadowed by a crate of that name in the user's workspace.
pub use core;

pub use crate::description::{
    Absent, CountSource, Description, Field, Form, Hooks, Kind, Pointers, Priority, Subsection,
};
pub use crate::error::field::InField;
pub use crate::error::{LoadError, SaveError};
pub use crate::hook;
pub use crate::info::array::Each;
pub use crate::info::buffer::Buffer;
pub use crate::info::bytes::ByteArray;
pub use crate::info::convert::As;
pub use crate::info::equal::Equal;
pub use crate::info::pointer::Present;
pub use crate::info::range::LessOrEqual;
pub use crate::info::timer::TimerInfo;
pub use crate::info::unused::Unused;
pub use crate::info::{
    Codec, Info, bitmap, bits, hidden, inline, items, list, opaque, optional, part, place, pointer, through, tmp, tree,
    unused, variant, varray, versioned,
};
pub use crate::sink::{ElementIndex, FieldRef, Sink};
pub use crate::state::{VmState, Wire};
pub use crate::walk;
pub use crate::wire::{Reader, Writer};
