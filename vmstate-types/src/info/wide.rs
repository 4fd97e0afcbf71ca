//! Integers of 128 bits: both halves in one struct, because QEMU has no info for them.

use byteorder::{BigEndian, ByteOrder};

use super::members;
use crate::description::{Description, Field, Form};
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::wire::Reader;

macro_rules! wide {
    ($type:ident $high:ident $description:ident $name:literal $write:ident $read:ident) => {
        const $description: &Description =
            &Description::new($name).fields(const { &[Field::new("hi", $high::FORM), Field::new("lo", u64::FORM)] });

        #[diagnostic::do_not_recommend]
        impl Wire for $type {
            const FORM: Form = Form::structure($description);
            const FIXED: Option<usize> = Some(16);

            #[inline]
            fn put(&self, out: &mut [u8]) {
                BigEndian::$write(out, *self);
            }

            #[inline]
            fn get(&mut self, from: &[u8]) {
                *self = BigEndian::$read(from);
            }

            fn share_elements<S: Sink>(
                &self,
                sink: &mut S,
                at: FieldRef,
                element: ElementIndex,
            ) -> Result<(), SaveError> {
                members::save($description, sink, at, element, |sink| {
                    self.put(sink.reserve(16));
                    sink.fixed($description, 0..2);
                    Ok(())
                })
            }

            fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
                self.get(reader.take(16)?);
                Ok(())
            }
        }
    };
}

wide!(u128 u64 UINT128 "uint128" write_u128 read_u128);
wide!(i128 i64 INT128 "int128" write_i128 read_i128);
