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
