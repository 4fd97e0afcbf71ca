//! Entry points of generated code for counted and partial arrays: in the items' built-in format, by an info, as bytes.
//!
//! Each field is used through one trait, whose implementation has all bounds. The compiler therefore reports an
//! unsuitable type once and not once per use.

use super::container::Counted;
use super::sealed::Seal;
use super::{Codec, part, varray};
use crate::description::Form;
use crate::error::{LoadError, SaveError};
use crate::sink::{FieldRef, Sink};
use crate::state::Wire;
use crate::wire::Reader;

/// The methods of each trait.
macro_rules! methods {
    () => {
        #[doc(hidden)]
        const SEAL: Seal;

        /// The maximum number of items; `None` if the container grows.
        const CAPACITY: Option<usize>;

        /// Saves the first `count` items.
        ///
        /// # Errors
        /// Returns an error if there are fewer, or an item cannot be saved.
        fn save<S: Sink>(&mut self, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>;

        /// The reason why the items cannot be saved through a shared reference, if one exists.
        const EXCLUSIVE: Option<&'static str>;

        /// Saves the first `count` items through a shared reference.
        ///
        /// # Errors
        /// Returns the same errors as [`save`](Self::save).
        fn share<S: Sink>(&self, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>;

        /// Loads `count` items.
        ///
        /// # Errors
        /// Returns an error if the stream is truncated, or an item cannot be loaded. Earlier items are loaded then.
        fn load(&mut self, count: usize, reader: &mut Reader<'_>) -> Result<(), LoadError>;

        /// Saves the items from `start` to `end`.
        ///
        /// # Errors
        /// Returns an error if an item cannot be saved.
        fn save_part<S: Sink>(&mut self, start: usize, end: usize, sink: &mut S, at: FieldRef)
        -> Result<(), SaveError>;

        /// Saves the items from `start` to `end` through a shared reference.
        ///
        /// # Errors
        /// Returns an error if an item cannot be saved.
        fn share_part<S: Sink>(&self, start: usize, end: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError>;

        /// Loads the items from `start` to `end`.
        ///
        /// # Errors
        /// Returns an error if the stream is truncated, or an item cannot be loaded.
        fn load_part(&mut self, start: usize, end: usize, reader: &mut Reader<'_>) -> Result<(), LoadError>;
    };
}

/// Implements the methods by functions for containers.
macro_rules! by {
    ($exclusive:expr, $save:path, $share:path, $load:path, $save_part:path, $share_part:path, $load_part:path) => {
        const SEAL: Seal = Seal;
        const CAPACITY: Option<usize> = <C as Counted>::CAPACITY;
        const EXCLUSIVE: Option<&'static str> = $exclusive;

        fn save<S: Sink>(&mut self, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
            $save(self, count, sink, at)
        }

        fn share<S: Sink>(&self, count: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
            $share(self, count, sink, at)
        }

        fn load(&mut self, count: usize, reader: &mut Reader<'_>) -> Result<(), LoadError> {
            $load(self, count, reader)
        }

        fn save_part<S: Sink>(
            &mut self,
            start: usize,
            end: usize,
            sink: &mut S,
            at: FieldRef,
        ) -> Result<(), SaveError> {
            $save_part(self, start, end, sink, at)
        }

        fn share_part<S: Sink>(&self, start: usize, end: usize, sink: &mut S, at: FieldRef) -> Result<(), SaveError> {
            $share_part(self, start, end, sink, at)
        }

        fn load_part(&mut self, start: usize, end: usize, reader: &mut Reader<'_>) -> Result<(), LoadError> {
            $load_part(self, start, end, reader)
        }
    };
}

/// Items in their built-in format.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a counted collection",
    label = "expected a collection",
    note = "`len` requires `Vec`, `VecDeque`, `Box<[T]>`, `&mut [T]` or an array"
)]
pub trait Items {
    /// The wire format of an item.
    const ITEM: Form;

    methods!();
}

impl<C: Counted<Item: Wire>> Items for C {
    const ITEM: Form = <C::Item as Wire>::FORM;
    by!(<C::Item as Wire>::EXCLUSIVE, varray::save, varray::share, varray::load, part::save, part::share, part::load);
}

/// Items with the info `I`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a counted collection",
    label = "expected a collection",
    note = "`len` requires `Vec`, `VecDeque`, `Box<[T]>`, `&mut [T]` or an array"
)]
pub trait ItemsBy<I> {
    /// The wire format of an item.
    const ITEM: Form;

    methods!();
}

impl<C: Counted, I: Codec<C::Item>> ItemsBy<I> for C {
    const ITEM: Form = I::FORM;
    by!(
        I::EXCLUSIVE,
        varray::save_with::<I, _, _>,
        varray::share_with::<I, _, _>,
        varray::load_with::<I, _>,
        part::save_with::<I, _, _>,
        part::share_with::<I, _, _>,
        part::load_with::<I, _>
    );
}

/// Bytes as one buffer.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a buffer type",
    label = "expected bytes",
    note = "`buffer` requires `Vec<u8>`, `VecDeque<u8>`, `Box<[u8]>`, `&mut [u8]` or an array of `u8`"
)]
pub trait Bytes {
    methods!();
}

impl<C: Counted<Item = u8>> Bytes for C {
    by!(
        None,
        varray::save_buffer,
        varray::share_buffer,
        varray::load_buffer,
        part::save_buffer,
        part::share_buffer,
        part::load_buffer
    );
}
