//! Arrays of fixed length: `[T; N]`, nested arrays, [`Each`] for elements with an info, and [`Boxed`] for boxed values.

use alloc::boxed::Box;
use core::marker::PhantomData;

use super::{Codec, Info, several_fields};
use crate::description::Form;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::walk;
use crate::wire::{Reader, Writer};

impl<T: Wire, const N: usize> Wire for [T; N] {
    const FORM: Form = T::FORM.times(N);
    const EQUAL: Form = T::EQUAL.times(N);
    const EXCLUSIVE: Option<&'static str> = T::EXCLUSIVE;
    const FIXED: Option<usize> = match T::FIXED {
        Some(size) => Some(size * N),
        None => None,
    };

    #[inline]
    fn put(&self, out: &mut [u8]) {
        T::put_all(self, out);
    }

    #[inline]
    fn get(&mut self, from: &[u8]) {
        T::get_all(self, from);
    }

    #[inline]
    fn put_all(values: &[Self], out: &mut [u8]) {
        T::put_all(values.as_flattened(), out);
    }

    #[inline]
    fn get_all(values: &mut [Self], from: &[u8]) {
        T::get_all(values.as_flattened_mut(), from);
    }

    #[inline]
    fn save_elements<S: Sink>(&mut self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        if save_at_once(self, sink, at, element) {
            return Ok(());
        }
        for (index, value) in self.iter_mut().enumerate() {
            value.save_elements(sink, at, element.within(index, N)).map_err(|error| error.in_element(index))?;
        }
        Ok(())
    }

    #[inline]
    fn share_elements<S: Sink>(&self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        if save_at_once(self, sink, at, element) {
            return Ok(());
        }
        for (index, value) in self.iter().enumerate() {
            value.share_elements(sink, at, element.within(index, N)).map_err(|error| error.in_element(index))?;
        }
        Ok(())
    }

    #[inline]
    fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        // Constant, so that the loop and the bulk conversion are never both compiled.
        if const { Self::FIXED.is_some() } {
            let from = reader.take(const { walk::fixed_size(Self::FIXED) });
            self.get(from.map_err(|error| error.in_array(&Self::FORM, 0))?);
            return Ok(());
        }
        for (index, value) in self.iter_mut().enumerate() {
            value.load_elements(reader).map_err(|error| error.in_element(index))?;
        }
        Ok(())
    }
}

/// Saves an array of fixed size that is a field, and returns whether it is one.
///
/// Within another array, each element is reported separately, because the description at the end of a stream lists
/// elements.
#[inline]
fn save_at_once<A: Wire, S: Sink>(array: &A, sink: &mut S, at: FieldRef, element: ElementIndex) -> bool {
    if let (Some(size), 1) = (A::FIXED, element.count) {
        array.put(sink.reserve(size));
        sink.fixed(at.parent, at.field..at.field + 1);
        return true;
    }
    false
}

/// Applies the info `C` to each element of an array: `#[vmstate(with = Each<MyInfo>)]`.
#[derive(Debug)]
pub struct Each<C>(PhantomData<C>);

impl<T, C: Codec<T>, const N: usize> Codec<[T; N]> for Each<C> {
    const FORM: Form = C::FORM.times(N);
    const EXCLUSIVE: Option<&'static str> = C::EXCLUSIVE;
    const FIXED: Option<usize> = match C::FIXED {
        Some(size) => Some(size * N),
        None => None,
    };

    #[inline]
    fn put(values: &[T; N], out: &mut [u8]) {
        // `max(1)`: chunks of zero bytes would panic, and an info of size 0 has nothing to write.
        for (value, out) in values.iter().zip(out.chunks_exact_mut(C::FIXED.unwrap_or(1).max(1))) {
            C::put(value, out);
        }
    }

    #[inline]
    fn get(values: &mut [T; N], from: &[u8]) {
        for (value, from) in values.iter_mut().zip(from.chunks_exact(C::FIXED.unwrap_or(1).max(1))) {
            C::get(value, from);
        }
    }

    fn save<S: Sink>(values: &mut [T; N], sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        for (index, value) in values.iter_mut().enumerate() {
            C::save(value, sink, at, element.within(index, N)).map_err(|error| error.in_element(index))?;
        }
        Ok(())
    }

    fn share<S: Sink>(values: &[T; N], sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
        for (index, value) in values.iter().enumerate() {
            C::share(value, sink, at, element.within(index, N)).map_err(|error| error.in_element(index))?;
        }
        Ok(())
    }

    fn load(values: &mut [T; N], reader: &mut Reader<'_>) -> Result<(), LoadError> {
        for (index, value) in values.iter_mut().enumerate() {
            C::load(value, reader).map_err(|error| error.in_element(index))?;
        }
        Ok(())
    }
}

/// Applies the form `C` to the contents of a box: `#[vmstate(with = Boxed<MyInfo>)]`, `Boxed<Each<As<u32>>>`.
#[derive(Debug)]
pub struct Boxed<C>(PhantomData<C>);

impl<T: ?Sized, C: Codec<T>> Info<Box<T>> for Boxed<C> {
    const NAME: &'static str = "";
    const SIZE: Option<usize> = C::FIXED;
    const FORM: Form = C::FORM;
    const FIXED: bool = C::FIXED.is_some();
    const EXCLUSIVE: Option<&'static str> = C::EXCLUSIVE;

    several_fields!(Box<T>);

    #[inline]
    fn put_fixed(value: &Box<T>, out: &mut [u8]) {
        C::put(value, out);
    }

    #[inline]
    fn get_fixed(value: &mut Box<T>, from: &[u8]) {
        C::get(value, from);
    }

    fn save_elements<S: Sink>(
        value: &mut Box<T>,
        sink: &mut S,
        at: FieldRef,
        element: ElementIndex,
    ) -> Result<(), SaveError> {
        C::save(value, sink, at, element)
    }

    fn share_elements<S: Sink>(
        value: &Box<T>,
        sink: &mut S,
        at: FieldRef,
        element: ElementIndex,
    ) -> Result<(), SaveError> {
        C::share(value, sink, at, element)
    }

    fn load_elements(value: &mut Box<T>, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        C::load(value, reader)
    }
}
