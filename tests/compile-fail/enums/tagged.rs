use vmstate::prelude::*;

#[derive(VmState)]
enum NoNumber {
    Off,
    On(u8),
}

#[derive(VmState)]
#[vmstate(repr = u8, transparent, variant(fixd), subsection("functions/a"))]
enum Attributes {
    #[vmstate(name = "off")]
    Off,
    On {
        #[vmstate(when = |on| true)]
        level: u8,
        #[vmstate(subsection("functions/b"))]
        more: u8,
        #[vmstate(len = missing, max = 4)]
        items: Vec<u8>,
    },
    // A counter field of another variant.
    Other {
        #[vmstate(len = level, max = 4)]
        items: Vec<u8>,
    },
}

#[derive(VmState)]
#[vmstate(repr = u8, variant)]
enum NoOption {
    On(u8),
}

#[derive(VmState)]
#[vmstate(repr = u8, variant(fixed))]
struct Struct {
    level: u8,
}

fn main() {}
