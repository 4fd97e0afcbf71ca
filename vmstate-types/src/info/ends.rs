//! Ranges with composed forms: `Ends<I>`.

use core::marker::PhantomData;
use core::ops::{Range, RangeInclusive};

use super::{Codec, Info, Plain, members, several_fields};
use crate::description::{Description, Field, Form};
use crate::error::field::InField;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::wire::{Reader, Writer};

/// The start and the end of a range with the form `I`: `#[vmstate(with = Ends<As<u32>>)]` on a `Range<usize>`.
///
/// It also applies to `RangeInclusive`, whose end is the last value. A `Range` of values with built-in forms needs no
/// attribute.
#[derive(Debug)]
pub struct Ends<I = Plain>(PhantomData<I>);

struct Layout<T, I>(PhantomData<(T, I)>);

impl<T, I: Codec<T>> Layout<T, I> {
    const DESCRIPTION: &'static Description =
        &members::describe("range", const { &[Field::new("start", I::FORM), Field::new("end", I::FORM)] });
}

fn save<T, I: Codec<T>, S: Sink>(
    start: &mut T,
    end: &mut T,
    sink: &mut S,
    at: FieldRef,
    element: ElementIndex,
) -> Result<(), SaveError> {
    let description = Layout::<T, I>::DESCRIPTION;
    members::save(description, sink, at, element, |sink| {
        I::save(start, sink, FieldRef::new(description, 0), ElementIndex::ONLY).in_field("start")?;
        I::save(end, sink, FieldRef::new(description, 1), ElementIndex::ONLY).in_field("end")
    })
}

fn share<T, I: Codec<T>, S: Sink>(
    start: &T,
    end: &T,
    sink: &mut S,
    at: FieldRef,
    element: ElementIndex,
) -> Result<(), SaveError> {
    let description = Layout::<T, I>::DESCRIPTION;
    members::save(description, sink, at, element, |sink| {
        I::share(start, sink, FieldRef::new(description, 0), ElementIndex::ONLY).in_field("start")?;
        I::share(end, sink, FieldRef::new(description, 1), ElementIndex::ONLY).in_field("end")
    })
}

fn load<T, I: Codec<T>>(start: &mut T, end: &mut T, reader: &mut Reader<'_>) -> Result<(), LoadError> {
    I::load(start, reader).in_field("start")?;
    I::load(end, reader).in_field("end")
}

impl<T, I: Codec<T>> Info<Range<T>> for Ends<I> {
    const NAME: &'static str = "";
    const FORM: Form = Form::structure(Layout::<T, I>::DESCRIPTION);
    const EXCLUSIVE: Option<&'static str> = I::EXCLUSIVE;

    several_fields!(Range<T>);

    fn save_elements<S: Sink>(
        value: &mut Range<T>,
        sink: &mut S,
        at: FieldRef,
        element: ElementIndex,
    ) -> Result<(), SaveError> {
        save::<T, I, S>(&mut value.start, &mut value.end, sink, at, element)
    }

    fn share_elements<S: Sink>(
        value: &Range<T>,
        sink: &mut S,
        at: FieldRef,
        element: ElementIndex,
    ) -> Result<(), SaveError> {
        share::<T, I, S>(&value.start, &value.end, sink, at, element)
    }

    fn load_elements(value: &mut Range<T>, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        load::<T, I>(&mut value.start, &mut value.end, reader)
    }
}

impl<T: Clone + PartialOrd, I: Codec<T>> Info<RangeInclusive<T>> for Ends<I> {
    const NAME: &'static str = "";
    const FORM: Form = Form::structure(Layout::<T, I>::DESCRIPTION);
    const EXCLUSIVE: Option<&'static str> = I::EXCLUSIVE;

    several_fields!(RangeInclusive<T>);

    fn save_elements<S: Sink>(
        value: &mut RangeInclusive<T>,
        sink: &mut S,
        at: FieldRef,
        element: ElementIndex,
    ) -> Result<(), SaveError> {
        check_not_at_end(value)?;
        let (mut start, mut end) = (value.start().clone(), value.end().clone());
        save::<T, I, S>(&mut start, &mut end, sink, at, element)
    }

    fn share_elements<S: Sink>(
        value: &RangeInclusive<T>,
        sink: &mut S,
        at: FieldRef,
        element: ElementIndex,
    ) -> Result<(), SaveError> {
        check_not_at_end(value)?;
        share::<T, I, S>(value.start(), value.end(), sink, at, element)
    }

    fn load_elements(value: &mut RangeInclusive<T>, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        let (mut start, mut end) = (value.start().clone(), value.end().clone());
        load::<T, I>(&mut start, &mut end, reader)?;
        *value = start..=end;
        Ok(())
    }
}

/// Rejects an iterator at its end: it has the same start and end as before its last step, and no public constructor.
fn check_not_at_end<T: PartialOrd>(range: &RangeInclusive<T>) -> Result<(), SaveError> {
    if range.is_empty() && range.start() <= range.end() {
        return Err(SaveError::out_of_range("the range is an iterator at its end, which has no wire form"));
    }
    Ok(())
}
