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

// Fix:
// -enum NoNumber {
// +#[vmstate(repr = u8)]
// +enum NoNumber {
//
// -#[vmstate(repr = u8, transparent, variant(fixd), subsection("functions/a"))]
// +#[vmstate(repr = u8, variant(fixed))]
//
// -    #[vmstate(name = "off")]
//
// -        #[vmstate(when = |on| true)]
//
// -        #[vmstate(subsection("functions/b"))]
//
// -        #[vmstate(len = missing, max = 4)]
// +        #[vmstate(len = more, max = 4)]
//
// -        #[vmstate(len = level, max = 4)]
// +        level: u8,
// +        #[vmstate(len = level, max = 4)]
//
// -#[vmstate(repr = u8, variant)]
// +#[vmstate(repr = u8, variant(fixed))]
//
// -#[vmstate(repr = u8, variant(fixed))]
