use vmstate::VmState;

#[derive(VmState)]
#[vmstate(post_load = Self::post_load)]
struct Device {
    value: u8,
}

impl Device {
    fn post_load(&mut self, value: u8) {
        self.value = value;
    }
}

fn main() {}

// Fix:
// -    fn post_load(&mut self, value: u8) {
// -        self.value = value;
// +    fn post_load(&mut self, version: u32) {
// +        self.value = u8::from(version == 1);
