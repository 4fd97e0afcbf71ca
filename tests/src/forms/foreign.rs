//! Collections and strings of other crates.

use arrayvec::{ArrayString, ArrayVec};
use bytes::{Bytes, BytesMut};
use heapless::Deque;
use smallvec::SmallVec;
use tinyvec::TinyVec;
use vmstate::info::Sequence;
use vmstate::laws::Choices;

use super::{MAX, forms, letters, some, word};

fn bytes(choices: &mut Choices) -> Vec<u8> {
    some(choices, Choices::byte)
}

fn deque(bytes: impl IntoIterator<Item = u8>) -> Deque<u8, 4> {
    let mut deque = Deque::new();
    deque.extend(bytes);
    deque
}

forms! {
    array_vec: "composed" "Sequence",
        [] #[vmstate(with = Sequence<8>)] ArrayVec<u16, 4>,
        |choices| some(choices, word).into_iter().collect(),
        [1, 2].into_iter().collect() => [0, 0, 0, 2, 0, 1, 0, 2],
        counts [];
    array_string: "composed" "Text",
        [] ArrayString<4>,
        |choices| ArrayString::from(&letters(choices)).unwrap_or_default(),
        ArrayString::from("ab").unwrap_or_default() => [0, 0, 0, 2, b'a', b'b'],
        counts [];
    heapless_vec: "composed" "Sequence",
        [] #[vmstate(with = Sequence<8>)] heapless::Vec<(u8, u8), 4>,
        |choices| some(choices, |choices| (choices.byte(), 1)).into_iter().collect(),
        [(3, 4)].into_iter().collect() => [0, 0, 0, 1, 3, 4],
        counts [];
    heapless_deque: "composed" "Sequence",
        [] #[vmstate(with = Sequence<8>)] Deque<u8, 4>,
        |choices| deque(bytes(choices)),
        deque([6]) => [0, 0, 0, 1, 6],
        counts [];
    heapless_string: "composed" "Text",
        [] heapless::String<4>,
        |choices| letters(choices).parse().unwrap_or_default(),
        "c".parse().unwrap_or_default() => [0, 0, 0, 1, b'c'],
        counts [];
    small_vec: "composed" "Sequence",
        [] #[vmstate(with = Sequence<MAX>)] SmallVec<[u64; 2]>,
        |choices| some(choices, Choices::next).into(),
        SmallVec::from_slice(&[7]) => [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7],
        counts [[]];
    tiny_vec: "composed" "Sequence",
        [] #[vmstate(with = Sequence<MAX>)] TinyVec<[u64; 2]>,
        |choices| some(choices, Choices::next).into_iter().collect(),
        [10].into_iter().collect() => [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 10],
        counts [[]];
    tiny_array_vec: "composed" "Sequence",
        [] #[vmstate(with = Sequence<8>)] tinyvec::ArrayVec<[u8; 4]>,
        |choices| bytes(choices).into_iter().collect(),
        [11, 12].into_iter().collect() => [0, 0, 0, 2, 11, 12],
        counts [];
    shared_bytes: "composed" "Sequence",
        [] #[vmstate(with = Sequence<MAX>)] Bytes,
        |choices| bytes(choices).into(),
        Bytes::from_static(&[13, 14]) => [0, 0, 0, 2, 13, 14],
        counts [[]];
    unique_bytes: "composed" "Sequence",
        [] #[vmstate(with = Sequence<MAX>)] BytesMut,
        |choices| BytesMut::from(&bytes(choices)[..]),
        BytesMut::from(&[15][..]) => [0, 0, 0, 1, 15],
        counts [[]];
}
