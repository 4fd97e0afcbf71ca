use vmstate::prelude::*;

#[derive(VmState)]
#[vmstate(bound = T)]
struct NoText<T> {
    value: T,
}

#[derive(VmState)]
#[vmstate(bound = "T Wire")]
struct NoBound<T> {
    value: T,
}

struct NoForm;

#[derive(VmState)]
struct Inferred<T> {
    value: T,
}

#[derive(VmState)]
struct Device {
    inner: Inferred<NoForm>,
}

fn main() {}

// Fix:
// -#[vmstate(bound = T)]
// +#[vmstate(bound = "T: vmstate::Wire")]
//
// -#[vmstate(bound = "T Wire")]
// +#[vmstate(bound = "T: vmstate::Wire")]
//
// -struct NoForm;
// +#[derive(VmState)]
// +struct NoForm {
// +    level: u8,
// +}
