use vmstate::VmState;

#[derive(VmState)]
#[vmstate(needed = Self::needed)]
struct Device {
    value: u8,
}

impl Device {
    fn needed(&self) -> u8 {
        self.value
    }
}

fn main() {}

// Fix:
// -    fn needed(&self) -> u8 {
// -        self.value
// +    fn needed(&self) -> bool {
// +        self.value != 0
