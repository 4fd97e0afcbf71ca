use vmstate::prelude::*;

#[derive(VmState)]
#[vmstate(version = 2)]
struct Console {
    cpu: Cpu,
}

#[derive(VmState)]
#[vmstate(versions = parent)]
struct Cpu {
    level: u8,
    timers: [Timer; 2],
}

#[derive(VmState)]
#[vmstate(versions = parent)]
struct Timer {
    #[vmstate(since = 3)]
    added: u8,
}

fn main() {}

// Fix:
// -#[vmstate(version = 2)]
// +#[vmstate(version = 3)]
