//! Tuples, ranges and types without values: the members in order, described as a struct.

use core::marker::PhantomData;
use core::ops::Range;

use super::members;
use crate::description::{Description, Field, Form};
use crate::error::field::InField;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::walk;
use crate::wire::Reader;

/// A type whose description depends on its parameters.
trait Described {
    const DESCRIPTION: &'static Description;
}

/// Implements `Wire` for a type with the given members.
macro_rules! struct_of {
    ($name:literal <$($generic:ident),+> $type:ty { $($index:literal $member:tt $text:literal $of:ident,)+ }) => {
        impl<$($generic: Wire),+> Described for $type {
            const DESCRIPTION: &'static Description =
                &members::describe($name, const { &[$(Field::new($text, $of::FORM)),+] });
        }

        #[diagnostic::do_not_recommend]
        impl<$($generic: Wire),+> Wire for $type {
            const FORM: Form = Form::structure(<Self as Described>::DESCRIPTION);
            const FIXED: Option<usize> = walk::sum(&[$($of::FIXED),+]);
            const EXCLUSIVE: Option<&'static str> = walk::exclusive(&[$($of::EXCLUSIVE),+]);

            #[inline]
            fn put(&self, out: &mut [u8]) {
                $(let out = self.$member.put_front(out);)+
                let _ = out;
            }

            #[inline]
            fn get(&mut self, from: &[u8]) {
                $(let from = self.$member.get_front(from);)+
                let _ = from;
            }

            fn save_elements<S: Sink>(&mut self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
                let description = <Self as Described>::DESCRIPTION;
                members::save(description, sink, at, element, |sink| {
                    $(
                        let at = FieldRef::new(description, $index);
                        self.$member.save_elements(sink, at, ElementIndex::ONLY).in_field($text)?;
                    )+
                    Ok(())
                })
            }

            fn share_elements<S: Sink>(&self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
                let description = <Self as Described>::DESCRIPTION;
                members::save(description, sink, at, element, |sink| {
                    $(
                        let at = FieldRef::new(description, $index);
                        self.$member.share_elements(sink, at, ElementIndex::ONLY).in_field($text)?;
                    )+
                    Ok(())
                })
            }

            fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
                $(self.$member.load_elements(reader).in_field($text)?;)+
                Ok(())
            }
        }
    };
}

struct_of!("range" <T> Range<T> { 0 start "start" T, 1 end "end" T, });
struct_of!("tuple" <A> (A,) { 0 0 "0" A, });
struct_of!("tuple" <A, B> (A, B) { 0 0 "0" A, 1 1 "1" B, });
struct_of!("tuple" <A, B, C> (A, B, C) { 0 0 "0" A, 1 1 "1" B, 2 2 "2" C, });
struct_of!("tuple" <A, B, C, D> (A, B, C, D) { 0 0 "0" A, 1 1 "1" B, 2 2 "2" C, 3 3 "3" D, });
struct_of!("tuple" <A, B, C, D, E> (A, B, C, D, E) { 0 0 "0" A, 1 1 "1" B, 2 2 "2" C, 3 3 "3" D, 4 4 "4" E, });
struct_of!("tuple" <A, B, C, D, E, F> (A, B, C, D, E, F) { 0 0 "0" A, 1 1 "1" B, 2 2 "2" C, 3 3 "3" D, 4 4 "4" E, 5 5 "5" F, });

/// The description of types without values.
const UNIT: &Description = &Description::new("unit");

/// Implements `Wire` for a type that is not on the wire.
macro_rules! unit {
    ($type:ty $(, $generic:ident)?) => {
        #[diagnostic::do_not_recommend]
        impl$(<$generic: ?Sized>)? Wire for $type {
            const FORM: Form = Form::structure(UNIT);
            const FIXED: Option<usize> = Some(0);

            fn share_elements<S: Sink>(&self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
                members::save(UNIT, sink, at, element, |_| Ok(()))
            }

            fn load_elements(&mut self, _: &mut Reader<'_>) -> Result<(), LoadError> {
                Ok(())
            }
        }
    };
}

unit!(());
unit!(PhantomData<T>, T);
