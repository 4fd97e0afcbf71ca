//! Elements of arrays that are fields by themselves: `#[vmstate(field("mac_reg[CTRL]": u32 = mac_reg[CTRL]))]`.
//!
//! An index is checked when the program is built. So it takes arrays, whose length no stream decides about.

/// Element number `INDEX`.
///
/// # Panics
/// When the program is built: if the array has no such element.
#[must_use]
pub const fn element<const INDEX: usize, T, const N: usize>(array: &[T; N]) -> &T {
    const { assert!(INDEX < N, "this index is behind the end of the array") };
    &array[INDEX]
}

/// Element number `INDEX`, to be changed.
///
/// # Panics
/// When the program is built: if the array has no such element.
#[must_use]
pub const fn element_mut<const INDEX: usize, T, const N: usize>(array: &mut [T; N]) -> &mut T {
    const { assert!(INDEX < N, "this index is behind the end of the array") };
    &mut array[INDEX]
}
