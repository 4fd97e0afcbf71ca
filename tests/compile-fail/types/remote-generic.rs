use vmstate::prelude::*;

mod other {
    pub struct Foreign<T> {
        pub value: T,
    }
}

#[derive(VmState)]
#[vmstate(remote = other::Foreign<T>)]
struct Definition<T> {
    value: T,
}

fn main() {}

// Fix:
// -#[vmstate(remote = other::Foreign<T>)]
// -struct Definition<T> {
// -    value: T,
// +#[vmstate(remote = other::Foreign<u8>)]
// +struct Definition {
// +    value: u8,
