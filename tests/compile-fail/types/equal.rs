use vmstate::VmState;

#[derive(VmState)]
struct Device {
    #[vmstate(equal)]
    value: i8,
}

fn main() {}
