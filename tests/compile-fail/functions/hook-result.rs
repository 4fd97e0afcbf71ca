use vmstate::VmState;

#[derive(VmState)]
#[vmstate(post_load = Self::post_load)]
struct Device {
    value: u8,
}

impl Device {
    fn post_load(&mut self) -> bool {
        self.value == 0
    }
}

fn main() {}
