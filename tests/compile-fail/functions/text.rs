use vmstate::VmState;

#[derive(VmState)]
#[vmstate(post_load = "Self::post_load")]
struct Device {
    value: u8,
}

fn main() {}
