use arrayvec::{ArrayString, ArrayVec};
use bytes::Bytes;
use smallvec::SmallVec;
use tinyvec::TinyVec;
use vmstate::info::Sequence;
use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    array: ArrayVec<u8, 4>,
    heapless: heapless::Vec<u8, 4>,
    deque: heapless::Deque<u8, 4>,
    small: SmallVec<[u8; 4]>,
    tiny: TinyVec<[u8; 4]>,
    bytes: Bytes,
    #[vmstate(with = Sequence<4>)]
    name: ArrayString<4>,
    #[vmstate(with = Sequence<4>)]
    label: heapless::String<4>,
}

fn main() {}

// Fix:
// -    array: ArrayVec<u8, 4>,
// +    #[vmstate(with = Sequence<4>)]
// +    array: ArrayVec<u8, 4>,
//
// -    heapless: heapless::Vec<u8, 4>,
// +    #[vmstate(with = Sequence<4>)]
// +    heapless: heapless::Vec<u8, 4>,
//
// -    deque: heapless::Deque<u8, 4>,
// +    #[vmstate(with = Sequence<4>)]
// +    deque: heapless::Deque<u8, 4>,
//
// -    small: SmallVec<[u8; 4]>,
// +    #[vmstate(with = Sequence<4>)]
// +    small: SmallVec<[u8; 4]>,
//
// -    tiny: TinyVec<[u8; 4]>,
// +    #[vmstate(with = Sequence<4>)]
// +    tiny: TinyVec<[u8; 4]>,
//
// -    bytes: Bytes,
// +    #[vmstate(with = Sequence<4>)]
// +    bytes: Bytes,
//
// -    #[vmstate(with = Sequence<4>)]
// -    name: ArrayString<4>,
// +    name: ArrayString<4>,
//
// -    #[vmstate(with = Sequence<4>)]
// -    label: heapless::String<4>,
// +    label: heapless::String<4>,
