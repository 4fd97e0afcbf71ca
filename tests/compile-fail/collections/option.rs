use vmstate::prelude::*;

#[derive(VmState)]
struct Device {
    #[vmstate(option)]
    number: u8,
    #[vmstate(option(allways))]
    misspelt: Option<u8>,
    #[vmstate(option = 1)]
    assigned: Option<u8>,
    #[vmstate(option, pointer)]
    pointer: Option<Box<u8>>,
    #[vmstate(option, count("n": u8), max = 4)]
    prefixed: Option<Vec<u8>>,
    #[vmstate(option, equal)]
    equal: Option<u8>,
}

#[derive(VmState)]
struct NoForm {
    #[vmstate(option)]
    size: Option<usize>,
}

#[derive(VmState)]
struct NoDefault {
    #[vmstate(option)]
    part: Option<Part>,
}

#[derive(VmState)]
struct Part {
    value: u8,
}

fn main() {}

// Fix:
// -    #[vmstate(option)]
// +    number: u8,
// +    #[vmstate(option(always))]
// +    misspelt: Option<u8>,
// +    #[vmstate(option)]
//
// -    number: u8,
// -    #[vmstate(option(allways))]
// -    misspelt: Option<u8>,
// -    #[vmstate(option = 1)]
//
// -    #[vmstate(option, pointer)]
// +    #[vmstate(option)]
//
// -    #[vmstate(option, count("n": u8), max = 4)]
// -    prefixed: Option<Vec<u8>>,
// -    #[vmstate(option, equal)]
// +    #[vmstate(count("n": u8), max = 4)]
// +    prefixed: Vec<u8>,
// +    #[vmstate(option)]
//
// -    #[vmstate(option)]
// +    #[vmstate(option, wire = u32)]
//
// -#[derive(VmState)]
// -struct Part {
// +#[derive(VmState, Default)]
// +struct Part {
