use vmstate::VmState;

#[derive(VmState)]
#[vmstate(post_load = "Self::post_load")]
struct Device {
    value: u8,
}

fn main() {}

// Fix:
// -#[vmstate(post_load = "Self::post_load")]
// +#[vmstate(post_load = Self::post_load)]
//
// -fn main() {}
// +impl Device {
// +    fn post_load(&mut self) {
// +        self.value &= 1;
// +    }
// +}
// +
// +fn main() {}
