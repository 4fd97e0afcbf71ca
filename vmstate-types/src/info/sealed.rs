//! Seals traits that only this crate implements, so that new required methods do not break users.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, LinkedList, VecDeque};
use alloc::vec::Vec;

/// A supertrait that other crates cannot name.
pub trait Sealed {}

impl<T, const N: usize> Sealed for [T; N] {}
impl<T, const N: usize> Sealed for Box<[T; N]> {}
impl<T> Sealed for Box<[T]> {}
impl<T> Sealed for Vec<T> {}
impl<T> Sealed for VecDeque<T> {}
impl<T> Sealed for LinkedList<T> {}
impl<K, V> Sealed for BTreeMap<K, V> {}
