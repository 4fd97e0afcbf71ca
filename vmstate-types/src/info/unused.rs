//! Bytes without meaning: QEMU's `unused_buffer`.

use super::int::fixed;
use crate::description::Form;
use crate::error::{LoadError, SaveError};
use crate::sink::{At, Element, Sink};
use crate::state::Wire;
use crate::wire::Reader;

/// A member that stands for `N` bytes that are zero when saved and ignored when loaded.
///
/// For what older or newer versions of a device keep in that place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Unused<const N: usize>;

fixed!({const N: usize} Unused<N>, "unused_buffer", N, {
    #[inline]
    fn put(&self, out: &mut [u8]) {
        out.fill(0);
    }
});
