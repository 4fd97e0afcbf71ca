use vmstate::prelude::*;

mod foreign {
    pub struct Clock {
        pub ticks: u32,
    }
}

#[derive(VmState)]
#[vmstate(remote = foreign::Clock, post_load = check)]
struct Definition {
    #[vmstate(when = exists, must_exist("ticks", ticks))]
    ticks: u32,
    #[vmstate(skip = "a cache")]
    cache: u32,
    #[vmstate(subsection("Definition/late", always))]
    late: u8,
}

#[derive(VmState)]
#[vmstate(remote = foreign::Clock)]
struct OtherType {
    ticks: u16,
}

#[derive(VmState)]
#[vmstate(remote = foreign::Clock)]
struct OtherName {
    ticsk: u32,
}

fn main() {}

// Fix:
// -#[vmstate(remote = foreign::Clock, post_load = check)]
// +#[vmstate(remote = foreign::Clock)]
//
// -    #[vmstate(when = exists, must_exist("ticks", ticks))]
//
// -    #[vmstate(skip = "a cache")]
// -    cache: u32,
// -    #[vmstate(subsection("Definition/late", always))]
// -    late: u8,
//
// -    ticks: u16,
// +    ticks: u32,
//
// -    ticsk: u32,
// +    ticks: u32,
