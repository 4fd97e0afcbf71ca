//! Fields at places within members: `#[vmstate(field("mac_reg[CTRL]": u32 = mac_reg[CTRL]))]`.
//!
//! Indices are checked at compile time, so they are only supported for arrays of fixed length.

use alloc::boxed::Box;

/// Returns the value at a place, after checking that its type is `T`.
#[inline]
pub fn of<T: ?Sized>(value: &mut T) -> &mut T {
    value
}

/// An array of fixed length, with items of type `T`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an array",
    label = "expected an array of fixed length",
    note = "the elements of a growing collection may be missing when a stream is loaded"
)]
pub trait Array<T> {
    /// Returns the element at `INDEX`.
    ///
    /// # Panics
    /// Panics at compile time if the index is out of bounds.
    fn element<const INDEX: usize>(&mut self) -> &mut T;
}

impl<T, const N: usize> Array<T> for [T; N] {
    #[inline]
    fn element<const INDEX: usize>(&mut self) -> &mut T {
        const { check(INDEX, N) };
        &mut self[INDEX]
    }
}

impl<T, A: Array<T> + ?Sized> Array<T> for Box<A> {
    #[inline]
    fn element<const INDEX: usize>(&mut self) -> &mut T {
        (**self).element::<INDEX>()
    }
}

/// Returns the element at `INDEX` of an array.
///
/// # Panics
/// Panics at compile time if the index is out of bounds.
#[inline]
pub fn element<const INDEX: usize, T, A: Array<T>>(array: &mut A) -> &mut T {
    array.element::<INDEX>()
}

#[track_caller]
const fn check(index: usize, length: usize) {
    assert!(index < length, "index out of range: the array is shorter");
}
