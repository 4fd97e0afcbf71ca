//! The baseline: the fastest handwritten code for each device.
//!
//! It checks the length once, stores and loads at constant offsets, and swaps arrays of integers in bulk, with AVX2 where
//! the processor has it. It has no error messages and no versions.

use std::mem;

use crate::Codec;
use crate::shapes::{Channel, Cpu, IoApic, Nic, Pit, Queue, Uart, Virtio};

/// Stores integers at constant offsets.
macro_rules! put {
    ($value:ident $out:ident $at:expr;) => {};
    ($value:ident $out:ident $at:expr; $int:ident $ty:ident $($rest:tt)*) => {
        $out[$at..$at + size_of::<$ty>()].copy_from_slice(&$value.$int.to_be_bytes());
        crate::baseline::put!($value $out $at + size_of::<$ty>(); $($rest)*)
    };
}

/// Loads integers from constant offsets.
macro_rules! get {
    ($value:ident $from:ident $at:expr;) => {};
    ($value:ident $from:ident $at:expr; $int:ident $ty:ident $($rest:tt)*) => {
        $value.$int = $ty::from_be_bytes($from[$at..$at + size_of::<$ty>()].try_into().expect("its size"));
        crate::baseline::get!($value $from $at + size_of::<$ty>(); $($rest)*)
    };
}

/// Implements `put_ints` and `get_ints`, which go straight through a struct's integers.
macro_rules! straight_line {
    ($name:ident: $($int:ident $ty:ident)*) => {
        // Some structs have no integers.
        #[allow(dead_code, unused_variables)]
        impl $name {
            /// The bytes of the integers.
            pub(crate) const INTS: usize = 0 $(+ size_of::<$ty>())*;

            #[inline(always)]
            pub(crate) fn put_ints(&self, out: &mut [u8; Self::INTS]) {
                crate::baseline::put!(self out 0; $($int $ty)*);
            }

            #[inline(always)]
            pub(crate) fn get_ints(&mut self, from: &[u8; Self::INTS]) {
                crate::baseline::get!(self from 0; $($int $ty)*);
            }
        }
    };
}
pub(crate) use {get, put, straight_line};

/// Swaps arrays of integers in bulk.
macro_rules! swaps {
    ($($ty:ident $store:ident $load:ident;)*) => {$(
        mod $ty {
            #[inline(always)]
            fn store_all(values: &[$ty], out: &mut [u8]) {
                for (value, out) in values.iter().zip(out.as_chunks_mut().0) {
                    *out = value.to_be_bytes();
                }
            }

            #[inline(always)]
            fn load_all(values: &mut [$ty], from: &[u8]) {
                for (value, from) in values.iter_mut().zip(from.as_chunks().0) {
                    *value = $ty::from_be_bytes(*from);
                }
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn store_avx2(values: &[$ty], out: &mut [u8]) {
                store_all(values, out);
            }

            #[cfg(target_arch = "x86_64")]
            #[target_feature(enable = "avx2")]
            fn load_avx2(values: &mut [$ty], from: &[u8]) {
                load_all(values, from);
            }

            #[inline(always)]
            #[allow(unsafe_code)]
            pub(crate) fn store(values: &[$ty], out: &mut [u8]) {
                #[cfg(target_arch = "x86_64")]
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the condition checks that the processor has AVX2.
                    return unsafe { store_avx2(values, out) };
                }
                store_all(values, out);
            }

            #[inline(always)]
            #[allow(unsafe_code)]
            pub(crate) fn load(values: &mut [$ty], from: &[u8]) {
                #[cfg(target_arch = "x86_64")]
                if is_x86_feature_detected!("avx2") {
                    // SAFETY: the condition checks that the processor has AVX2.
                    return unsafe { load_avx2(values, from) };
                }
                load_all(values, from);
            }
        }
        use self::$ty::{load as $load, store as $store};
    )*};
}

swaps! {
    u16 store_u16s load_u16s;
    u32 store_u32s load_u32s;
    u64 store_u64s load_u64s;
}

/// A device with code written by hand.
pub(crate) trait ByHand {
    /// Writes the device to the front of `out`, which grows if necessary, and returns its size.
    fn save(&self, out: &mut Vec<u8>) -> usize;

    /// Loads the device, if there are enough bytes.
    fn load(&mut self, from: &[u8]) -> Option<()>;
}

/// Room for `N` bytes.
#[inline(always)]
fn room<const N: usize>(out: &mut Vec<u8>) -> &mut [u8; N] {
    if out.len() < N {
        out.resize(N, 0);
    }
    out.first_chunk_mut().expect("there is room now")
}

/// The next `N` bytes of so many that all lengths are known when the program is built.
#[inline(always)]
fn next<'b, const N: usize>(bytes: &mut &'b mut [u8]) -> &'b mut [u8; N] {
    let (next, rest) = mem::take(bytes).split_first_chunk_mut().expect("there are as many");
    *bytes = rest;
    next
}

/// As [`next`], for loading.
#[inline(always)]
fn front<'b, const N: usize>(bytes: &mut &'b [u8]) -> &'b [u8; N] {
    let (next, rest) = bytes.split_first_chunk().expect("there are as many");
    *bytes = rest;
    next
}

impl ByHand for Uart {
    fn save(&self, out: &mut Vec<u8>) -> usize {
        const SIZE: usize = Uart::INTS + 40;
        let mut out = &mut room::<SIZE>(out)[..];
        self.put_ints(next(&mut out));
        *next(&mut out) = self.recv_fifo;
        *next(&mut out) = self.xmit_fifo;
        *next(&mut out) = self.fifo_timeout.unwrap_or(u64::MAX).to_be_bytes();
        SIZE
    }

    fn load(&mut self, from: &[u8]) -> Option<()> {
        let mut from = &from.first_chunk::<{ Self::INTS + 40 }>()?[..];
        self.get_ints(front(&mut from));
        self.recv_fifo = *front(&mut from);
        self.xmit_fifo = *front(&mut from);
        let deadline = u64::from_be_bytes(*front(&mut from));
        self.fifo_timeout = (deadline != u64::MAX).then_some(deadline);
        Some(())
    }
}

impl ByHand for Pit {
    fn save(&self, out: &mut Vec<u8>) -> usize {
        const SIZE: usize = 3 * Channel::INTS;
        let mut out = &mut room::<SIZE>(out)[..];
        self.channels[0].put_ints(next(&mut out));
        self.channels[1].put_ints(next(&mut out));
        self.channels[2].put_ints(next(&mut out));
        SIZE
    }

    fn load(&mut self, from: &[u8]) -> Option<()> {
        let mut from = &from.first_chunk::<{ 3 * Channel::INTS }>()?[..];
        self.channels[0].get_ints(front(&mut from));
        self.channels[1].get_ints(front(&mut from));
        self.channels[2].get_ints(front(&mut from));
        Some(())
    }
}

impl ByHand for IoApic {
    fn save(&self, out: &mut Vec<u8>) -> usize {
        const SIZE: usize = IoApic::INTS + 24 * 8;
        let mut out = &mut room::<SIZE>(out)[..];
        self.put_ints(next(&mut out));
        store_u64s(&self.ioredtbl, out);
        SIZE
    }

    fn load(&mut self, from: &[u8]) -> Option<()> {
        let mut from = &from.first_chunk::<{ Self::INTS + 24 * 8 }>()?[..];
        self.get_ints(front(&mut from));
        load_u64s(&mut self.ioredtbl, from);
        Some(())
    }
}

impl ByHand for Nic {
    fn save(&self, out: &mut Vec<u8>) -> usize {
        const SIZE: usize = Nic::INTS + 8192 * 4 + 64 * 2 + 65536;
        let mut out = &mut room::<SIZE>(out)[..];
        self.put_ints(next(&mut out));
        store_u32s(&self.table, next::<{ 8192 * 4 }>(&mut out));
        store_u16s(&self.eeprom, next::<{ 64 * 2 }>(&mut out));
        out.copy_from_slice(&self.packet);
        SIZE
    }

    fn load(&mut self, from: &[u8]) -> Option<()> {
        let mut from = &from.first_chunk::<{ Self::INTS + 8192 * 4 + 64 * 2 + 65536 }>()?[..];
        self.get_ints(front(&mut from));
        load_u32s(&mut self.table, front::<{ 8192 * 4 }>(&mut from));
        load_u16s(&mut self.eeprom, front::<{ 64 * 2 }>(&mut from));
        self.packet.copy_from_slice(from);
        Some(())
    }
}

impl ByHand for Virtio {
    fn save(&self, out: &mut Vec<u8>) -> usize {
        let size = Self::INTS + self.queues.len() * Queue::INTS + self.pending.len() * 8;
        if out.len() < size {
            out.resize(size, 0);
        }
        let (ints, rest) = out.split_first_chunk_mut().expect("there is room now");
        self.put_ints(ints);
        let (queues, bits) = rest.split_at_mut(self.queues.len() * Queue::INTS);
        for (queue, out) in self.queues.iter().zip(queues.as_chunks_mut().0) {
            queue.put_ints(out);
        }
        store_u64s(&self.pending, bits);
        size
    }

    fn load(&mut self, from: &[u8]) -> Option<()> {
        let (ints, rest) = from.split_first_chunk()?;
        self.get_ints(ints);
        if self.nqueues > 1024 || self.nbits > 4096 {
            return None;
        }
        let (nqueues, words) = (usize::from(self.nqueues), usize::try_from(self.nbits.div_ceil(64)).ok()?);
        let (queues, rest) = rest.split_at_checked(nqueues * Queue::INTS)?;
        let bits = rest.get(..words * 8)?;
        self.queues.resize(nqueues, Queue::default());
        for (queue, from) in self.queues.iter_mut().zip(queues.as_chunks().0) {
            queue.get_ints(from);
        }
        self.pending.resize(words, 0);
        load_u64s(&mut self.pending, bits);
        Some(())
    }
}

impl ByHand for Cpu {
    fn save(&self, out: &mut Vec<u8>) -> usize {
        const SIZE: usize = Cpu::INTS + 32 * 8 + 32 * 16;
        let mut out = &mut room::<SIZE>(out)[..];
        self.put_ints(next(&mut out));
        store_u64s(&self.gpr, next::<{ 32 * 8 }>(&mut out));
        store_u64s(self.vectors.as_flattened(), out);
        SIZE
    }

    fn load(&mut self, from: &[u8]) -> Option<()> {
        let mut from = &from.first_chunk::<{ Self::INTS + 32 * 8 + 32 * 16 }>()?[..];
        self.get_ints(front(&mut from));
        load_u64s(&mut self.gpr, front::<{ 32 * 8 }>(&mut from));
        load_u64s(self.vectors.as_flattened_mut(), from);
        Some(())
    }
}

/// The code written by hand.
#[derive(Default)]
pub(crate) struct Baseline {
    buffer: Vec<u8>,
    used: usize,
}

impl<D: ByHand> Codec<D> for Baseline {
    const NAME: &'static str = "by hand";

    fn save(&mut self, device: &mut D) {
        self.used = device.save(&mut self.buffer);
    }

    fn bytes(&self) -> &[u8] {
        &self.buffer[..self.used]
    }

    fn load(device: &mut D, bytes: &[u8]) {
        device.load(bytes).expect("a saved device");
    }
}
