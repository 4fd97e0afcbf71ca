//! Seals traits that only this crate implements, so that new required methods do not break users.

use alloc::boxed::Box;
use alloc::collections::{LinkedList, VecDeque};
use alloc::vec::Vec;

/// A supertrait that other crates cannot name.
pub trait Sealed {}

/// The type of a constant that other crates cannot name.
///
/// It seals the traits that generated code calls on the type of a field. A supertrait would be reported instead of the
/// trait's `on_unimplemented`, and once for each item that is used.
#[derive(Debug)]
pub struct Seal;

impl<T, const N: usize> Sealed for [T; N] {}
impl<T, const N: usize> Sealed for Box<[T; N]> {}
impl<T> Sealed for Box<[T]> {}
impl<T> Sealed for &mut [T] {}
impl<T> Sealed for Vec<T> {}
impl<T> Sealed for VecDeque<T> {}
impl<T> Sealed for LinkedList<T> {}
