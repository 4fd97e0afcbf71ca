//! The built-in form of a type, as the innermost part of a composed form.

use super::Info;
use crate::description::Form;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::wire::{Reader, Writer};

/// The form that a type has without an attribute: the default for the items of [`Sequence`](super::Sequence) and of
/// other composed forms.
#[derive(Debug)]
pub struct Plain;

impl<T: Wire> Info<T> for Plain {
    const NAME: &'static str = "";
    const SIZE: Option<usize> = T::FIXED;
    const FORM: Form = T::FORM;
    const FIXED: bool = T::FIXED.is_some();
    const EXCLUSIVE: Option<&'static str> = T::EXCLUSIVE;

    super::several_fields!(T);

    #[inline]
    fn put_fixed(value: &T, out: &mut [u8]) {
        value.put(out);
    }

    #[inline]
    fn get_fixed(value: &mut T, from: &[u8]) {
        value.get(from);
    }

    #[inline]
    fn put_all(values: &[T], out: &mut [u8]) {
        T::put_all(values, out);
    }

    #[inline]
    fn get_all(values: &mut [T], from: &[u8]) {
        T::get_all(values, from);
    }

    fn save_elements<S: Sink>(
        value: &mut T,
        sink: &mut S,
        at: FieldRef,
        element: ElementIndex,
    ) -> Result<(), SaveError> {
        value.save_elements(sink, at, element)
    }

    fn share_elements<S: Sink>(value: &T, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        value.share_elements(sink, at, element)
    }

    fn load_elements(value: &mut T, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        value.load_elements(reader)
    }
}
