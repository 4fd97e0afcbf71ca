use vmstate::prelude::*;

struct Flags(u8);

impl Flags {
    fn bits(&self) -> u8 {
        self.0
    }

    fn from_bits(bits: u8) -> Option<Self> {
        Some(Self(bits))
    }
}

#[derive(VmState)]
struct OtherWidth {
    #[vmstate(bits = u16)]
    flags: Flags,
}

#[derive(VmState)]
struct NoFlags {
    #[vmstate(bits = u8)]
    flags: IrqLine,
}

struct IrqLine;

#[derive(VmState)]
struct Names {
    #[vmstate(bits = u8)]
    number: [u8; 2],
    #[vmstate(bits = u8)]
    text: String,
}

#[derive(VmState)]
struct Mistakes {
    #[vmstate(bits)]
    without: Flags,
    #[vmstate(bits = u8, timer)]
    timer: Flags,
}

fn main() {}

// Fix:
// -    #[vmstate(bits = u16)]
// +    #[vmstate(bits = u8)]
//
// -#[derive(VmState)]
// -struct Names {
// +impl IrqLine {
// +    fn bits(&self) -> u8 {
// +        0
// +    }
// +
// +    fn from_bits(_: u8) -> Option<Self> {
// +        Some(Self)
// +    }
// +}
// +
// +#[derive(VmState)]
// +struct Names {
//
// -    #[vmstate(bits = u8)]
//
// -    #[vmstate(bits = u8)]
//
// -    #[vmstate(bits)]
// +    #[vmstate(bits = u8)]
//
// -    #[vmstate(bits = u8, timer)]
// +    #[vmstate(bits = u8)]
