//! Optional values and pairs with composed forms: `Maybe<I>` and `Pair<A, B>`.

use core::marker::PhantomData;

use super::{Codec, Info, Plain, members, several_fields};
use crate::description::{Description, Field, Form};
use crate::error::field::InField;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::walk;
use crate::wire::{Reader, Writer};

/// A `bool`, followed by a value with the form `I` if it is `true`: `#[vmstate(with = Maybe)]` on an `Option`.
///
/// The description is a struct with a `VMSTATE_BOOL` and a field with a `field_exists` predicate. A load into `Some`
/// keeps the members of the value that are not migrated.
#[derive(Debug)]
pub struct Maybe<I = Plain>(PhantomData<I>);

struct Optional<T, I>(PhantomData<(T, I)>);

impl<T, I: Codec<T>> Optional<T, I> {
    const DESCRIPTION: &'static Description = &members::describe(
        "option",
        const { &[Field::new("present", bool::FORM), Field::new("value", I::FORM).conditional()] },
    );
}

impl<T: Default, I: Codec<T>> Info<Option<T>> for Maybe<I> {
    const NAME: &'static str = "";
    const FORM: Form = Form::structure(Optional::<T, I>::DESCRIPTION);
    const EXCLUSIVE: Option<&'static str> = I::EXCLUSIVE;

    several_fields!(Option<T>);

    fn save_elements<S: Sink>(
        value: &mut Option<T>,
        sink: &mut S,
        at: FieldRef,
        element: ElementIndex,
    ) -> Result<(), SaveError> {
        let description = Optional::<T, I>::DESCRIPTION;
        members::save(description, sink, at, element, |sink| {
            value.is_some().share_elements(sink, FieldRef::new(description, 0), ElementIndex::ONLY)?;
            match value {
                Some(value) => {
                    I::save(value, sink, FieldRef::new(description, 1), ElementIndex::ONLY).in_field("value")
                }
                None => Ok(()),
            }
        })
    }

    fn share_elements<S: Sink>(
        value: &Option<T>,
        sink: &mut S,
        at: FieldRef,
        element: ElementIndex,
    ) -> Result<(), SaveError> {
        let description = Optional::<T, I>::DESCRIPTION;
        members::save(description, sink, at, element, |sink| {
            value.is_some().share_elements(sink, FieldRef::new(description, 0), ElementIndex::ONLY)?;
            match value {
                Some(value) => {
                    I::share(value, sink, FieldRef::new(description, 1), ElementIndex::ONLY).in_field("value")
                }
                None => Ok(()),
            }
        })
    }

    fn load_elements(value: &mut Option<T>, reader: &mut Reader<'_>) -> Result<(), LoadError> {
        if reader.bool().in_field("present")? {
            return I::load(value.get_or_insert_default(), reader).in_field("value");
        }
        *value = None;
        Ok(())
    }
}

/// A tuple of two values with the forms `A` and `B`. A tuple of values with built-in forms needs no attribute.
#[derive(Debug)]
pub struct Pair<A = Plain, B = Plain>(PhantomData<(A, B)>);

struct Both<X, Y, A, B>(PhantomData<(X, Y, A, B)>);

impl<X, Y, A: Codec<X>, B: Codec<Y>> Both<X, Y, A, B> {
    const DESCRIPTION: &'static Description =
        &members::describe("tuple", const { &[Field::new("0", A::FORM), Field::new("1", B::FORM)] });
}

impl<X, Y, A: Codec<X>, B: Codec<Y>> Info<(X, Y)> for Pair<A, B> {
    const NAME: &'static str = "";
    const FORM: Form = Form::structure(Both::<X, Y, A, B>::DESCRIPTION);
    const EXCLUSIVE: Option<&'static str> = walk::exclusive(&[A::EXCLUSIVE, B::EXCLUSIVE]);

    several_fields!((X, Y));

    fn save_elements<S: Sink>(
        (first, second): &mut (X, Y),
        sink: &mut S,
        at: FieldRef,
        element: ElementIndex,
    ) -> Result<(), SaveError> {
        let description = Both::<X, Y, A, B>::DESCRIPTION;
        members::save(description, sink, at, element, |sink| {
            A::save(first, sink, FieldRef::new(description, 0), ElementIndex::ONLY).in_field("0")?;
            B::save(second, sink, FieldRef::new(description, 1), ElementIndex::ONLY).in_field("1")
        })
    }

    fn share_elements<S: Sink>(
        (first, second): &(X, Y),
        sink: &mut S,
        at: FieldRef,
        element: ElementIndex,
    ) -> Result<(), SaveError> {
        let description = Both::<X, Y, A, B>::DESCRIPTION;
        members::save(description, sink, at, element, |sink| {
            A::share(first, sink, FieldRef::new(description, 0), ElementIndex::ONLY).in_field("0")?;
            B::share(second, sink, FieldRef::new(description, 1), ElementIndex::ONLY).in_field("1")
        })
    }

    fn load_elements((first, second): &mut (X, Y), reader: &mut Reader<'_>) -> Result<(), LoadError> {
        A::load(first, reader).in_field("0")?;
        B::load(second, reader).in_field("1")
    }
}
