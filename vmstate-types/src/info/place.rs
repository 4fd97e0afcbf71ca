//! Places inside of members that are fields by themselves:
//! `#[vmstate(field("mac_reg[CTRL]": u32 = mac_reg[CTRL]))]`.
//!
//! An index is checked when the program is built. So it takes arrays, whose length no stream decides about.

use alloc::boxed::Box;

/// The value in a place, which is a `T`.
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
    /// ElementIndex number `INDEX`.
    ///
    /// # Panics
    /// When the program is built: if the array has no such element.
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

/// ElementIndex number `INDEX` of an array.
///
/// # Panics
/// When the program is built: if the array has no such element.
#[inline]
pub fn element<const INDEX: usize, T, A: Array<T>>(array: &mut A) -> &mut T {
    array.element::<INDEX>()
}

#[track_caller]
const fn check(index: usize, length: usize) {
    assert!(index < length, "index out of range: the array is shorter");
}
