//! Fields at places within members: `#[vmstate(field("mac_reg[CTRL]": u32 = mac_reg[CTRL]))]`.
//!
//! Indices are checked at compile time, so they are only supported for arrays of fixed length.

use alloc::boxed::Box;

/// A reference to a place, shared or exclusive.
///
/// Generated code passes both kinds to the same functions, so that the compiler reports an invalid place once, although
/// saves and loads use it.
pub trait Reference<'a> {
    /// The type of the place.
    type Target: ?Sized;
    /// The same kind of reference to a `T`.
    type To<T: ?Sized + 'a>;

    /// Returns the value at the place.
    fn value<T: ?Sized + 'a>(self) -> Self::To<T>
    where
        Self::Target: Is<T>;

    /// Returns the element at `INDEX` of the array at the place.
    ///
    /// # Panics
    /// Panics at compile time if the index is out of bounds.
    fn element<const INDEX: usize, T: 'a>(self) -> Self::To<T>
    where
        Self::Target: Array<T>;
}

impl<'a, V: ?Sized> Reference<'a> for &'a V {
    type Target = V;
    type To<T: ?Sized + 'a> = &'a T;

    #[inline]
    fn value<T: ?Sized + 'a>(self) -> &'a T
    where
        V: Is<T>,
    {
        self.shared()
    }

    #[inline]
    fn element<const INDEX: usize, T: 'a>(self) -> &'a T
    where
        V: Array<T>,
    {
        Array::shared::<INDEX>(self)
    }
}

impl<'a, V: ?Sized> Reference<'a> for &'a mut V {
    type Target = V;
    type To<T: ?Sized + 'a> = &'a mut T;

    #[inline]
    fn value<T: ?Sized + 'a>(self) -> &'a mut T
    where
        V: Is<T>,
    {
        self.exclusive()
    }

    #[inline]
    fn element<const INDEX: usize, T: 'a>(self) -> &'a mut T
    where
        V: Array<T>,
    {
        Array::exclusive::<INDEX>(self)
    }
}

/// A place of type `T`, or a box with one.
#[diagnostic::on_unimplemented(
    message = "the place has the type `{Self}`, but the field has the type `{T}`",
    label = "expected `{T}`, found `{Self}`"
)]
pub trait Is<T: ?Sized> {
    /// Returns a shared reference to the value.
    fn shared(&self) -> &T;

    /// Returns an exclusive reference to the value.
    fn exclusive(&mut self) -> &mut T;
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized> Is<T> for T {
    #[inline]
    fn shared(&self) -> &T {
        self
    }

    #[inline]
    fn exclusive(&mut self) -> &mut T {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<T: ?Sized> Is<T> for Box<T> {
    #[inline]
    fn shared(&self) -> &T {
        self
    }

    #[inline]
    fn exclusive(&mut self) -> &mut T {
        self
    }
}

/// Returns a reference to the value at a place, after checking that its type is `T`.
#[inline]
pub fn of<'a, T: ?Sized + 'a, R: Reference<'a>>(place: R) -> R::To<T>
where
    R::Target: Is<T>,
{
    place.value()
}

/// An array of fixed length, with items of type `T`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an array",
    label = "expected an array of fixed length",
    note = "the elements of a growing collection may be missing when a stream is loaded"
)]
pub trait Array<T> {
    /// Returns an exclusive reference to the element at `INDEX`.
    ///
    /// # Panics
    /// Panics at compile time if the index is out of bounds.
    fn exclusive<const INDEX: usize>(&mut self) -> &mut T;

    /// Returns a shared reference to the element at `INDEX`.
    ///
    /// # Panics
    /// Panics at compile time if the index is out of bounds.
    fn shared<const INDEX: usize>(&self) -> &T;
}

impl<T, const N: usize> Array<T> for [T; N] {
    #[inline]
    fn exclusive<const INDEX: usize>(&mut self) -> &mut T {
        const { check(INDEX, N) };
        &mut self[INDEX]
    }

    #[inline]
    fn shared<const INDEX: usize>(&self) -> &T {
        const { check(INDEX, N) };
        &self[INDEX]
    }
}

impl<T, A: Array<T> + ?Sized> Array<T> for Box<A> {
    #[inline]
    fn exclusive<const INDEX: usize>(&mut self) -> &mut T {
        (**self).exclusive::<INDEX>()
    }

    #[inline]
    fn shared<const INDEX: usize>(&self) -> &T {
        (**self).shared::<INDEX>()
    }
}

/// Returns a reference to the element at `INDEX` of an array.
///
/// # Panics
/// Panics at compile time if the index is out of bounds.
#[inline]
pub fn element<'a, const INDEX: usize, T: 'a, R: Reference<'a>>(array: R) -> R::To<T>
where
    R::Target: Array<T>,
{
    array.element::<INDEX, T>()
}

#[track_caller]
const fn check(index: usize, length: usize) {
    assert!(index < length, "index out of range: the array is shorter");
}
