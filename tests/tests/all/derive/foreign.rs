//! Collections and strings of other crates. They have the same bytes as the standard collections.

use arrayvec::{ArrayString, ArrayVec};
use bytes::{Bytes, BytesMut};
use heapless::Deque;
use smallvec::SmallVec;
use tinyvec::TinyVec;
use vmstate::info::Sequence;
use vmstate::prelude::*;

use super::{check_any_bytes, check_truncation, loaded, refused, save};

#[derive(VmState, Default, Debug, PartialEq, Clone)]
#[vmstate(name = "foreign")]
struct Foreign {
    #[vmstate(with = Sequence<8>)]
    array: ArrayVec<u16, 4>,
    name: ArrayString<4>,
    #[vmstate(with = Sequence<8>)]
    heapless: heapless::Vec<(u8, u8), 2>,
    #[vmstate(with = Sequence<8>)]
    deque: Deque<u8, 4>,
    label: heapless::String<4>,
    #[vmstate(with = Sequence<8>)]
    small: SmallVec<[u8; 2]>,
    #[vmstate(with = Sequence<8>)]
    tiny: TinyVec<[u8; 2]>,
    #[vmstate(with = Sequence<8>)]
    tiny_array: tinyvec::ArrayVec<[u8; 2]>,
    #[vmstate(with = Sequence<8>)]
    shared: Bytes,
    #[vmstate(with = Sequence<8>)]
    unique: BytesMut,
}

fn foreign() -> Foreign {
    let mut deque = Deque::new();
    deque.push_back(6).unwrap();
    Foreign {
        array: [1, 2].into_iter().collect(),
        name: ArrayString::from("ab").unwrap(),
        heapless: heapless::Vec::from_slice(&[(3, 4)]).unwrap(),
        deque,
        label: "c".parse().unwrap(),
        small: SmallVec::from_slice(&[7, 8, 9]),
        tiny: tinyvec::tiny_vec![10],
        tiny_array: tinyvec::array_vec![11, 12],
        shared: Bytes::from_static(&[13, 13]),
        unique: BytesMut::from(&[14][..]),
    }
}

const BYTES: &[&[u8]] = &[
    &[0, 0, 0, 2, 0, 1, 0, 2],
    &[0, 0, 0, 2, b'a', b'b'],
    &[0, 0, 0, 1, 3, 4],
    &[0, 0, 0, 1, 6],
    &[0, 0, 0, 1, b'c'],
    &[0, 0, 0, 3, 7, 8, 9],
    &[0, 0, 0, 1, 10],
    &[0, 0, 0, 2, 11, 12],
    &[0, 0, 0, 2, 13, 13],
    &[0, 0, 0, 1, 14],
];

#[test]
fn foreign_collections_have_the_usual_bytes() {
    let bytes = BYTES.concat();
    assert_eq!(save(&mut foreign()), bytes);
    assert_eq!(loaded(Foreign::default(), &bytes), foreign());
    let mut other = foreign();
    other.array = [9; 4].into();
    other.small = SmallVec::from_slice(&[9; 8]);
    other.unique = BytesMut::zeroed(8);
    assert_eq!(loaded(other, &bytes), foreign(), "earlier items are replaced");
    check_truncation::<Foreign>(&bytes, 1);
}

#[test]
fn capacity_limits_the_number_of_items() {
    for (at, path, expected) in [
        (3, "foreign.array.count", "at most 4 items"),
        (11, "foreign.name.len", "at most 4 bytes"),
        (17, "foreign.heapless.count", "at most 2 items"),
        (23, "foreign.deque.count", "at most 4 items"),
        (45, "foreign.tiny_array.count", "at most 2 items"),
        (51, "foreign.shared.count", "at most 8 items"),
    ] {
        let mut bytes = BYTES.concat();
        bytes[at] = 9;
        let error = refused(Foreign::default(), &bytes);
        assert_eq!((error.path().as_str(), error.expected()), (path, expected));
    }
}

#[test]
fn damaged_items_are_rejected_or_a_state() {
    let bytes = BYTES.concat();
    for at in 0..bytes.len() {
        for mask in [1, 4, 0x80] {
            let mut damaged = bytes.clone();
            damaged[at] ^= mask;
            check_any_bytes(Foreign::default, &damaged);
        }
    }
}
