//! `bool` and the integers: QEMU's `bool`, `int8` .. `int64`, `uint8` .. `uint64`.

use byteorder::{BigEndian, ByteOrder};

use crate::description::Form;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::wire::Reader;
use crate::wire::swap::Swap;

/// Implements `Wire` for types of fixed size, with the given `put` and `get`.
macro_rules! fixed {
    ($({$($generics:tt)*})? $type:ty, $name:expr, $size:expr, { $($body:tt)* }) => {
        impl$(<$($generics)*>)? Wire for $type {
            const FORM: Form = Form::info($name, Some($size));
            const FIXED: Option<usize> = Some($size);

            $($body)*

            fn share_elements<S: Sink>(&self, sink: &mut S, at: FieldRef, element: ElementIndex) -> Result<(), SaveError> {
                sink.begin_element(at, element);
                self.put(sink.reserve($size));
                sink.end_element();
                Ok(())
            }

            fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
                self.get(reader.take($size)?);
                Ok(())
            }
        }
    };
}
pub(super) use fixed;

/// Implements `Wire` for big-endian numbers.
macro_rules! big_endian {
    ($($type:ident $name:literal $write:ident $read:ident $(, $equal:literal)?;)*) => {$(
        $crate::info::int::fixed!($type, $name, size_of::<$type>(), {
            $(const EQUAL: Form = Form::info($equal, Some(size_of::<$type>()));)?

            #[inline]
            fn put(&self, out: &mut [u8]) {
                BigEndian::$write(out, *self);
            }

            #[inline]
            fn get(&mut self, from: &[u8]) {
                *self = BigEndian::$read(from);
            }

            #[inline]
            fn put_all(values: &[Self], out: &mut [u8]) {
                Swap::store(values, out);
            }

            #[inline]
            fn get_all(values: &mut [Self], from: &[u8]) {
                Swap::load(values, from);
            }
        });
    )*};
}
pub(super) use big_endian;

big_endian! {
    u16 "uint16" write_u16 read_u16, "uint16 equal";
    u32 "uint32" write_u32 read_u32, "uint32 equal";
    // The name is a mistake in QEMU's vmstate_info_uint64_equal (migration/vmstate-types.c) that streams depend on.
    u64 "uint64" write_u64 read_u64, "int64 equal";
    i16 "int16" write_i16 read_i16;
    i32 "int32" write_i32 read_i32, "int32 equal";
    i64 "int64" write_i64 read_i64;
}

fixed!(u8, "uint8", 1, {
    const EQUAL: Form = Form::info("uint8 equal", Some(1));

    #[inline]
    fn put(&self, out: &mut [u8]) {
        out.copy_from_slice(&[*self]);
    }

    #[inline]
    fn get(&mut self, from: &[u8]) {
        *self = from.first().copied().unwrap_or_default();
    }

    #[inline]
    fn put_all(values: &[Self], out: &mut [u8]) {
        out.copy_from_slice(values);
    }

    #[inline]
    fn get_all(values: &mut [Self], from: &[u8]) {
        values.copy_from_slice(from);
    }
});

fixed!(i8, "int8", 1, {
    #[inline]
    fn put(&self, out: &mut [u8]) {
        out.copy_from_slice(&self.to_be_bytes());
    }

    #[inline]
    fn get(&mut self, from: &[u8]) {
        *self = Self::from_be_bytes(from.try_into().unwrap_or_default());
    }
});

// Any byte other than zero is true, as in get_bool of QEMU's migration/vmstate-types.c.
fixed!(bool, "bool", 1, {
    #[inline]
    fn put(&self, out: &mut [u8]) {
        out.copy_from_slice(&[u8::from(*self)]);
    }

    #[inline]
    fn get(&mut self, from: &[u8]) {
        *self = from != [0];
    }
});
