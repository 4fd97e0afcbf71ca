//! Containers of counted items: fixed ones have their length, and the others grow and shrink with a load.

use std::collections::VecDeque;

use crate::info::container::Counted;
use crate::info::hidden::Growing;

/// Checks a container with the bytes 1, 2 and 3.
fn check<C: Counted<Item = u8>>(mut items: C, grows: bool) {
    assert_eq!(items.length(), 3);
    assert_eq!(items.all(), [1, 2, 3]);
    assert_eq!(items.items(3), Some(&mut [1, 2, 3][..]));
    assert_eq!(items.items(4), None);
    assert_eq!(items.items(2).is_some(), C::CAPACITY.is_some(), "only arrays have items in front");
    assert_eq!([items.parts(2).concat(), items.parts(9).concat()], [vec![1, 2], vec![1, 2, 3]]);
    assert_eq!(items.grow(2, 3), [3]);
    assert_eq!(items.length(), 3, "nothing has to grow");
    assert_eq!(items.grow(3, 5), if grows { &[0; 2][..] } else { &[] });
    items.cut(4);
    assert_eq!(items.all(), if grows { &[1, 2, 3, 0][..] } else { &[1, 2, 3] });
    items.cut(4);
    assert_eq!(items.length(), if grows { 4 } else { 3 });
    items.cut(2);
    assert_eq!(items.all(), if grows { &[1, 2][..] } else { &[1, 2, 3] });
}

#[test]
fn containers_grow_unless_their_length_is_fixed() {
    check([1, 2, 3], false);
    check(Box::new([1, 2, 3]), false);
    check(&mut [1, 2, 3][..], false);
    check(vec![1, 2, 3], true);
    check(Box::<[u8]>::from([1, 2, 3]), true);
    let mut deque = VecDeque::from([2, 3]);
    deque.push_front(1);
    check(deque, true);
}

#[test]
fn only_a_slice_determines_its_count() {
    let slice = &mut [1_u8, 2][..];
    assert_eq!(slice.fixed_length(), Some(2));
    assert_eq!([[1_u8, 2].fixed_length(), Box::new([1_u8, 2]).fixed_length(), vec![1_u8].fixed_length()], [None; 3]);
}

#[test]
fn counts_are_the_lengths_of_collections() {
    let lengths = [
        Growing::length(&vec![1_u8, 2, 3]),
        Growing::length(&VecDeque::from([1_u8, 2, 3])),
        Growing::length(&Box::<[u8]>::from([1, 2, 3])),
        Growing::length(&&mut [1_u8, 2, 3][..]),
    ];
    assert_eq!(lengths, [3; 4]);
}

#[test]
fn box_grows_in_few_steps() {
    let mut items = Box::<[u8]>::default();
    let mut lengths = Vec::new();
    for index in 0..1000 {
        items.grow(index, index + 1);
        lengths.push(Counted::length(&items));
    }
    lengths.dedup();
    assert!(lengths.len() <= 12, "{lengths:?}");
}
