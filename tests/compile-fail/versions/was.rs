use vmstate::prelude::*;

#[derive(VmState, Default)]
#[vmstate(name = "dev/own")]
struct Own {
    value: u8,
}

#[derive(VmState)]
#[vmstate(
    name = "dev",
    version = 3,
    subsection("dev/group", always, version = 2, was(..=2 => 1, ..=1 => 1)),
    subsection("dev/other", always, version = 2, was(..=1 => 3))
)]
struct Device {
    #[vmstate(in = "dev/group")]
    group: u8,
    #[vmstate(in = "dev/other")]
    other: u8,
    #[vmstate(subsection(was(..=3 => 0)))]
    own: Own,
    #[vmstate(subsection("dev/single", always, was(1 => 1)))]
    single: u8,
}

#[derive(VmState)]
#[vmstate(version = 3)]
struct Wrong {
    #[vmstate(removed("old": u8, until = 2, from = Self::old))]
    field: u8,
}

impl Wrong {
    fn old(&self) -> u16 {
        0
    }
}

fn main() {}

// Fix:
// -#[vmstate(name = "dev/own")]
// +#[vmstate(name = "dev/own", needed = |own| own.value != 0)]
//
// -    subsection("dev/group", always, version = 2, was(..=2 => 1, ..=1 => 1)),
// -    subsection("dev/other", always, version = 2, was(..=1 => 3))
// +    subsection("dev/group", always, version = 2, was(..=1 => 1, ..=2 => 1)),
// +    subsection("dev/other", always, version = 2, was(..=1 => 1))
//
// -    #[vmstate(subsection(was(..=3 => 0)))]
// +    #[vmstate(subsection(was(..=2 => 0)))]
//
// -    #[vmstate(subsection("dev/single", always, was(1 => 1)))]
// +    #[vmstate(subsection("dev/single", always, was(..=1 => 1)))]
//
// -    fn old(&self) -> u16 {
// +    fn old(&self) -> u8 {
