//! Counted elements, bytes and bits, and parts of arrays.

use std::collections::VecDeque;

use proptest::prelude::*;
use vmstate::prelude::*;

use super::Peer;
use super::mixed::{Part, part};

#[derive(VmState, Debug, Clone, Default, PartialEq)]
#[vmstate(name = "counted")]
pub(super) struct Counted {
    nregs: u8,
    nparts: i32,
    nbits: u16,
    #[vmstate(len = nregs, max = 8)]
    regs: Vec<u16>,
    #[vmstate(len = nregs * Self::PER_REG)]
    front: [u8; 16],
    #[vmstate(len = nparts, max = 4)]
    parts: VecDeque<Part>,
    #[vmstate(len = nparts, max = 4)]
    boxed: Box<[Part]>,
    #[vmstate(count("nqueues": u16), max = 5)]
    queues: Vec<Part>,
    #[vmstate(buffer(len = nregs, max = 8))]
    bytes: Vec<u8>,
    #[vmstate(buffer(len = nparts, multiply = 3))]
    tripled: [u8; 12],
    #[vmstate(bitmap(bits = nbits, max = 130))]
    bits: Vec<u64>,
    #[vmstate(bitmap(bits = 65))]
    fixed_bits: [u64; 2],
    #[vmstate(byte_array(max = 6))]
    byte_array: Vec<u8>,
    #[vmstate(range = 1..3)]
    middle: [u32; 4],
    #[vmstate(range = 1..)]
    end: [Part; 2],
    #[vmstate(buffer, range = ..2)]
    beginning: [u8; 4],
}

impl Counted {
    const PER_REG: usize = 2;
}

impl Peer for Counted {}

prop_compose! {
    /// Numbers of elements that the containers can have.
    fn counts()(nregs in 0..=8_usize, nparts in 0..=4_usize, nbits in 0..=130_u16, nqueues in 0..=5_usize)
        -> (usize, usize, u16, usize) {
        (nregs, nparts, nbits, nqueues)
    }
}

prop_compose! {
    pub(super) fn states()((nregs, nparts, nbits, nqueues) in counts())(
        regs in prop::collection::vec(any::<u16>(), nregs),
        front in any::<[u8; 16]>(),
        parts in prop::collection::vec(part(), nparts),
        boxed in prop::collection::vec(part(), nparts),
        queues in prop::collection::vec(part(), nqueues),
        bytes in prop::collection::vec(any::<u8>(), nregs),
        bits in prop::collection::vec(any::<u64>(), usize::from(nbits).div_ceil(64)),
        byte_array in prop::collection::vec(any::<u8>(), 0..=6),
        (tripled, fixed_bits, middle, beginning) in any::<([u8; 12], [u64; 2], [u32; 2], [u8; 2])>(),
        end in part(),
        (nregs, nparts, nbits) in Just((nregs, nparts, nbits)),
    ) -> Counted {
        // Fields that are not sent have the values of a new device.
        let cut = |all: &[u8], count: usize| all[..count].to_vec();
        let mut device = Counted {
            nregs: u8::try_from(nregs).unwrap(),
            nparts: i32::try_from(nparts).unwrap(),
            nbits, regs, bytes, bits, byte_array, queues, fixed_bits,
            parts: parts.into(),
            boxed: boxed.into(),
            middle: [0, middle[0], middle[1], 0],
            end: [Part::default(), end],
            beginning: [beginning[0], beginning[1], 0, 0],
            ..Counted::default()
        };
        device.front[..nregs * 2].copy_from_slice(&cut(&front, nregs * 2));
        device.tripled[..nparts * 3].copy_from_slice(&cut(&tripled, nparts * 3));
        device
    }
}
