use vmstate::prelude::*;

#[derive(VmState)]
#[vmstate(versions = child)]
struct Word {
    value: u8,
}

#[derive(VmState)]
#[vmstate(versions = parent, version = 2, priority = PciBus)]
struct Section {
    #[vmstate(since = 3, until = 2)]
    value: u8,
}

#[derive(VmState)]
#[vmstate(version = 3)]
struct Nested {
    #[vmstate(versioned(was(..=2 => 1, ..=1 => 1)))]
    order: Part,
    #[vmstate(versioned(was(..=3 => 1)))]
    current: Part,
    #[vmstate(versioned(was(..=1 => 1)), default)]
    default: Part,
    #[vmstate(versioned())]
    empty: Part,
    #[vmstate(versioned(wass(..=1 => 1)))]
    misspelt: Part,
    #[vmstate(versioned(was(1 => 1)))]
    malformed: Part,
}

#[derive(VmState, Default)]
struct Part {
    value: u8,
}

fn main() {}

// Fix:
// -#[vmstate(versions = child)]
// +#[vmstate(versions = parent)]
//
// -#[vmstate(versions = parent, version = 2, priority = PciBus)]
// +#[vmstate(version = 3)]
//
// -    #[vmstate(since = 3, until = 2)]
// +    #[vmstate(since = 2)]
//
// -    #[vmstate(versioned(was(..=2 => 1, ..=1 => 1)))]
// +    #[vmstate(versioned(was(..=1 => 1, ..=2 => 1)))]
//
// -    #[vmstate(versioned(was(..=3 => 1)))]
// +    #[vmstate(versioned(was(..=2 => 1)))]
//
// -    #[vmstate(versioned(was(..=1 => 1)), default)]
// +    #[vmstate(versioned(was(..=1 => 1)))]
//
// -    #[vmstate(versioned())]
// +    #[vmstate(versioned = 1)]
//
// -    #[vmstate(versioned(wass(..=1 => 1)))]
// +    #[vmstate(versioned(was(..=1 => 1)))]
//
// -    #[vmstate(versioned(was(1 => 1)))]
// +    #[vmstate(versioned(was(..=1 => 1)))]
