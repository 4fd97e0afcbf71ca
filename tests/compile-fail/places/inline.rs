use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(inline)]
    level: u8,
    #[vmstate(inline, opaque = "pins")]
    opaque: Pins,
    #[vmstate(inline, timer)]
    timer: Pins,
}

#[derive(VmState)]
#[vmstate(version = 2)]
struct Types {
    #[vmstate(inline)]
    hooks: Hooks,
    #[vmstate(inline)]
    gates: Gates,
}

#[derive(VmState)]
struct Pins {
    clock: bool,
}

#[derive(VmState)]
#[vmstate(post_load = |hooks| hooks.level &= 1)]
struct Hooks {
    level: u8,
}

#[derive(VmState)]
#[vmstate(version = 2)]
struct Gates {
    #[vmstate(since = 2)]
    level: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(inline)]
// +    level: u8,
// +    #[vmstate(inline)]
//
// -    level: u8,
// -    #[vmstate(inline, opaque = "pins")]
//
// -    #[vmstate(inline, timer)]
// +    #[vmstate(inline)]
//
// -#[vmstate(post_load = |hooks| hooks.level &= 1)]
//
// -#[vmstate(version = 2)]
// +#[vmstate(versions = parent)]
