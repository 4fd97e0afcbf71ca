//! Tokens to attributes as written, with their spans kept.
//!
//! Each attribute is read here and nowhere else. This stage reports only the errors of a single attribute: a malformed
//! value, or a duplicate.

mod bound;
mod collections;
mod condition;
mod entry;
mod field;
mod function;
mod hooks;
mod input;
mod keys;
mod levels;
mod old;
mod once;
mod place;
mod structure;
mod subsection;
mod suggest;
mod through;
mod unused;
mod variant;

pub(crate) use self::collections::{Count, HiddenCount, Padding, Part, SizedBuffer};
pub(crate) use self::condition::Condition;
pub(crate) use self::entry::Number;
pub(crate) use self::field::{Extra, Field};
pub(crate) use self::function::{Function, Make};
pub(crate) use self::hooks::Hooks;
pub(crate) use self::input::{Input, InputField, InputVariant};
#[cfg(test)]
pub(crate) use self::levels::LEVELS;
pub(crate) use self::old::{Removed, Versioned, Was};
pub(crate) use self::once::Once;
pub(crate) use self::place::{Path as PlacePath, Step};
pub(crate) use self::structure::Struct;
pub(crate) use self::subsection::Subsection;
pub(crate) use self::suggest::nearest;
