use vmstate::prelude::*;

#[derive(VmState)]
#[vmstate(bits = u8, version = 2)]
struct Described(u8);

#[derive(VmState)]
#[vmstate(wire = u32)]
struct TwoFields(usize, usize);

#[derive(VmState)]
#[vmstate(wire = u32, with = Info)]
struct Both(usize);

#[derive(VmState)]
#[vmstate(bits = u16)]
struct Field {
    #[vmstate(since = 2)]
    bits: u8,
}

impl Field {
    fn bits(&self) -> u8 {
        self.bits
    }

    fn from_bits(bits: u8) -> Option<Self> {
        Some(Self { bits })
    }
}

#[derive(VmState)]
#[vmstate(bits = u16)]
struct OtherInteger(u8);

impl OtherInteger {
    fn bits(&self) -> u8 {
        self.0
    }

    fn from_bits(bits: u8) -> Option<Self> {
        Some(Self(bits))
    }
}

#[derive(VmState)]
#[vmstate(with = NoInfo)]
struct Custom(u8);

struct NoInfo;

#[derive(VmState)]
#[vmstate(wire = u32)]
struct NoInteger(String);

fn main() {}

// Fix:
// -#[vmstate(bits = u8, version = 2)]
// +#[vmstate(transparent)]
//
// -struct TwoFields(usize, usize);
// +struct TwoFields(usize);
//
// -#[vmstate(wire = u32, with = Info)]
// +#[vmstate(wire = u32)]
//
// -#[vmstate(bits = u16)]
// +#[vmstate(bits = u8)]
//
// -    #[vmstate(since = 2)]
//
// -#[vmstate(bits = u16)]
// +#[vmstate(bits = u8)]
//
// -#[vmstate(with = NoInfo)]
// +#[vmstate(transparent)]
//
// -struct NoInteger(String);
// +struct NoInteger(usize);
