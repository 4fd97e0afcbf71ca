use vmstate::VmState;

#[derive(VmState)]
struct Device<T> {
    value: T,
}

fn main() {}
