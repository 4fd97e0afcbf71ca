//! Collections and strings of other crates, one optional feature for each crate.

#[cfg(any(feature = "arrayvec", feature = "heapless"))]
mod text {
    /// Implements [`Wire`](crate::Wire) for strings of fixed capacity, which bounds their length in a stream.
    macro_rules! bounded_text {
        ($string:ident) => {
            impl<const N: usize> Wire for $string<N> {
                const FORM: Form = <Text<N> as Info<Self>>::FORM;

                fn share_elements<S: Sink>(
                    &self,
                    sink: &mut S,
                    at: FieldRef,
                    element: ElementIndex,
                ) -> Result<(), SaveError> {
                    <Text<N> as Info<Self>>::share_elements(self, sink, at, element)
                }

                fn load_elements(&mut self, reader: &mut Reader<'_>) -> Result<(), LoadError> {
                    <Text<N> as Info<Self>>::load_elements(self, reader)
                }
            }
        };
    }
    pub(super) use bounded_text;
}

#[cfg(feature = "arrayvec")]
mod arrayvec {
    use alloc::string::String;

    use arrayvec::{ArrayString, ArrayVec};

    use super::text::bounded_text;
    use crate::description::Form;
    use crate::error::{LoadError, SaveError};
    use crate::info::Info;
    use crate::info::collection::{Collection, contiguous};
    use crate::info::text::{Text, TextBuffer};
    use crate::sink::{ElementIndex, FieldRef, Sink};
    use crate::state::Wire;
    use crate::wire::Reader;

    impl<T: Default, const N: usize> Collection for ArrayVec<T, N> {
        type Item = T;
        const CAPACITY: Option<usize> = Some(N);

        contiguous!(|items, end| while items.len() < end && items.try_push(T::default()).is_ok() {});
    }

    impl<const N: usize> TextBuffer for ArrayString<N> {
        const CAPACITY: Option<usize> = Some(N);

        fn text(&self) -> &str {
            self
        }

        fn set_text(&mut self, text: String) {
            // The text fits: its length is at most the capacity.
            *self = Self::from(&text).unwrap_or_default();
        }
    }

    bounded_text!(ArrayString);
}

#[cfg(feature = "heapless")]
mod heapless {
    use alloc::string::String as Growing;

    use heapless::{Deque, String, Vec};

    use super::text::bounded_text;
    use crate::description::Form;
    use crate::error::{LoadError, SaveError};
    use crate::info::Info;
    use crate::info::collection::{Collection, contiguous, each_new};
    use crate::info::text::{Text, TextBuffer};
    use crate::sink::{ElementIndex, FieldRef, Sink};
    use crate::state::Wire;
    use crate::wire::Reader;

    impl<T: Default, const N: usize> Collection for Vec<T, N> {
        type Item = T;
        const CAPACITY: Option<usize> = Some(N);

        contiguous!(|items, end| while items.len() < end && items.push(T::default()).is_ok() {});
    }

    impl<T: Default, const N: usize> Collection for Deque<T, N> {
        type Item = T;
        const CAPACITY: Option<usize> = Some(N);

        fn length(&self) -> usize {
            self.len()
        }

        fn save_each<E>(&mut self, save: impl FnMut(&mut T) -> Result<(), E>) -> Result<(), E> {
            self.iter_mut().try_for_each(save)
        }

        fn share_each<E>(&self, save: impl FnMut(&T) -> Result<(), E>) -> Result<(), E> {
            self.iter().try_for_each(save)
        }

        fn load_each(
            &mut self,
            count: usize,
            load: impl FnMut(&mut T) -> Result<(), LoadError>,
        ) -> Result<(), LoadError> {
            self.clear();
            each_new(count, load, |item| {
                self.push_back(item).map_err(|_| LoadError::misuse("a count that fits the collection", count))
            })
        }
    }

    impl<const N: usize> TextBuffer for String<N> {
        const CAPACITY: Option<usize> = Some(N);

        fn text(&self) -> &str {
            self
        }

        fn set_text(&mut self, text: Growing) {
            // The text fits: its length is at most the capacity.
            *self = text.parse().unwrap_or_default();
        }
    }

    bounded_text!(String);
}

#[cfg(feature = "smallvec")]
mod smallvec {
    use smallvec::{Array, SmallVec};

    use crate::info::collection::{Collection, contiguous};

    impl<A: Array<Item: Default>> Collection for SmallVec<A> {
        type Item = A::Item;

        contiguous!(|items, end| items.resize_with(end, Default::default));
    }
}

#[cfg(feature = "tinyvec")]
mod tinyvec {
    use tinyvec::{Array, ArrayVec, TinyVec};

    use crate::info::collection::{Collection, contiguous};

    impl<A: Array> Collection for ArrayVec<A> {
        type Item = A::Item;
        const CAPACITY: Option<usize> = Some(A::CAPACITY);

        contiguous!(|items, end| while items.len() < end && items.try_push(Default::default()).is_none() {});
    }

    impl<A: Array> Collection for TinyVec<A> {
        type Item = A::Item;

        contiguous!(|items, end| items.resize_with(end, Default::default));
    }
}

#[cfg(feature = "bytes")]
mod bytes {
    use alloc::vec::Vec;

    use bytes::{Bytes, BytesMut};

    use crate::error::LoadError;
    use crate::info::collection::{Collection, contiguous};

    impl Collection for BytesMut {
        type Item = u8;

        contiguous!(|bytes, end| bytes.resize(end, 0));
    }

    impl Collection for Bytes {
        type Item = u8;

        fn length(&self) -> usize {
            self.len()
        }

        fn save_each<E>(&mut self, mut save: impl FnMut(&mut u8) -> Result<(), E>) -> Result<(), E> {
            // Shared bytes are immutable.
            self.iter().try_for_each(|byte| save(&mut { *byte }))
        }

        fn share_each<E>(&self, save: impl FnMut(&u8) -> Result<(), E>) -> Result<(), E> {
            self.iter().try_for_each(save)
        }

        fn load_each(
            &mut self,
            count: usize,
            load: impl FnMut(&mut u8) -> Result<(), LoadError>,
        ) -> Result<(), LoadError> {
            let mut bytes = Vec::new();
            bytes.load_each(count, load)?;
            *self = bytes.into();
            Ok(())
        }

        fn slice(&self) -> Option<&[u8]> {
            Some(self)
        }
    }
}
