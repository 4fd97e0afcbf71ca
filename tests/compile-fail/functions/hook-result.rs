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

// Fix:
// -    fn post_load(&mut self) -> bool {
// -        self.value == 0
// +    fn post_load(&mut self) -> Result<(), &'static str> {
// +        if self.value == 0 { Ok(()) } else { Err("the value is not 0") }
