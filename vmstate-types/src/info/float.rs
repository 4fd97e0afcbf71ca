//! Floating-point numbers: QEMU's `CPU_Double_U`, and `f32` as its bits, a `uint32`.

use byteorder::{BigEndian, ByteOrder};

use super::int::big_endian;
use crate::description::Form;
use crate::error::{LoadError, SaveError};
use crate::sink::{ElementIndex, FieldRef, Sink};
use crate::state::Wire;
use crate::wire::Reader;
use crate::wire::swap::Swap;

big_endian! {
    // The upper and the lower half, each big-endian (VMSTATE_CPUDOUBLE): together the big-endian double.
    f64 "CPU_Double_U" write_f64 read_f64;
    f32 "uint32" write_f32 read_f32;
}
